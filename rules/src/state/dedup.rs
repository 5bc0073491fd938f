//! The memory of event ids: an id seen again within the horizon is a duplicate.
//!
//! The idea: an id is known by a 128-bit fingerprint (SipHash-1-3 with a fixed key), so a remembered id costs the same
//! however long it is. Among `n` remembered ids the odds that any two share a fingerprint are about `n² / 2^129`: for
//! ten billion ids one in 10^19. The key is fixed so that a replay gives the same answers; somebody who can choose ids
//! at will and search 2^64 of them could make two collide, and would gain that one event is taken for another.
//!
//! Entries lie in the table itself, at the place of their tag: part of a seeded hash and the portion of the horizon the
//! id belongs to. An id nobody has sent before, which is nearly every one, is told by a line of tags; a hand that goes
//! round the tags finds what is too old without reading the entries. The table is in parts that grow one by one.
//!
//! The invariant: whether an id is found depends on its own time and the event-time horizon at hand only, never on when
//! memory was given back; and memory is given back for everything older, at constant cost per event.

mod save;
#[cfg(test)]
mod tests;

use ahash::RandomState;
use siphasher::sip128::SipHasher13;

use self::save::FrozenIds;
use super::seed::HashSeed;
use super::warm::prefetch;
use crate::time::{EventTime, Span};

/// The fixed key of the fingerprint.
const SEED: (u64, u64) = (0x746f_6c6c_6761_7465, 0x6465_6475_7020_7631);

/// How finely a tag tells an id's age: this many portions per horizon.
const PORTIONS: i64 = 64;

/// Tags the hand looks at for each new id: a line of them. So it is round once per eighth of the places in new ids, and
/// what has grown too old meanwhile takes a sixteenth of the places.
const SWEEP: usize = 8;

/// Places of the smallest part.
const PLACES_MIN: usize = 8;

/// Parts of the table, by the hash: each grows by itself, so that no event has to wait while all ids move.
const PARTS: usize = 256;

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
    parts: Vec<Part>,
    /// Places that are not empty.
    used: usize,
    /// Nothing older than this is remembered.
    limit: EventTime,
    /// While it is written.
    frozen: Option<Box<FrozenIds>>,
}

/// A part of the table.
#[derive(Clone, Debug, Default)]
struct Part {
    /// Hash in the upper half, never 0; portion in the lower. As many as `entries`: a power of two, or none at first.
    tags: Vec<u64>,
    entries: Vec<Entry>,
    /// Places that are not empty.
    used: usize,
    /// The place the sweep looks at next.
    hand: usize,
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
            parts: vec![Part::default(); PARTS],
            used: 0,
            limit: EventTime::MIN,
            frozen: None,
        }
    }

    /// Asks ahead for the memory that these ids will want.
    pub fn warm(&self, ids: &[Option<Fingerprint>]) {
        for id in ids.iter().flatten() {
            let hash = self.hash(*id);
            let part = &self.parts[part_of(hash)];
            let home = part.home(hash);
            if let (Some(tag), Some(entry)) = (part.tags.get(home), part.entries.get(home)) {
                prefetch(tag);
                prefetch(entry);
            }
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
        let (limit, current) = (self.limit.0, self.portion(self.limit.0));
        let number = part_of(hash);
        let part = &mut self.parts[number];
        let before = part.used;
        if part.is_full(number) {
            if let Some(frozen) = &mut self.frozen {
                frozen.keep_part(number, part);
            }
            part.rebuild(limit);
        }
        let at = match part.find(entry.id, hash) {
            Ok(at) if part.entries[at].time >= limit => {
                let copy = part.entries[at].copy;
                self.used = self.used + part.used - before;
                return Some(copy);
            }
            // Too old to be remembered, though its place is not given back yet.
            Ok(at) => {
                if let Some(frozen) = &mut self.frozen {
                    frozen.keep(number, at, &part.entries[at]);
                }
                at
            }
            Err(at) => {
                part.used += 1;
                at
            }
        };
        (part.tags[at], part.entries[at]) = (tag, entry);
        // What is written stays where it is; memory is given back afterwards.
        if self.frozen.is_none() {
            part.sweep(limit, current);
        }
        self.used = self.used + part.used - before;
        None
    }

    /// Fills in how the first copy was decided; nothing when it is no longer remembered.
    pub fn decide(&mut self, id: Fingerprint, outcome: u16, score: i32) {
        let hash = self.hash(id);
        let part = &mut self.parts[part_of(hash)];
        if let Ok(at) = part.find(id.halves(), hash) {
            let copy = &mut part.entries[at].copy;
            (copy.outcome, copy.score) = (Some(outcome), score);
        }
    }

    /// What is remembered of an id.
    #[must_use]
    pub fn get(&self, id: Fingerprint) -> Option<FirstCopy> {
        let hash = self.hash(id);
        let part = &self.parts[part_of(hash)];
        let entry = &part.entries[part.find(id.halves(), hash).ok()?];
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
        let places = self.parts.iter().map(|part| {
            part.tags.capacity() * size_of::<u64>() + part.entries.capacity() * size_of::<Entry>()
        });
        PARTS * size_of::<Part>() + places.sum::<usize>()
    }

    /// Never 0, which would be an empty place.
    fn hash(&self, id: Fingerprint) -> u32 {
        (self.hasher.hash_one(id.0) >> 32) as u32 | 1
    }

    /// Cut off to 32 bits: only a hint, which the time confirms.
    fn portion(&self, time: i64) -> u32 {
        time.div_euclid((self.horizon.0 / PORTIONS).max(1)) as u32
    }
}

/// The lowest bit is always set, and the upper ones say where in the part.
fn part_of(hash: u32) -> usize {
    (hash >> 1) as usize % PARTS
}

impl Part {
    /// The first part grows when half of its places are taken, the last when three quarters are: not all at once.
    fn is_full(&self, number: usize) -> bool {
        self.used * 4 * PARTS >= self.tags.len() * (2 * PARTS + number)
    }

    fn home(&self, hash: u32) -> usize {
        // The upper bits: the lowest one is always set.
        let places = self.tags.len() as u64;
        ((u64::from(hash) * places) >> 32) as usize
    }

    /// Where an id is, or the empty place it would take.
    fn find(&self, id: [u64; 2], hash: u32) -> Result<usize, usize> {
        let mut at = self.home(hash);
        if self.tags.is_empty() {
            return Err(at);
        }
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

    /// Gives back what is too old among the next places.
    fn sweep(&mut self, limit: i64, current: u32) {
        for _ in 0..SWEEP {
            let tag = self.tags[self.hand];
            let older = (current.wrapping_sub(tag as u32) as i32) > 0;
            if tag != EMPTY && older && self.entries[self.hand].time < limit {
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

    /// A part of those that are not too old, with room for more of them.
    fn rebuild(&mut self, limit: i64) {
        let tags = std::mem::take(&mut self.tags);
        let entries = std::mem::take(&mut self.entries);
        let held = || {
            let all = tags.iter().zip(&entries);
            all.filter(|(tag, entry)| **tag != EMPTY && entry.time >= limit)
        };
        self.used = held().count();
        self.hand = 0;
        // Less than half of them taken, or the first part would grow again at once.
        let places = ((self.used + 1) * 2).next_power_of_two().max(PLACES_MIN);
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
