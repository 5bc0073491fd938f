//! Events that come in order, as most do: put behind all others of their key in one pass.
//!
//! The idea: the row is put in first, and then each window moves once and takes it on its way. The invariant: what
//! [`Store::append`] leaves is what [`Store::seek`] and [`Store::insert`] would.

use super::arena::Block;
use super::layout::{NEWEST, OLDEST, RING, ROWS, TIME, VACANT, WindowLayout};
use super::row::{Place, RowLayout, Rows, bit};
use super::store::{Cursor, Store, halves, pair};
use crate::aggregate::cell::{Cell, Kind};
use crate::aggregate::sum;
use crate::time::EventTime;
use crate::window::Window;

/// A running value that only counts and adds, found in a row without a look at what it is for.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// Its words in a record.
    at: usize,
    filter: Option<usize>,
    /// Flag of the rows that have its value; without one all have.
    present: Option<usize>,
    /// What it adds up besides.
    adds: Adds,
}

/// What a [`Counter`] adds up besides events.
#[derive(Clone, Copy, Debug)]
enum Adds {
    Nothing,
    /// The value at this word of a row.
    Value(usize),
    /// The rows with this flag.
    Flag(usize),
}

impl Counter {
    /// One more for this cell; none at all if it does more than count.
    pub(super) fn add(mut all: Vec<Counter>, cell: &Cell, row: &RowLayout) -> Option<Vec<Counter>> {
        let (input, adds) = match &cell.kind {
            Kind::Events => (None, Adds::Nothing),
            Kind::Present(input) => (Some(*input), Adds::Nothing),
            Kind::Ints {
                input,
                squares: false,
            } => match row.places[*input] {
                Place::Word(at) => (Some(*input), Adds::Value(at)),
                _ => return None,
            },
            Kind::Share(input) => match row.places[*input] {
                Place::Bit(flag) => (Some(*input), Adds::Flag(flag)),
                _ => return None,
            },
            _ => return None,
        };
        all.push(Counter {
            at: cell.at,
            filter: cell.filter,
            present: input.map(|input| row.present_bit(input)),
            adds,
        });
        Some(all)
    }

    #[inline]
    fn takes(&self, row: &[u64]) -> bool {
        self.present.is_none_or(|flag| bit(row, flag))
            && self.filter.is_none_or(|flag| bit(row, flag))
    }

    #[inline]
    fn enter(&self, row: &[u64], record: &mut [u64]) {
        if self.takes(row) {
            record[self.at] += 1;
            match self.adds {
                Adds::Nothing => {}
                Adds::Value(at) => sum::add(&mut record[self.at..], row[at], false),
                Adds::Flag(flag) => record[self.at + 1] += u64::from(bit(row, flag)),
            }
        }
    }

    #[inline]
    fn leave(&self, row: &[u64], record: &mut [u64]) {
        if self.takes(row) {
            record[self.at] -= 1;
            match self.adds {
                Adds::Nothing => {}
                Adds::Value(at) => sum::add(&mut record[self.at..], row[at], true),
                Adds::Flag(flag) => record[self.at + 1] -= u64::from(bit(row, flag)),
            }
        }
    }
}

/// Whether time alone says where a window begins and ends.
pub(super) fn is_sliding(window: Window) -> bool {
    matches!(window, Window::Sliding { .. })
}

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

    /// As [`Store::seek`] and [`Store::insert`] one after the other, for an event that comes behind all others and has
    /// room: one move of each window does it.
    pub(super) fn append(&mut self, key: u32, t: EventTime, row: &[u64]) {
        let layout = &self.layout;
        let record = self.keys.record_mut(key);
        let (head, tail) = halves(record[ROWS]);
        let words = self.arena.get_mut(Block::unpack(record[RING]));
        let from = tail as usize * layout.row.width;
        words[from..from + row.len()].copy_from_slice(row);
        record[ROWS] = pair(head, tail + 1);
        if tail == head {
            record[OLDEST] = t.0.cast_unsigned();
        }
        record[NEWEST] = t.0.cast_unsigned();
        record[TIME] = t.0.cast_unsigned();
        self.events += 1;
        let rows = Rows::new(words, &layout.row);
        for window in &layout.windows {
            if let Some(counters) = &window.counters {
                slide(window, counters, rows, record, (t, tail + 1));
                continue;
            }
            let mut cursor = Cursor::new(window, layout, rows, record, &mut self.heap);
            cursor.forward(t, tail + 1);
            cursor.save();
        }
    }
}

/// Moves a window that has only counters forward to a time before which there are so many rows.
#[inline]
fn slide(
    window: &WindowLayout,
    counters: &[Counter],
    rows: Rows<'_>,
    record: &mut [u64],
    (t, tail): (EventTime, u32),
) {
    let (mut low, mut high) = halves(record[window.at]);
    let end = window.window.end(t);
    while high < tail && rows.time(high) <= end {
        let row = rows.row(high);
        for counter in counters {
            counter.enter(row, record);
        }
        high += 1;
    }
    let start = window.window.start(t).unwrap_or(EventTime::MIN);
    while low < high && rows.time(low) <= start {
        let row = rows.row(low);
        for counter in counters {
            counter.leave(row, record);
        }
        low += 1;
    }
    record[window.at] = pair(low, high);
}
