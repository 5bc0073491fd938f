//! Features that come from a number of rows or a sum of integers: most there are, and so found with little ado.
//!
//! The idea: how many rows of a small key pass is a `popcount` of masks, and its sums are found for all windows together;
//! in a record both are words. So such a feature is an entry of a list that says where, and nothing is looked up for it.
//! The invariant: what a list has is what its cell would read.

use super::body::{Body, bits};
use super::plan::ScanPlan;
use super::scan::Scratch;
use crate::aggregate::cell::Kind;
use crate::aggregate::{Aggregate, avg, ratio, sum};
use crate::state::layout::{FeatureLayout, Layout};
use crate::state::row::Place;

/// A member that is how many rows a window has.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct Length {
    pub(in crate::state) column: usize,
    pub(in crate::state) window: usize,
}

/// A member that is a sum.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct Total {
    pub(in crate::state) column: usize,
    /// Its place among the sums of a scope.
    pub(super) sum: usize,
    /// Which of [`ScanPlan::running`] it is, if there are any.
    pub(super) running: usize,
    /// The words of its cell in a record.
    pub(in crate::state) cell: usize,
    pub(super) decimal: bool,
}

/// A member that comes from how many rows there are of a kind: a count, a share, an average.
#[derive(Clone, Debug)]
pub(in crate::state) struct Tally {
    pub(in crate::state) column: usize,
    /// The words of its cell in a record.
    pub(in crate::state) cell: usize,
    pub(in crate::state) what: What,
    pub(super) window: usize,
    pub(super) filter: Option<usize>,
    /// Flag of the rows that have its value; without one all have.
    pub(super) present: Option<usize>,
    /// Its past in a body.
    pub(super) past: Option<usize>,
}

/// See [`Tally`].
#[derive(Clone, Copy, Debug)]
pub(in crate::state) enum What {
    Count,
    /// Of the rows with a flag.
    Share {
        flag: usize,
    },
    /// Of values with a scale, whose sum has this place among the sums of the scope.
    Average {
        sum: usize,
        scale: u8,
    },
}

impl Total {
    /// The sum as a value of its type, if it is one.
    #[inline]
    pub(in crate::state) fn of(&self, sum: i128) -> Option<u64> {
        match self.decimal {
            true => sum::fits_decimal(sum),
            false => sum::fits_int(sum),
        }
    }
}

/// Whether a feature with a running value is on one of the lists.
pub(in crate::state) fn is_listed(aggregate: Aggregate, kind: &Kind) -> bool {
    match kind {
        Kind::Ints { .. } => matches!(aggregate, Aggregate::Sum | Aggregate::Avg),
        Kind::Events | Kind::Present(_) => aggregate == Aggregate::Count,
        Kind::Share(_) => true,
        _ => false,
    }
}

impl ScanPlan {
    /// A member of one of the lists behind lengths.
    pub(super) fn add_listed(
        &mut self,
        layout: &Layout,
        feature: &FeatureLayout,
        (scope, column): (usize, usize),
        index: usize,
    ) {
        let cell = &layout.cells[index];
        let past = self.past_of(index);
        let (mut present, mut what) = (None, What::Count);
        match &cell.kind {
            Kind::Ints { input, .. } => {
                present = Some(layout.row.present_bit(*input));
                self.add_scan(layout, scope, index, feature.window);
                let sum = self.scopes[scope].sum_of(cell.at);
                if feature.aggregate == Aggregate::Sum {
                    self.scopes[scope].totals.push(Total {
                        column,
                        sum,
                        running: 0,
                        cell: cell.at,
                        decimal: feature.scale.is_some(),
                    });
                    return;
                }
                let scale = feature.scale.unwrap_or(0);
                what = What::Average { sum, scale };
            }
            Kind::Share(input) => {
                present = Some(layout.row.present_bit(*input));
                if let Place::Bit(flag) = layout.row.places[*input] {
                    what = What::Share { flag };
                }
            }
            Kind::Present(input) => present = Some(layout.row.present_bit(*input)),
            _ => {}
        }
        self.scopes[scope].tallies.push(Tally {
            column,
            cell: cell.at,
            what,
            window: feature.window,
            filter: cell.filter,
            present,
            past,
        });
    }
}

impl Scratch {
    /// A member that comes from how many rows there are of a kind.
    #[inline]
    pub(super) fn tally(&self, body: &Body<'_>, tally: &Tally) -> Option<u64> {
        let (low, high) = self.ranges[tally.window];
        let mask = |flag: Option<usize>| flag.map_or(u64::MAX, |flag| body.mask(flag));
        let past = |word: usize| tally.past.map_or(0, |past| body.words[past + word]);
        let rows = bits(low, high) & mask(tally.filter) & mask(tally.present);
        let count = u64::from(rows.count_ones()) + past(0);
        match tally.what {
            What::Count => Some(count),
            What::Share { flag } => {
                let hits = u64::from((rows & body.mask(flag)).count_ones());
                ratio::of(count, hits + past(1))
            }
            What::Average { sum, scale } => avg::of_ints(count, self.sums[sum], scale),
        }
    }
}
