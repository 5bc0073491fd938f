//! The memory of event ids: an id seen again within the horizon is a duplicate.
//!
//! The idea: an id is known by a 128-bit fingerprint (SipHash-1-3 with a fixed key), so a remembered id costs the same
//! however long it is. Among `n` remembered ids the odds that any two share a fingerprint are about `n² / 2^129`: for
//! ten billion ids one in 10^19. The key is fixed so that a replay gives the same answers; somebody who can choose ids
//! at will and search 2^64 of them could make two collide, and would gain that one event is taken for another.
//!
//! The invariant: whether an id is found depends on its own time and the event-time horizon at hand only, never on when
//! memory was given back; and memory is given back for everything older, at constant cost per event.

use std::collections::BTreeMap;

use std::hash::Hasher;

use ahash::RandomState;
use hashbrown::HashTable;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::seed::HashSeed;
use crate::time::{EventTime, Span};

/// The fixed key of the fingerprint.
const SEED: (u64, u64) = (0x746f_6c6c_6761_7465, 0x6465_6475_7020_7631);

/// Ids are given back in this many portions per horizon.
const PORTIONS: i64 = 64;

/// What is known of the first copy of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of an id.
    #[must_use]
    pub fn of(id: &str) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(SEED.0, SEED.1);
        hasher.write(id.as_bytes());
        Fingerprint(hasher.finish128().as_u128())
    }
}

/// The ids seen within a horizon of event time.
#[derive(Debug)]
pub struct Dedup {
    hasher: RandomState,
    horizon: Span,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Entries by the portion of time they were first in.
    portions: BTreeMap<i64, Vec<u32>>,
    /// Nothing older than this is remembered.
    limit: EventTime,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    fingerprint: Fingerprint,
    time: EventTime,
    /// `None` when the entry is free.
    copy: Option<FirstCopy>,
}

impl Dedup {
    /// Remembers ids for this long.
    #[must_use]
    pub fn new(horizon: Span, seed: HashSeed) -> Dedup {
        Dedup {
            hasher: seed.hasher(),
            horizon,
            table: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            portions: BTreeMap::new(),
            limit: EventTime::MIN,
        }
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
        let limit = horizon.before(self.horizon);
        if limit > self.limit {
            self.limit = limit;
            self.give_back();
        }
        let copy = FirstCopy {
            partition,
            offset,
            outcome: None,
            score: 0,
        };
        let entry = Entry {
            fingerprint: id,
            time,
            copy: Some(copy),
        };
        if let Some(slot) = self.find(id) {
            let held = &mut self.entries[slot as usize];
            if held.time >= self.limit {
                return held.copy;
            }
            // Too old to be remembered, though its portion is not given back yet.
            *held = entry;
            self.file(slot, time);
            return None;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.table.insert_unique(hasher.hash_one(id.0), slot, |x| {
            hasher.hash_one(entries[*x as usize].fingerprint.0)
        });
        self.file(slot, time);
        None
    }

    /// Fills in how the first copy was decided; nothing when it is no longer remembered.
    pub fn decide(&mut self, id: Fingerprint, outcome: u16, score: i32) {
        if let Some(slot) = self.find(id)
            && let Some(copy) = &mut self.entries[slot as usize].copy
        {
            copy.outcome = Some(outcome);
            copy.score = score;
        }
    }

    /// What is remembered of an id.
    #[must_use]
    pub fn get(&self, id: Fingerprint) -> Option<FirstCopy> {
        let entry = &self.entries[self.find(id)? as usize];
        entry.copy.filter(|_| entry.time >= self.limit)
    }

    /// Ids held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no id is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes allocated.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let filed: usize = self.portions.values().map(|p| 64 + p.capacity() * 4).sum();
        self.table.allocation_size()
            + self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * 4
            + filed
    }

    fn find(&self, id: Fingerprint) -> Option<u32> {
        let same = |slot: &u32| self.entries[*slot as usize].fingerprint == id;
        self.table.find(self.hasher.hash_one(id.0), same).copied()
    }

    fn portion(&self, time: EventTime) -> i64 {
        time.0.div_euclid((self.horizon.0 / PORTIONS).max(1))
    }

    fn file(&mut self, slot: u32, time: EventTime) {
        // An id older than the limit is in the portion that goes next.
        let portion = self.portion(time.max(self.limit));
        self.portions.entry(portion).or_default().push(slot);
    }

    /// Gives back whole portions that are too old.
    fn give_back(&mut self) {
        let current = self.portion(self.limit);
        while let Some(first) = self.portions.first_entry()
            && *first.key() < current
        {
            for slot in first.remove() {
                let entry = &mut self.entries[slot as usize];
                // It may have been remembered anew, or be filed here twice.
                if entry.time >= self.limit || entry.copy.is_none() {
                    continue;
                }
                entry.copy = None;
                let hash = self.hasher.hash_one(entry.fingerprint.0);
                if let Ok(found) = self.table.find_entry(hash, |x| *x == slot) {
                    found.remove();
                }
                self.free.push(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether an id of this time is a duplicate at this horizon.
    fn again(dedup: &mut Dedup, id: &str, time: i64, horizon: i64) -> bool {
        let id = Fingerprint::of(id);
        let first = dedup.observe(id, EventTime(time), EventTime(horizon), 0, time);
        first.is_some()
    }

    #[test]
    fn the_first_copy_is_found_with_its_decision() {
        let mut dedup = Dedup::new(Span(100), HashSeed::FIXED);
        let id = Fingerprint::of("s1");
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
        assert_eq!(dedup.get(Fingerprint::of("s2")), None);
        dedup.decide(Fingerprint::of("s2"), 1, 1);
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
}
