//! Which alerts `once_per` lets through: at most one per key and span of event time.
//!
//! The idea: per rule, the time of the last alert of each key, found by a 128-bit fingerprint of rule and key (two
//! of a billion keys coincide with a chance of 10^-21). An alert less than the span before or after the last one is
//! suppressed. A key is forgotten once the greatest time taken is `span + max_lateness` past its last alert; that is
//! a property of the lookup, the sweep only frees memory, so it may happen at any time.
//! The invariant: bounded by the alerts of one span, and the table's order never shows.

use std::hash::Hash;
use std::io;

use ahash::RandomState;
use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::cell::{Cell, Cells};
use crate::ruleset::OncePer;
use crate::snapshot::{Fault, Freeze, Reader, Room, Writer, sure};
use crate::state::seed::HashSeed;
use crate::time::{EventTime, Span};

/// Parts of a memory: one of them is written at once.
const PARTS: usize = 64;

/// Tables smaller than this are not swept.
const SWEEP_KEYS_MIN: usize = 1_024;

/// Seeds of the fingerprint: the same in every run, since what is suppressed must be.
const FINGERPRINT_SEEDS: (u64, u64) = (0x746f_6c6c_6761_7465, 0x6f6e_6365_5f70_6572);

/// The memory of one rule.
#[derive(Clone, Debug)]
pub(super) struct Once {
    span: Span,
    /// How long a last alert can still suppress one, by the greatest time taken.
    kept: Span,
    /// In parts, by the fingerprint, so that one can be written at once.
    last: Vec<HashMap<u128, i64, RandomState>>,
    keys: usize,
    sweep_at: usize,
    /// While it is written.
    frozen: Option<Box<FrozenAlerts>>,
}

/// How far a memory is written, and what became of what is not.
#[derive(Clone, Debug)]
struct FrozenAlerts {
    sweep_at: usize,
    /// The next part; none before the beginning is written.
    part: Option<usize>,
    /// What was remembered of keys that have changed since.
    kept: HashMap<u128, Option<i64>, RandomState>,
}

impl Once {
    pub(super) fn new(once: &OncePer, max_lateness: Span, seed: HashSeed) -> Once {
        Once {
            span: once.span,
            kept: Span(once.span.0.saturating_add(max_lateness.0)),
            last: vec![HashMap::with_hasher(seed.hasher()); PARTS],
            keys: 0,
            sweep_at: SWEEP_KEYS_MIN,
            frozen: None,
        }
    }

    /// Whether an alert of this key at this time goes out, and remembers it if so. `greatest` is the greatest time
    /// taken up to this event, itself included.
    pub(super) fn admit(&mut self, key: u128, time: EventTime, greatest: EventTime) -> bool {
        let forgotten = greatest.before(self.kept).0;
        // What is written stays; memory is given back afterwards.
        if self.keys >= self.sweep_at && self.frozen.is_none() {
            self.sweep(forgotten);
        }
        let part = &mut self.last[part_of(key)];
        let last = part.get(&key).copied();
        if let Some(last) = last.filter(|last| *last > forgotten)
            && time.0.abs_diff(last) < self.span.0.unsigned_abs()
        {
            return false;
        }
        if let Some(frozen) = &mut self.frozen {
            frozen.keep(key, last);
        }
        self.keys += usize::from(last.is_none());
        let known = last.filter(|last| *last > forgotten);
        part.insert(key, known.map_or(time.0, |last| last.max(time.0)));
        true
    }

    fn sweep(&mut self, forgotten: i64) {
        self.keys = 0;
        for part in &mut self.last {
            part.retain(|_, last| *last > forgotten);
            self.keys += part.len();
        }
        self.sweep_at = SWEEP_KEYS_MIN.max(self.keys.saturating_mul(2));
    }

    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    /// What is remembered, in a fixed order.
    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<(u128, i64)> {
        let all = self.last.iter().flatten();
        let mut contents: Vec<_> = all.map(|(key, last)| (*key, *last)).collect();
        contents.sort_unstable();
        contents
    }

    /// Back from [`Freeze::write`]; `empty` remembers nothing yet.
    pub(super) fn restore(mut empty: Once, from: &mut Reader<'_>) -> Result<Once, Fault> {
        let sweep_at = from.word()?;
        for number in 0..PARTS {
            let count = from.count(3)?;
            empty.keys += count;
            empty.last[number].reserve(count);
            for _ in 0..count {
                let words = from.words(3)?;
                let key = u128::from(words[0]) | u128::from(words[1]) << 64;
                let new = empty.last[number].insert(key, words[2].cast_signed());
                let sound = part_of(key) == number && new.is_none();
                sure(sound, "an alert is remembered where nobody looks")?;
            }
        }
        let most = SWEEP_KEYS_MIN.max(2 * empty.keys) as u64;
        let range = SWEEP_KEYS_MIN as u64..=most;
        sure(
            range.contains(&sweep_at),
            "a memory of alerts is never swept",
        )?;
        empty.sweep_at = sweep_at as usize;
        Ok(empty)
    }
}

/// Which part of the memory has a key.
fn part_of(key: u128) -> usize {
    key as usize % PARTS
}

impl FrozenAlerts {
    /// What is remembered of a key is about to change.
    fn keep(&mut self, key: u128, last: Option<i64>) {
        if self.part.is_none_or(|part| part <= part_of(key)) {
            self.kept.entry(key).or_insert(last);
        }
    }
}

/// When it is swept next; then per part how many, and what is remembered, in order.
impl Freeze for Once {
    fn freeze(&mut self) {
        self.frozen = Some(Box::new(FrozenAlerts {
            sweep_at: self.sweep_at,
            part: None,
            kept: HashMap::with_hasher(self.last[0].hasher().clone()),
        }));
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(true);
        };
        if frozen.part.is_none() {
            to.word(frozen.sweep_at as u64)?;
        }
        while room.is_left() {
            let number = frozen.part.unwrap_or(0);
            let Some(part) = self.last.get(number) else {
                self.frozen = None;
                return Ok(true);
            };
            let same = part
                .iter()
                .filter(|(key, _)| !frozen.kept.contains_key(*key));
            let mut all: Vec<_> = same.map(|(key, last)| (*key, *last)).collect();
            let kept = frozen.kept.extract_if(|key, _| part_of(*key) == number);
            all.extend(kept.filter_map(|(key, last)| Some((key, last?))));
            all.sort_unstable();
            room.take(8 + 24 * all.len());
            to.word(all.len() as u64)?;
            for (key, last) in all {
                to.words(&[key as u64, (key >> 64) as u64, last.cast_unsigned()])?;
            }
            frozen.part = Some(number + 1);
        }
        Ok(false)
    }

    fn thaw(&mut self) {
        self.frozen = None;
    }
}

/// The fingerprint of a key's values at a row; `None` when one is missing.
pub(super) fn fingerprint(key: &[usize], columns: &[Cells<'_>], row: usize) -> Option<u128> {
    let mut hasher = SipHasher13::new_with_keys(FINGERPRINT_SEEDS.0, FINGERPRINT_SEEDS.1);
    for index in key {
        match columns.get(*index)?.at(row) {
            Cell::Null => return None,
            Cell::Text(text) => text.hash(&mut hasher),
            Cell::Int(value) | Cell::Timestamp(value) => value.hash(&mut hasher),
            Cell::Decimal(mantissa, _) => mantissa.hash(&mut hasher),
            Cell::Float(value) => value.to_bits().hash(&mut hasher),
            Cell::Bool(value) => value.hash(&mut hasher),
        }
    }
    Some(hasher.finish128().as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn once(span: i64, lateness: i64) -> Once {
        let once = OncePer {
            key: vec![0],
            span: Span(span),
        };
        Once::new(&once, Span(lateness), HashSeed::FIXED)
    }

    #[test]
    fn one_alert_per_key_and_span() {
        let mut once = once(10, 100);
        for (key, time, admitted) in [
            (1, 0, true),
            (1, 9, false),
            (2, 9, true),
            (1, 10, true), // the span is half-open
            (1, 5, false), // out of order, still within the span of the last
            (1, 0, true),  // a span before the last
            (1, 19, false),
        ] {
            let got = once.admit(key, EventTime(time), EventTime(19));
            assert_eq!(got, admitted, "key {key} at {time}");
        }
    }

    #[test]
    fn what_can_suppress_nothing_is_forgotten() {
        let mut once = once(10, 5);
        let many = 100 * SWEEP_KEYS_MIN as i64;
        for time in 0..many {
            let key = u128::from(time.unsigned_abs());
            assert!(once.admit(key, EventTime(time), EventTime(time)));
        }
        assert!(once.keys() <= 2 * SWEEP_KEYS_MIN, "{}", once.keys());
    }

    #[test]
    fn a_sweep_changes_no_answer() {
        // One memory is swept on every call, the other never.
        let (mut swept, mut kept) = (once(10, 5), once(10, 5));
        let mut seed = 7u64;
        for step in 0..5_000i64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = u128::from(seed >> 60);
            let time = EventTime(step / 4 - ((seed >> 40) % 30).cast_signed());
            let greatest = EventTime(step / 4);
            swept.sweep_at = 0;
            kept.sweep_at = usize::MAX;
            let answers = (
                swept.admit(key, time, greatest),
                kept.admit(key, time, greatest),
            );
            assert_eq!(answers.0, answers.1, "step {step}");
        }
    }

    fn save(once: &mut Once) -> Vec<u8> {
        let mut bytes = Vec::new();
        once.freeze();
        let (room, to) = (&mut Room::new(usize::MAX), &mut Writer::new(&mut bytes));
        assert!(once.write(room, to).unwrap());
        bytes
    }

    #[test]
    fn one_that_was_saved_is_swept_when_the_other_is() {
        let mut kept = once(1_000_000, 5);
        let admit = |once: &mut Once, time: i64| {
            let key = u128::from(time.unsigned_abs()) << 60;
            assert!(once.admit(key, EventTime(time), EventTime(time * 400)));
        };
        (0..3_000).for_each(|time| admit(&mut kept, time));
        let bytes = save(&mut kept);
        let (mut bytes, length) = (bytes.as_slice(), bytes.len() as u64);
        let from = &mut Reader::new(&mut bytes, length);
        let mut again = Once::restore(once(1_000_000, 5), from).unwrap();
        for time in 3_000..12_000 {
            admit(&mut kept, time);
            admit(&mut again, time);
            assert_eq!(again.keys(), kept.keys(), "at {time}");
        }
        assert_eq!(again.contents(), kept.contents());
    }

    #[test]
    fn the_order_of_a_table_shows_in_no_byte() {
        // Which place a key has in a table depends on who was there before it.
        let (mut up, mut down) = (once(10, 100), once(10, 100));
        for key in 0..3_000 {
            assert!(up.admit(key, EventTime(0), EventTime(0)));
            assert!(down.admit(2_999 - key, EventTime(0), EventTime(0)));
        }
        assert!(save(&mut up) == save(&mut down), "other bytes");
    }
}
