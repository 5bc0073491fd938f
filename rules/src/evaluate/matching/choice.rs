//! Which conjunct each rule is entered under in the index: the one that is true of the fewest events.
//!
//! The idea: nobody but the stream knows which that is, so now and then some of its rows are asked every conjunct an
//! index could hold; in between nothing is counted. The invariant: the choice follows from the events alone and bears
//! on what a step costs, never on what it decides.

use super::plan::{Access, Ask, Plan, Source};
use crate::expression::shape::Step;

/// Rows asked of one step at most.
pub(super) const SAMPLE_ROWS: usize = 64;

/// Rows asked before a choice is made.
const CHOICE_ROWS: u64 = 128;

/// Rows before any are asked: in the first ones, windows are still empty.
const FIRST_ROW: u64 = 256;

/// How many times more rows there are at a choice than at the one before, until they come at even distances.
const GROWTH: u64 = 8;

/// Rows between two choices at most.
const PAUSE_MAX: u64 = 1 << 20;

/// One row of the latest sample in the unit of [`Choice::counts`]; older samples weigh less.
const WEIGHT: u64 = 1 << 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Choice {
    /// Rows taken so far.
    rows: u64,
    /// When rows are next asked.
    next: u64,
    /// Rows asked since the last choice.
    asked: u64,
    /// The conjuncts an index could hold, and the test of each.
    pub(super) candidates: Vec<(usize, usize)>,
    /// Per conjunct: how often it held, halved with each choice.
    counts: Vec<u64>,
}

impl Choice {
    pub(super) fn new(plan: &Plan) -> Choice {
        let candidates = plan.conjuncts.iter().enumerate();
        let candidates = candidates.filter_map(|(at, conjunct)| {
            match (&conjunct.access, conjunct.logic.first()) {
                (Some(_), Some(Step::Test(test))) => Some((at, *test)),
                _ => None,
            }
        });
        Choice {
            rows: 0,
            next: FIRST_ROW,
            asked: 0,
            candidates: candidates.collect(),
            counts: vec![0; plan.conjuncts.len()],
        }
    }

    /// Counts the rows of a step; says how many rows of it are to be asked.
    pub(super) fn begin(&mut self, rows: usize) -> usize {
        self.rows = self.rows.saturating_add(rows as u64);
        if self.rows < self.next || self.candidates.is_empty() {
            return 0;
        }
        rows.min(SAMPLE_ROWS)
    }

    /// Notes for how many of the rows asked a conjunct was true.
    pub(super) fn note(&mut self, conjunct: usize, held: usize) {
        self.counts[conjunct] += held as u64 * WEIGHT;
    }

    /// Ends the asking of some rows; says whether it is time to choose.
    pub(super) fn end(&mut self, asked: usize) -> bool {
        self.asked += asked as u64;
        if self.asked < CHOICE_ROWS {
            return false;
        }
        self.asked = 0;
        self.next = self.rows + self.rows.saturating_mul(GROWTH - 1).min(PAUSE_MAX);
        true
    }

    /// The conjunct of each rule that held least often; between equals, the one that looks most selective.
    pub(super) fn choose(&mut self, plan: &Plan, fields: usize) -> Vec<Option<usize>> {
        let chosen = plan.rules.iter().map(|rule| {
            let usable = rule.conjuncts.iter().filter(|at| {
                let many = match &plan.conjuncts[**at].access {
                    None => return false,
                    Some(Access::Keys(keys)) => keys.len() > 1,
                    Some(Access::Texts(texts)) => texts.len() > 1,
                    Some(_) => false,
                };
                // A rule entered more than once is handed over in parts, and what fails counts for the step as a whole.
                !(many && rule.can_fail)
            });
            usable
                .min_by_key(|at| (self.counts[**at], looks(plan, **at, fields)))
                .copied()
        });
        let chosen = chosen.collect();
        for count in &mut self.counts {
            *count /= 2;
        }
        chosen
    }
}

/// How selective a conjunct looks: a text first, then what a feature must exceed, then the rest.
fn looks(plan: &Plan, conjunct: usize, fields: usize) -> usize {
    let conjunct = &plan.conjuncts[conjunct];
    let strip = conjunct.strips.first().map(|at| &plan.strips[*at].source);
    let feature = matches!(strip, Some(Source::Column(column)) if *column >= fields);
    let asked = match conjunct.logic.first() {
        Some(Step::Test(test)) => Some(&plan.tests[*test].ask),
        _ => None,
    };
    match (asked, &conjunct.access, feature) {
        (Some(Ask::Text(_)), ..) => 0,
        (_, Some(Access::Above(_)), true) => 1,
        (_, Some(Access::Texts(_) | Access::Keys(_)), _) => 2,
        (_, Some(Access::Above(_)), false) => 3,
        _ => 4,
    }
}
