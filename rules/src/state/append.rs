//! Events that come in order, as most do: put behind all others of their key in one pass.
//!
//! The idea: the row is put in first, and then each window moves once and takes it on its way. The invariant: what
//! [`Store::append`] leaves is what [`Store::seek`] and [`Store::insert`] would.

use super::arena::Block;
use super::layout::{NEWEST, OLDEST, RING, ROWS, TIME, VACANT};
use super::row::{Place, RowLayout, Rows, bit};
use super::store::{Store, halves, pair, ring};
use crate::aggregate::cell::{Cell, Kind};
use crate::aggregate::sum;
use crate::time::{EventTime, Span};
use crate::window::Window;

/// A running value that only counts and adds, found in a row without a look at what it is for.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    /// Its words in a record.
    at: usize,
    filter: Option<usize>,
    /// Flag of the rows that have its value; without one all have.
    present: Option<usize>,
    /// The word of the value in a row, for a sum.
    value: Option<usize>,
}

impl Counter {
    /// One more for this cell; none at all if it does more than count.
    pub(super) fn add(mut all: Vec<Counter>, cell: &Cell, row: &RowLayout) -> Option<Vec<Counter>> {
        let (present, value) = match &cell.kind {
            Kind::Events => (None, None),
            Kind::Present(input) => (Some(row.present_bit(*input)), None),
            Kind::Ints {
                input,
                squares: false,
            } => match row.places[*input] {
                Place::Word(at) => (Some(row.present_bit(*input)), Some(at)),
                _ => return None,
            },
            _ => return None,
        };
        all.push(Counter {
            at: cell.at,
            filter: cell.filter,
            present,
            value,
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
            if let Some(value) = self.value {
                sum::add(&mut record[self.at..], row[value], false);
            }
        }
    }

    #[inline]
    fn leave(&self, row: &[u64], record: &mut [u64]) {
        if self.takes(row) {
            record[self.at] -= 1;
            if let Some(value) = self.value {
                sum::add(&mut record[self.at..], row[value], true);
            }
        }
    }
}

/// Whether time alone says where a window begins, and it ends with its event.
pub(super) fn is_plain(window: Window) -> bool {
    matches!(window, Window::Sliding { to, .. } if to == Span::ZERO)
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
        self.move_windows(
            key,
            |window| window.counters.is_none(),
            |cursor| {
                cursor.forward(t, tail + 1);
            },
        );
        self.slide(key, t, tail + 1);
    }

    /// Moves the windows that have only counters.
    fn slide(&mut self, key: u32, t: EventTime, tail: u32) {
        let record = self.keys.record_mut(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        for window in &self.layout.windows {
            let Some(counters) = &window.counters else {
                continue;
            };
            let (mut low, high) = halves(record[window.at]);
            for index in high..tail {
                let row = rows.row(index);
                counters
                    .iter()
                    .for_each(|counter| counter.enter(row, record));
            }
            let start = window.window.start(t).unwrap_or(EventTime::MIN);
            while low < tail && rows.time(low) <= start {
                let row = rows.row(low);
                counters
                    .iter()
                    .for_each(|counter| counter.leave(row, record));
                low += 1;
            }
            record[window.at] = pair(low, tail);
        }
    }
}
