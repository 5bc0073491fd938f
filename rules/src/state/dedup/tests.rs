//! Ids against a plain map, and what is held of them.

use super::*;
use crate::snapshot::dice::Dice;
use crate::snapshot::{Reader, Room, Writer};

/// Whether an id of this time is a duplicate at this horizon.
fn again(dedup: &mut Dedup, id: &str, time: i64, horizon: i64) -> bool {
    let id = Fingerprint::of(id.as_bytes());
    let first = dedup.observe(id, EventTime(time), EventTime(horizon), 0, time);
    first.is_some()
}

#[test]
fn the_first_copy_is_found_with_its_decision() {
    let mut dedup = Dedup::new(Span(100), HashSeed::FIXED);
    let id = Fingerprint::of(b"s1");
    let mut see = |offset| dedup.observe(id, EventTime(5), EventTime::MIN, 3, offset);
    assert_eq!(see(7), None);
    let mut copy = FirstCopy {
        partition: 3,
        offset: 7,
        outcome: None,
        score: 0,
    };
    assert_eq!(see(9), Some(copy), "in the same step, not yet decided");
    dedup.decide(id, 2, 80);
    (copy.outcome, copy.score) = (Some(2), 80);
    assert_eq!(dedup.get(id), Some(copy));
    assert_eq!(dedup.get(Fingerprint::of(b"s2")), None);
    dedup.decide(Fingerprint::of(b"s2"), 1, 1);
    assert_eq!(dedup.len(), 1);
}

#[test]
fn an_id_is_forgotten_exactly_when_it_is_older_than_the_horizon() {
    let mut dedup = Dedup::new(Span(1000), HashSeed::FIXED);
    for (id, time, horizon, want) in [
        ("a", 50, 0, false),
        ("b", 51, 0, false),
        ("a", 50, 1050, true),
        ("a", 50, 1051, false),
        ("b", 51, 1051, true),
        // Older than the horizon by itself: seen, but not remembered.
        ("a", 50, 1051, false),
        // The horizon does not go back.
        ("b", 51, 2000, false),
        ("b", 51, 0, false),
    ] {
        assert_eq!(again(&mut dedup, id, time, horizon), want, "{id} {horizon}");
    }
}

#[test]
fn memory_follows_the_horizon_and_not_the_stream() {
    let mut dedup = Dedup::new(Span(1000), HashSeed::FIXED);
    let mut naive = std::collections::BTreeMap::<u64, i64>::new();
    let mut x = 1u64;
    for t in 0..50_000i64 {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (id, time, horizon) = ((x >> 40) % 4000, t - (x >> 20 & 63) as i64, t - 64);
        let first = naive.get(&id).is_some_and(|held| *held >= horizon - 1000);
        if !first {
            naive.insert(id, time);
        }
        assert_eq!(
            again(&mut dedup, &id.to_string(), time, horizon),
            first,
            "{t}"
        );
        assert!(dedup.len() < 1300);
    }
    assert!(dedup.bytes() < 400_000, "{}", dedup.bytes());
}

/// Ids that come again after anything from at once to many horizons, at paces that make the portions of a tag run
/// over, and with the table at every degree of fullness.
#[test]
fn what_is_found_is_what_a_plain_map_finds() {
    for (horizon, pace, ids) in [
        (1, 1 << 40, 50),
        (64, 1, 30),
        (1 << 20, 1 << 10, 700),
        (1 << 50, 1 << 40, 3_000),
        (i64::MAX, 1 << 45, 9_000),
    ] {
        let mut dedup = Dedup::new(Span(horizon), HashSeed::FIXED);
        let mut plain = std::collections::BTreeMap::<u64, (i64, Option<u16>)>::new();
        let (mut x, mut limit) = (1u64, i64::MIN);
        for event in 0..30_000i64 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (id, time) = ((x >> 33) % ids, (event - (x >> 20 & 7) as i64) * pace);
            let watermark = (event - 7) * pace;
            limit = limit.max(watermark.saturating_sub(horizon));
            let first = plain.get(&id).copied().filter(|(held, _)| *held >= limit);
            let print = Fingerprint::of(&id.to_le_bytes());
            dedup.warm(&[Some(print), None]);
            let found = dedup.observe(print, EventTime(time), EventTime(watermark), 0, time);
            let told = found.map(|copy| (copy.offset, copy.outcome));
            assert_eq!(told, first, "{horizon} {event}");
            if first.is_none() {
                let outcome = (x >> 50) as u16;
                dedup.decide(print, outcome, 1);
                plain.insert(id, (time, Some(outcome)));
            }
        }
    }
}

#[test]
fn ids_are_found_under_another_hash_too() {
    let mut dedup = Dedup::new(Span(1000), HashSeed::FIXED);
    for t in 0..5_000 {
        again(&mut dedup, &t.to_string(), t, t - 10);
    }
    dedup.freeze(&[(0, i64::MAX)]);
    let bytes = rest(&mut dedup);
    for seed in [HashSeed::FIXED, HashSeed::new([1, 2, 3, 4])] {
        let (mut bytes, length) = (bytes.as_slice(), bytes.len() as u64);
        let from = &mut Reader::new(&mut bytes, length);
        let mut restored = Dedup::restore(Span(1000), seed, &[], from).unwrap();
        from.end().unwrap();
        assert_eq!(restored.len(), dedup.len());
        let mut twin = twin(&dedup);
        for t in 5_000..9_000 {
            let id = (t - t % 7 * 300).to_string();
            let wanted = again(&mut twin, &id, t, t - 10);
            assert_eq!(again(&mut restored, &id, t, t - 10), wanted, "{id} at {t}");
        }
    }
}

/// Another one like it.
fn twin(dedup: &Dedup) -> Dedup {
    Dedup {
        hasher: dedup.hasher.clone(),
        parts: dedup.parts.clone(),
        frozen: None,
        ..*dedup
    }
}

/// All that is left to write.
fn rest(dedup: &mut Dedup) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (room, to) = (&mut Room::new(usize::MAX), &mut Writer::new(&mut bytes));
    assert!(dedup.write(room, to).unwrap());
    bytes
}

#[test]
fn what_is_written_is_what_was_remembered_whatever_comes_meanwhile() {
    let (mut grown, mut kept) = (0, 0);
    for seed in 0..60 {
        let dice = &mut Dice::new(seed);
        let mut dedup = Dedup::new(Span(2_000), HashSeed::FIXED);
        let mut offsets = [0i64; 2];
        let mut take = |dedup: &mut Dedup, clock: i64, dice: &mut Dice| {
            // Old ids come again, also when they are forgotten.
            let back = dice.of(&[3, 6_000]);
            let id = clock - dice.signed(back);
            let print = Fingerprint::of(&id.to_le_bytes());
            let partition = dice.index(2);
            let (time, horizon) = (EventTime(clock - dice.signed(50)), EventTime(clock - 50));
            let offset = offsets[partition];
            offsets[partition] += 1;
            if dedup
                .observe(print, time, horizon, partition as u32, offset)
                .is_none()
            {
                dedup.decide(print, 1, 5);
            }
            [(0, offsets[0]), (1, offsets[1])]
        };
        let before = dice.signed(20_000);
        let mut next = [(0, 0), (1, 0)];
        for clock in 0..before {
            next = take(&mut dedup, clock, dice);
        }
        let mut twin = twin(&dedup);
        twin.freeze(&next);
        let wanted = rest(&mut twin);
        dedup.freeze(&next);
        let (mut got, mut clock) = (Vec::new(), before);
        let room = dice.of(&[50, 5_000, 100_000]);
        while !dedup
            .write(&mut Room::new(room), &mut Writer::new(&mut got))
            .unwrap()
        {
            for _ in 0..dice.index(400) {
                clock += 1;
                take(&mut dedup, clock, dice);
            }
            let aside = dedup.aside();
            (kept, grown) = (kept + aside[0], grown + aside[1]);
        }
        assert!(
            got == wanted,
            "seed {seed}: {} and {}",
            got.len(),
            wanted.len()
        );
    }
    assert!(grown > 1_000 && kept > 1_000, "{grown} {kept}");
}
