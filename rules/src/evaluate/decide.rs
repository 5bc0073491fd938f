//! From hits to decisions: lists first, then the policy over the rules, `once_per` and `at_most`, and what is remembered
//! of the decision for a second delivery.
//!
//! The invariant: rows are taken in order, because an alert of one row may suppress that of a later one and a
//! duplicate repeats a decision that may stand in the same step.

use std::collections::BTreeMap;

use super::cell::{Cells, with_key_text};
use super::once::fingerprint;
use super::output::{Decision, Flags, Hit, Hitter, Position, RuleCounts, StepOutput};
use super::{AHEAD, Engine, Step};
use crate::list::List;
use crate::policy::{self, Verdict};
use crate::ruleset::Mode;
use crate::state::dedup::FirstCopy;
use crate::time::EventTime;

/// Row by position.
type InStep = BTreeMap<Position, usize>;

impl Engine {
    /// Makes one decision per row out of the hits in `out`.
    pub(super) fn decide(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        let columns: Vec<Cells<'_>> = step.events.columns().iter().map(Cells::of).collect();
        self.list_hits(&columns, step.times.len(), out);
        // Lists sort before rules, rules in the order of the pack.
        out.hits.sort_by_key(|hit| (hit.row, hit.by));
        let in_step = self.in_step(step);
        let mut start = 0;
        for (row, time) in step.times.iter().enumerate() {
            if row.is_multiple_of(AHEAD) {
                // What was read before the features were computed is far from the processor again.
                let next = self.rows.ids.len().min(row + AHEAD);
                self.dedup.warm(&self.rows.ids[row..next]);
            }
            let rest = out.hits.get(start..).unwrap_or_default();
            let count = rest.iter().take_while(|hit| hit.row == row).count();
            let hits = start..start + count;
            start = hits.end;
            let position = step.position(row);
            let flags = self.flags(row);
            let copy = self.rows.copies.get(row).copied().flatten();
            let (first, verdict) = if let Some(copy) = copy {
                self.first_decision(copy, &in_step, &out.decisions)
            } else {
                let own = out.hits.get_mut(hits.clone()).unwrap_or_default();
                let verdict = self.verdict(own);
                self.alerts(&columns, *time, own, &mut out.counts.rules);
                self.remember(row, verdict);
                (position, verdict)
            };
            out.counts.late += u64::from(flags.late);
            out.counts.duplicates += u64::from(flags.duplicate);
            out.counts.approximate += u64::from(flags.approximate);
            out.decisions.push(Decision {
                time: *time,
                position,
                first,
                outcome: verdict.outcome,
                score: verdict.score,
                hits,
                flags,
            });
        }
    }

    /// The first list of the policy that holds each row's key.
    fn list_hits(&self, columns: &[Cells<'_>], rows: usize, out: &mut StepOutput) {
        let first = self.rules.policy.first.iter();
        let lists: Vec<_> = first
            .enumerate()
            .filter_map(|(index, first)| {
                let list = self.rules.lists.get(first.list)?;
                let column = columns.get(first.field)?;
                (!list.entries.is_empty()).then_some((index, list, *column))
            })
            .collect();
        if lists.is_empty() {
            return;
        }
        for row in (0..rows).filter(|row| self.rows.duplicate.get(*row) == Some(&false)) {
            let holds = |text: &str, list: &List| list.entries.contains(text);
            let found = lists.iter().find(|(_, list, column)| {
                with_key_text(column.at(row), |text| holds(text, list)).unwrap_or(false)
            });
            if let Some((index, list, _)) = found {
                let start = out.texts.len();
                out.texts.push_str("on the list ");
                out.texts.push_str(&list.name);
                out.counts.by_list += 1;
                out.hits.push(Hit {
                    row,
                    by: Hitter::List(*index),
                    acts: true,
                    alert: false,
                    explain: start..out.texts.len(),
                });
            }
        }
    }

    fn flags(&self, row: usize) -> Flags {
        let set = |flags: &[bool]| flags.get(row).copied().unwrap_or_default();
        let duplicate = set(&self.rows.duplicate);
        Flags {
            late: set(&self.rows.late),
            duplicate,
            // A duplicate repeats a decision; its own features went into nothing.
            approximate: !duplicate && set(&self.rows.approximate),
        }
    }

    /// Marks the hits that act and weighs them.
    fn verdict(&self, hits: &mut [Hit]) -> Verdict {
        let policy = &self.rules.policy;
        if let Some(Hit {
            by: Hitter::List(list),
            ..
        }) = hits.first()
        {
            return policy::by_list(policy, *list);
        }
        let acting = hits.iter_mut().filter_map(|hit| {
            let Hitter::Rule(index) = hit.by else {
                return None;
            };
            let rule = self.rules.rules.get(index)?;
            hit.acts = rule.mode == Mode::Live;
            hit.acts.then_some((rule.action, rule.score))
        });
        policy::by_hits(policy, acting)
    }

    /// Makes alerts of the acting hits that `once_per` and `at_most` let through.
    fn alerts(
        &mut self,
        columns: &[Cells<'_>],
        time: EventTime,
        hits: &mut [Hit],
        out: &mut [RuleCounts],
    ) {
        for hit in hits.iter_mut().filter(|hit| hit.acts) {
            let Hitter::Rule(index) = hit.by else {
                continue;
            };
            hit.alert = self.admits(columns, index, hit.row, time);
            if let Some(counts) = out.get_mut(index) {
                counts.alerts += u64::from(hit.alert);
                counts.suppressed += u64::from(!hit.alert);
            }
        }
    }

    /// Whether an alert goes out. Room is asked for first and taken last: what `once_per` keeps back uses none up, and
    /// what `at_most` keeps back does not count as the one alert of its key.
    fn admits(&mut self, columns: &[Cells<'_>], rule: usize, row: usize, time: EventTime) -> bool {
        let greatest = self.rows.greatest.get(row).copied().unwrap_or(time);
        let mut limit = self.limits.get_mut(rule).and_then(Option::as_mut);
        if !limit.as_mut().is_none_or(|limit| limit.has_room(greatest)) {
            return false;
        }
        let written = self.rules.rules.get(rule).and_then(|r| r.once_per.as_ref());
        let memory = self.once.get_mut(rule).and_then(Option::as_mut);
        let admitted = match (written, memory) {
            (Some(written), Some(memory)) => fingerprint(&written.key, columns, row)
                .is_none_or(|key| memory.admit(key, time, greatest)),
            _ => true,
        };
        if let Some(limit) = limit.filter(|_| admitted) {
            limit.note(greatest);
        }
        admitted
    }

    /// What a duplicate repeats: where the event stood first, and what was decided there. A first copy in this very
    /// step had no decision yet when the duplicate was noticed, but its row stands before and has one by now.
    fn first_decision(
        &self,
        copy: FirstCopy,
        step: &InStep,
        made: &[Decision],
    ) -> (Position, Verdict) {
        let position = Position {
            partition: copy.partition,
            offset: copy.offset,
        };
        let remembered = copy.outcome.map(|outcome| Verdict {
            outcome: usize::from(outcome),
            score: i64::from(copy.score),
        });
        let in_step = || {
            let decision = made.get(*step.get(&position)?)?;
            Some(Verdict {
                outcome: decision.outcome,
                score: decision.score,
            })
        };
        let verdict = remembered.or_else(in_step);
        (
            position,
            verdict.unwrap_or_else(|| policy::unhit(&self.rules.policy)),
        )
    }

    /// Rows of this step by position, when a duplicate of one of them may be in it.
    fn in_step(&self, step: &Step<'_>) -> InStep {
        let undecided = |copy: &Option<FirstCopy>| copy.is_some_and(|copy| copy.outcome.is_none());
        if !self.rows.copies.iter().any(undecided) {
            return InStep::new();
        }
        (0..step.times.len())
            .map(|row| (step.position(row), row))
            .collect()
    }

    fn remember(&mut self, row: usize, verdict: Verdict) {
        if let Some(id) = self.rows.ids.get(row).copied().flatten() {
            let outcome = u16::try_from(verdict.outcome).unwrap_or(u16::MAX);
            // A pack's scores are far smaller; see the limits of `policy.score.max`.
            let score = i32::try_from(verdict.score).unwrap_or(i32::MAX);
            self.dedup.decide(id, outcome, score);
        }
    }
}
