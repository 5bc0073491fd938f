//! How the features of a small key are found: worked out once for all keys of a plan.
//!
//! The idea: everything that does not depend on the key at hand is looked up here, down to the word and the bit, so that
//! an answer is a walk over short lists: sums of the same integers in several windows ([`Ladder`]), other running values
//! as they are found without running ([`Scan`]), and what members are read from ([`Answer`]). The invariant: whatever
//! an answer is read from is on one of the lists before it.

use super::mark::Mark;
use super::shape::{UNITS, past_at};
use crate::aggregate::Aggregate;
use crate::aggregate::cell::{Cell, Kind};
use crate::ruleset::Scope;
use crate::state::layout::{FeatureLayout, Layout};
use crate::state::row::Place;
use crate::time::Span;
use crate::window::Window;

/// What all small keys of a plan share.
#[derive(Clone, Debug, Default)]
pub(in crate::state) struct ScanPlan {
    /// Whose last occurrences are marked.
    pub(super) marks: Vec<Mark>,
    /// Words before the masks.
    pub(super) fixed_words: usize,
    /// Per window how far back it begins, by unit, rounded up; 0 for one that has no such beginning.
    pub(super) spans: Vec<[u64; 4]>,
    /// All windows are plain sliding ones: where they begin and end, [`ScanPlan::spans`] say.
    pub(super) plain: bool,
    /// The cells that have a past.
    pub(super) past: Vec<Past>,
    /// By scope: `with_current`, then `prior`.
    scopes: [ScopePlan; 2],
}

/// The features of one scope.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopePlan {
    pub(super) ladders: Vec<Ladder>,
    /// Sums there are.
    pub(super) sums: usize,
    pub(super) scans: Vec<Scan>,
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

/// Count and sum of the same integers in several windows.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// Flag of the rows that have a value.
    pub(super) present: usize,
    pub(super) filter: Option<usize>,
    pub(super) column: usize,
    pub(super) rungs: Vec<Rung>,
}

/// One window of a ladder.
#[derive(Clone, Debug)]
pub(super) struct Rung {
    pub(super) window: usize,
    /// Its place among the sums of a scope.
    pub(super) sum: usize,
    /// Its past in a body.
    pub(super) past: Option<usize>,
    /// Where its words go if an answer is read from words, and how many there are: more than 3 with squares.
    pub(super) words: Option<(usize, usize)>,
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
    /// Rows of a window.
    Length(usize),
    /// A word as it is.
    Word(usize),
    /// A sum of integers, by its scan.
    Sum(usize),
    /// A sum of decimals, by its scan.
    Decimals(usize),
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
            fixed_words: past_at(layout.windows.len()),
            plain: layout.windows.iter().all(|w| is_plain(w.window)),
            spans: layout.windows.iter().map(|w| spans(w.window)).collect(),
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
            plan.scopes[index(scope)].resolve(layout);
        }
        plan
    }

    /// The features of a scope.
    pub(super) fn scope(&self, scope: Scope) -> &ScopePlan {
        &self.scopes[index(scope)]
    }

    /// Whether features of a scope are computed.
    #[inline]
    pub(super) fn asks(&self, scope: Scope) -> bool {
        !self.scope(scope).answers.is_empty()
    }

    fn add(
        &mut self,
        layout: &Layout,
        feature_index: usize,
        feature: &FeatureLayout,
        column: usize,
    ) {
        let scope = index(feature.scope);
        if let Some(cell) = feature.cell {
            self.add_scan(layout, scope, cell, feature.window);
        }
        for member in 0..feature.members.len() {
            let from = from(layout, feature_index, feature, member);
            let column = column + member;
            self.scopes[scope].answers.push(Answer { column, from });
        }
    }

    fn add_scan(&mut self, layout: &Layout, scope: usize, index: usize, window: usize) {
        let cell = &layout.cells[index];
        let past = self.past.iter().find(|past| past.of == index);
        let past = past.map(|past| past.cell.at);
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
    fn add_rung(
        &mut self,
        cell: &Cell,
        window: usize,
        past: Option<usize>,
        (present, column): (usize, usize),
    ) {
        let ladders = self.ladders.iter().flat_map(|ladder| &ladder.rungs);
        let of = |rung: &Rung| rung.words.map(|(at, _)| at);
        if ladders.into_iter().any(|rung| of(rung) == Some(cell.at)) {
            return;
        }
        let rung = Rung {
            window,
            sum: self.sums,
            past,
            words: Some((cell.at, cell.words())),
        };
        self.sums += 1;
        let values = (present, cell.filter);
        let same = |ladder: &&mut Ladder| (ladder.present, ladder.filter) == values;
        if let Some(ladder) = self.ladders.iter_mut().find(same) {
            ladder.rungs.push(rung);
            return;
        }
        self.ladders.push(Ladder {
            present,
            filter: cell.filter,
            column,
            rungs: vec![rung],
        });
    }

    /// Leads answers from cells to sums, and takes from sums the words nobody reads.
    fn resolve(&mut self, layout: &Layout) {
        let cells = self.answers.iter().filter_map(|answer| match answer.from {
            From::Cell { cell, .. } => Some(layout.cells[cell].at),
            _ => None,
        });
        let read: Vec<usize> = cells.collect();
        let rungs = |ladders: &[Ladder]| -> Vec<Rung> {
            ladders.iter().flat_map(|l| l.rungs.clone()).collect()
        };
        let all = rungs(&self.ladders);
        for answer in &mut self.answers {
            if let From::Sum(cell) | From::Decimals(cell) = &mut answer.from {
                let at = layout.cells[*cell].at;
                let of = |rung: &&Rung| rung.words.is_some_and(|(word, _)| word == at);
                *cell = all.iter().find(of).map_or(0, |rung| rung.sum);
            }
        }
        for rung in self.ladders.iter_mut().flat_map(|l| &mut l.rungs) {
            rung.words = rung.words.filter(|(at, _)| read.contains(at));
        }
    }
}

fn is_plain(window: Window) -> bool {
    matches!(window, Window::Sliding { to, .. } if to == Span::ZERO)
}

/// The length of a sliding window by unit, rounded up: a time that is whole in a unit less the length, rounded down, is
/// that time less this.
fn spans(window: Window) -> [u64; 4] {
    let from = match window {
        Window::Sliding { from, .. } => from,
        Window::Decay { .. } => window.reach().unwrap_or(Span::ZERO),
        _ => return [0; 4],
    };
    let from = from.0.max(0).cast_unsigned();
    let units = UNITS.map(|unit| from.div_ceil(unit.cast_unsigned()));
    [units[0], units[1], units[2], from]
}

/// Where a member of a feature comes from.
fn from(layout: &Layout, index: usize, feature: &FeatureLayout, member: usize) -> From {
    let Some(cell) = feature.cell else {
        return From::Length(feature.window);
    };
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
        Kind::Events | Kind::Present(_) | Kind::Distinct { .. } => From::Word(at),
        Kind::Ints { .. } if feature.aggregate == Aggregate::Sum => match feature.scale {
            None => From::Sum(cell),
            Some(_) => From::Decimals(cell),
        },
        Kind::Extreme(_) => From::Known(at),
        Kind::Edge(_) => From::Edge {
            member,
            feature: index,
        },
        _ => by_cell,
    }
}
