//! The keys of a group as bytes: small ones and records as they lie; the table is made anew.
//!
//! ```text
//! per class of small keys its pages | records handed out | which are free … | which are not … | their words …
//! ```
//!
//! The invariant: every key has its number again, and the next ones taken are the same, because the order in which a
//! sweep comes by keys shows in what is forgotten.

use std::io;

use super::{CLASS_SHIFT, Keys, LARGE, PAGE_SHIFT, Records, identity_of, key_of};
use crate::snapshot::{Fault, Owners, Reader, Writer, sure};
use crate::state::identity::Identities;
use crate::state::layout::{FLAGS, VACANT};
use crate::state::pages::runs;
use crate::state::seed::HashSeed;
use crate::state::small::{Bodies, Shapes};
use crate::state::table::Table;

/// Records of a page, a bit of a word each.
const PAGE: usize = 1 << PAGE_SHIFT;

impl Keys {
    pub(in crate::state) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        self.bodies.save(to)?;
        to.word(self.records.count.into())?;
        to.halves(&self.free)?;
        let words = self.records.stride;
        let owners: Vec<u64> = (0..self.records.pages.len())
            .map(|page| self.records.owners(page))
            .collect();
        to.words(&owners)?;
        for (page, owners) in self.records.pages.iter().zip(owners) {
            for (from, end) in runs(&[owners], PAGE) {
                to.words(&page[from * words..end * words])?;
            }
        }
        Ok(())
    }

    /// Back from [`Keys::save`]; keys are found from [`Keys::index`] on.
    pub(in crate::state) fn restore(
        stride: usize,
        shapes: Shapes,
        seed: HashSeed,
        from: &mut Reader<'_>,
    ) -> Result<Keys, Fault> {
        let bodies = Bodies::restore(shapes, from)?;
        let count = from.number((1 << CLASS_SHIFT) - 1, "there are too many records")? as u32;
        let free = from.halves()?;
        let owners = from.words((count as usize).div_ceil(PAGE))?;
        let mut records = Records {
            stride,
            pages: Vec::new(),
            count,
        };
        records.check(&owners, &free)?;
        for owners in owners {
            from.expect(owners.count_ones().into(), stride as u64)?;
            let mut page = vec![0; stride << PAGE_SHIFT].into_boxed_slice();
            for record in page.chunks_mut(stride) {
                record[FLAGS] = VACANT;
            }
            for (first, end) in runs(&[owners], PAGE) {
                from.fill(&mut page[first * stride..end * stride])?;
            }
            records.pages.push(page);
        }
        Ok(Keys {
            identities: Identities::new(seed),
            bodies,
            table: Table::new(),
            free,
            records,
        })
    }

    /// The indices of all records, in order.
    pub(in crate::state) fn each_record(&self) -> impl Iterator<Item = u32> {
        (0..self.records.count).filter(|index| !self.is_vacant(key_of(LARGE, *index)))
    }

    /// Makes all keys known that are there.
    pub(in crate::state) fn index(&mut self) {
        let small = (0..self.bodies.classes()).flat_map(|class| {
            let owned = self.bodies.each_owned(class);
            owned.map(move |index| key_of(class, index))
        });
        let large = self.each_record().map(|index| key_of(LARGE, index));
        let all: usize = (0..self.bodies.classes())
            .map(|class| self.bodies.owned(class) as usize)
            .sum();
        let mut table = Table::with_room(all + self.large());
        for key in small.chain(large) {
            let identity = identity_of(&self.bodies, &self.records, key);
            // There is room for all, so no other hash is asked for.
            table.insert(self.identities.hash(identity), key, |_| 0);
        }
        self.table = table;
    }
}

impl Records {
    /// A bit for each record of a page that is not vacant.
    fn owners(&self, page: usize) -> u64 {
        let left = (self.count as usize - page * PAGE).min(PAGE);
        let records = self.pages[page].chunks(self.stride).take(left);
        let owned = records.enumerate().filter(|(_, r)| r[FLAGS] != VACANT);
        owned.fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// Whether each record has a key or is free, so that no memory is asked for that nobody had.
    fn check(&self, owners: &[u64], free: &[u32]) -> Result<(), Fault> {
        let mut all = Owners::new(self.count as usize);
        for (page, bits) in owners.iter().enumerate() {
            for (from, end) in runs(&[*bits], PAGE) {
                (from..end).try_for_each(|at| all.claim((page * PAGE + at) as u64))?;
            }
        }
        sure(
            all.claimed() + free.len() == self.count as usize,
            "a record is neither a key's nor free",
        )?;
        all.settle(free)
    }
}
