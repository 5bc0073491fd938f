//! A group as bytes, one shard at a time, and back.
//!
//! ```text
//! swept | horizon | hand | clock | credit | keys and events evicted | heap … | keys … | blocks …
//! ```
//!
//! The idea: what is addressed by an index is written as it lies and read to where it was; then every key is looked at
//! once, which counts again what it holds and whom it points to, and makes the table anew. The invariant: a group that was
//! saved and restored answers whatever follows as one that was not, and forgets the same.

use std::io;

use super::arena::{Arena, Blocks};
use super::keys::Keys;
use super::layout::Layout;
use super::seed::HashSeed;
use super::shards::{self, Shard};
use super::small::{Scratch, Shapes};
use super::store::Store;
use super::{GroupPlan, GroupState};
use crate::aggregate::cell::Heap;
use crate::ruleset::Limits;
use crate::snapshot::{Fault, Freeze, Noted, Reader, Room, Writer};
use crate::time::EventTime;

/// More rows than there will ever be.
const ROWS_MAX: u64 = 1 << 62;

/// More places than a sweep ever has to look at on top: a few per row of a step.
const CREDIT_MAX: u64 = 1 << 24;

/// A shard that was read, to be put into its group.
#[derive(Debug)]
pub(crate) struct ShardRead(Shard);

impl GroupState {
    /// How many shards a group of this plan has.
    pub(crate) fn shards_of(plan: &GroupPlan) -> usize {
        shards::count(plan)
    }

    /// Rows taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Freezes all shards.
    ///
    /// # Errors
    /// When one is not there, as while shards are dealt out.
    pub(crate) fn freeze(&mut self) -> io::Result<()> {
        if self.shards.len() != shards::count(&self.plan) {
            return Err(absent());
        }
        self.shards
            .iter_mut()
            .for_each(|shard| shard.store.freeze());
        Ok(())
    }

    /// Writes on at a frozen shard; whether that was all of it.
    ///
    /// # Errors
    /// Those of the writer, and when there is no such shard.
    pub(crate) fn write_shard(
        &mut self,
        number: usize,
        room: &mut Room,
        to: &mut Writer<'_>,
    ) -> io::Result<bool> {
        let shard = self.shards.get_mut(number).ok_or_else(absent)?;
        shard.store.write(room, to)
    }

    /// Gives up what is not written.
    pub(crate) fn thaw(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.store.thaw());
    }

    /// Reads a shard that [`GroupState::write_shard`] wrote for the same plan under the same seed.
    pub(crate) fn restore_shard(
        plan: &GroupPlan,
        seed: HashSeed,
        from: &mut Reader<'_>,
    ) -> Result<ShardRead, Fault> {
        let store = Store::restore(Layout::new(plan), shards::limits(plan), seed, from)?;
        Ok(ShardRead(Shard {
            store,
            scratch: Scratch::default(),
            row: Vec::new(),
        }))
    }

    /// Takes a shard that was read for its own.
    pub(crate) fn put_shard(&mut self, number: usize, read: ShardRead) {
        if let Some(shard) = self.shards.get_mut(number) {
            *shard = read.0;
        }
    }

    /// Goes on after so many rows.
    pub(crate) fn went_on(&mut self, taken: u64) {
        self.taken = taken;
    }
}

impl Store {
    fn restore(
        layout: Layout,
        limits: Limits,
        seed: HashSeed,
        from: &mut Reader<'_>,
    ) -> Result<Store, Fault> {
        let swept = from.word()?.cast_signed();
        let horizon = EventTime(from.word()?.cast_signed());
        let place = |from: &mut Reader<'_>| from.number(u32::MAX.into(), "a place is none");
        let (hand, clock) = (place(from)? as u32, place(from)? as u32);
        let credit = from.number(CREDIT_MAX, "a sweep is too long")? as u32;
        let mut evicted = || from.number(ROWS_MAX, "more is gone than ever was");
        let (evicted_keys, evicted_events) = (evicted()?, evicted()?);
        let mut store = Store {
            heap: Heap::restore(seed, limits, from)?,
            keys: Keys::restore(layout.stride, Shapes::new(&layout), seed, from)?,
            arena: Arena::restore(from)?,
            layout,
            events: 0,
            swept,
            horizon,
            hand,
            credit,
            limits,
            clock,
            evicted_keys,
            evicted_events,
            head: Noted::default(),
        };
        store.settle()?;
        Ok(store)
    }

    /// Looks at every key, and makes what follows from them.
    fn settle(&mut self) -> Result<(), Fault> {
        let (mut claims, mut blocks) = (self.heap.claims(), Blocks::new(&self.arena));
        let (bodies, mut events) = (&self.keys.bodies, 0);
        for class in 0..bodies.classes() {
            for index in bodies.each_owned(class) {
                let key = (class, index);
                let rows = bodies.check(key, &self.layout, &self.heap, &mut claims)?;
                events += rows as usize;
            }
        }
        for index in self.keys.each_record() {
            events += self.check_record(index, &mut claims, &mut blocks)? as usize;
        }
        blocks.settle(&self.arena)?;
        self.heap.settle(claims)?;
        self.keys.index();
        self.events = events;
        Ok(())
    }
}

impl Freeze for Store {
    fn freeze(&mut self) {
        let mut head = Noted::default();
        head.note(|to| {
            to.word(self.swept.cast_unsigned())?;
            to.word(self.horizon.0.cast_unsigned())?;
            for number in [self.hand, self.clock, self.credit] {
                to.word(number.into())?;
            }
            to.word(self.evicted_keys)?;
            to.word(self.evicted_events)
        });
        self.head = head;
        self.heap.freeze();
        self.keys.freeze();
        self.arena.freeze();
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        self.head.write(room, to)?;
        Ok(self.heap.write(room, to)?
            && self.keys.write(room, to)?
            && self.arena.write(room, to)?)
    }

    fn thaw(&mut self) {
        self.head.forget();
        self.heap.thaw();
        self.keys.thaw();
        self.arena.thaw();
    }
}

fn absent() -> io::Error {
    io::Error::other("the shard is not there")
}

/// Reads how many rows a group has taken.
pub(crate) fn taken(from: &mut Reader<'_>) -> Result<u64, Fault> {
    from.number(ROWS_MAX, "there are too many rows")
}
