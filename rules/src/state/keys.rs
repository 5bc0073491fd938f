//! The keys of a group: each known by a number, its record a stretch of words at that number.
//!
//! The idea: open addressing over numbers; a hash is only a hint, the key's bytes decide. Records stand one behind the
//! other in pages that never move, so a sweep over them reads memory in order. Numbers are used again after removal.
//! Hashes come from outside ([`super::seed`]); where a key stands in the table shows nowhere.

use hashbrown::HashTable;

use super::arena::{Arena, Block};
use super::layout::{
    FORGOTTEN, HASH, KEY, KEY_LENGTH, NEWEST, OLDEST, RING, ROWS, SHORT, TIME, VACANT,
};

/// Records per page.
const PAGE_SHIFT: u32 = 6;

/// All keys of one group.
#[derive(Debug)]
pub(super) struct Keys {
    table: HashTable<u32>,
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
}

impl Keys {
    /// No keys, with records of this many words.
    pub(super) fn new(stride: usize) -> Keys {
        Keys {
            table: HashTable::new(),
            free: Vec::new(),
            records: Records {
                stride,
                pages: Vec::new(),
                count: 0,
            },
        }
    }

    /// The number of a key.
    pub(super) fn find(&self, hash: u64, bytes: &[u8], arena: &Arena) -> Option<u32> {
        let same = |key: &u32| {
            let record = self.records.get(*key);
            record[HASH] == hash && holds(record, bytes, arena)
        };
        self.table.find(hash, same).copied()
    }

    /// A number for a key that has none. `forgotten`: events up to there may have been forgotten with an earlier
    /// record of this key.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        bytes: &[u8],
        forgotten: i64,
        arena: &mut Arena,
    ) -> u32 {
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
        record[HASH] = hash;
        record[KEY_LENGTH] = bytes.len() as u64;
        record[KEY] = match inline(bytes) {
            Some(word) => word,
            None => {
                let block = arena.take(bytes.len().div_ceil(8));
                let words = arena.get_mut(block);
                for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
                    *word = inline(chunk).unwrap_or(0);
                }
                block.pack()
            }
        };
        for word in [TIME, NEWEST] {
            record[word] = i64::MIN.cast_unsigned();
        }
        record[FORGOTTEN] = forgotten.cast_unsigned();
        record[OLDEST] = i64::MAX.cast_unsigned();
        record[RING] = VACANT;
        record[ROWS] = 0;
        self.table
            .insert_unique(hash, key, |key| records.get(*key)[HASH]);
        key
    }

    /// Takes a key out; its ring must be gone.
    pub(super) fn remove(&mut self, key: u32, arena: &mut Arena) {
        let record = self.records.get_mut(key);
        if record[KEY_LENGTH] & !SHORT > 8 {
            arena.free(Block::unpack(record[KEY]));
        }
        record[KEY_LENGTH] = VACANT;
        let hash = record[HASH];
        if let Ok(found) = self.table.find_entry(hash, |x| *x == key) {
            found.remove();
        }
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

    /// Bytes allocated for the table and the records; long keys are in the arena.
    pub(super) fn bytes(&self) -> usize {
        let records = &self.records;
        self.table.allocation_size()
            + self.free.capacity() * 4
            + records.pages.capacity() * 16
            + records.pages.len() * (records.stride << PAGE_SHIFT) * 8
    }
}

/// Whether a record is of this key.
fn holds(record: &[u64], bytes: &[u8], arena: &Arena) -> bool {
    if record[KEY_LENGTH] & !SHORT != bytes.len() as u64 {
        return false;
    }
    if let Some(word) = inline(bytes) {
        return record[KEY] == word;
    }
    let words = arena.get(Block::unpack(record[KEY]));
    let mut chunks = bytes.chunks(8).zip(words);
    chunks.all(|(chunk, word)| inline(chunk) == Some(*word))
}

/// At most 8 bytes as a word, padded with zeros.
fn inline(bytes: &[u8]) -> Option<u64> {
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::layout::WINDOWS;

    #[test]
    fn keys_of_one_hash_are_told_apart_by_their_bytes() {
        let mut arena = Arena::default();
        let mut keys = Keys::new(WINDOWS);
        let texts = [
            "",
            "a",
            "a\0",
            "12345678",
            "123456789",
            "a key of many bytes",
        ];
        let numbers: Vec<u32> = texts
            .iter()
            .map(|t| keys.insert(7, t.as_bytes(), 0, &mut arena))
            .collect();
        for (text, number) in texts.iter().zip(&numbers) {
            assert_eq!(keys.find(7, text.as_bytes(), &arena), Some(*number));
        }
        assert_eq!(keys.find(7, b"b", &arena), None);
        assert_eq!(keys.find(8, b"a", &arena), None);
        keys.remove(numbers[4], &mut arena);
        assert_eq!(keys.find(7, b"123456789", &arena), None);
        assert_eq!(keys.insert(9, b"new", 0, &mut arena), numbers[4]);
        assert_eq!(keys.len(), texts.len());
    }
}
