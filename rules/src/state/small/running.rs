//! Running sums of a small key: what spares an answer most of its scan where a key has more than a few events.
//!
//! The idea: a stretch for several events has, beside its rows, per window the row it began with at the last event, and
//! per sum the sum from there on. The next event in order moves the beginnings forward, takes away what it passes, and
//! adds itself ([`super::pass`]). Whatever else is done to the rows only says that these words hold no longer, and the next event counts
//! anew. The invariant: while they hold, a sum is that of all rows from its window's beginning to the last, and no
//! window of an event after the last row begins before that.

use zerocopy::IntoBytes;

use super::body::Body;
use super::change::BodyMut;
use super::ladder::Running;
use super::plan::ScanPlan;
use super::shape::{META, Shape};
use crate::state::row::bit;
use crate::state::warm::ask;

/// In [`META`]: the words hold.
pub(super) const HOLDS: u64 = 1 << 24;

/// A running sum in the stretches of one class.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) window: usize,
    /// Index into [`Shape`]'s columns, and its half of a row.
    pub(super) column: usize,
    pub(super) half: usize,
    /// Word and shift of the mask of rows that have a value, and of those that pass the filter.
    present: (usize, u32),
    pub(super) filter: Option<(usize, u32)>,
    /// The filter as a flag of a row.
    flag: Option<usize>,
}

/// The running sums of one class; none where it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    pub(super) all: Vec<Run>,
    /// Per window how far back it begins, by unit, as [`ScanPlan::spans`] has it.
    pub(super) spans: Vec<[i64; 4]>,
    /// The word of the first sum.
    pub(super) sums: usize,
}

impl Runs {
    /// Words of running sums and of where windows begin.
    pub(super) fn words(plan: &ScanPlan) -> usize {
        plan.spans.len().div_ceil(8) + plan.running.len()
    }

    /// Those of a shape that has everything else.
    pub(super) fn new(plan: &ScanPlan, shape: &Shape) -> Runs {
        let run = |running: &Running| Run {
            window: running.window,
            column: running.column,
            half: shape.half_of(running.column),
            present: shape.mask(running.present),
            filter: running.filter.map(|filter| shape.mask(filter)),
            flag: running.filter,
        };
        let long = |span: u64| i64::try_from(span).unwrap_or(i64::MAX);
        Runs {
            all: plan.running.iter().map(run).collect(),
            spans: plan.spans.iter().map(|spans| spans.map(long)).collect(),
            sums: shape.running + plan.spans.len().div_ceil(8),
        }
    }
}

impl Run {
    /// Whether a row that is appended counts.
    #[inline]
    pub(super) fn counts(&self, row: &[u64]) -> bool {
        self.flag.is_none_or(|flag| bit(row, flag))
    }
}

impl Body<'_> {
    /// Whether the running sums are what they should be.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.words[META] & HOLDS != 0
    }

    /// Asks for the rows, and for the place of the next one.
    #[inline]
    pub(super) fn ask_rows(&self) {
        let rows = &self.words[self.shape.rows..];
        let taken = (self.rows() as usize + 1) * self.shape.stride / 2;
        ask(rows.get(..taken).unwrap_or(rows));
    }

    /// A running sum.
    #[inline]
    pub(super) fn sum(&self, running: usize) -> u64 {
        self.words[self.shape.runs.sums + running]
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
        for (index, run) in self.shape.runs.all.iter().enumerate() {
            let read = self.read();
            let mask =
                |(word, shift): (usize, u32)| self.words[word] >> shift & self.shape.mask_ones;
            let rows = mask(run.present) & run.filter.map_or(u64::MAX, mask);
            let (low, end) = ranges[run.window];
            let sum = read.column(run.column).sum(low, end, rows) as u64;
            self.words[self.shape.runs.sums + index] = sum;
        }
        self.words[META] |= HOLDS;
    }

    /// Adds a row that is appended, as [`crate::state::row`] has it; windows stay where they are.
    #[inline]
    pub(super) fn add(&mut self, row: &[u64]) {
        let first = row.len() - self.shape.columns;
        let runs = &self.shape.runs;
        let sums = &mut self.words[runs.sums..self.shape.masks];
        for (run, sum) in runs.all.iter().zip(sums) {
            // A row without a value has 0 for it.
            if run.counts(row) {
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
