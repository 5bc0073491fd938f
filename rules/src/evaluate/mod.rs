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

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

mod apart;
mod arrival;
pub mod cell;
mod conditions;
mod decide;
mod estimate;
pub mod exchange;
mod features;
#[cfg(test)]
pub(crate) mod fixture;
mod limit;
mod matching;
mod once;
mod output;
mod plan;
pub mod snapshot;

pub use apart::{FeatureApart, RulesApart, Taken};
pub use arrival::LAG_SPAN_MAX;
pub use estimate::{Estimate, FeatureEstimate, GroupEstimate, KeyBytes, USUAL_EVENTS, estimate};
pub use output::{
    CAUSES, Counts, Decision, Flags, Hit, Hitter, Position, RuleCounts, Sizes, StepOutput,
    cause_index,
};

use self::arrival::Arrival;
use self::cell::{Cells, with_key_text};
use self::conditions::Conditions;
use self::estimate::Passed;
use self::exchange::{Hands, StepError};
use self::limit::Limit;
use self::matching::Matcher;
use self::once::Once;
use self::plan::{Plan, group_plan};
use crate::ruleset::RuleSet;
use crate::state::GroupState;
use crate::state::dedup::{Dedup, Fingerprint, FirstCopy};
use crate::state::seed::HashSeed;
use crate::state::shards::Order;
use crate::time::EventTime;

/// The version of what state and decisions mean: of two programs with the same one, either goes on where the other ended.
/// It changes when the same events would give other decisions, or the same bytes of state mean something else.
pub const SEMANTICS: u32 = 1;

/// Ids whose places are read ahead at once.
const AHEAD: usize = 16;

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
    /// Of all its hash tables.
    seed: HashSeed,
    plan: Plan,
    groups: Vec<GroupState>,
    /// Per group, for estimates.
    passed: Vec<Passed>,
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
    /// While a snapshot of it is written.
    frozen: Option<snapshot::Frozen>,
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
            passed: vec![Passed::default(); rules.groups.len()],
            arrival: Arrival::new(lateness),
            dedup: Dedup::new(rules.schema.dedup_horizon, seed),
            once: once
                .map(|once| once.map(|once| Once::new(once, lateness, seed)))
                .collect(),
            limits: limits.collect(),
            rows: Rows::default(),
            folded: StepOutput::default(),
            frozen: None,
            application: application.to_owned(),
            seed,
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
        let id = |row| with_key_text(ids.at(row), |id| Fingerprint::of(id.as_bytes()));
        rows.ids.extend((0..step.times.len()).map(id));
        for (row, time) in step.times.iter().enumerate() {
            if row.is_multiple_of(AHEAD) {
                let next = rows.ids.len().min(row + AHEAD);
                self.dedup.warm(&rows.ids[row..next]);
            }
            let Position { partition, offset } = step.position(row);
            let late = self.arrival.is_late(partition, *time);
            let horizon = self.arrival.horizon();
            let copy = rows.ids[row]
                .and_then(|id| self.dedup.observe(id, *time, horizon, partition, offset));
            let duplicate = copy.is_some();
            if !duplicate {
                self.arrival.take(partition, *time);
            }
            rows.late.push(late);
            rows.duplicate.push(duplicate);
            rows.added.push(!late && !duplicate);
            rows.horizon.push(self.arrival.horizon());
            rows.greatest.push(self.arrival.greatest());
            rows.copies.push(copy);
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
