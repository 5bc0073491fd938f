//! Pieces of memory of one size, in pages: taken and freed by number.
//!
//! The idea: the lowest free piece is taken first, so that the last pages become empty, and a page nobody has a piece of
//! gives its memory back. The invariant: a piece has one owner until it is freed; pieces with memory never move.

mod save;

use crate::snapshot::Frozen;

/// Pieces of one size.
#[derive(Debug)]
pub(super) struct Pages {
    /// Words of a piece.
    words: usize,
    /// A page has `1 << shift` pieces.
    shift: u32,
    pages: Vec<Page>,
    /// No page before this one has a free piece.
    lowest: usize,
    /// Pieces that have an owner.
    owned: u32,
    /// Numbers handed out so far are below this.
    count: u32,
    /// Pages that have memory.
    allocated: usize,
    /// The last page that lost its last owner.
    spare: Option<usize>,
    /// While they are written: what changed meanwhile.
    frozen: Option<Box<Frozen<Box<[u64]>>>>,
}

#[derive(Debug, Default)]
struct Page {
    /// None while nobody owns any.
    words: Box<[u64]>,
    /// Pieces that have an owner.
    owned: u32,
    /// A bit for each that has one.
    owners: Box<[u64]>,
}

impl Page {
    /// The first piece that has no owner.
    fn first_free(&self) -> u32 {
        let owners = self.owners.iter().zip(0..);
        let mut free = owners.filter(|(owners, _)| **owners != u64::MAX);
        free.next()
            .map_or(0, |(owners, word)| 64 * word + owners.trailing_ones())
    }

    fn set_owned(&mut self, piece: u32, owned: bool) {
        let bit = 1 << (piece % 64);
        let owners = &mut self.owners[(piece / 64) as usize];
        if owned {
            (*owners, self.owned) = (*owners | bit, self.owned + 1);
        } else {
            (*owners, self.owned) = (*owners & !bit, self.owned - 1);
        }
    }
}

impl Pages {
    /// None yet, of so many words each, `1 << shift` to a page.
    pub(super) fn new(words: usize, shift: u32) -> Pages {
        Pages {
            words,
            shift,
            pages: Vec::new(),
            lowest: 0,
            owned: 0,
            count: 0,
            allocated: 0,
            spare: None,
            frozen: None,
        }
    }

    /// The lowest free piece, its words of no meaning; `begin` has all words of its page first if they are new.
    pub(super) fn take(&mut self, begin: impl FnOnce(&mut [u64])) -> u32 {
        let full = |page: &Page| page.owned == 1 << self.shift;
        while self.pages.get(self.lowest).is_some_and(full) {
            self.lowest += 1;
        }
        if self.lowest == self.pages.len() {
            self.pages.push(Page {
                owners: vec![0; (1usize << self.shift).div_ceil(64)].into_boxed_slice(),
                ..Page::default()
            });
        }
        let page = &mut self.pages[self.lowest];
        if page.words.is_empty() {
            page.words = vec![0; self.words << self.shift].into_boxed_slice();
            begin(&mut page.words);
            self.allocated += 1;
        }
        let piece = page.first_free();
        page.set_owned(piece, true);
        self.owned += 1;
        let index = (self.lowest as u32) << self.shift | piece;
        self.count = self.count.max(index + 1);
        index
    }

    /// Gives a piece back.
    pub(super) fn free(&mut self, index: u32) {
        if self.frozen.is_some() {
            self.keep(index);
        }
        let at = (index >> self.shift) as usize;
        self.owned -= 1;
        self.lowest = self.lowest.min(at);
        let page = &mut self.pages[at];
        page.set_owned(index & ((1 << self.shift) - 1), false);
        if page.owned > 0 {
            return;
        }
        // One empty page is kept, or a piece that comes and goes would take and give back a page every time. A piece
        // that is a page by itself is worth that.
        let gone = match self.shift {
            0 => Some(at),
            _ => self.spare.replace(at).filter(|spare| *spare != at),
        };
        if let Some(page) = gone.and_then(|gone| self.pages.get_mut(gone))
            && page.owned == 0
            && !page.words.is_empty()
        {
            page.words = Box::default();
            self.allocated -= 1;
        }
    }

    /// Where a piece is: its page, and the first of its words there.
    #[inline]
    fn place(&self, index: u32) -> (usize, usize) {
        let within = index & ((1 << self.shift) - 1);
        ((index >> self.shift) as usize, within as usize * self.words)
    }

    /// A piece that has an owner.
    #[inline]
    pub(super) fn get(&self, index: u32) -> &[u64] {
        let (page, at) = self.place(index);
        &self.pages[page].words[at..at + self.words]
    }

    /// A piece that has an owner, to change.
    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut [u64] {
        if self.frozen.is_some() {
            self.keep(index);
        }
        let (page, at) = self.place(index);
        &mut self.pages[page].words[at..at + self.words]
    }

    /// A piece if there is memory for it, whether somebody owns it or not.
    #[inline]
    pub(super) fn find(&self, index: u32) -> Option<&[u64]> {
        let (page, at) = self.place(index);
        self.pages.get(page)?.words.get(at..at + self.words)
    }

    /// The same to change, if it is the one that is meant; it must have an owner then.
    #[inline]
    pub(super) fn find_mut(
        &mut self,
        index: u32,
        is_meant: impl Fn(&[u64]) -> bool,
    ) -> Option<&mut [u64]> {
        if self.frozen.is_some() && self.find(index).is_some_and(&is_meant) {
            self.keep(index);
        }
        let (page, at) = self.place(index);
        let words = self
            .pages
            .get_mut(page)?
            .words
            .get_mut(at..at + self.words)?;
        is_meant(words).then_some(words)
    }

    /// The first number from this on that a walk has to look at: pages without an owner are passed over.
    pub(super) fn next(&self, mut index: u32) -> Option<u32> {
        while index < self.count {
            let page = index >> self.shift;
            if self.pages[page as usize].owned > 0 {
                return Some(index);
            }
            index = (page + 1) << self.shift;
        }
        None
    }

    /// Pieces that have an owner.
    pub(super) fn owned(&self) -> u32 {
        self.owned
    }

    /// Numbers handed out so far are below this.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        let owners = (1usize << self.shift).div_ceil(64) * 8;
        self.allocated * (self.words << self.shift) * 8
            + self.pages.capacity() * size_of::<Page>()
            + self.pages.len() * owners
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Pieces taken and freed at random, against a set of numbers.
    #[test]
    fn the_lowest_is_taken_first_and_empty_pages_go() {
        for shift in [0, 1, 5, 6, 7, 9] {
            let (mut pages, mut owned) = (Pages::new(3, shift), BTreeSet::new());
            let mut x = 7u64;
            for round in 0..6_000 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let wants = if round < 3_000 { 6 } else { 3 };
                if (x >> 33) % 10 < wants {
                    let lowest = (0..).find(|index| !owned.contains(index));
                    let index = pages.take(|words| words.fill(9));
                    assert_eq!(Some(index), lowest, "shift {shift}, round {round}");
                    pages.get_mut(index).fill(index.into());
                    owned.insert(index);
                } else if !owned.is_empty() {
                    let nth = (x >> 40) as usize % owned.len();
                    let index = *owned.iter().nth(nth).unwrap_or(&0);
                    assert_eq!(pages.get(index), [u64::from(index); 3]);
                    pages.free(index);
                    owned.remove(&index);
                }
                let used: BTreeSet<u32> = owned.iter().map(|index| index >> shift).collect();
                let spare = usize::from(shift > 0);
                assert!(
                    pages.allocated <= used.len() + spare,
                    "shift {shift}, round {round}"
                );
                assert_eq!(pages.owned() as usize, owned.len());
                assert_eq!(
                    pages.next(0).map(|index| index >> shift),
                    used.first().copied()
                );
            }
        }
    }
}
