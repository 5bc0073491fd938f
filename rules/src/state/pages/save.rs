//! Pages as bytes: which pieces have an owner, and the words of these and no others.
//!
//! ```text
//! count | owners of each page … | per page the words of the pieces that have an owner, in order …
//! ```
//!
//! The idea: stretches of pieces that have owners are written at once, so a full page is one copy. The invariant: every
//! piece has its number again, and the next one taken is the same; a page nobody has a piece of has no memory.

use std::io;

use super::{Page, Pages};
use crate::snapshot::{Fault, Reader, Writer, sure};

impl Pages {
    pub(in crate::state) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.count.into())?;
        for page in &self.pages {
            to.words(&page.owners)?;
        }
        for page in &self.pages {
            for (from, end) in runs(&page.owners, 1 << self.shift) {
                to.words(&page.words[from * self.words..end * self.words])?;
            }
        }
        Ok(())
    }

    /// Back from [`Pages::save`], of so many words each, `1 << shift` to a page; `begin` has all words of a page before
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
        let pieces = 1usize << self.shift;
        let (count, words) = (self.count as usize, pieces.div_ceil(64));
        let pages = count.div_ceil(pieces);
        from.expect(pages as u64, words as u64)?;
        self.pages.reserve_exact(pages);
        for page in 0..pages {
            let owners = from.words(words)?.into_boxed_slice();
            let first_beyond = (count - page * pieces).min(pieces);
            let beyond = next(&owners, first_beyond, true, words * 64);
            sure(beyond == words * 64, "a piece beyond the last has an owner")?;
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

/// Stretches of set bits among the first so many, as `from..end`.
pub(in crate::state) fn runs(bits: &[u64], count: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = next(bits, at, true, count);
        at = next(bits, from, false, count);
        (from < at).then_some((from, at))
    })
}

/// The first bit from `at` on that is set, or is not; `count` if there is none before that.
fn next(bits: &[u64], mut at: usize, set: bool, count: usize) -> usize {
    while at < count {
        let word = if set { bits[at / 64] } else { !bits[at / 64] };
        let left = word >> (at % 64);
        if left != 0 {
            return count.min(at + left.trailing_zeros() as usize);
        }
        at = (at / 64 + 1) * 64;
    }
    count
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::snapshot::dice::Dice;

    fn bytes(pages: &Pages) -> Vec<u8> {
        let mut bytes = Vec::new();
        pages.save(&mut Writer::new(&mut bytes)).unwrap();
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
                let saved = bytes(&pages);
                let mut again = read(&saved, shift).unwrap();
                assert_eq!(bytes(&again), saved);
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
}
