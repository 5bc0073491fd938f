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
use crate::snapshot::{Fault, Reader, Writer, sure};
use crate::state::seed::HashSeed;
use crate::time::{EventTime, Span};

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
    last: HashMap<u128, i64, RandomState>,
    sweep_at: usize,
}

impl Once {
    pub(super) fn new(once: &OncePer, max_lateness: Span, seed: HashSeed) -> Once {
        Once {
            span: once.span,
            kept: Span(once.span.0.saturating_add(max_lateness.0)),
            last: HashMap::with_hasher(seed.hasher()),
            sweep_at: SWEEP_KEYS_MIN,
        }
    }

    /// Whether an alert of this key at this time goes out, and remembers it if so. `greatest` is the greatest time
    /// taken up to this event, itself included.
    pub(super) fn admit(&mut self, key: u128, time: EventTime, greatest: EventTime) -> bool {
        let forgotten = greatest.before(self.kept).0;
        if self.last.len() >= self.sweep_at {
            self.last.retain(|_, last| *last > forgotten);
            self.sweep_at = SWEEP_KEYS_MIN.max(self.last.len().saturating_mul(2));
        }
        match self.last.get_mut(&key) {
            Some(last) if *last > forgotten => {
                if time.0.abs_diff(*last) < self.span.0.unsigned_abs() {
                    return false;
                }
                *last = time.0.max(*last);
            }
            Some(last) => *last = time.0,
            None => {
                self.last.insert(key, time.0);
            }
        }
        true
    }

    pub(super) fn keys(&self) -> usize {
        self.last.len()
    }

    /// What is remembered, and when it is swept next.
    pub(super) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.sweep_at as u64)?;
        to.word(self.last.len() as u64)?;
        self.contents().into_iter().try_for_each(|(key, last)| {
            to.words(&[key as u64, (key >> 64) as u64, last.cast_unsigned()])
        })
    }

    /// Back from [`Once::save`]; `empty` remembers nothing yet.
    pub(super) fn restore(mut empty: Once, from: &mut Reader<'_>) -> Result<Once, Fault> {
        let sweep_at = from.word()?;
        let count = from.count(3)?;
        let most = SWEEP_KEYS_MIN.max(2 * count) as u64;
        let range = SWEEP_KEYS_MIN as u64..=most;
        sure(
            range.contains(&sweep_at),
            "a memory of alerts is never swept",
        )?;
        empty.sweep_at = sweep_at as usize;
        empty.last.reserve(count);
        for _ in 0..count {
            let words = from.words(3)?;
            let key = u128::from(words[0]) | u128::from(words[1]) << 64;
            empty.last.insert(key, words[2].cast_signed());
        }
        Ok(empty)
    }

    /// What is remembered, in a fixed order.
    pub(super) fn contents(&self) -> Vec<(u128, i64)> {
        let mut contents: Vec<_> = self.last.iter().map(|(k, v)| (*k, *v)).collect();
        contents.sort_unstable();
        contents
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

    #[test]
    fn one_that_was_saved_is_swept_when_the_other_is() {
        let mut kept = once(1_000_000, 5);
        let admit = |once: &mut Once, time: i64| {
            let key = u128::from(time.unsigned_abs()) << 60;
            assert!(once.admit(key, EventTime(time), EventTime(time * 400)));
        };
        (0..3_000).for_each(|time| admit(&mut kept, time));
        let mut bytes = Vec::new();
        kept.save(&mut Writer::new(&mut bytes)).unwrap();
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
}
