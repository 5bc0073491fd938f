//! Running sums of a small key: what spares an answer most of its scan where a key has more than a few events.
//!
//! The idea: a stretch for several events has, beside its rows, per *cut* (a distance before an event at which windows
//! begin or end) how many rows lay before it at the last event, and per sum the sum of its window. The next event in order
//! moves the cuts forward, takes away what windows lose, and adds what they gain, itself as a rule ([`super::pass`]).
//! Whatever else is done to the rows only says that these words hold no longer, and the next event counts anew. The
//! invariant: while they hold, a sum is that of all rows between the cuts of its window, or to the last, and no cut of an
//! event after the last row lies before that.

use zerocopy::IntoBytes;

use super::body::Body;
use super::change::BodyMut;
use super::ladder::Running;
use super::plan::ScanPlan;
use super::reach::Bounds;
use super::shape::{META, Shape};
use crate::state::row::bit;
use crate::state::warm::ask;

/// In [`META`]: the words hold.
pub(super) const HOLDS: u64 = 1 << 24;

/// A running sum in the stretches of one class.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Where its window begins and ends.
    pub(super) bounds: Bounds,
    /// Index into [`Shape`]'s columns, and its half of a row.
    pub(super) column: usize,
    pub(super) half: usize,
    /// Word and shift of the mask of rows that have a value, and of those that pass the filter.
    present: (usize, u32),
    pub(super) filter: Option<(usize, u32)>,
    /// The filter as a flag of a row.
    flag: Option<usize>,
    /// The columns of answers that are it, with the event and without.
    pub(super) columns: [Vec<usize>; 2],
}

/// The running sums of one class; none where it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    pub(super) all: Vec<Run>,
    /// As [`ScanPlan::cuts`] has them.
    pub(super) cuts: Vec<[i64; 4]>,
    /// The word of the first sum.
    pub(super) sums: usize,
}

impl Runs {
    /// Words of running sums and of cuts.
    pub(super) fn words(plan: &ScanPlan) -> usize {
        plan.cuts.len().div_ceil(8) + plan.running.len()
    }

    /// Those of a shape that has everything else.
    pub(super) fn new(plan: &ScanPlan, shape: &Shape) -> Runs {
        let run = |(running, columns): (&Running, &[Vec<usize>; 2])| Run {
            bounds: plan.bounds[running.window],
            column: running.column,
            half: shape.half_of(running.column),
            present: shape.mask(running.present),
            filter: running.filter.map(|filter| shape.mask(filter)),
            flag: running.filter,
            columns: columns.clone(),
        };
        let long = |span: u64| i64::try_from(span).unwrap_or(i64::MAX);
        Runs {
            all: plan.running.iter().zip(&plan.totals).map(run).collect(),
            cuts: plan.cuts.iter().map(|cut| cut.map(long)).collect(),
            sums: shape.running + plan.cuts.len().div_ceil(8),
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

    /// How many rows lie before each cut, a byte each.
    #[inline]
    fn cuts(&mut self) -> &mut [u8] {
        let at = self.shape.running;
        &mut self.words[at..self.shape.masks].as_mut_bytes()[..self.shape.runs.cuts.len()]
    }

    /// Counts anew, for an event at `raw` behind all rows.
    #[cold]
    pub(super) fn start(&mut self, raw: u64) {
        let (shape, rows) = (self.shape, self.read().rows());
        let unit = self.read().unit() & 3;
        let before = |cut: &[i64; 4]| self.read().until_before(raw, cut[unit].cast_unsigned());
        let found: Vec<u32> = shape.runs.cuts.iter().map(before).collect();
        for (cut, rows) in self.cuts().iter_mut().zip(&found) {
            *cut = *rows as u8;
        }
        for (index, run) in shape.runs.all.iter().enumerate() {
            let read = self.read();
            let mask = |(word, shift): (usize, u32)| self.words[word] >> shift & shape.mask_ones;
            let counted = mask(run.present) & run.filter.map_or(u64::MAX, mask);
            let end = run.bounds.high.map_or(rows, |high| found[high]);
            let sum = read
                .column(run.column)
                .sum(found[run.bounds.low], end, counted) as u64;
            self.words[shape.runs.sums + index] = sum;
        }
        self.words[META] |= HOLDS;
    }

    /// Adds a row that is appended, as [`crate::state::row`] has it; cuts stay where they are.
    #[inline]
    pub(super) fn add(&mut self, row: &[u64]) {
        let first = row.len() - self.shape.columns;
        let runs = &self.shape.runs;
        let sums = &mut self.words[runs.sums..self.shape.masks];
        for (run, sum) in runs.all.iter().zip(sums) {
            // A row without a value has 0 for it.
            if run.bounds.high.is_none() && run.counts(row) {
                *sum = sum.wrapping_add(row[first + run.column]);
            }
        }
    }

    /// The first rows are about to go, so many.
    pub(super) fn lose(&mut self, gone: u32) {
        if self.shape.running == 0 || !self.read().holds() {
            return;
        }
        let cuts = self.cuts();
        if cuts.iter().any(|cut| u32::from(*cut) < gone) {
            // A window has one of them.
            self.stop();
            return;
        }
        cuts.iter_mut().for_each(|cut| *cut -= gone as u8);
    }
}
