//! All conditions of a pack evaluated together: who hits where in a step, at the price of what could hit.
//!
//! The idea: a rule by itself is a program over whole columns, and five thousand of them are five thousand walks over
//! the same columns. Here the conditions are taken apart once ([`maker`] makes the [`plan`]), columns are brought into the form tests want
//! once per step ([`strip`]), each test is answered once ([`board`]), and a rule is looked at only where one of its
//! conjuncts holds ([`access`], chosen by [`choice`]). The invariants: hits and counts are exactly those of each rule
//! evaluated by itself ([`Conditions::rule`]), which is what happens wherever something may have failed; a row for
//! which a conjunct is false neither hits nor counts an error, whatever the rest of the rule does.

mod access;
mod board;
mod choice;
pub(super) mod cost;
mod maker;
mod plan;
mod strip;

use self::access::{Entry, Index};
use self::board::Board;
use self::choice::Choice;
use self::plan::Plan;
use self::strip::{count, words_of};
use super::conditions::Conditions;
use super::output::StepOutput;
use super::plan::RulePlan;
use crate::ruleset::RuleSet;

/// See the module.
#[derive(Debug)]
pub(super) struct Matcher {
    plan: Plan,
    index: Index,
    choice: Choice,
    /// The conjunct each rule is entered under.
    chosen: Vec<Option<usize>>,
    work: Work,
    open: Vec<u64>,
}

/// What a step is worked out on.
#[derive(Debug)]
struct Work {
    board: Board,
    /// Per rule of the plan: the step in which it was evaluated by itself.
    by_itself: Vec<u64>,
}

impl Matcher {
    /// For the rules that are evaluated.
    pub(super) fn new(rules: &RuleSet, plans: &[RulePlan]) -> Matcher {
        let plan = Plan::new(rules, plans.iter().map(|plan| plan.rule));
        let mut choice = Choice::new(&plan);
        let chosen = choice.choose(&plan, rules.schema.fields.len());
        Matcher {
            index: Index::new(&plan, &chosen),
            choice,
            chosen,
            work: Work {
                board: Board::new(&plan),
                by_itself: vec![0; plan.rules.len()],
            },
            open: Vec::new(),
            plan,
        }
    }

    /// Appends the hits of all rules to `out`, in no order that means anything, and counts.
    pub(super) fn run(
        &mut self,
        conditions: &mut Conditions<'_>,
        plans: &[RulePlan],
        out: &mut StepOutput,
    ) {
        self.work.board.begin(conditions.times.len());
        self.open.clear();
        words_of(&conditions.open, &mut self.open);
        if self.open.iter().all(|word| *word == 0) {
            return;
        }
        let mut step = At {
            plan: &self.plan,
            plans,
            conditions,
            out,
        };
        self.work.doubtful(&mut step);
        for strip in self.index.strips() {
            self.work.board.ready(strip, &self.plan, step.conditions);
        }
        let by_itself = &mut self.work.by_itself;
        self.index
            .walk(&mut self.work.board, &self.open, |board, entry, rows| {
                step.rule(board, by_itself, entry, rows);
            });
        self.learn(conditions);
    }

    /// Asks some rows of the step what an index could hold, if it is time to.
    fn learn(&mut self, conditions: &mut Conditions<'_>) {
        let rows = conditions.times.len();
        let sample = self.choice.begin(rows);
        if sample == 0 {
            return;
        }
        let board = &mut self.work.board;
        for at in 0..self.choice.candidates.len() {
            let (conjunct, test) = self.choice.candidates[at];
            let test = &self.plan.tests[test];
            if board.ready(test.strip, &self.plan, conditions) {
                let asked = (0..sample).map(|nth| nth * rows / sample);
                let held = asked.filter(|row| board.holds(test, *row, conditions));
                self.choice.note(conjunct, held.count());
            }
        }
        if self.choice.end(sample) {
            let fields = conditions.rules.schema.fields.len();
            let chosen = self.choice.choose(&self.plan, fields);
            if chosen != self.chosen {
                self.index = Index::new(&self.plan, &chosen);
                self.chosen = chosen;
            }
        }
    }
}

/// A step and where its hits go.
struct At<'s, 'c> {
    plan: &'s Plan,
    plans: &'s [RulePlan],
    conditions: &'s mut Conditions<'c>,
    out: &'s mut StepOutput,
}

impl Work {
    /// Evaluates by themselves the rules that read a column which is not what the pack says, or holds what its type
    /// cannot hold: such a row is null for a cause that counts.
    fn doubtful(&mut self, step: &mut At<'_, '_>) {
        let plan = step.plan;
        for read in &plan.columns {
            let array = step.conditions.columns.get(read.column);
            let sound = array.and_then(Option::as_ref).is_some_and(|array| {
                array.len() == step.conditions.times.len() && *array.data_type() == read.ty
            });
            let sound = sound
                && read
                    .doubtful
                    .is_none_or(|strip| self.board.ready(strip, plan, step.conditions));
            if !sound {
                for rule in &read.rules {
                    step.by_itself(&self.board, &mut self.by_itself, *rule);
                }
            }
        }
    }
}

impl At<'_, '_> {
    /// A rule, in the rows for which the conjunct it was found by holds.
    fn rule(&mut self, board: &mut Board, by_itself: &mut [u64], entry: Entry, rows: &[u64]) {
        let plan = self.plan;
        let rule = &plan.rules[entry.rule];
        if by_itself[entry.rule] == board.step() {
            return;
        }
        board.start(rows);
        if let Some(expires) = rule.expires {
            let times = self.conditions.times;
            board.keep(|row| times.get(row).is_some_and(|time| time.0 < expires));
        }
        for conjunct in &rule.conjuncts {
            if board.is_empty() {
                return;
            }
            if entry.conjunct == Some(*conjunct) {
                continue;
            }
            for strip in &plan.conjuncts[*conjunct].strips {
                if !board.ready(*strip, plan, self.conditions) {
                    return self.by_itself(board, by_itself, entry.rule);
                }
            }
            // An error counts where the condition is unknown, so a rule that can fail keeps those rows until it is known
            // that nothing failed.
            board.narrow(*conjunct, rule.can_fail, plan, self.conditions);
        }
        if rule.can_fail {
            for conjunct in &rule.conjuncts {
                board.narrow(*conjunct, false, plan, self.conditions);
            }
        }
        let hits = count(&board.left);
        if hits > 0 {
            let plan = &self.plans[entry.rule];
            let rows = board.rows_left();
            self.conditions.hits(plan, hits, rows, false, self.out);
        }
    }

    /// A rule as a program of its own, once per step.
    fn by_itself(&mut self, board: &Board, by_itself: &mut [u64], rule: usize) {
        if by_itself[rule] != board.step() {
            by_itself[rule] = board.step();
            self.conditions.rule(&self.plans[rule], self.out);
        }
    }
}

#[cfg(test)]
mod tests;
