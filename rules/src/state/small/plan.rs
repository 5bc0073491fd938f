//! How the features of a small key are found: worked out once for all keys of a plan.
//!
//! The idea: everything that does not depend on the key at hand is looked up here, down to the word and the bit, so that
//! an answer is a walk over short lists: sums of the same integers in several windows ([`Ladder`]), numbers of rows
//! ([`Tally`]), other running values as they are found without running ([`Scan`]), and what members are read from
//! ([`Answer`]). The invariant: whatever
//! an answer is read from is on one of the lists before it.

use super::ladder::{Ladder, Running};
use super::listed::{Length, Tally, Total};
use super::mark::Mark;
use super::reach::{Bounds, Passing, Reach};
use super::shape::PAST;
use crate::aggregate::Aggregate;
use crate::aggregate::cell::{Cell, Kind};
use crate::ruleset::Scope;
use crate::state::append::is_sliding;
use crate::state::layout::{FeatureLayout, Layout};
use crate::state::row::Place;

/// What all small keys of a plan share.
#[derive(Clone, Debug, Default)]
pub(in crate::state) struct ScanPlan {
    /// Whose last occurrences are marked.
    pub(super) marks: Vec<Mark>,
    /// Words before the masks.
    pub(super) fixed_words: usize,
    /// Per window how far back it reaches, as far as time alone says.
    pub(super) reaches: Vec<Reach>,
    /// All windows are sliding ones: where they begin and end, [`ScanPlan::reaches`] say.
    pub(super) timed: bool,
    /// With these, per window where it begins and ends.
    pub(super) bounds: Vec<Bounds>,
    /// What these count from: how far before an event, each distance once, the farthest first.
    pub(super) cuts: Vec<[u64; 4]>,
    /// Sums kept up to date where a key has several events, by window; none unless time alone cuts all windows.
    pub(super) running: Vec<Running>,
    /// By running sum the columns of answers that are it, with the event and without.
    pub(super) totals: Vec<[Vec<usize>; 2]>,
    /// The columns that are lengths of windows, where there are running sums.
    pub(super) lengths: Vec<Passing>,
    /// There are answers that are none of these.
    pub(super) has_rest: bool,
    /// The cells that have a past.
    pub(super) past: Vec<Past>,
    /// By scope: `with_current`, then `prior`.
    pub(super) scopes: [ScopePlan; 2],
    /// By scope: whether features of it are computed.
    asks: [bool; 2],
}

/// The features of one scope.
#[derive(Clone, Debug, Default)]
pub(in crate::state) struct ScopePlan {
    pub(super) ladders: Vec<Ladder>,
    /// Sums there are.
    pub(super) sums: usize,
    /// Which of [`ScanPlan::running`] they are, if there are any.
    pub(super) running: Vec<usize>,
    pub(super) scans: Vec<Scan>,
    pub(in crate::state) lengths: Vec<Length>,
    pub(in crate::state) totals: Vec<Total>,
    pub(in crate::state) tallies: Vec<Tally>,
    /// The other members.
    pub(super) answers: Vec<Answer>,
}

/// The running value of events no longer held.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Index into [`Layout::cells`].
    pub(super) of: usize,
    /// The cell, its words in a body.
    pub(super) cell: Cell,
}

/// A running value, no sum of integers, as it is found without running.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Index into [`Layout::cells`].
    pub(super) cell: usize,
    pub(super) window: usize,
    pub(super) filter: Option<usize>,
    /// Where its words go.
    pub(super) at: usize,
    pub(super) words: usize,
    /// Its past in a body.
    pub(super) past: Option<usize>,
    /// Index into [`ScanPlan::marks`].
    pub(super) mark: Option<usize>,
}

/// Where a member of a feature comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) column: usize,
    pub(super) from: From,
}

/// See [`Answer`].
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// A word as it is.
    Word(usize),
    /// A word behind one that says whether there is a value.
    Known(usize),
    /// A value of the row whose number, plus 1, is at the word of the feature's cell.
    Edge { member: usize, feature: usize },
    /// By its cell.
    Cell { feature: usize, cell: usize },
    /// By its cell, as a text no event brought.
    Text { feature: usize, cell: usize },
}

fn index(scope: Scope) -> usize {
    match scope {
        Scope::WithCurrent => 0,
        Scope::Prior => 1,
    }
}

impl ScanPlan {
    /// The plan for a layout that has everything else.
    pub(in crate::state) fn new(layout: &Layout) -> ScanPlan {
        let mut plan = ScanPlan {
            fixed_words: PAST,
            timed: layout.windows.iter().all(|w| is_sliding(w.window)),
            reaches: layout.windows.iter().map(|w| Reach::of(w.window)).collect(),
            ..ScanPlan::default()
        };
        for (of, cell) in layout.cells.iter().enumerate().filter(|(_, c)| c.forever) {
            let at = plan.fixed_words;
            plan.fixed_words += cell.words();
            let cell = Cell { at, ..cell.clone() };
            plan.past.push(Past { of, cell });
        }
        for scope in [Scope::WithCurrent, Scope::Prior] {
            let mut column = 0;
            for (index, feature) in layout.features.iter().enumerate() {
                if feature.scope == scope {
                    plan.add(layout, index, feature, column);
                }
                column += feature.members.len();
            }
            plan.scopes[index(scope)].finish(layout);
            plan.asks[index(scope)] = layout.features.iter().any(|f| f.scope == scope);
        }
        if plan.timed {
            plan.add_cuts();
            plan.add_running();
        }
        plan
    }

    /// The features of a scope.
    pub(in crate::state) fn scope(&self, scope: Scope) -> &ScopePlan {
        &self.scopes[index(scope)]
    }

    /// Whether features of a scope are computed.
    #[inline]
    pub(in crate::state) fn asks(&self, scope: Scope) -> bool {
        self.asks[index(scope)]
    }

    fn add(
        &mut self,
        layout: &Layout,
        feature_index: usize,
        feature: &FeatureLayout,
        column: usize,
    ) {
        let scope = index(feature.scope);
        let Some(cell) = feature.cell else {
            let window = feature.window;
            self.scopes[scope].lengths.push(Length { column, window });
            return;
        };
        if feature.is_listed {
            self.add_listed(layout, feature, (scope, column), cell);
            return;
        }
        self.add_scan(layout, scope, cell, feature.window);
        for member in 0..feature.members.len() {
            let from = from(layout, feature_index, feature, cell, member);
            let column = column + member;
            self.scopes[scope].answers.push(Answer { column, from });
        }
    }

    /// The past of a cell in a body.
    pub(super) fn past_of(&self, index: usize) -> Option<usize> {
        let past = self.past.iter().find(|past| past.of == index);
        past.map(|past| past.cell.at)
    }

    pub(super) fn add_scan(&mut self, layout: &Layout, scope: usize, index: usize, window: usize) {
        let cell = &layout.cells[index];
        let past = self.past_of(index);
        if let Kind::Ints { input, .. } = cell.kind {
            let present = layout.row.present_bit(input);
            let column = layout.row.column(input);
            self.scopes[scope].add_rung(cell, window, past, (present, column));
            return;
        }
        let mark = self.mark_of(layout, cell);
        let scans = &mut self.scopes[scope].scans;
        if scans.iter().any(|scan| scan.cell == index) {
            return;
        }
        scans.push(Scan {
            cell: index,
            window,
            filter: cell.filter,
            at: cell.at,
            words: cell.words(),
            past,
            mark,
        });
    }

    /// The mark for a cell that counts different values.
    fn mark_of(&mut self, layout: &Layout, cell: &Cell) -> Option<usize> {
        let Kind::Distinct { input, .. } = cell.kind else {
            return None;
        };
        if matches!(layout.row.places[input], Place::Bit(_)) {
            return None;
        }
        let filter = cell.filter;
        let mark = Mark { input, filter };
        let known = self.marks.iter().position(|other| *other == mark);
        Some(known.unwrap_or_else(|| {
            self.marks.push(mark);
            self.marks.len() - 1
        }))
    }
}

impl ScopePlan {
    /// Whether there are members that are neither lengths nor sums.
    #[inline]
    pub(in crate::state) fn has_rest(&self) -> bool {
        !self.tallies.is_empty() || self.has_others()
    }

    /// Whether there are members that are on no list.
    #[inline]
    pub(in crate::state) fn has_others(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// Where a member of a feature that has a running value comes from.
fn from(
    layout: &Layout,
    index: usize,
    feature: &FeatureLayout,
    cell: usize,
    member: usize,
) -> From {
    let at = layout.cells[cell].at;
    let by_cell = From::Cell {
        feature: index,
        cell,
    };
    match &layout.cells[cell].kind {
        _ if feature.aggregate.makes_text() => From::Text {
            feature: index,
            cell,
        },
        _ if feature.aggregate == Aggregate::Rate => by_cell,
        Kind::Distinct { .. } => From::Word(at),
        Kind::Extreme(_) => From::Known(at),
        Kind::Edge(_) => From::Edge {
            member,
            feature: index,
        },
        _ => by_cell,
    }
}
