//! `let` and `when` of one rule over the columns of a step: who hits where, and where an error kept the rule silent.
//!
//! The idea: a rule is evaluated for all rows at once and yields a bitmap; only rows that hit are touched one by one.
//! This is what a condition means; [`super::matching`] finds the same for all rules together and comes here only where
//! something may have failed. The invariant: a null condition never hits, and a fault is counted only where it left the condition unknown.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;

use super::cell::Cells;
use super::output::{Hit, Hitter, StepOutput, cause_index};
use super::plan::{LetUse, RulePlan};
use crate::expression::{Cause, Inputs};
use crate::ruleset::{Rule, RuleSet};
use crate::time::EventTime;

/// The columns of a step while its rules are evaluated.
pub(super) struct Conditions<'a> {
    pub(super) rules: &'a RuleSet,
    /// The pack's columns; `let`s of the rule at hand stand behind them.
    pub(super) columns: Vec<Option<ArrayRef>>,
    pub(super) times: &'a [EventTime],
    /// Rows that are decided: all but duplicates.
    pub(super) open: BooleanBuffer,
    /// Whether sentences are wanted.
    pub(super) texts: bool,
}

impl Conditions<'_> {
    /// Appends the hits of all rules to `out`, each evaluated by itself: what evaluating them together has to equal.
    #[cfg(test)]
    pub(super) fn one_by_one(&mut self, plan: &super::plan::Plan, out: &mut StepOutput) {
        for rule_plan in &plan.rules {
            self.rule(rule_plan, out);
        }
    }

    /// Appends the hits of one rule to `out`, not yet in the order of rows, and counts.
    pub(super) fn rule(&mut self, plan: &RulePlan, out: &mut StepOutput) {
        let rules = self.rules;
        let Some(rule) = rules.rules.get(plan.rule) else {
            return;
        };
        self.make_room(rule);
        let mut faults = Vec::new();
        self.lets(rule, plan, LetUse::Condition, &mut faults);
        let when = rule.when.evaluate(&self.inputs());
        faults.extend(when.faults);
        let Some(values) = when.values.as_boolean_opt() else {
            return;
        };
        let open = self.open_for(rule);
        let mut hits = &open & values.values();
        if let Some(known) = values.nulls().filter(|nulls| nulls.null_count() > 0) {
            let unknown = &open & &!known.inner();
            count_faults(out, plan.rule, faults, &unknown);
            hits = &hits & known.inner();
        }
        let count = hits.count_set_bits();
        if count > 0 {
            self.hits(plan, count, hits.set_indices(), true, out);
        }
    }

    /// Appends the hits of a rule in these rows. Its sentences read its `let`s, which may have been computed.
    pub(super) fn hits(
        &mut self,
        plan: &RulePlan,
        count: usize,
        rows: impl Iterator<Item = usize>,
        lets_computed: bool,
        out: &mut StepOutput,
    ) {
        let rules = self.rules;
        let Some(rule) = rules.rules.get(plan.rule) else {
            return;
        };
        if let Some(counts) = out.counts.rule_mut(plan.rule) {
            counts.hits += count as u64;
        }
        if self.texts && !rule.lets.is_empty() {
            if !lets_computed {
                self.make_room(rule);
                self.lets(rule, plan, LetUse::Condition, &mut Vec::new());
            }
            self.lets(rule, plan, LetUse::Sentence, &mut Vec::new());
        }
        for row in rows {
            self.hit(rule, plan.rule, row, out);
        }
    }

    /// Puts empty columns for the `let`s of a rule behind those of the pack.
    fn make_room(&mut self, rule: &Rule) {
        let base = self.rules.columns.len();
        self.columns.truncate(base);
        self.columns.resize(base + rule.lets.len(), None);
    }

    fn hit(&self, rule: &Rule, index: usize, row: usize, out: &mut StepOutput) {
        let start = out.texts.len();
        if self.texts {
            let column = |at: usize| self.columns.get(at)?.as_ref().map(Cells::of);
            rule.explain.render(row, column, &mut out.texts);
        }
        out.hits.push(Hit {
            row,
            by: Hitter::Rule(index),
            acts: false,
            alert: false,
            explain: start..out.texts.len(),
        });
    }

    fn lets(
        &mut self,
        rule: &Rule,
        plan: &RulePlan,
        of: LetUse,
        faults: &mut Vec<(Cause, BooleanBuffer)>,
    ) {
        let base = self.rules.columns.len();
        let wanted = rule.lets.iter().zip(&plan.lets).enumerate();
        for (index, (written, _)) in wanted.filter(|(_, (_, used))| **used == of) {
            let evaluated = written.value.evaluate(&self.inputs());
            faults.extend(evaluated.faults);
            if let Some(column) = self.columns.get_mut(base + index) {
                *column = Some(evaluated.values);
            }
        }
    }

    /// What a program reads.
    pub(super) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            columns: &self.columns,
            rows: self.times.len(),
            lists: &self.rules.lists,
        }
    }

    /// Rows this rule may hit: from the time it expires on, none.
    fn open_for(&self, rule: &Rule) -> BooleanBuffer {
        match rule.expires {
            Some(expires) => {
                let in_force = BooleanBuffer::collect_bool(self.times.len(), |row| {
                    self.times.get(row).is_some_and(|time| time.0 < expires)
                });
                &self.open & &in_force
            }
            None => self.open.clone(),
        }
    }
}

fn count_faults(
    out: &mut StepOutput,
    rule: usize,
    faults: Vec<(Cause, BooleanBuffer)>,
    unknown: &BooleanBuffer,
) {
    if faults.is_empty() {
        return;
    }
    let Some(counts) = out.counts.rule_mut(rule) else {
        return;
    };
    // One cause may come from several `let`s; a row counts once per cause.
    let mut by_cause: [Option<BooleanBuffer>; super::output::CAUSES.len()] = Default::default();
    for (cause, rows) in faults {
        if let Some(slot) = by_cause.get_mut(cause_index(cause)) {
            *slot = Some(slot.take().map_or(rows.clone(), |known| &known | &rows));
        }
    }
    for (count, rows) in counts.faults.iter_mut().zip(by_cause) {
        *count += rows.map_or(0, |rows| (&rows & unknown).count_set_bits()) as u64;
    }
}
