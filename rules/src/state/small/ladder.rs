//! Sums of the same integers in several windows: which there are, and how each is found.
//!
//! The idea: the sum of a window is that of the next shorter one and what lies in front of it, so the windows of one
//! column and filter are one list, the shortest first. The invariant: a sum has one place among those of its scope, and
//! where time alone cuts all windows one place among the running sums ([`super::running`]), whoever reads it.

use super::plan::{From, ScanPlan, ScopePlan};
use super::reach::Passing;
use crate::aggregate::cell::Cell;
use crate::state::layout::Layout;
use crate::time::Span;

/// A sum of integers over a window that time alone cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) window: usize,
    pub(super) column: usize,
    /// Flag of the rows that have a value.
    pub(super) present: usize,
    pub(super) filter: Option<usize>,
}

/// Count and sum of the same integers in several windows, the shortest first.
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

impl ScopePlan {
    pub(super) fn add_rung(
        &mut self,
        cell: &Cell,
        window: usize,
        past: Option<usize>,
        (present, column): (usize, usize),
    ) {
        if self.rung_of(cell.at).is_some() {
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

    /// The rung whose words are at this place; until [`ScopePlan::finish`] all have words.
    fn rung_of(&self, at: usize) -> Option<&Rung> {
        let mut rungs = self.ladders.iter().flat_map(|ladder| &ladder.rungs);
        rungs.find(|rung| rung.words.is_some_and(|(word, _)| word == at))
    }

    /// The place among the sums of the one whose words are at this place.
    pub(super) fn sum_of(&self, at: usize) -> usize {
        self.rung_of(at).map_or(0, |rung| rung.sum)
    }

    /// Takes from sums the words nobody reads, and puts the windows of each ladder in order.
    pub(super) fn finish(&mut self, layout: &Layout) {
        let cells = self.answers.iter().filter_map(|answer| match answer.from {
            From::Cell { cell, .. } => Some(layout.cells[cell].at),
            _ => None,
        });
        let read: Vec<usize> = cells.collect();
        for ladder in &mut self.ladders {
            for rung in &mut ladder.rungs {
                rung.words = rung.words.filter(|(at, _)| read.contains(at));
            }
            let reach = |rung: &Rung| layout.windows[rung.window].window.reach();
            ladder
                .rungs
                .sort_by_key(|rung| reach(rung).unwrap_or(Span(i64::MAX)));
        }
    }
}

impl ScanPlan {
    /// Makes running sums of all sums.
    pub(super) fn add_running(&mut self) {
        let of = |ladder: &Ladder, rung: &Rung| Running {
            window: rung.window,
            column: ladder.column,
            present: ladder.present,
            filter: ladder.filter,
        };
        let ladders = self.scopes.iter().flat_map(|scope| &scope.ladders);
        let mut all: Vec<Running> = ladders
            .flat_map(|ladder| ladder.rungs.iter().map(move |rung| of(ladder, rung)))
            .collect();
        all.sort_by_key(|running| (running.window, running.column, running.filter));
        all.dedup();
        for scope in &mut self.scopes {
            scope.running = vec![0; scope.sums];
            for (ladder, rung) in scope
                .ladders
                .iter()
                .flat_map(|l| l.rungs.iter().map(move |r| (l, r)))
            {
                let place = all.iter().position(|running| *running == of(ladder, rung));
                scope.running[rung.sum] = place.unwrap_or_default();
            }
            for total in &mut scope.totals {
                total.running = scope.running[total.sum];
            }
        }
        self.running = all;
        self.totals = vec![Default::default(); self.running.len()];
        for (index, scope) in self.scopes.iter().enumerate() {
            for total in &scope.totals {
                self.totals[total.running][index].push(total.column);
            }
            let with_current = u32::from(index == 0);
            self.lengths.extend(scope.lengths.iter().map(|length| {
                let bounds = self.bounds[length.window];
                Passing {
                    column: length.column,
                    bounds,
                    own: with_current * u32::from(bounds.high.is_none()),
                }
            }));
        }
        self.has_rest = self.scopes.iter().any(ScopePlan::has_rest);
    }
}
