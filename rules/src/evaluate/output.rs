//! What a step brings: one decision per event, the hits behind them, and counts of what was out of the ordinary.
//!
//! The idea: nothing here is text yet but the sentences of hits, which need values that are gone afterwards; ids and
//! JSON are made by [`crate::decision`] where they are wanted. The invariant: decisions stand in the order of the
//! step's rows, hits in the order of decisions and, within one, list before rules in the order of the pack.

use std::ops::Range;

use arrow::array::ArrayRef;

use crate::expression::Cause;
use crate::time::EventTime;

/// What a step brought. Reused from step to step, so that a steady stream allocates little.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// One per event.
    pub decisions: Vec<Decision>,
    /// The hits of all decisions, in order; each decision names its range.
    pub hits: Vec<Hit>,
    /// Feature columns, in the order of the pack's members; one value per event.
    pub features: Vec<ArrayRef>,
    /// The sentences of all hits; each hit names its range.
    pub texts: String,
    /// What was counted.
    pub counts: Counts,
}

impl StepOutput {
    /// Forgets the last step.
    pub fn clear(&mut self) {
        self.decisions.clear();
        self.hits.clear();
        self.features.clear();
        self.texts.clear();
        self.counts.clear();
    }

    /// The hits of one decision.
    #[must_use]
    pub fn hits_of(&self, decision: &Decision) -> &[Hit] {
        self.hits.get(decision.hits.clone()).unwrap_or_default()
    }

    /// The sentence of one hit.
    #[must_use]
    pub fn explain_of(&self, hit: &Hit) -> &str {
        self.texts.get(hit.explain.clone()).unwrap_or_default()
    }
}

/// Where an event stands in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Partition.
    pub partition: u32,
    /// Offset in it.
    pub offset: i64,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The time the event counted with.
    pub time: EventTime,
    /// Where the event stands.
    pub position: Position,
    /// Where the event stood that was decided first under this id; `position` unless a duplicate. Names the decision.
    pub first: Position,
    /// Index into [`crate::ruleset::Policy::order`].
    pub outcome: usize,
    /// Score, at most the policy's maximum.
    pub score: i64,
    /// Its hits in [`StepOutput::hits`].
    pub hits: Range<usize>,
    /// What was out of the ordinary.
    pub flags: Flags,
}

/// What was out of the ordinary about a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Further behind its partition than `max_lateness`: decided, not added to any window.
    pub late: bool,
    /// Its id was seen before: the first decision is repeated, nothing is changed.
    pub duplicate: bool,
    /// A feature was answered from less than it should have been.
    pub approximate: bool,
}

impl Flags {
    /// The words of the flags that are set, in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let named = [
            (self.late, "late"),
            (self.duplicate, "duplicate"),
            (self.approximate, "approximate"),
        ];
        named
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name))
    }
}

/// Who hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hitter {
    /// A list of the policy: index into [`crate::ruleset::Policy::first`].
    List(usize),
    /// A rule: index into [`crate::ruleset::RuleSet::rules`].
    Rule(usize),
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The event's row in the step.
    pub row: usize,
    /// The rule, or the list that decided before the rules.
    pub by: Hitter,
    /// Whether it bears on outcome and score: a live rule's where no list decided, or the list's own.
    pub acts: bool,
    /// Whether it is an alert: it acts, is a rule's, and was not suppressed by `once_per` or `at_most`.
    pub alert: bool,
    /// Its sentence in [`StepOutput::texts`].
    pub explain: Range<usize>,
}

/// How often something happened in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that came too late to be added.
    pub late: u64,
    /// Events seen before.
    pub duplicates: u64,
    /// Decisions flagged approximate.
    pub approximate: u64,
    /// Decisions made by a list of the policy.
    pub by_list: u64,
    /// Per rule of the pack, in its order.
    pub rules: Vec<RuleCounts>,
    /// The rules for which something was counted; so that a step costs what happened in it, not how many rules there are.
    counted: Vec<usize>,
}

impl Counts {
    /// The rules for which something was counted, in the order of the pack.
    pub fn counted(&self) -> impl Iterator<Item = (usize, &RuleCounts)> {
        let counted = self.counted.iter();
        counted.filter_map(|at| Some((*at, self.rules.get(*at)?)))
    }

    /// The counts of a rule, to be added to.
    pub(super) fn rule_mut(&mut self, rule: usize) -> Option<&mut RuleCounts> {
        let counts = self.rules.get_mut(rule)?;
        if *counts == RuleCounts::default() {
            self.counted.push(rule);
        }
        Some(counts)
    }

    /// Ends the counting of a step.
    pub(super) fn finish(&mut self) {
        self.counted.sort_unstable();
        // Rules that were asked for, twice even, with nothing to add.
        self.counted.dedup();
        let rules = &self.rules;
        let some = |at: &usize| rules.get(*at).is_some_and(|r| *r != RuleCounts::default());
        self.counted.retain(some);
    }

    /// Makes room for so many rules, nothing counted yet.
    pub(super) fn begin(&mut self, rules: usize) {
        if self.rules.len() != rules {
            self.rules.clear();
            self.rules.resize(rules, RuleCounts::default());
        }
    }

    fn clear(&mut self) {
        let (mut rules, mut counted) = (
            std::mem::take(&mut self.rules),
            std::mem::take(&mut self.counted),
        );
        for rule in counted.drain(..) {
            if let Some(counts) = rules.get_mut(rule) {
                *counts = RuleCounts::default();
            }
        }
        *self = Counts {
            rules,
            counted,
            ..Counts::default()
        };
    }
}

/// How often something happened to one rule in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Hits, also of a shadow rule and where a list decided.
    pub hits: u64,
    /// Alerts.
    pub alerts: u64,
    /// Acting hits that were no alert because of `once_per` or `at_most`.
    pub suppressed: u64,
    /// Events for which the condition was unknown after an error inside it, by [`cause_index`]; an event that met two
    /// causes counts under both.
    pub faults: [u64; CAUSES.len()],
}

/// Every cause, in the order [`RuleCounts::faults`] counts them.
pub const CAUSES: [Cause; 4] = [
    Cause::DivisionByZero,
    Cause::Overflow,
    Cause::BadCast,
    Cause::NotANumber,
];

/// Where [`RuleCounts::faults`] counts a cause.
#[must_use]
pub fn cause_index(cause: Cause) -> usize {
    match cause {
        Cause::DivisionByZero => 0,
        Cause::Overflow => 1,
        Cause::BadCast => 2,
        Cause::NotANumber => 3,
    }
}

/// How much an engine holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Per group of the pack, in its order.
    pub groups: Vec<crate::state::GroupSize>,
    /// Per feature of the pack, in its order: its own running values and its share of what its group's features share.
    pub feature_bytes: Vec<usize>,
    /// Bytes for remembering ids.
    pub dedup_bytes: usize,
    /// Keys remembered for `once_per`, over all rules.
    pub once_keys: usize,
}

impl Sizes {
    /// Adds what another engine of the same pack holds.
    pub fn join(&mut self, other: &Sizes) {
        let groups = other.groups.len().max(self.groups.len());
        self.groups
            .resize(groups, crate::state::GroupSize::default());
        for (sum, group) in self.groups.iter_mut().zip(&other.groups) {
            sum.keys += group.keys;
            sum.events += group.events;
            sum.bytes += group.bytes;
            sum.evicted_keys += group.evicted_keys;
            sum.evicted_events += group.evicted_events;
        }
        let features = other.feature_bytes.len().max(self.feature_bytes.len());
        self.feature_bytes.resize(features, 0);
        for (sum, bytes) in self.feature_bytes.iter_mut().zip(&other.feature_bytes) {
            *sum += bytes;
        }
        self.dedup_bytes += other.dedup_bytes;
        self.once_keys += other.once_keys;
    }

    /// What is left of it when the engine is gone: what had to go before is counted on.
    #[must_use]
    pub fn gone(&self) -> Sizes {
        let left = |group: &crate::state::GroupSize| crate::state::GroupSize {
            evicted_keys: group.evicted_keys,
            evicted_events: group.evicted_events,
            ..crate::state::GroupSize::default()
        };
        Sizes {
            groups: self.groups.iter().map(left).collect(),
            ..Sizes::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_counted_where_they_are_listed() {
        for (index, cause) in CAUSES.into_iter().enumerate() {
            assert_eq!(cause_index(cause), index);
        }
    }

    #[test]
    fn flags_have_a_fixed_order() {
        let all = Flags {
            late: true,
            duplicate: true,
            approximate: true,
        };
        let names: Vec<_> = all.names().collect();
        assert_eq!(names, ["late", "duplicate", "approximate"]);
    }
}
