//! Pages as bytes: which pieces have an owner, and the words of these and no others.
//!
//! ```text
//! count | owners, a bit each … | per page the words of the pieces that have an owner, in order …
//! ```
//!
//! The idea: stretches of pieces that have owners are written at once, so a full page is one copy. The invariant: every
//! piece has its number again, and the next one taken is the same; a page nobody has a piece of has no memory.

use std::io;
use std::ops::Range;

use super::{Page, Pages};
use crate::snapshot::bits::{self, runs};
use crate::snapshot::{Fault, Freeze, Frozen, Next, Noted, Reader, Room, Writer, sure};

impl Pages {
    /// A piece is about to change, or to lose its owner.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, index: u32) {
        let (page, at) = self.place(index);
        let words = &self.pages[page].words;
        if let Some(frozen) = &mut self.frozen {
            frozen.keep(index, || words[at..at + self.words].into());
        }
    }

    /// A bit for each piece that has an owner.
    fn owners(&self) -> Vec<u64> {
        let (mut owners, count) = (Vec::new(), self.count as usize);
        for (at, page) in self.pages.iter().enumerate() {
            let first = at << self.shift;
            let pieces = count.saturating_sub(first).min(1 << self.shift);
            bits::append(&mut owners, first, &page.owners, pieces);
        }
        owners.truncate(count.div_ceil(64));
        owners
    }

    /// Back from [`Freeze::write`], of so many words each, `1 << shift` to a page; `begin` has all words of a page before
    /// its pieces are there.
    pub(in crate::state) fn restore(
        words: usize,
        shift: u32,
        from: &mut Reader<'_>,
        begin: impl Fn(&mut [u64]),
    ) -> Result<Pages, Fault> {
        let mut pages = Pages::new(words, shift);
        pages.count = from.number(u32::MAX.into(), "there are too many pieces")? as u32;
        pages.read_owners(from)?;
        for page in &mut pages.pages {
            from.expect(page.owned.into(), words as u64)?;
            if page.owned == 0 {
                continue;
            }
            page.words = vec![0; words << shift].into_boxed_slice();
            begin(&mut page.words);
            for (first, end) in runs(&page.owners, 1 << shift) {
                from.fill(&mut page.words[first * words..end * words])?;
            }
            pages.owned += page.owned;
            pages.allocated += 1;
        }
        Ok(pages)
    }

    fn read_owners(&mut self, from: &mut Reader<'_>) -> Result<(), Fault> {
        let (pieces, count) = (1usize << self.shift, self.count as usize);
        let owners = from.words(count.div_ceil(64))?;
        let beyond = bits::next(&owners, count, true, owners.len() * 64);
        sure(
            beyond == owners.len() * 64,
            "a piece beyond the last has an owner",
        )?;
        let pages = count.div_ceil(pieces);
        self.pages.reserve_exact(pages);
        for page in 0..pages {
            let owners = bits::part(&owners, page * pieces, pieces).into_boxed_slice();
            self.pages.push(Page {
                words: Box::default(),
                owned: owners.iter().map(|word| word.count_ones()).sum(),
                owners,
            });
        }
        Ok(())
    }

    /// The pieces that have an owner, in order.
    pub(in crate::state) fn each_owned(&self) -> impl Iterator<Item = u32> {
        self.pages.iter().enumerate().flat_map(move |(at, page)| {
            let first = at << self.shift;
            let runs = runs(&page.owners, 1 << self.shift);
            runs.flat_map(move |(from, end)| (from..end).map(move |piece| (first + piece) as u32))
        })
    }

    /// Whether a piece has an owner; also for a number that there is not.
    pub(in crate::state) fn is_owned(&self, index: u32) -> bool {
        let (page, piece) = (index >> self.shift, index & ((1 << self.shift) - 1));
        let page = self.pages.get(page as usize);
        page.is_some_and(|page| page.owners[(piece / 64) as usize] >> (piece % 64) & 1 == 1)
    }
}

impl Freeze for Pages {
    fn freeze(&mut self) {
        let (owners, count) = (self.owners(), self.count);
        let mut head = Noted::default();
        head.note(|to| {
            to.word(count.into())?;
            to.words(&owners)
        });
        let frozen = Frozen::new(head, owners, count as usize);
        self.frozen = Some(Box::new(frozen));
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(true);
        };
        frozen.begin(room, to)?;
        let (words, pieces) = (self.words, 1 << self.shift);
        while room.is_left() {
            match frozen.next(room.most(8 * words)) {
                None => {
                    self.frozen = None;
                    return Ok(true);
                }
                Some(Next::Kept(piece)) => {
                    room.take(8 * words);
                    to.words(&piece)?;
                }
                Some(Next::Same(Range { mut start, end })) => {
                    room.take(8 * words * (end - start));
                    while start < end {
                        let (page, first) = (start / pieces, start % pieces);
                        let last = pieces.min(first + end - start);
                        to.words(&self.pages[page].words[first * words..last * words])?;
                        start += last - first;
                    }
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
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::snapshot::dice::Dice;

    fn bytes(pages: &mut Pages) -> Vec<u8> {
        let mut bytes = Vec::new();
        pages.freeze();
        let (room, to) = (&mut Room::new(usize::MAX), &mut Writer::new(&mut bytes));
        assert!(pages.write(room, to).unwrap());
        bytes
    }

    fn read(mut bytes: &[u8], shift: u32) -> Result<Pages, Fault> {
        let length = bytes.len() as u64;
        let mut from = Reader::new(&mut bytes, length);
        let pages = Pages::restore(3, shift, &mut from, |words| words.fill(5))?;
        from.end().map(|()| pages)
    }

    #[test]
    fn pieces_come_back_under_their_numbers_and_so_does_the_next_one() {
        for shift in [0, 1, 5, 6, 7, 9] {
            let mut dice = Dice::new(shift.into());
            let mut pages = Pages::new(3, shift);
            let mut owned = Vec::new();
            for round in 0..2_000u64 {
                if owned.is_empty() || !dice.once_in(if round < 1_000 { 4 } else { 2 }) {
                    let index = pages.take(|words| words.fill(9));
                    pages.get_mut(index).fill(index.into());
                    owned.push(index);
                } else {
                    pages.free(owned.swap_remove(dice.index(owned.len())));
                }
                if round % 97 != 0 {
                    continue;
                }
                let saved = bytes(&mut pages);
                let mut again = read(&saved, shift).unwrap();
                assert_eq!(bytes(&mut again), saved);
                owned.sort_unstable();
                assert_eq!(again.each_owned().collect::<Vec<_>>(), owned);
                for index in &owned {
                    assert_eq!(again.get(*index), [u64::from(*index); 3]);
                }
                for _ in 0..5 {
                    let index = pages.take(|_| {});
                    assert_eq!(again.take(|_| {}), index);
                    assert_eq!(again.count(), pages.count());
                    pages.get_mut(index).fill(index.into());
                    owned.push(index);
                }
                for length in 0..saved.len().min(200) {
                    assert!(read(&saved[..length], shift).is_err());
                }
            }
        }
    }

    #[test]
    fn pieces_that_come_and_go_while_they_are_written_are_written_as_they_were() {
        for shift in [0, 1, 6] {
            let mut dice = Dice::new(shift.into());
            let mut pages = Pages::new(3, shift);
            let mut owned: Vec<u32> = (0..300).map(|_| pages.take(|_| {})).collect();
            for index in &owned {
                pages.get_mut(*index).fill(u64::from(*index));
            }
            let (saved, mut written) = (bytes(&mut pages), Vec::new());
            pages.freeze();
            loop {
                // More go than are written, so that pages give their memory back before.
                for _ in 0..owned.len().min(12) {
                    pages.free(owned.swap_remove(dice.index(owned.len())));
                }
                if dice.once_in(3) {
                    let index = pages.take(|_| {});
                    pages.get_mut(index).fill(7);
                    owned.push(index);
                }
                let (room, to) = (&mut Room::new(100), &mut Writer::new(&mut written));
                if pages.write(room, to).unwrap() {
                    break;
                }
            }
            assert!(written == saved, "shift {shift}");
        }
    }
}
