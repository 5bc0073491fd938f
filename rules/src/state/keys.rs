//! The keys of a group: each known by a number that says where it is.
//!
//! The idea: a [`Table`] leads from a hash to a number, and the two words of the key's [`Identity`] at the beginning of
//! what it leads to decide. A number is a class and an index in it: the classes of small keys ([`Bodies`]), and above
//! all of them that of the records, which stand one behind the other in pages that never move, so that a sweep reads
//! memory in order. Numbers are used again after removal. Where a key stands in the table shows nowhere.

mod save;

use super::identity::{Identities, Identity};
use super::layout::{FLAGS, FORGOTTEN, IDENTITY, NEWEST, OLDEST, RING, ROWS, TIME, VACANT};
use super::seed::HashSeed;
use super::small::{Bodies, Shapes};
use super::table::Table;
use crate::snapshot::Frozen;

/// Records per page.
const PAGE_SHIFT: u32 = 6;

/// Where the class of a number begins.
pub(super) const CLASS_SHIFT: u32 = 27;

/// The class of records.
pub(super) const LARGE: usize = 31;

/// The number of what has this index in its class.
pub(super) fn key_of(class: usize, index: u32) -> u32 {
    (class as u32) << CLASS_SHIFT | index
}

/// The class of a number.
pub(super) fn class(key: u32) -> usize {
    (key >> CLASS_SHIFT) as usize
}

/// The index of a number in its class.
pub(super) fn index(key: u32) -> u32 {
    key & ((1 << CLASS_SHIFT) - 1)
}

/// All keys of one group.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) identities: Identities,
    pub(super) bodies: Bodies,
    table: Table,
    free: Vec<u32>,
    records: Records,
}

/// The records by number.
#[derive(Debug)]
struct Records {
    stride: usize,
    pages: Vec<Box<[u64]>>,
    /// Indices handed out so far, vacant ones included.
    count: u32,
    /// While they are written: what changed meanwhile.
    frozen: Option<Box<Frozen<Box<[u64]>>>>,
}

impl Records {
    #[inline]
    fn get(&self, key: u32) -> &[u64] {
        let at = (key & ((1 << PAGE_SHIFT) - 1)) as usize * self.stride;
        &self.pages[(key >> PAGE_SHIFT) as usize][at..at + self.stride]
    }

    #[inline]
    fn get_mut(&mut self, key: u32) -> &mut [u64] {
        let at = (key & ((1 << PAGE_SHIFT) - 1)) as usize * self.stride;
        let words = &mut self.pages[(key >> PAGE_SHIFT) as usize][at..at + self.stride];
        if let Some(frozen) = &mut self.frozen {
            frozen.keep(key, || (&*words).into());
        }
        words
    }

    fn identity(&self, key: u32) -> Identity {
        let record = self.get(key);
        Identity([record[IDENTITY], record[IDENTITY + 1]])
    }
}

impl Keys {
    /// No keys, with records of this many words.
    pub(super) fn new(stride: usize, shapes: Shapes, seed: HashSeed) -> Keys {
        Keys {
            identities: Identities::new(seed),
            bodies: Bodies::new(shapes),
            table: Table::new(),
            free: Vec::new(),
            records: Records {
                stride,
                pages: Vec::new(),
                count: 0,
                frozen: None,
            },
        }
    }

    /// The number of a key.
    #[inline]
    pub(super) fn find(&self, hash: u64, identity: Identity) -> Option<u32> {
        let of = |key| identity_of(&self.bodies, &self.records, key);
        self.table.find(hash, |key| of(key) == identity)
    }

    /// Whether a number leads to the key of this identity.
    #[inline]
    pub(super) fn is(&self, key: u32, identity: Identity) -> bool {
        let words = match class(key) {
            LARGE => {
                let owned = index(key) < self.records.count && !self.is_vacant(key);
                owned.then(|| self.records.get(index(key)))
            }
            class => self.bodies.get_owned(class, index(key)),
        };
        words.is_some_and(|words| words[IDENTITY..IDENTITY + 2] == identity.0)
    }

    /// The number that is most likely the key's, without a look at what it leads to.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |_| true)
    }

    /// See [`Table::home`].
    pub(super) fn home(&self, hash: u64) -> &u64 {
        self.table.home(hash)
    }

    /// Makes a key known by a number, where its identity stands already.
    pub(super) fn add(&mut self, hash: u64, key: u32) {
        let (identities, bodies, records) = (&self.identities, &self.bodies, &self.records);
        let hash_of = |key| identities.hash(identity_of(bodies, records, key));
        self.table.insert(hash, key, hash_of);
    }

    /// A key is known by another number from now on; what the old one leads to must still be there.
    pub(super) fn rename(&mut self, old: u32, new: u32) {
        let identity = identity_of(&self.bodies, &self.records, old);
        self.table.rename(self.identities.hash(identity), old, new);
    }

    /// Forgets a number; what it leads to must still be there.
    pub(super) fn remove(&mut self, key: u32) {
        let (identities, bodies, records) = (&self.identities, &self.bodies, &self.records);
        let hash_of = |key| identities.hash(identity_of(bodies, records, key));
        self.table.remove(hash_of(key), key, hash_of);
    }

    /// A record without events, for a key nobody knows by it yet. `forgotten`: events up to there may be missing.
    pub(super) fn take_record(&mut self, identity: Identity, forgotten: i64) -> u32 {
        let records = &mut self.records;
        let number = self.free.pop().unwrap_or_else(|| {
            records.count += 1;
            records.count - 1
        });
        if (number >> PAGE_SHIFT) as usize == records.pages.len() {
            let words = records.stride << PAGE_SHIFT;
            records.pages.push(vec![0; words].into_boxed_slice());
        }
        let record = records.get_mut(number);
        record.fill(0);
        record[IDENTITY..IDENTITY + 2].copy_from_slice(&identity.0);
        for word in [TIME, NEWEST] {
            record[word] = i64::MIN.cast_unsigned();
        }
        record[FORGOTTEN] = forgotten.cast_unsigned();
        record[OLDEST] = i64::MAX.cast_unsigned();
        record[RING] = VACANT;
        record[ROWS] = 0;
        number
    }

    /// Gives a record back; its ring must be gone.
    pub(super) fn free_record(&mut self, number: u32) {
        self.records.get_mut(number)[FLAGS] = VACANT;
        self.free.push(number);
    }

    /// The record of an index.
    pub(super) fn record(&self, number: u32) -> &[u64] {
        self.records.get(number)
    }

    /// The record of an index, to change.
    pub(super) fn record_mut(&mut self, number: u32) -> &mut [u64] {
        self.records.get_mut(number)
    }

    /// Keys known.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Keys with a record.
    pub(super) fn large(&self) -> usize {
        self.records.count as usize - self.free.len()
    }

    /// Places for keys, vacant ones included: as far as a walk over all of them goes.
    pub(super) fn places(&self) -> u32 {
        let small = (0..self.bodies.classes()).map(|class| self.bodies.count(class));
        small.sum::<u32>() + self.records.count
    }

    /// The place at or after `from`, in a circle, and where to go on; there must be a key.
    pub(super) fn walk(&self, from: u32) -> (u32, u32) {
        let (mut class, mut index) = (class(from), index(from));
        loop {
            let found = match class {
                LARGE => (index < self.records.count).then_some(index),
                class if class < self.bodies.classes() => self.bodies.next(class, index),
                _ => None,
            };
            if let Some(index) = found {
                let key = key_of(class, index);
                return (key, key + 1);
            }
            (class, index) = ((class + 1) % (LARGE + 1), 0);
        }
    }

    /// Whether a place has no key.
    pub(super) fn is_vacant(&self, key: u32) -> bool {
        match class(key) {
            LARGE => self.records.get(index(key))[FLAGS] == VACANT,
            class => self.bodies.is_free(class, index(key)),
        }
    }

    /// Bytes allocated for the table, the small keys and the records.
    pub(super) fn bytes(&self) -> usize {
        let records = &self.records;
        self.table.bytes()
            + self.bodies.bytes()
            + self.free.capacity() * 4
            + records.pages.capacity() * 16
            + records.pages.len() * (records.stride << PAGE_SHIFT) * 8
    }
}

/// The identity of the key a number leads to.
#[inline(always)]
fn identity_of(bodies: &Bodies, records: &Records, key: u32) -> Identity {
    match class(key) {
        LARGE => records.identity(index(key)),
        class => {
            let words = bodies.words(class, index(key));
            Identity([words[0], words[1]])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Limits;
    use crate::state::GroupPlan;
    use crate::state::layout::Layout;
    use crate::time::Span;
    use crate::value::Type;

    fn add(keys: &mut Keys, hash: u64, identity: Identity) -> u32 {
        let key = key_of(LARGE, keys.take_record(identity, 0));
        keys.add(hash, key);
        key
    }

    #[test]
    fn keys_of_one_hash_are_told_apart_by_what_they_are() {
        let layout = Layout::new(&GroupPlan {
            key: vec![Type::Text],
            inputs: vec![],
            filters: 0,
            features: vec![],
            max_lateness: Span::ZERO,
            limits: Limits::default(),
        });
        let mut keys = Keys::new(layout.stride, Shapes::new(&layout), HashSeed::FIXED);
        let texts = [
            "",
            "a",
            "a\0",
            "12345678",
            "fifteen bytes !",
            "sixteen bytes !!",
            "a key of many bytes",
        ];
        let identity = |keys: &Keys, text: &str| keys.identities.of(text.as_bytes());
        let mut numbers = Vec::new();
        for text in texts {
            let of = identity(&keys, text);
            let hash = keys.identities.hash(of);
            assert_eq!(keys.find(hash, of), None, "{text:?}");
            numbers.push(add(&mut keys, hash, of));
        }
        for (text, number) in texts.iter().zip(&numbers) {
            let of = identity(&keys, text);
            assert_eq!(keys.find(keys.identities.hash(of), of), Some(*number));
        }
        // Another key, asked for under the hash of one that is there.
        let (a, b) = (identity(&keys, "a"), identity(&keys, "b"));
        assert_eq!(keys.find(keys.identities.hash(a), b), None);
        keys.remove(numbers[4]);
        keys.free_record(index(numbers[4]));
        let gone = identity(&keys, texts[4]);
        assert_eq!(keys.find(keys.identities.hash(gone), gone), None);
        let hash = keys.identities.hash(b);
        assert_eq!(add(&mut keys, hash, b), numbers[4]);
        assert_eq!(keys.len(), texts.len());
    }
}
