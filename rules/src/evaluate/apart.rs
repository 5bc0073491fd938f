//! One feature or one rule by itself over recorded steps: what a measurement of a pack's parts runs.
//!
//! The idea: what a part takes can only be said by running it, and only a caller has a clock. So the engine runs once
//! and what it saw is kept ([`Taken`]); then each part runs over the same steps with nothing else around it, and the
//! caller reads its clock before and after. The invariant: a part computes what it computes inside the engine; nothing
//! here decides anything.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;

use super::Step;
use super::arrival::Arrival;
use super::conditions::Conditions;
use super::matching::Matcher;
use super::output::StepOutput;
use super::plan::{RulePlan, feature_plan};
use crate::expression::{Inputs, Program};
use crate::list::Lists;
use crate::ruleset::RuleSet;
use crate::state::seed::HashSeed;
use crate::state::{GroupState, GroupStep};
use crate::time::EventTime;

/// A step the engine has taken, and what it made of it.
#[derive(Debug)]
pub struct Taken {
    events: RecordBatch,
    features: Vec<ArrayRef>,
    times: Vec<EventTime>,
    partitions: Vec<u32>,
    offsets: Vec<i64>,
    late: Vec<bool>,
    duplicate: Vec<bool>,
}

/// The state of one feature that has its group to itself.
#[derive(Debug)]
pub struct FeatureApart {
    rules: Arc<RuleSet>,
    key: Vec<usize>,
    inputs: Vec<Program>,
    filters: Vec<Program>,
    arrival: Arrival,
    state: GroupState,
    computed: Vec<ArrayRef>,
}

/// The conditions of one rule, or of several together, without the features before them.
#[derive(Debug)]
pub struct RulesApart {
    rules: Arc<RuleSet>,
    plans: Vec<RulePlan>,
    matcher: Matcher,
    out: StepOutput,
}

impl Taken {
    /// What is kept of a step.
    #[must_use]
    pub fn new(events: &RecordBatch, out: &StepOutput) -> Taken {
        let decisions = || out.decisions.iter();
        Taken {
            events: events.clone(),
            features: out.features.clone(),
            times: decisions().map(|decision| decision.time).collect(),
            partitions: decisions().map(|d| d.position.partition).collect(),
            offsets: decisions().map(|d| d.position.offset).collect(),
            late: decisions().map(|d| d.flags.late).collect(),
            duplicate: decisions().map(|d| d.flags.duplicate).collect(),
        }
    }

    /// How many events it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The step as the engine takes it.
    #[must_use]
    pub fn step(&self) -> Step<'_> {
        Step {
            events: &self.events,
            times: &self.times,
            partitions: &self.partitions,
            offsets: &self.offsets,
        }
    }
}

impl FeatureApart {
    /// A feature of the pack; `None` if it has no such feature.
    #[must_use]
    pub fn new(rules: &Arc<RuleSet>, feature: usize, seed: HashSeed) -> Option<FeatureApart> {
        let feature = rules.features.get(feature)?;
        let group = rules.groups.get(feature.group)?;
        let args = feature.args.iter();
        let inputs = args.filter_map(|arg| group.inputs.get(*arg).cloned());
        let filters = feature.filter.and_then(|at| group.filters.get(at).cloned());
        let inputs: Vec<Program> = inputs.collect();
        let plan = feature_plan(rules, group, feature, &inputs);
        Some(FeatureApart {
            key: group.key.clone(),
            inputs,
            filters: filters.into_iter().collect(),
            arrival: Arrival::new(rules.schema.max_lateness),
            state: GroupState::new(plan, seed),
            computed: Vec::new(),
            rules: Arc::clone(rules),
        })
    }

    /// Computes the feature for the events of a step.
    pub fn run(&mut self, taken: &Taken) {
        let horizon = self.horizon(taken);
        let events: Vec<_> = taken.events.columns().iter().cloned().map(Some).collect();
        let inputs = values(&self.inputs, &events, taken.times.len(), &self.rules.lists);
        let filters = values(&self.filters, &events, taken.times.len(), &self.rules.lists);
        let filters = filters.iter().filter_map(|f| f.as_boolean_opt().cloned());
        let filters: Vec<BooleanArray> = filters.collect();
        let keys = self.key.iter().filter_map(|at| events.get(*at)?.clone());
        let keys: Vec<ArrayRef> = keys.collect();
        let (late, duplicate) = (taken.late.iter(), &taken.duplicate);
        let added: Vec<bool> = late.zip(duplicate).map(|(l, d)| !l && !d).collect();
        self.computed.clear();
        let step = GroupStep {
            keys: &keys,
            inputs: &inputs,
            filters: &filters,
            times: &taken.times,
            added: &added,
            duplicate,
            horizon: &horizon,
        };
        self.state.step(&step, &mut self.computed);
    }

    /// As the engine has it: what any row to come may still ask for.
    fn horizon(&mut self, taken: &Taken) -> Vec<EventTime> {
        let rows = taken.times.iter().zip(&taken.partitions);
        let rows = rows.zip(&taken.duplicate);
        rows.map(|((time, partition), duplicate)| {
            if !duplicate {
                self.arrival.take(*partition, *time);
            }
            self.arrival.horizon()
        })
        .collect()
    }
}

impl RulesApart {
    /// Some rules of the pack; those that are off are not evaluated. With none of them, what is left is what every step
    /// takes, whatever the rules.
    #[must_use]
    pub fn new(rules: &Arc<RuleSet>, some: impl IntoIterator<Item = usize>) -> RulesApart {
        let some = some.into_iter();
        let plans: Vec<RulePlan> = some.filter_map(|rule| RulePlan::new(rules, rule)).collect();
        RulesApart {
            matcher: Matcher::new(rules, &plans),
            plans,
            out: StepOutput::default(),
            rules: Arc::clone(rules),
        }
    }

    /// Evaluates the conditions for the events of a step; says how often they hit.
    pub fn run(&mut self, taken: &Taken) -> usize {
        self.out.clear();
        self.out.counts.begin(self.rules.rules.len());
        let columns = taken.events.columns().iter().chain(&taken.features);
        let mut conditions = Conditions {
            rules: &self.rules,
            columns: columns.cloned().map(Some).collect(),
            times: &taken.times,
            open: BooleanBuffer::collect_bool(taken.times.len(), |row| {
                taken.duplicate.get(row) == Some(&false)
            }),
            texts: true,
        };
        self.matcher
            .run(&mut conditions, &self.plans, &mut self.out);
        self.out.hits.len()
    }
}

fn values(
    programs: &[Program],
    columns: &[Option<ArrayRef>],
    rows: usize,
    lists: &Lists,
) -> Vec<ArrayRef> {
    let inputs = Inputs {
        columns,
        rows,
        lists,
    };
    let programs = programs.iter();
    programs
        .map(|program| program.evaluate(&inputs).values)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::evaluate::fixture::{Events, PACK, random, rules};
    use crate::evaluate::{Engine, Hitter};

    #[test]
    fn each_part_by_itself_computes_what_it_computes_inside() {
        let rules = rules(PACK);
        let mut engine = Engine::new(Arc::clone(&rules), "test", HashSeed::FIXED);
        let mut out = StepOutput::default();
        let mut features: Vec<FeatureApart> = (0..rules.features.len())
            .filter_map(|at| FeatureApart::new(&rules, at, HashSeed::FIXED))
            .collect();
        let mut each: Vec<RulesApart> = (0..rules.rules.len())
            .map(|at| RulesApart::new(&rules, [at]))
            .collect();
        let mut all = RulesApart::new(&rules, 0..rules.rules.len());
        for rows in random(3, 400).chunks(50) {
            let events = Events::of(&rules, rows);
            engine.step(&events.step(), &mut out);
            let taken = Taken::new(&events.batch, &out);
            let mut seen = Vec::new();
            for feature in &mut features {
                feature.run(&taken);
                seen.append(&mut feature.computed);
            }
            // A late row is answered from what is left, and a store with longer windows has more left.
            let sound = out.decisions.iter().map(|d| !d.flags.late);
            let sound: BooleanArray = sound.map(Some).collect();
            let timely = |column: &ArrayRef| arrow::compute::filter(column, &sound).unwrap();
            let seen: Vec<ArrayRef> = seen.iter().map(timely).collect();
            let expected: Vec<ArrayRef> = out.features.iter().map(timely).collect();
            assert_eq!(seen, expected);
            let hits = out.hits.iter();
            let hits = hits.filter(|hit| matches!(hit.by, Hitter::Rule(_))).count();
            assert_eq!(all.run(&taken), hits);
            assert_eq!(each.iter_mut().map(|r| r.run(&taken)).sum::<usize>(), hits);
        }
    }
}
