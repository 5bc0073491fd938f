//! Blocks of 8-byte words in size classes: where rings of events and long keys live.
//!
//! The idea: a key's events are one block, addressed by class and index and never by a pointer, so that a snapshot can
//! later copy pages. Classes are 1 to 8, 10, 12, 14, 16, 20, … words (powers of two and quarters of the way between),
//! so that a block wastes at most a fifth, and they lie in [`Pages`] of one class, so that growth never copies the arena.
//! The invariant: a block is handed out to one owner until it is freed; its words are then of no meaning.

use std::io;

use super::pages::Pages;
use crate::snapshot::{Fault, Freeze, Noted, Owners, Reader, Room, Writer, sure};

/// Words per page of small blocks: 32 KiB.
const PAGE_WORDS: usize = 4096;

/// Larger classes are beyond all memory.
const CLASSES_MAX: u64 = 150;

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    class: u8,
    index: u32,
}

impl Block {
    /// As one word of a key's record.
    pub(super) fn pack(self) -> u64 {
        u64::from(self.class) << 32 | u64::from(self.index)
    }

    /// Back from [`Block::pack`].
    pub(super) fn unpack(word: u64) -> Block {
        Block {
            class: (word >> 32) as u8,
            index: word as u32,
        }
    }

    /// Words in it.
    pub(super) fn words(self) -> usize {
        class_words(usize::from(self.class))
    }
}

/// All blocks of one group.
#[derive(Debug, Default)]
pub(super) struct Arena {
    classes: Vec<Pages>,
    head: Noted,
}

/// Size of the blocks of a class.
fn class_words(class: usize) -> usize {
    match class.checked_sub(4) {
        None => class + 1,
        Some(behind) => (5 + behind % 4) << (behind / 4),
    }
}

/// The smallest class whose blocks hold this many words.
fn class_of(words: usize) -> usize {
    if words <= 4 {
        return words.saturating_sub(1);
    }
    // From more than 4 to 8 of a power of two.
    let log = (words - 1).ilog2() as usize - 2;
    4 * log + words.div_ceil(1 << log) - 1
}

/// Words of the block that holds this many.
pub(super) fn block_words(words: usize) -> usize {
    class_words(class_of(words))
}

/// Words of a block of a class, and the logarithm of how many blocks a page of it has.
fn shape(class: usize) -> (usize, u32) {
    let words = class_words(class);
    (words, (PAGE_WORDS / words).max(1).ilog2())
}

impl Arena {
    /// A block of at least this many words, their content of no meaning.
    pub(super) fn take(&mut self, words: usize) -> Block {
        let class = class_of(words);
        while self.classes.len() <= class {
            let (words, shift) = shape(self.classes.len());
            self.classes.push(Pages::new(words, shift));
        }
        Block {
            class: class as u8,
            index: self.classes[class].take(|_| {}),
        }
    }

    /// Gives a block back.
    pub(super) fn free(&mut self, block: Block) {
        self.classes[usize::from(block.class)].free(block.index);
    }

    /// The words of a block.
    #[inline]
    pub(super) fn get(&self, block: Block) -> &[u64] {
        self.classes[usize::from(block.class)].get(block.index)
    }

    /// The words of a block, to write.
    #[inline]
    pub(super) fn get_mut(&mut self, block: Block) -> &mut [u64] {
        self.classes[usize::from(block.class)].get_mut(block.index)
    }

    /// A larger or smaller block with the words `range` of the old one at its beginning; the old one is freed.
    pub(super) fn replace(
        &mut self,
        old: Block,
        words: usize,
        range: std::ops::Range<usize>,
    ) -> Block {
        let new = self.take(words);
        if new.class == old.class {
            let copy = self.get(old)[range].to_vec();
            self.get_mut(new)[..copy.len()].copy_from_slice(&copy);
        } else {
            let (old_class, new_class) = (usize::from(old.class), usize::from(new.class));
            let (lower, upper) = self.classes.split_at_mut(old_class.max(new_class));
            let (from, to) = match old_class < new_class {
                true => (&lower[old_class], &mut upper[0]),
                false => (&upper[0], &mut lower[new_class]),
            };
            let source = &from.get(old.index)[range];
            to.get_mut(new.index)[..source.len()].copy_from_slice(source);
        }
        self.free(old);
        new
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        self.classes.iter().map(Pages::bytes).sum()
    }

    /// Back from [`Freeze::write`].
    pub(super) fn restore(from: &mut Reader<'_>) -> Result<Arena, Fault> {
        let classes = from.number(CLASSES_MAX, "there are too many sizes of blocks")?;
        let class = |class| {
            let (words, shift) = shape(class as usize);
            Pages::restore(words, shift, from, |_| {})
        };
        let classes: Result<_, Fault> = (0..classes).map(class).collect();
        Ok(Arena {
            classes: classes?,
            head: Noted::default(),
        })
    }
}

/// How many classes, then each as its pages. Classes that come later are not frozen.
impl Freeze for Arena {
    fn freeze(&mut self) {
        let count = self.classes.len() as u64;
        self.head.note(|to| to.word(count));
        self.classes.iter_mut().for_each(Freeze::freeze);
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        self.head.write(room, to)?;
        for class in &mut self.classes {
            if !class.write(room, to)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn thaw(&mut self) {
        self.head.forget();
        self.classes.iter_mut().for_each(Freeze::thaw);
    }
}

/// Which blocks have been claimed, of an arena that was restored.
pub(super) struct Blocks {
    classes: Vec<Owners>,
}

impl Blocks {
    pub(super) fn new(arena: &Arena) -> Blocks {
        let classes = arena.classes.iter();
        Blocks {
            classes: classes.map(|c| Owners::new(c.count() as usize)).collect(),
        }
    }

    /// The block of this word, which nobody else has.
    pub(super) fn claim(&mut self, word: u64, arena: &Arena) -> Result<Block, Fault> {
        let block = Block::unpack(word);
        let class = usize::from(block.class);
        let owned = arena.classes.get(class).filter(|c| c.is_owned(block.index));
        match self.classes.get_mut(class) {
            Some(owners) if owned.is_some() && block.pack() == word => {
                owners.claim(block.index.into())?;
            }
            _ => return Err(Fault::Wrong("a block is nowhere")),
        }
        Ok(block)
    }

    /// All blocks must have been claimed.
    pub(super) fn settle(&self, arena: &Arena) -> Result<(), Fault> {
        let mut classes = self.classes.iter().zip(&arena.classes);
        let all = |(owners, class): (&Owners, &Pages)| owners.claimed() == class.owned() as usize;
        sure(classes.all(all), "a block has no owner")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_smallest_that_holds_the_words() {
        for words in 1..5000 {
            let class = class_of(words);
            assert!(class_words(class) >= words, "{words}");
            assert!(class == 0 || class_words(class - 1) < words, "{words}");
        }
    }

    #[test]
    fn blocks_do_not_overlap_and_are_reused() {
        let mut arena = Arena::default();
        let blocks: Vec<Block> = (0..500).map(|i| arena.take(1 + i % 40)).collect();
        for (i, block) in blocks.iter().enumerate() {
            arena.get_mut(*block).fill(i as u64);
        }
        for (i, block) in blocks.iter().enumerate() {
            assert!(arena.get(*block).iter().all(|w| *w == i as u64));
            assert_eq!(Block::unpack(block.pack()), *block);
        }
        let bytes = arena.bytes();
        let moved = arena.replace(blocks[3], 30, 1..4);
        assert_eq!(arena.get(moved)[..3], [3, 3, 3]);
        arena.free(moved);
        arena.take(30);
        assert_eq!(arena.bytes(), bytes);
    }

    #[test]
    fn a_large_block_gives_its_memory_back() {
        let mut arena = Arena::default();
        let block = arena.take(100_000);
        assert!(arena.bytes() >= 800_000);
        arena.free(block);
        assert!(arena.bytes() < 10_000);
        let again = arena.take(100_000);
        assert_eq!(arena.get(again).len(), class_words(class_of(100_000)));
    }
}
