//! What things held at one moment, written little by little while they go on changing.
//!
//! The idea: copying all of a state would hold everybody up, so it is *frozen*, which copies next to nothing, and then
//! written a stretch at a time between steps. Whoever changes a thing that is not written yet first keeps it as it was; so
//! the price of a change is one copy of what is changed, once, and nothing at all while nobody writes. The invariant: what
//! is written is what was there when it was frozen, byte for byte, however much happens in between.

use std::io;
use std::ops::Range;

use ahash::RandomState;
use hashbrown::HashMap;

use super::Writer;
use super::bits;

/// Something that can be frozen. Of a whole, the parts are written one after the other.
pub(crate) trait Freeze {
    /// From now on [`Freeze::write`] writes what there is now.
    fn freeze(&mut self);

    /// Writes on as long as there is room; whether nothing is left to write, which thaws it. What is not frozen has
    /// nothing to write.
    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool>;

    /// Gives up what is not written.
    fn thaw(&mut self);
}

/// Bytes that may still be written.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn new(bytes: usize) -> Room {
        Room(bytes)
    }

    pub(crate) fn is_left(&self) -> bool {
        self.0 > 0
    }

    /// How many things of so many bytes have room: one at least, or there would be no end.
    pub(crate) fn most(&self, bytes: usize) -> usize {
        (self.0 / bytes.max(1)).max(1)
    }

    /// So many bytes were written, perhaps some too many.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }
}

/// The beginning of something: few bytes, noted when it is frozen.
#[derive(Debug, Default)]
pub(crate) struct Noted(Option<Vec<u8>>);

impl Noted {
    /// Notes what is written here.
    pub(crate) fn note(&mut self, write: impl FnOnce(&mut Writer<'_>) -> io::Result<()>) {
        let mut bytes = Vec::new();
        // To memory nothing fails; a beginning that is too short would be refused when it is read.
        let _ = write(&mut Writer::new(&mut bytes));
        self.0 = Some(bytes);
    }

    /// Writes it, once.
    pub(crate) fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<()> {
        let Some(bytes) = self.0.take() else {
            return Ok(());
        };
        room.take(bytes.len());
        to.raw(&bytes)
    }

    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

/// Things by number, some of which were there when they were frozen.
#[derive(Debug)]
pub(crate) struct Frozen<K> {
    head: Noted,
    /// All below this are written.
    next: usize,
    count: usize,
    /// A bit for each that was there.
    there: Vec<u64>,
    /// A bit for each that is as it was.
    same: Vec<u64>,
    /// The others, as they were, until they are written.
    kept: HashMap<u32, K, RandomState>,
}

/// What is written next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<K> {
    /// These, which are as they were.
    Same(Range<usize>),
    /// One that was like this.
    Kept(K),
}

impl<K> Frozen<K> {
    /// So many numbers, of which those are there that have a bit; behind a beginning.
    pub(crate) fn new(head: Noted, there: Vec<u64>, count: usize) -> Frozen<K> {
        Frozen {
            head,
            next: 0,
            count,
            same: there.clone(),
            there,
            // Nobody chooses these numbers, and nobody sees their order.
            kept: HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4)),
        }
    }

    /// The same of things that are all there.
    pub(crate) fn of_all(head: Noted, count: usize) -> Frozen<K> {
        Frozen::new(head, vec![u64::MAX; count.div_ceil(64)], count)
    }

    /// Keeps a thing that is about to change, unless that is not needed (any more).
    pub(crate) fn keep(&mut self, number: u32, was: impl FnOnce() -> K) {
        let at = number as usize;
        if at < self.next || at >= self.count || self.same[at / 64] >> (at % 64) & 1 == 0 {
            return;
        }
        self.same[at / 64] &= !(1 << (at % 64));
        self.kept.insert(number, was());
    }

    /// Writes the beginning if that is still to be done.
    pub(crate) fn begin(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<()> {
        self.head.write(room, to)
    }

    /// What is written next, at most so many at once; `None` behind the last.
    pub(crate) fn next(&mut self, most: usize) -> Option<Next<K>> {
        let from = bits::next(&self.there, self.next, true, self.count);
        if from == self.count {
            return None;
        }
        if let Some(kept) = self.kept.remove(&(from as u32)) {
            self.next = from + 1;
            return Some(Next::Kept(kept));
        }
        let end = self.count.min(from + most);
        self.next = bits::next(&self.same, from, false, end);
        Some(Next::Same(from..self.next))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::snapshot::dice::Dice;

    /// Numbers that change at random while they are written, against a copy.
    #[test]
    fn what_is_written_is_what_was_there() {
        let mut kept = 0;
        for seed in 0..200 {
            let dice = &mut Dice::new(seed);
            let count = dice.index(300);
            let mut things: Vec<u64> = (0..count as u64).collect();
            let mut there = vec![0u64; count.div_ceil(64)];
            (0..count)
                .filter(|_| dice.once_in(2))
                .for_each(|at| there[at / 64] |= 1 << (at % 64));
            let is_there = |at: &usize| there[at / 64] >> (at % 64) & 1 == 1;
            let wanted: Vec<u64> = (0..count).filter(is_there).map(|at| things[at]).collect();
            let mut frozen = Frozen::new(Noted::default(), there.clone(), count);
            let mut got = Vec::new();
            loop {
                for _ in 0..dice.index(6) {
                    // Also of numbers that came later.
                    let at = dice.index(count + 9);
                    frozen.keep(at as u32, || things[at]);
                    if let Some(thing) = things.get_mut(at) {
                        *thing += 1_000;
                    }
                }
                match frozen.next(1 + dice.index(70)) {
                    None => break,
                    Some(Next::Same(range)) => got.extend_from_slice(&things[range]),
                    Some(Next::Kept(was)) => {
                        kept += 1;
                        got.push(was);
                    }
                }
            }
            assert_eq!(got, wanted, "seed {seed}");
        }
        assert!(kept > 1_000, "{kept}");
    }

    #[test]
    fn a_beginning_is_written_once_and_takes_room() {
        let (mut noted, mut room, mut bytes) = (Noted::default(), Room::new(20), Vec::new());
        noted.note(|to| to.words(&[1, 2]));
        noted
            .write(&mut room, &mut Writer::new(&mut bytes))
            .unwrap();
        assert_eq!((bytes.len(), room.most(2), room.is_left()), (16, 2, true));
        noted
            .write(&mut room, &mut Writer::new(&mut bytes))
            .unwrap();
        room.take(9);
        assert_eq!((bytes.len(), room.most(2), room.is_left()), (16, 1, false));
    }
}
