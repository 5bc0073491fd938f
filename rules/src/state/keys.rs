//! The keys of a group: each known by a number, its record a stretch of words at that number.
//!
//! The idea: a [`Table`] leads from a hash to a number, and the two words of the key's [`Identity`] in its record
//! decide. Records stand one behind the other in pages that never move, so a sweep over them reads memory in order.
//! Numbers are used again after removal. Where a key stands in the table shows nowhere.

use super::identity::{Identities, Identity};
use super::layout::{FLAGS, FORGOTTEN, IDENTITY, NEWEST, OLDEST, RING, ROWS, TIME, VACANT};
use super::seed::HashSeed;
use super::table::Table;

/// Records per page.
const PAGE_SHIFT: u32 = 6;

/// All keys of one group.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) identities: Identities,
    table: Table,
    free: Vec<u32>,
    records: Records,
}

/// The records by number.
#[derive(Debug)]
struct Records {
    stride: usize,
    pages: Vec<Box<[u64]>>,
    /// Numbers handed out so far, vacant ones included.
    count: u32,
}

impl Records {
    fn get(&self, key: u32) -> &[u64] {
        let at = (key & ((1 << PAGE_SHIFT) - 1)) as usize * self.stride;
        &self.pages[(key >> PAGE_SHIFT) as usize][at..at + self.stride]
    }

    fn get_mut(&mut self, key: u32) -> &mut [u64] {
        let at = (key & ((1 << PAGE_SHIFT) - 1)) as usize * self.stride;
        &mut self.pages[(key >> PAGE_SHIFT) as usize][at..at + self.stride]
    }

    fn identity(&self, key: u32) -> Identity {
        let record = self.get(key);
        Identity([record[IDENTITY], record[IDENTITY + 1]])
    }
}

impl Keys {
    /// No keys, with records of this many words.
    pub(super) fn new(stride: usize, seed: HashSeed) -> Keys {
        Keys {
            identities: Identities::new(seed),
            table: Table::new(),
            free: Vec::new(),
            records: Records {
                stride,
                pages: Vec::new(),
                count: 0,
            },
        }
    }

    /// The number of a key.
    pub(super) fn find(&self, hash: u64, identity: Identity) -> Option<u32> {
        self.table
            .find(hash, |key| self.records.identity(key) == identity)
    }

    /// The number that is most likely the key's, without a look at its record.
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.table.find(hash, |_| true)
    }

    /// See [`Table::home`].
    pub(super) fn home(&self, hash: u64) -> u64 {
        self.table.home(hash)
    }

    /// A number for a key that has none. `forgotten`: events up to there may have been forgotten with an earlier
    /// record of this key.
    pub(super) fn insert(&mut self, hash: u64, identity: Identity, forgotten: i64) -> u32 {
        let records = &mut self.records;
        let key = self.free.pop().unwrap_or_else(|| {
            records.count += 1;
            records.count - 1
        });
        if (key >> PAGE_SHIFT) as usize == records.pages.len() {
            let words = records.stride << PAGE_SHIFT;
            records.pages.push(vec![0; words].into_boxed_slice());
        }
        let record = records.get_mut(key);
        record.fill(0);
        record[IDENTITY..IDENTITY + 2].copy_from_slice(&identity.0);
        for word in [TIME, NEWEST] {
            record[word] = i64::MIN.cast_unsigned();
        }
        record[FORGOTTEN] = forgotten.cast_unsigned();
        record[OLDEST] = i64::MAX.cast_unsigned();
        record[RING] = VACANT;
        record[ROWS] = 0;
        let identities = &self.identities;
        self.table
            .insert(hash, key, |key| identities.hash(records.identity(key)));
        key
    }

    /// Takes a key out; its ring must be gone.
    pub(super) fn remove(&mut self, key: u32) {
        let (records, identities) = (&self.records, &self.identities);
        let hash = |key| identities.hash(records.identity(key));
        self.table.remove(hash(key), key, hash);
        self.records.get_mut(key)[FLAGS] = VACANT;
        self.free.push(key);
    }

    /// The record of a number.
    pub(super) fn record(&self, key: u32) -> &[u64] {
        self.records.get(key)
    }

    /// The record of a number, to change.
    pub(super) fn record_mut(&mut self, key: u32) -> &mut [u64] {
        self.records.get_mut(key)
    }

    /// Keys known.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Numbers are below this.
    pub(super) fn numbers(&self) -> u32 {
        self.records.count
    }

    /// Bytes allocated for the table and the records.
    pub(super) fn bytes(&self) -> usize {
        let records = &self.records;
        self.table.bytes()
            + self.free.capacity() * 4
            + records.pages.capacity() * 16
            + records.pages.len() * (records.stride << PAGE_SHIFT) * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::layout::WINDOWS;

    #[test]
    fn keys_of_one_hash_are_told_apart_by_what_they_are() {
        let mut keys = Keys::new(WINDOWS, HashSeed::FIXED);
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
            numbers.push(keys.insert(hash, of, 0));
        }
        for (text, number) in texts.iter().zip(&numbers) {
            let of = identity(&keys, text);
            assert_eq!(keys.find(keys.identities.hash(of), of), Some(*number));
        }
        // Another key, asked for under the hash of one that is there.
        let (a, b) = (identity(&keys, "a"), identity(&keys, "b"));
        assert_eq!(keys.find(keys.identities.hash(a), b), None);
        keys.remove(numbers[4]);
        let gone = identity(&keys, texts[4]);
        assert_eq!(keys.find(keys.identities.hash(gone), gone), None);
        let hash = keys.identities.hash(b);
        assert_eq!(keys.insert(hash, b, 0), numbers[4]);
        assert_eq!(keys.len(), texts.len());
    }
}
