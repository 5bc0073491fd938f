//! Blocks of 8-byte words in size classes: where rings of events and long keys live.
//!
//! The idea: a key's events are one block, addressed by class and index and never by a pointer, so that a snapshot can
//! later copy pages. Classes are 1, 2, 3, 4, 6, 8, 12, … words (powers of two and half-way between), so that a block
//! wastes at most a third, and pages of one class are allocated whole, so that growth never copies the arena.
//! The invariant: a block is handed out to one owner until it is freed; its words are then of no meaning.

/// Words per page of small blocks: 32 KiB.
const PAGE_WORDS: usize = 4096;

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
    classes: Vec<Class>,
    bytes: usize,
}

/// The blocks of one size.
#[derive(Debug)]
struct Class {
    words: usize,
    /// A page holds `1 << shift` blocks.
    shift: u32,
    pages: Vec<Box<[u64]>>,
    free: Vec<u32>,
    next: u32,
}

/// Size of the blocks of a class.
fn class_words(class: usize) -> usize {
    match (class, class % 2) {
        (0, _) => 1,
        (_, 1) => 1 << class.div_ceil(2),
        _ => 3 << (class / 2 - 1),
    }
}

/// The smallest class whose blocks hold this many words.
fn class_of(words: usize) -> usize {
    if words <= 1 {
        return 0;
    }
    let log = words.ilog2() as usize;
    if words == 1 << log {
        2 * log - 1
    } else if words <= 3 << (log - 1) {
        2 * log
    } else {
        2 * log + 1
    }
}

/// Words of the block that holds this many.
pub(super) fn block_words(words: usize) -> usize {
    class_words(class_of(words))
}

impl Arena {
    /// A block of at least this many words, their content of no meaning.
    pub(super) fn take(&mut self, words: usize) -> Block {
        let class = class_of(words);
        while self.classes.len() <= class {
            let words = class_words(self.classes.len());
            self.classes.push(Class {
                words,
                shift: (PAGE_WORDS / words).max(1).ilog2(),
                pages: Vec::new(),
                free: Vec::new(),
                next: 0,
            });
        }
        let c = &mut self.classes[class];
        let index = c.free.pop().unwrap_or_else(|| {
            c.next += 1;
            c.next - 1
        });
        let page = index as usize >> c.shift;
        if page == c.pages.len() {
            c.pages.push(Box::default());
        }
        if c.pages[page].is_empty() {
            c.pages[page] = vec![0; c.words << c.shift].into_boxed_slice();
            self.bytes += 8 * (c.words << c.shift);
        }
        Block {
            class: class as u8,
            index,
        }
    }

    /// Gives a block back. One that fills its page by itself gives its memory back too.
    pub(super) fn free(&mut self, block: Block) {
        let c = &mut self.classes[usize::from(block.class)];
        if c.shift == 0 {
            c.pages[block.index as usize] = Box::default();
            self.bytes -= 8 * c.words;
        }
        c.free.push(block.index);
    }

    /// The words of a block.
    #[inline]
    pub(super) fn get(&self, block: Block) -> &[u64] {
        let c = &self.classes[usize::from(block.class)];
        let at = (block.index as usize & ((1 << c.shift) - 1)) * c.words;
        &c.pages[block.index as usize >> c.shift][at..at + c.words]
    }

    /// The words of a block, to write.
    #[inline]
    pub(super) fn get_mut(&mut self, block: Block) -> &mut [u64] {
        let c = &mut self.classes[usize::from(block.class)];
        let at = (block.index as usize & ((1 << c.shift) - 1)) * c.words;
        &mut c.pages[block.index as usize >> c.shift][at..at + c.words]
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
            let (low, high) = (old.class.min(new.class), old.class.max(new.class));
            let (a, b) = self.classes.split_at_mut(usize::from(high));
            let (a, b) = (&mut a[usize::from(low)], &mut b[0]);
            let (from, to) = if old.class == low { (a, b) } else { (b, a) };
            let page = |c: &Class, index: u32| {
                (
                    index as usize >> c.shift,
                    (index as usize & ((1 << c.shift) - 1)) * c.words,
                )
            };
            let (from_page, from_at) = page(from, old.index);
            let (to_page, to_at) = page(to, new.index);
            let source = &from.pages[from_page][from_at + range.start..from_at + range.end];
            to.pages[to_page][to_at..to_at + source.len()].copy_from_slice(source);
        }
        self.free(old);
        new
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        let lists = |c: &Class| 16 * c.pages.capacity() + 4 * c.free.capacity();
        self.bytes + self.classes.iter().map(lists).sum::<usize>()
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
        let bytes = arena.bytes;
        let moved = arena.replace(blocks[3], 30, 1..4);
        assert_eq!(arena.get(moved)[..3], [3, 3, 3]);
        arena.free(moved);
        arena.take(30);
        assert_eq!(arena.bytes, bytes);
    }

    #[test]
    fn a_large_block_gives_its_memory_back() {
        let mut arena = Arena::default();
        let block = arena.take(100_000);
        assert!(arena.bytes >= 800_000);
        arena.free(block);
        assert_eq!(arena.bytes, 0);
        let again = arena.take(100_000);
        assert_eq!(arena.get(again).len(), class_words(class_of(100_000)));
    }
}
