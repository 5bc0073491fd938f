//! Which row is the last occurrence of its value: what makes the number of different values a `popcount`.
//!
//! The idea: of the rows with one value exactly one, the latest, has its bit in the mask, so the bits in a window that
//! ends with the newest row are as many as the values in it. The invariant: it holds after every row put in or taken out.

use super::body::{Body, bits, each};
use super::change::BodyMut;
use super::plan::ScanPlan;
use crate::state::layout::Layout;
use crate::state::row::{Place, RowLayout};

/// Values whose last occurrence has a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) input: usize,
    pub(super) filter: Option<usize>,
}

impl Mark {
    /// The rows whose values count.
    fn rows(&self, body: &Body<'_>, layout: &Layout) -> u64 {
        let present = body.mask(layout.row.present_bit(self.input));
        present & self.filter.map_or(u64::MAX, |f| body.mask(f))
    }
}

/// The value of an input in a row that has one.
#[inline]
pub(super) fn value(body: &Body<'_>, row: &RowLayout, input: usize, at: u32) -> u64 {
    match row.places[input] {
        Place::Nowhere => 0,
        Place::Bit(flag) => body.mask(flag) >> at & 1,
        Place::Word(_) | Place::Text(_) => body.column(row.column(input)).get(at as usize),
    }
}

impl ScanPlan {
    /// Marks the row `at` where it is the last occurrence of its value.
    pub(super) fn mark(&self, body: &mut BodyMut<'_>, layout: &Layout, at: u32) {
        for (index, mark) in self.marks.iter().enumerate() {
            if mark.rows(&body.read(), layout) >> at & 1 == 0 {
                continue;
            }
            let flag = layout.row.bits() + index;
            let read = body.read();
            let last = read.mask(flag);
            let new = value(&read, &layout.row, mark.input, at);
            let same = |row: &u32| value(&read, &layout.row, mark.input, *row) == new;
            let last = match each(last).find(same) {
                Some(row) if row > at => last,
                Some(row) => last & !(1 << row) | 1 << at,
                None => last | 1 << at,
            };
            body.set_mask(flag, last);
        }
    }

    /// The row `at` is about to go: the one before it with the same value is the last occurrence again.
    pub(super) fn unmark(&self, body: &mut BodyMut<'_>, layout: &Layout, at: u32) {
        for (index, mark) in self.marks.iter().enumerate() {
            let flag = layout.row.bits() + index;
            let read = body.read();
            let last = read.mask(flag);
            if last >> at & 1 == 0 {
                continue;
            }
            let gone = value(&read, &layout.row, mark.input, at);
            let before = mark.rows(&read, layout) & bits(0, at);
            let same = |row: &u32| value(&read, &layout.row, mark.input, *row) == gone;
            let row = each(before).filter(same).last();
            body.set_mask(flag, last & !(1 << at) | row.map_or(0, |row| 1 << row));
        }
    }
}
