//! The memory of event ids: an id seen again within the horizon is a duplicate.
//!
//! The idea: an id is known by a 128-bit fingerprint (SipHash-1-3 with a fixed key), so a remembered id costs the same
//! however long it is. Among `n` remembered ids the odds that any two share a fingerprint are about `n² / 2^129`: for
//! ten billion ids one in 10^19. The key is fixed so that a replay gives the same answers; somebody who can choose ids
//! at will and search 2^64 of them could make two collide, and would gain that one event is taken for another.
//!
//! Entries lie in the table itself, at the place of their tag: part of a seeded hash and the portion of the horizon the
//! id belongs to. An id nobody has sent before, which is nearly every one, is told by a line of tags; a hand that goes
//! round the tags finds what is too old without reading the entries.
//!
//! The invariant: whether an id is found depends on its own time and the event-time horizon at hand only, never on when
//! memory was given back; and memory is given back for everything older, at constant cost per event.

use std::hint::black_box;

use ahash::RandomState;
use siphasher::sip128::SipHasher13;

use super::seed::HashSeed;
use crate::time::{EventTime, Span};

/// The fixed key of the fingerprint.
const SEED: (u64, u64) = (0x746f_6c6c_6761_7465, 0x6465_6475_7020_7631);

/// How finely a tag tells an id's age: this many portions per horizon.
const PORTIONS: i64 = 64;

/// Tags the hand looks at for each new id: a line of them. So it is round once per eighth of the places in new ids, and
/// what has grown too old meanwhile takes a sixteenth of the places.
const SWEEP: usize = 8;

/// Places of the smallest table.
const PLACES_MIN: usize = 64;

/// No id is here.
const EMPTY: u64 = 0;

/// What is known of the first copy of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstCopy {
    /// Partition it came from.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// Index of its outcome in the policy, once decided.
    pub outcome: Option<u16>,
    /// Its score, once decided.
    pub score: i32,
}

/// An id as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of an id's text.
    #[must_use]
    pub fn of(id: &[u8]) -> Fingerprint {
        let hasher = SipHasher13::new_with_keys(SEED.0, SEED.1);
        Fingerprint(hasher.hash(id).as_u128())
    }

    fn halves(self) -> [u64; 2] {
        [(self.0 >> 64) as u64, self.0 as u64]
    }
}

/// The ids seen within a horizon of event time.
#[derive(Debug)]
pub struct Dedup {
    hasher: RandomState,
    horizon: Span,
    /// Hash in the upper half, never 0; portion in the lower. As many as `entries`, a power of two.
    tags: Vec<u64>,
    entries: Vec<Entry>,
    /// Places that are not empty.
    used: usize,
    /// The place the sweep looks at next.
    hand: usize,
    /// Nothing older than this is remembered.
    limit: EventTime,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// A fingerprint in halves, which need not be aligned to 16.
    id: [u64; 2],
    time: i64,
    copy: FirstCopy,
}

impl Dedup {
    /// Remembers ids for this long.
    #[must_use]
    pub fn new(horizon: Span, seed: HashSeed) -> Dedup {
        Dedup {
            hasher: seed.hasher(),
            horizon,
            tags: vec![EMPTY; PLACES_MIN],
            entries: vec![Entry::default(); PLACES_MIN],
            used: 0,
            hand: 0,
            limit: EventTime::MIN,
        }
    }

    /// Reads ahead what these ids will want, all at once: reads that do not depend on one another wait together.
    pub fn warm(&self, ids: &[Option<Fingerprint>]) {
        let mut seen = 0;
        for id in ids.iter().flatten() {
            let home = self.home(self.hash(*id));
            seen ^= self.tags[home] ^ self.entries[home].time.unsigned_abs();
        }
        black_box(seen);
    }

    /// The first copy of this event if there was one, else remembers this one. Called once per event in the order
    /// taken; `horizon` is the least event time that may still come (the watermark), and never counts backward.
    pub fn observe(
        &mut self,
        id: Fingerprint,
        time: EventTime,
        horizon: EventTime,
        partition: u32,
        offset: i64,
    ) -> Option<FirstCopy> {
        self.limit = self.limit.max(horizon.before(self.horizon));
        let hash = self.hash(id);
        let entry = Entry {
            id: id.halves(),
            time: time.0,
            copy: FirstCopy {
                partition,
                offset,
                outcome: None,
                score: 0,
            },
        };
        let tag = u64::from(hash) << 32 | u64::from(self.portion(time.0));
        let at = match self.find(id, hash) {
            Ok(at) if self.entries[at].time >= self.limit.0 => return Some(self.entries[at].copy),
            // Too old to be remembered, though its place is not given back yet.
            Ok(at) => at,
            Err(at) => {
                self.used += 1;
                at
            }
        };
        (self.tags[at], self.entries[at]) = (tag, entry);
        self.sweep();
        if self.used * 4 > self.tags.len() * 3 {
            self.rebuild();
        }
        None
    }

    /// Fills in how the first copy was decided; nothing when it is no longer remembered.
    pub fn decide(&mut self, id: Fingerprint, outcome: u16, score: i32) {
        if let Ok(at) = self.find(id, self.hash(id)) {
            let copy = &mut self.entries[at].copy;
            (copy.outcome, copy.score) = (Some(outcome), score);
        }
    }

    /// What is remembered of an id.
    #[must_use]
    pub fn get(&self, id: Fingerprint) -> Option<FirstCopy> {
        let entry = &self.entries[self.find(id, self.hash(id)).ok()?];
        (entry.time >= self.limit.0).then_some(entry.copy)
    }

    /// Ids held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether no id is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Bytes allocated.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tags.capacity() * size_of::<u64>() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Never 0, which would be an empty place.
    fn hash(&self, id: Fingerprint) -> u32 {
        (self.hasher.hash_one(id.0) >> 32) as u32 | 1
    }

    fn home(&self, hash: u32) -> usize {
        // The upper bits: the lowest one is always set.
        let places = self.tags.len() as u64;
        ((u64::from(hash) * places) >> 32) as usize
    }

    /// Where an id is, or the empty place it would take.
    fn find(&self, id: Fingerprint, hash: u32) -> Result<usize, usize> {
        let id = id.halves();
        let mut at = self.home(hash);
        loop {
            let tag = self.tags[at];
            if tag == EMPTY {
                return Err(at);
            }
            if (tag >> 32) as u32 == hash && self.entries[at].id == id {
                return Ok(at);
            }
            at = self.after(at);
        }
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.tags.len() - 1)
    }

    /// Cut off to 32 bits: only a hint, which the time confirms.
    fn portion(&self, time: i64) -> u32 {
        time.div_euclid((self.horizon.0 / PORTIONS).max(1)) as u32
    }

    /// Gives back what is too old among the next places.
    fn sweep(&mut self) {
        let current = self.portion(self.limit.0);
        for _ in 0..SWEEP {
            let tag = self.tags[self.hand];
            let older = (current.wrapping_sub(tag as u32) as i32) > 0;
            if tag != EMPTY && older && self.entries[self.hand].time < self.limit.0 {
                // Another one may have come here, which is looked at next.
                self.remove(self.hand);
            } else {
                self.hand = self.after(self.hand);
            }
        }
    }

    /// Empties a place and moves up those behind it that would no longer be found.
    fn remove(&mut self, mut hole: usize) {
        let mask = self.tags.len() - 1;
        let mut at = hole;
        loop {
            at = self.after(at);
            let tag = self.tags[at];
            if tag == EMPTY {
                break;
            }
            let home = self.home((tag >> 32) as u32);
            // How far it lies from its home, and how far from the hole: it may go no further back than home.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                (self.tags[hole], self.entries[hole]) = (tag, self.entries[at]);
                hole = at;
            }
        }
        self.tags[hole] = EMPTY;
        self.used -= 1;
    }

    /// A table of those that are not too old, with room for more of them.
    fn rebuild(&mut self) {
        let tags = std::mem::take(&mut self.tags);
        let entries = std::mem::take(&mut self.entries);
        let limit = self.limit.0;
        let held = || {
            let all = tags.iter().zip(&entries);
            all.filter(|(tag, entry)| **tag != EMPTY && entry.time >= limit)
        };
        self.used = held().count();
        self.hand = 0;
        let places = (self.used * 2).next_power_of_two().max(PLACES_MIN);
        self.tags = vec![EMPTY; places];
        self.entries = vec![Entry::default(); places];
        for (tag, entry) in held() {
            let mut at = self.home((tag >> 32) as u32);
            while self.tags[at] != EMPTY {
                at = self.after(at);
            }
            (self.tags[at], self.entries[at]) = (*tag, *entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
