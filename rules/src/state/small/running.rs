//! Running sums of a small key: what spares an answer most of its scan where a key has more than a few events.
//!
//! The idea: a stretch for several events has, beside its rows, per window the row it began with at the last event, and
//! per sum the sum from there on. The next event in order moves the beginnings forward, takes away what it passes, and
//! adds itself. Whatever else is done to the rows only says that these words hold no longer, and the next event counts
//! anew. The invariant: while they hold, a sum is that of all rows from its window's beginning to the last, and no
//! window of an event after the last row begins before that.

use std::ops::Range;

use zerocopy::{FromBytes, IntoBytes};

use super::body::{Body, halves};
use super::change::BodyMut;
use super::ladder::Running;
use super::plan::ScanPlan;
use super::shape::{META, Shape};

/// In [`META`]: the words hold.
pub(super) const HOLDS: u64 = 1 << 24;

/// A running sum in the stretches of one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The word of the sum.
    sum: usize,
    window: usize,
    /// Index into [`Shape`]'s columns, and the first of its halves behind [`Shape::values`].
    column: usize,
    first: usize,
    /// Word and shift of the mask of rows that have a value, and of those that pass the filter.
    present: (usize, u32),
    filter: Option<(usize, u32)>,
    /// The same as flags of a row.
    flags: (usize, Option<usize>),
}

/// The running sums of one class; none where it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    all: Vec<Run>,
    /// Per window which of them are over it.
    of_window: Vec<Range<usize>>,
}

impl Runs {
    /// Words of running sums and of where windows begin.
    pub(super) fn words(plan: &ScanPlan) -> usize {
        plan.spans.len().div_ceil(8) + plan.running.len()
    }

    /// Those of a shape that has everything else.
    pub(super) fn new(plan: &ScanPlan, shape: &Shape) -> Runs {
        let sums = shape.running + plan.spans.len().div_ceil(8);
        let run = |(index, running): (usize, &Running)| Run {
            sum: sums + index,
            window: running.window,
            column: running.column,
            first: 2 * (shape.column(running.column).0 - shape.values),
            present: shape.mask(running.present),
            filter: running.filter.map(|filter| shape.mask(filter)),
            flags: (running.present, running.filter),
        };
        let at = |window| plan.running.partition_point(|r| r.window < window);
        Runs {
            all: plan.running.iter().enumerate().map(run).collect(),
            of_window: (0..plan.spans.len()).map(|w| at(w)..at(w + 1)).collect(),
        }
    }
}

impl Body<'_> {
    /// Whether the running sums are what they should be.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.words[META] & HOLDS != 0
    }

    /// A running sum.
    #[inline]
    pub(super) fn sum(&self, running: usize) -> u64 {
        self.words[self.shape.runs.all[running].sum]
    }
}

impl BodyMut<'_> {
    /// The running sums hold no longer.
    #[inline]
    pub(super) fn stop(&mut self) {
        self.words[META] &= !HOLDS;
    }

    /// Where windows begin, a byte each.
    #[inline]
    fn begins(&mut self) -> &mut [u8] {
        let at = self.shape.running;
        &mut self.words[at..self.shape.masks].as_mut_bytes()[..self.shape.windows]
    }

    /// Counts anew from the rows of the windows.
    pub(super) fn start(&mut self, ranges: &[(u32, u32)]) {
        for (begin, (low, _)) in self.begins().iter_mut().zip(ranges) {
            *begin = *low as u8;
        }
        for run in &self.shape.runs.all {
            let read = self.read();
            let mask =
                |(word, shift): (usize, u32)| self.words[word] >> shift & self.shape.mask_ones;
            let rows = mask(run.present) & run.filter.map_or(u64::MAX, mask);
            let (low, end) = ranges[run.window];
            self.words[run.sum] = read.column(run.column).sum(low, end, rows) as u64;
        }
        self.words[META] |= HOLDS;
    }

    /// Moves all windows to an event behind the last row, and says which rows they have.
    #[inline]
    pub(super) fn advance(&mut self, spans: &[[u64; 4]], raw: u64, ranges: &mut [(u32, u32)]) {
        let shape = self.shape;
        let (rows, unit) = (self.read().rows(), self.read().unit() & 3);
        let (head, tail) = self.words.split_at_mut(shape.times);
        let (times, values) = tail.split_at(shape.values - shape.times);
        let times = &halves(times)[..rows as usize];
        let values = <[i32]>::ref_from_bytes(values.as_bytes()).unwrap_or_default();
        for ((window, span), range) in spans.iter().enumerate().zip(ranges) {
            let (word, shift) = (shape.running + window / 8, window % 8 * 8);
            let old = (head[word] >> shift & 0xff) as usize;
            let mut low = old;
            if let Some(limit) = raw.checked_sub(span[unit]) {
                while low < times.len() && u64::from(times[low]) <= limit {
                    low += 1;
                }
            }
            *range = (low as u32, rows);
            if low == old {
                continue;
            }
            head[word] += ((low - old) as u64) << shift;
            for run in &shape.runs.all[shape.runs.of_window[window].clone()] {
                let mask = |(word, shift): (usize, u32)| head[word] >> shift;
                let passing = mask(run.present) & run.filter.map_or(u64::MAX, mask);
                let mut gone = 0u64;
                for row in old..low {
                    let value = i64::from(values[run.first + row]).cast_unsigned();
                    let value = if passing >> row & 1 == 1 { value } else { 0 };
                    gone = value.wrapping_add(gone);
                }
                head[run.sum] = head[run.sum].wrapping_sub(gone);
            }
        }
    }

    /// Adds a row that is appended, as [`crate::state::row`] has it.
    #[inline]
    pub(super) fn add(&mut self, row: &[u64]) {
        let first = row.len() - self.shape.columns;
        let bit = |flag: usize| row[1 + flag / 64] >> (flag % 64) & 1 == 1;
        for run in &self.shape.runs.all {
            let (present, filter) = run.flags;
            if bit(present) && filter.is_none_or(bit) {
                let sum = &mut self.words[run.sum];
                *sum = sum.wrapping_add(row[first + run.column]);
            }
        }
    }

    /// The first rows are about to go, so many.
    pub(super) fn lose(&mut self, gone: u32) {
        if self.shape.running == 0 || !self.read().holds() {
            return;
        }
        let begins = self.begins();
        if begins.iter().any(|begin| u32::from(*begin) < gone) {
            // A window has one of them.
            self.stop();
            return;
        }
        begins.iter_mut().for_each(|begin| *begin -= gone as u8);
    }
}
