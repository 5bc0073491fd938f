//! Checks `limits:`, the budget of a pack's state.
//!
//! The idea: what is dropped over budget changes answers, so the budget belongs to the pack, where its hash covers it,
//! and not to the machine. The invariant: a `last` window always fits the events a key may hold.

use super::Checker;
use super::times::LAST_MAX;
use crate::definition::LimitsDefinition;
use crate::ruleset::Limits;

/// Most that may be asked for: keys have 32-bit numbers, and so have the events of one.
const MOST: i64 = 1_000_000_000;

impl Checker<'_> {
    pub(super) fn limits(&mut self, written: Option<&LimitsDefinition>) -> Limits {
        let usual = Limits::default();
        let Some(written) = written else { return usual };
        let keys = written.keys.as_ref();
        let keys = keys.and_then(|text| self.whole(text, "`keys`", 1, MOST));
        let events = written.events_per_key.as_ref();
        let events = events.and_then(|text| self.whole(text, "`events_per_key`", LAST_MAX, MOST));
        let distinct = written.distinct_per_key.as_ref();
        let distinct = distinct.and_then(|text| self.whole(text, "`distinct_per_key`", 1, MOST));
        let number = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
        Limits {
            keys: number(keys).unwrap_or(usual.keys),
            events_per_key: number(events).unwrap_or(usual.events_per_key),
            distinct_per_key: number(distinct).unwrap_or(usual.distinct_per_key),
        }
    }
}
