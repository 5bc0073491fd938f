//! How far before an event its windows begin and end, where time alone says it.
//!
//! The idea: windows of one group often share where they begin or end, and a distance is looked for once: all of them are
//! a list of *cuts*, the farthest first, and a window is two places in it. The invariant: a time that is whole in a unit
//! lies at or before a cut exactly when it would in microseconds.

use std::cmp::Reverse;

use super::plan::ScanPlan;
use super::shape::UNITS;
use crate::time::Span;
use crate::window::Window;

/// How far before an event a window begins and ends, by unit, rounded up: a time that is whole in a unit less a span,
/// rounded down, is that time less this. Begins at 0 where time alone does not say it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) from: [u64; 4],
    pub(super) to: [u64; 4],
}

impl Reach {
    pub(super) fn of(window: Window) -> Reach {
        let (from, to) = match window {
            Window::Sliding { from, to } => (from, to),
            Window::Decay { .. } => (window.reach().unwrap_or(Span::ZERO), Span::ZERO),
            _ => (Span::ZERO, Span::ZERO),
        };
        Reach {
            from: in_units(from),
            to: in_units(to),
        }
    }

    /// Whether it ends before its event.
    #[inline]
    pub(super) fn is_delayed(&self) -> bool {
        self.to[UNITS.len()] > 0
    }
}

/// A span in each unit and in microseconds, rounded up.
fn in_units(span: Span) -> [u64; 4] {
    let span = span.0.max(0).cast_unsigned();
    let units = UNITS.map(|unit| span.div_ceil(unit.cast_unsigned()));
    [units[0], units[1], units[2], span]
}

/// Where a window lies among [`ScanPlan::cuts`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) low: usize,
    /// None for one that ends with its event.
    pub(super) high: Option<usize>,
}

/// A column that is the length of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    pub(super) column: usize,
    pub(super) bounds: Bounds,
    /// 1 where the event itself counts.
    pub(super) own: u32,
}

impl ScanPlan {
    /// The distances of [`ScanPlan::reaches`], each once.
    pub(super) fn add_cuts(&mut self) {
        let all = self.reaches.iter();
        let all = all.flat_map(|reach| [Some(reach.from), reach.is_delayed().then_some(reach.to)]);
        self.cuts = all.flatten().collect();
        self.cuts
            .sort_unstable_by_key(|cut| Reverse(cut[UNITS.len()]));
        self.cuts.dedup();
        let place = |cut: [u64; 4]| self.cuts.iter().position(|other| *other == cut);
        let bounds = self.reaches.iter().map(|reach| Bounds {
            low: place(reach.from).unwrap_or_default(),
            high: reach.is_delayed().then(|| place(reach.to)).flatten(),
        });
        self.bounds = bounds.collect();
    }
}
