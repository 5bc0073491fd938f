//! The keys of a group as bytes: small ones and records as they lie; the table is made anew.
//!
//! ```text
//! per class of small keys its pages | records handed out | which are free … | the words of the others …
//! ```
//!
//! The invariant: every key has its number again, and the next ones taken are the same, because the order in which a
//! sweep comes by keys shows in what is forgotten.

use std::io;

use super::{CLASS_SHIFT, Keys, LARGE, PAGE_SHIFT, Records, identity_of, key_of};
use crate::snapshot::bits::runs;
use crate::snapshot::{Fault, Freeze, Frozen, Next, Noted, Owners, Reader, Room, Writer};
use crate::state::identity::Identities;
use crate::state::layout::{FLAGS, VACANT};
use crate::state::seed::HashSeed;
use crate::state::small::{Bodies, Shapes};
use crate::state::table::Table;

/// Records of a page, a bit of a word each.
const PAGE: usize = 1 << PAGE_SHIFT;

impl Keys {
    /// Back from [`Freeze::write`]; keys are found from [`Keys::index`] on.
    pub(in crate::state) fn restore(
        stride: usize,
        shapes: Shapes,
        seed: HashSeed,
        from: &mut Reader<'_>,
    ) -> Result<Keys, Fault> {
        let bodies = Bodies::restore(shapes, from)?;
        let count = from.number((1 << CLASS_SHIFT) - 1, "there are too many records")? as u32;
        let free = from.halves()?;
        let mut records = Records {
            stride,
            pages: Vec::new(),
            count,
            frozen: None,
        };
        let mut vacant = Owners::new(count as usize);
        free.iter()
            .try_for_each(|index| vacant.claim((*index).into()))?;
        let owned = u64::from(count) - vacant.claimed() as u64;
        from.expect(owned, stride as u64)?;
        for owners in records.owners(&free) {
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
    /// A bit for each that is not vacant. Of them none is looked at: there are many.
    fn owners(&self, free: &[u32]) -> Vec<u64> {
        let count = self.count as usize;
        let mut owners = vec![u64::MAX; count.div_ceil(PAGE)];
        let vacant = free
            .iter()
            .map(|index| *index as usize)
            .chain(count..owners.len() * PAGE);
        vacant.for_each(|index| owners[index / PAGE] &= !(1 << (index % PAGE)));
        owners
    }
}

impl Freeze for Keys {
    fn freeze(&mut self) {
        self.bodies.freeze();
        let (records, free) = (&mut self.records, &self.free);
        let mut head = Noted::default();
        head.note(|to| {
            to.word(records.count.into())?;
            to.halves(free)
        });
        let frozen = Frozen::new(head, records.owners(free), records.count as usize);
        records.frozen = Some(Box::new(frozen));
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        if !self.bodies.write(room, to)? {
            return Ok(false);
        }
        let Records {
            stride,
            pages,
            frozen: cell,
            ..
        } = &mut self.records;
        let Some(frozen) = cell else {
            return Ok(true);
        };
        frozen.begin(room, to)?;
        while room.is_left() {
            match frozen.next(room.most(8 * *stride).min(PAGE)) {
                None => {
                    *cell = None;
                    return Ok(true);
                }
                Some(Next::Kept(record)) => {
                    room.take(8 * *stride);
                    to.words(&record)?;
                }
                Some(Next::Same(range)) => {
                    room.take(8 * *stride * range.len());
                    for index in range {
                        let at = index % PAGE * *stride;
                        to.words(&pages[index / PAGE][at..at + *stride])?;
                    }
                }
            }
        }
        Ok(false)
    }

    fn thaw(&mut self) {
        self.bodies.thaw();
        self.records.frozen = None;
    }
}
