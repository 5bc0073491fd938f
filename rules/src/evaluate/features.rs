//! The features of a step: arguments and filters for all rows at once, then the state of each group.
//!
//! The invariant: one thread or many hands, the columns are the same and stand where the pack has them.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};

use super::exchange::{self, Hands, StepError, Task};
use super::{Engine, Step, StepOutput};
use crate::expression::Inputs;
use crate::ruleset::RuleSet;
use crate::state::GroupStep;

impl Engine {
    /// Arguments and filters for the whole step, then each group's store.
    pub(super) fn features(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        let arguments = self.arguments(step);
        self.make_room(step, out);
        let mut computed = Vec::new();
        let groups = self.groups.iter_mut().zip(&mut self.passed);
        for (number, (state, passed)) in groups.enumerate() {
            let Some(columns) = self.plan.columns(&self.rules, number, step, &arguments) else {
                continue;
            };
            passed.add(step.times.len(), &columns.keys);
            let group = GroupStep {
                keys: &columns.keys,
                inputs: &columns.inputs,
                filters: &columns.filters,
                times: step.times,
                added: &self.rows.added,
                duplicate: &self.rows.duplicate,
                horizon: &self.rows.horizon,
            };
            computed.clear();
            state.step(&group, &mut computed);
            self.rows.note(state.approximate());
            place(&self.rules, number, &mut computed, &mut out.features);
        }
    }

    /// The same with the shards of all groups in many hands: each group's are given away as soon as its columns are
    /// there, and its answers are put together when all have come back.
    pub(super) fn features_with(
        &mut self,
        step: &Step<'_>,
        out: &mut StepOutput,
        hands: &mut dyn Hands,
    ) -> Result<(), StepError> {
        if step.times.len() < exchange::ROWS_MIN || hands.count() < 2 {
            self.features(step, out);
            return Ok(());
        }
        let arguments = self.arguments(step);
        self.make_room(step, out);
        let order = Arc::new(self.rows.order(step.times));
        let parts = hands.count() * exchange::PARTS_PER_HAND;
        let groups = self.groups.iter_mut().zip(&mut self.passed);
        for (number, (state, passed)) in groups.enumerate() {
            let Some(columns) = self.plan.columns(&self.rules, number, step, &arguments) else {
                continue;
            };
            passed.add(step.times.len(), &columns.keys);
            let (keys, filters) = (&columns.keys, &columns.filters);
            for part in state.deal(keys, columns.inputs, filters, &order, parts) {
                hands.give(Task::new(number, part));
            }
        }
        let mut done = exchange::by_group(hands.all()?, self.groups.len());
        let mut computed = Vec::new();
        for (number, (state, parts)) in self.groups.iter_mut().zip(&mut done).enumerate() {
            computed.clear();
            state.join(std::mem::take(parts), &mut computed)?;
            self.rows.note(state.approximate());
            place(&self.rules, number, &mut computed, &mut out.features);
        }
        Ok(())
    }

    /// Every distinct argument and filter of the groups, in the order of the plan.
    fn arguments(&self, step: &Step<'_>) -> Vec<ArrayRef> {
        let events: Vec<_> = step.events.columns().iter().cloned().map(Some).collect();
        let inputs = Inputs {
            columns: &events,
            rows: step.times.len(),
            lists: &self.rules.lists,
        };
        let shared = self.plan.shared.iter();
        shared
            .filter_map(|shared| shared.program(&self.rules))
            .map(|program| program.evaluate(&inputs).values)
            .collect()
    }

    /// A place per member, filled below: every feature belongs to one group.
    fn make_room(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        let nothing: ArrayRef = Arc::new(NullArray::new(0));
        let members = self.rules.columns.len();
        let members = members.saturating_sub(self.rules.schema.fields.len());
        out.features.resize(members, nothing);
        self.rows.approximate.resize(step.times.len(), false);
    }
}

/// Puts the columns of a group where the pack has them.
fn place(rules: &RuleSet, group: usize, computed: &mut Vec<ArrayRef>, features: &mut [ArrayRef]) {
    let fields = rules.schema.fields.len();
    let group = rules.groups.get(group).map(|group| group.features.iter());
    let mut computed = computed.drain(..);
    for feature in group
        .into_iter()
        .flatten()
        .filter_map(|f| rules.features.get(*f))
    {
        let first = feature.column.saturating_sub(fields);
        let slots = features.iter_mut().skip(first).take(feature.members);
        for (slot, column) in slots.zip(computed.by_ref()) {
            *slot = column;
        }
    }
}
