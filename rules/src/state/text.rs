//! Text values of events, each kept once: an event holds a 32-bit number instead.
//!
//! The idea: interning keeps an event's row at one word per value and makes `count_distinct` of text exact, with no
//! odds of a collision. The invariant: a number stays valid while somebody holds a reference counted for it.

use std::io;

use ahash::RandomState;
use hashbrown::HashTable;

use super::seed::HashSeed;
use crate::snapshot::{Fault, Freeze, Frozen, Next, Noted, Owners, Reader, Room, Writer, sure};

/// All texts of one group.
#[derive(Debug)]
pub(crate) struct Texts {
    hasher: RandomState,
    table: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    text_bytes: usize,
    /// While they are written: those that were let go or came meanwhile, as they were.
    frozen: Option<Box<Frozen<Box<str>>>>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    references: u32,
    text: Box<str>,
}

impl Texts {
    /// No texts.
    pub(crate) fn new(seed: HashSeed) -> Texts {
        Texts {
            hasher: seed.hasher(),
            table: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            text_bytes: 0,
            frozen: None,
        }
    }

    /// The number of a text, with one more reference to it.
    pub(crate) fn intern(&mut self, text: &str) -> u64 {
        let hash = self.hasher.hash_one(text);
        let Texts { table, entries, .. } = self;
        let same = |id: &u32| {
            let entry = &entries[*id as usize];
            entry.hash == hash && *entry.text == *text
        };
        if let Some(id) = table.find(hash, same) {
            let id = *id;
            entries[id as usize].references += 1;
            return u64::from(id);
        }
        let entry = Entry {
            hash,
            references: 1,
            text: text.into(),
        };
        self.text_bytes += text.len();
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(frozen) = &mut self.frozen {
                    frozen.keep(id, Box::default);
                }
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        let entries = &self.entries;
        self.table
            .insert_unique(hash, id, |id| entries[*id as usize].hash);
        u64::from(id)
    }

    /// One more reference to a text that has one.
    pub(crate) fn retain(&mut self, id: u64) {
        self.entries[id as usize].references += 1;
    }

    /// One reference less; the last one frees the text.
    pub(crate) fn release(&mut self, id: u64) {
        let entry = &mut self.entries[id as usize];
        entry.references -= 1;
        if entry.references > 0 {
            return;
        }
        self.text_bytes -= entry.text.len();
        let text = std::mem::take(&mut entry.text);
        if let Some(frozen) = &mut self.frozen {
            frozen.keep(id as u32, || text);
        }
        let hash = entry.hash;
        if let Ok(found) = self.table.find_entry(hash, |x| u64::from(*x) == id) {
            found.remove();
        }
        self.free.push(id as u32);
    }

    /// The text of a number.
    pub(crate) fn get(&self, id: u64) -> &str {
        &self.entries[id as usize].text
    }

    /// Back from [`Freeze::write`]; none is found before [`Texts::settle`].
    pub(crate) fn restore(seed: HashSeed, from: &mut Reader<'_>) -> Result<Texts, Fault> {
        let mut texts = Texts::new(seed);
        texts.free = from.halves()?;
        let count = from.count(1)?;
        texts.entries.reserve_exact(count);
        for _ in 0..count {
            let text = from.text()?;
            texts.text_bytes += text.len();
            texts.entries.push(Entry {
                hash: texts.hasher.hash_one(&*text),
                references: 0,
                text: text.into_boxed_str(),
            });
        }
        Ok(texts)
    }

    /// Numbers there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes over how many references each text has; one without any must be free.
    pub(crate) fn settle(&mut self, references: &[u32]) -> Result<(), Fault> {
        let mut owners = Owners::new(self.entries.len());
        let held = references.iter().filter(|count| **count > 0).count();
        self.table.reserve(held, |_| 0);
        for (number, (entry, count)) in self.entries.iter_mut().zip(references).enumerate() {
            if *count == 0 {
                sure(entry.text.is_empty(), "a text that is free is still there")?;
                continue;
            }
            entry.references = *count;
            owners.claim(number as u64)?;
        }
        owners.settle(&self.free)?;
        let Texts { table, entries, .. } = self;
        for (number, entry) in (0u32..).zip(entries.iter()) {
            if entry.references > 0 {
                table.insert_unique(entry.hash, number, |id| entries[*id as usize].hash);
            }
        }
        Ok(())
    }

    /// Bytes allocated, without what the allocator adds per text.
    pub(crate) fn bytes(&self) -> usize {
        self.table.allocation_size()
            + self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * 4
            + self.text_bytes
    }
}

/// Which numbers are free, then all texts by number, free ones empty; references are counted anew.
impl Freeze for Texts {
    fn freeze(&mut self) {
        let mut head = Noted::default();
        head.note(|to| {
            to.halves(&self.free)?;
            to.word(self.entries.len() as u64)
        });
        let frozen = Frozen::of_all(head, self.entries.len());
        self.frozen = Some(Box::new(frozen));
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(true);
        };
        frozen.begin(room, to)?;
        while room.is_left() {
            match frozen.next(1) {
                None => {
                    self.frozen = None;
                    return Ok(true);
                }
                Some(Next::Kept(text)) => {
                    room.take(8 + text.len());
                    to.bytes(text.as_bytes())?;
                }
                Some(Next::Same(at)) => {
                    let text = &self.entries[at.start].text;
                    room.take(8 + text.len());
                    to.bytes(text.as_bytes())?;
                }
            }
        }
        Ok(false)
    }

    fn thaw(&mut self) {
        self.frozen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_lives_as_long_as_its_references() {
        let mut texts = Texts::new(HashSeed::FIXED);
        let a = texts.intern("a");
        let b = texts.intern("b");
        assert_ne!(a, b);
        assert_eq!(texts.intern("a"), a);
        texts.release(a);
        assert_eq!(texts.get(a), "a");
        texts.retain(b);
        texts.release(b);
        assert_eq!(texts.get(b), "b");
        texts.release(a);
        let c = texts.intern("c");
        assert_eq!(c, a, "the number is used again");
        assert_eq!((texts.get(c), texts.text_bytes), ("c", 2));
    }
}
