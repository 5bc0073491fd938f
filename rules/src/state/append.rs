//! Events that come in order, as most do: put behind all others of their key in one pass.
//!
//! The idea: the row is put in first, and then each window moves once and takes it on its way. The invariant: what
//! [`Store::append`] leaves is what [`Store::seek`] and [`Store::insert`] would.

use super::arena::Block;
use super::layout::{NEWEST, OLDEST, RING, ROWS, TIME, VACANT};
use super::store::{Store, halves, pair};
use crate::time::EventTime;

impl Store {
    /// Whether an event of time `t` comes behind all others of a key, and nothing is asked before it is in.
    pub(super) fn in_order(&self, key: u32, t: EventTime) -> bool {
        let record = self.keys.record(key);
        let newest = record[NEWEST].cast_signed();
        t.0 >= newest && t.0 >= record[TIME].cast_signed()
    }

    /// Whether a row more needs room to be made, in the ring or in the budget.
    pub(super) fn is_full(&self, key: u32) -> bool {
        let record = self.keys.record(key);
        let (head, tail) = halves(record[ROWS]);
        let room = match record[RING] {
            VACANT => 0,
            block => Block::unpack(block).words() / self.layout.row.width,
        };
        tail as usize >= room || tail - head >= self.limits.events_per_key
    }

    /// As [`Store::seek`] and [`Store::insert`] one after the other, for an event that comes behind all others: one move
    /// of each window does it.
    pub(super) fn append(&mut self, key: u32, t: EventTime, row: &[u64]) {
        self.make_room(key, true);
        let record = self.keys.record_mut(key);
        let (head, tail) = halves(record[ROWS]);
        let from = tail as usize * self.layout.row.width;
        let words = self.arena.get_mut(Block::unpack(record[RING]));
        words[from..from + row.len()].copy_from_slice(row);
        record[ROWS] = pair(head, tail + 1);
        if tail == head {
            record[OLDEST] = t.0.cast_unsigned();
        }
        record[NEWEST] = t.0.cast_unsigned();
        record[TIME] = t.0.cast_unsigned();
        self.events += 1;
        self.move_windows(key, |cursor| cursor.forward(t, tail + 1));
    }
}
