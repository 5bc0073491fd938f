//! The engine: a step of events in, decisions out.
//!
//! The idea: everything that can be done for a whole column is done for the step at once (arguments, filters,
//! features, conditions); what depends on the order of events (lateness, duplicates, the windows inside
//! [`crate::state`], `once_per`, `at_most`) is folded row by row. The invariants: how rows are cut into steps shows in no
//! decision; a duplicate changes nothing and repeats the first decision; [`Engine::fold`] leaves exactly the state
//! that [`Engine::step`] leaves; who does the work of a step, and how many they are, shows nowhere ([`exchange`]).
//!
//! For each row, in this order: late? seen before? then its features, conditions, lists, verdict, alerts.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray, RecordBatch};
use arrow::buffer::BooleanBuffer;

mod apart;
mod arrival;
pub mod cell;
mod conditions;
mod decide;
pub mod exchange;
#[cfg(test)]
pub(crate) mod fixture;
mod limit;
mod matching;
mod once;
mod output;
mod plan;

pub use apart::{FeatureApart, RulesApart, Taken};
pub use arrival::LAG_SPAN_MAX;
pub use output::{
    CAUSES, Counts, Decision, Flags, Hit, Hitter, Position, RuleCounts, Sizes, StepOutput,
    cause_index,
};

use self::arrival::Arrival;
use self::cell::{Cells, with_key_text};
use self::conditions::Conditions;
use self::exchange::{Hands, StepError, Task};
use self::limit::Limit;
use self::matching::Matcher;
use self::once::Once;
use self::plan::{Plan, group_plan};
use crate::expression::Inputs;
use crate::ruleset::RuleSet;
use crate::state::dedup::{Dedup, Fingerprint, FirstCopy};
use crate::state::seed::HashSeed;
use crate::state::shards::Order;
use crate::state::{GroupState, GroupStep};
use crate::time::EventTime;

/// The events of one step, in the order taken. All slices have one entry per row.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Columns of [`crate::schema::Schema::arrow`].
    pub events: &'a RecordBatch,
    /// The time each event counts with: its own, or the clamped one if it claimed to come from the future.
    pub times: &'a [EventTime],
    /// Which partition each came from.
    pub partitions: &'a [u32],
    /// Its offset there.
    pub offsets: &'a [i64],
}

impl Step<'_> {
    /// Where the event of a row stands.
    fn position(&self, row: usize) -> Position {
        Position {
            partition: self.partitions.get(row).copied().unwrap_or_default(),
            offset: self.offsets.get(row).copied().unwrap_or_default(),
        }
    }
}

/// State and rules of one application.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
    application: String,
    plan: Plan,
    groups: Vec<GroupState>,
    arrival: Arrival,
    dedup: Dedup,
    /// Per rule of the pack.
    once: Vec<Option<Once>>,
    /// Per rule of the pack.
    limits: Vec<Option<Limit>>,
    matcher: Matcher,
    /// Whether rules are evaluated one by one, as a test of evaluating them together.
    #[cfg(test)]
    one_by_one: bool,
    rows: Rows,
    folded: StepOutput,
}

/// What arrival says about each row of the step at hand.
#[derive(Debug, Default)]
struct Rows {
    late: Vec<bool>,
    duplicate: Vec<bool>,
    added: Vec<bool>,
    horizon: Vec<EventTime>,
    /// The greatest time taken up to the row, itself included.
    greatest: Vec<EventTime>,
    /// Fingerprint of the id, if it has one.
    ids: Vec<Option<Fingerprint>>,
    /// The first copy of a duplicate.
    copies: Vec<Option<FirstCopy>>,
    approximate: Vec<bool>,
}

impl Engine {
    /// An engine that has seen nothing. The application's name is part of every decision id; the seed shows nowhere.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, application: &str, seed: HashSeed) -> Engine {
        let lateness = rules.schema.max_lateness;
        let groups = rules.groups.iter();
        let once = rules.rules.iter().map(|rule| rule.once_per.as_ref());
        let limits = rules.rules.iter().map(|rule| rule.at_most.map(Limit::new));
        let plan = Plan::new(&rules);
        Engine {
            matcher: Matcher::new(&rules, &plan.rules),
            #[cfg(test)]
            one_by_one: false,
            plan,
            groups: groups
                .map(|group| GroupState::new(group_plan(&rules, group), seed))
                .collect(),
            arrival: Arrival::new(lateness),
            dedup: Dedup::new(rules.schema.dedup_horizon, seed),
            once: once
                .map(|once| once.map(|once| Once::new(once, lateness, seed)))
                .collect(),
            limits: limits.collect(),
            rows: Rows::default(),
            folded: StepOutput::default(),
            application: application.to_owned(),
            rules,
        }
    }

    /// The pack it runs.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The application it runs for.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Takes a step of events and decides each. `out` is cleared first.
    pub fn step(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        self.begin(step, out);
        self.features(step, out);
        self.end(step, out, true);
    }

    /// The same with the groups' shards given to many hands. With few rows they are not asked.
    ///
    /// # Errors
    /// [`StepError`]; the engine has then lost a part of its state and is of no further use.
    pub fn step_with(
        &mut self,
        step: &Step<'_>,
        out: &mut StepOutput,
        hands: &mut dyn Hands,
    ) -> Result<(), StepError> {
        self.begin(step, out);
        self.features_with(step, out, hands)?;
        self.end(step, out, true);
        Ok(())
    }

    /// Takes a step of events that were decided before: the silent refold after a restart. Leaves the state that
    /// [`Engine::step`] leaves, and so has to decide as well; only texts are left out.
    pub fn fold(&mut self, step: &Step<'_>) {
        let mut out = std::mem::take(&mut self.folded);
        self.begin(step, &mut out);
        self.features(step, &mut out);
        self.end(step, &mut out, false);
        self.folded = out;
    }

    /// The same by many hands.
    ///
    /// # Errors
    /// Those of [`Engine::step_with`].
    pub fn fold_with(&mut self, step: &Step<'_>, hands: &mut dyn Hands) -> Result<(), StepError> {
        let mut out = std::mem::take(&mut self.folded);
        self.begin(step, &mut out);
        self.features_with(step, &mut out, hands)?;
        self.end(step, &mut out, false);
        self.folded = out;
        Ok(())
    }

    /// How much it holds.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let mut sizes = Sizes {
            groups: self.groups.iter().map(GroupState::size).collect(),
            feature_bytes: vec![0; self.rules.features.len()],
            dedup_bytes: self.dedup.bytes(),
            once_keys: self.once.iter().flatten().map(Once::keys).sum(),
        };
        for (group, state) in self.rules.groups.iter().zip(&self.groups) {
            for (feature, bytes) in group.features.iter().zip(state.feature_bytes()) {
                if let Some(slot) = sizes.feature_bytes.get_mut(*feature) {
                    *slot = bytes;
                }
            }
        }
        sizes
    }

    fn begin(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        out.clear();
        out.counts.begin(self.rules.rules.len());
        self.arrive(step);
    }

    /// Rules and decisions over the features that are there now.
    fn end(&mut self, step: &Step<'_>, out: &mut StepOutput, texts: bool) {
        let rules = Arc::clone(&self.rules);
        let columns = step.events.columns().iter().chain(&out.features);
        let duplicate = &self.rows.duplicate;
        let mut conditions = Conditions {
            rules: &rules,
            columns: columns.cloned().map(Some).collect(),
            times: step.times,
            open: BooleanBuffer::collect_bool(step.times.len(), |row| {
                duplicate.get(row) == Some(&false)
            }),
            texts,
        };
        #[cfg(test)]
        if self.one_by_one {
            conditions.one_by_one(&self.plan, out);
            self.decide(step, out);
            return out.counts.finish();
        }
        self.matcher.run(&mut conditions, &self.plan.rules, out);
        self.decide(step, out);
        out.counts.finish();
    }

    /// Late, seen before, horizon: row by row, since each row bears on the next.
    fn arrive(&mut self, step: &Step<'_>) {
        let rows = &mut self.rows;
        rows.clear();
        let ids = step.events.columns().get(self.rules.schema.id);
        let ids = ids.map_or(Cells::Unknown, Cells::of);
        for (row, time) in step.times.iter().enumerate() {
            let position = step.position(row);
            let late = self.arrival.is_late(position.partition, *time);
            let id = with_key_text(ids.at(row), Fingerprint::of);
            let Position { partition, offset } = position;
            let horizon = self.arrival.horizon();
            let copy = id.and_then(|id| self.dedup.observe(id, *time, horizon, partition, offset));
            let duplicate = copy.is_some();
            if !duplicate {
                self.arrival.take(partition, *time);
            }
            rows.late.push(late);
            rows.duplicate.push(duplicate);
            rows.added.push(!late && !duplicate);
            rows.horizon.push(self.arrival.horizon());
            rows.greatest.push(self.arrival.greatest());
            rows.ids.push(id);
            rows.copies.push(copy);
        }
    }

    /// Arguments and filters for the whole step, then each group's store.
    fn features(&mut self, step: &Step<'_>, out: &mut StepOutput) {
        let arguments = self.arguments(step);
        self.make_room(step, out);
        let mut computed = Vec::new();
        for (number, state) in self.groups.iter_mut().enumerate() {
            let Some(columns) = self.plan.columns(&self.rules, number, step, &arguments) else {
                continue;
            };
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
    fn features_with(
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
        for (number, state) in self.groups.iter_mut().enumerate() {
            let Some(columns) = self.plan.columns(&self.rules, number, step, &arguments) else {
                continue;
            };
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

impl Rows {
    /// Notes which answers of a group are approximate.
    fn note(&mut self, approximate: &[bool]) {
        for (row, approximate) in self.approximate.iter_mut().zip(approximate) {
            *row |= approximate;
        }
    }

    /// What groups need of it, to be shared.
    fn order(&self, times: &[EventTime]) -> Order {
        Order {
            times: times.to_vec(),
            added: self.added.clone(),
            duplicate: self.duplicate.clone(),
            horizon: self.horizon.clone(),
        }
    }

    fn clear(&mut self) {
        self.late.clear();
        self.duplicate.clear();
        self.added.clear();
        self.horizon.clear();
        self.greatest.clear();
        self.ids.clear();
        self.copies.clear();
        self.approximate.clear();
    }
}

#[cfg(test)]
mod tests;
