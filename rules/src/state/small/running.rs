//! Running sums of a small key: what spares an answer most of its scan where a key has more than a few events.
//!
//! The idea: a stretch for several events has, beside its rows, per window the row it began with at the last event, and
//! per sum the sum from there on. The next event in order moves the beginnings forward, takes away what it passes, and
//! adds itself. Whatever else is done to the rows only says that these words hold no longer, and the next event counts
//! anew. The invariant: while they hold, a sum is that of all rows from its window's beginning to the last, and no
//! window of an event after the last row begins before that.

use zerocopy::IntoBytes;

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
    /// Index into [`Shape`]'s columns, and the first of its halves behind [`Shape::times`].
    column: usize,
    first: usize,
    /// Word and shift of the mask of rows that have a value, and of those that pass the filter.
    present: (usize, u32),
    filter: Option<(usize, u32)>,
    /// The filter as a flag of a row.
    flag: Option<usize>,
}

/// What moves the beginning of one window.
#[derive(Clone, Copy, Debug)]
struct Begin {
    /// How far back, by unit, as [`ScanPlan::spans`] has it.
    spans: [i64; 4],
    /// Which of the running sums are over it.
    runs: (usize, usize),
}

/// The running sums of one class; none where it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    all: Vec<Run>,
    begins: Vec<Begin>,
    /// The word of the first sum.
    sums: usize,
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
            first: 2 * (shape.column(running.column).0 - shape.times),
            present: shape.mask(running.present),
            filter: running.filter.map(|filter| shape.mask(filter)),
            flag: running.filter,
        };
        let at = |window| plan.running.partition_point(|r| r.window < window);
        let begin = |(window, spans): (usize, &[u64; 4])| Begin {
            spans: spans.map(|span| i64::try_from(span).unwrap_or(i64::MAX)),
            runs: (at(window), at(window + 1)),
        };
        Runs {
            all: plan.running.iter().enumerate().map(run).collect(),
            begins: plan.spans.iter().enumerate().map(begin).collect(),
            sums,
        }
    }
}

impl Run {
    /// Takes a row that counts from the sum, by the words before the times and the halves from there on. A row without
    /// a value has 0 for it.
    #[inline]
    fn leave(&self, head: &mut [u64], halves: &[u32], row: usize) {
        let counts = self
            .filter
            .is_none_or(|(word, shift)| head[word] >> shift >> row & 1 == 1);
        if counts {
            let value = i64::from(halves[self.first + row].cast_signed()).cast_unsigned();
            head[self.sum] = head[self.sum].wrapping_sub(value);
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
    pub(super) fn advance(&mut self, raw: u64, ranges: &mut [(u32, u32)]) {
        let (shape, meta) = (self.shape, self.words[META]);
        let (rows, unit) = (meta as u32 & 0xff, (meta >> 8) as usize & 3);
        let (head, tail) = self.words.split_at_mut(shape.times);
        let halves = halves(tail);
        let times = &halves[..rows as usize];
        let windows = shape.runs.begins.iter().zip(ranges);
        // Eight windows to a word.
        let (mut word, mut begins, mut shift) = (shape.running, head[shape.running], 0);
        for (begin, range) in windows {
            if shift == 64 {
                head[word] = begins;
                (word, shift) = (word + 1, 0);
                begins = head[word];
            }
            let old = (begins >> shift) as usize & 0xff;
            let limit = raw.cast_signed() - begin.spans[unit];
            let mut low = old;
            while let Some(time) = times.get(low)
                && i64::from(*time) <= limit
            {
                for run in &shape.runs.all[begin.runs.0..begin.runs.1] {
                    run.leave(head, halves, low);
                }
                low += 1;
            }
            begins += ((low - old) as u64) << shift;
            shift += 8;
            *range = (low as u32, rows);
        }
        head[word] = begins;
    }

    /// Adds a row that is appended, as [`crate::state::row`] has it.
    #[inline]
    pub(super) fn add(&mut self, row: &[u64]) {
        let first = row.len() - self.shape.columns;
        let bit = |flag: usize| row[1 + flag / 64] >> (flag % 64) & 1 == 1;
        for run in &self.shape.runs.all {
            // A row without a value has 0 for it.
            if run.flag.is_none_or(bit) {
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
