//! Exact state: one store of events per key, shared by all windows and aggregates of that key.
//!
//! The idea: a key with few events is a few lines of memory that are scanned for each answer (`small`); one with more
//! gets a record with running values, and its events a ring sorted by (event time, order taken) over which all windows
//! move. Rows are taken one by one in the order given, so the answers do not depend on how rows are cut into steps.
//! The invariant: an answer that is not flagged approximate is what a scan over every event ever taken would give.
//!
//! Modules in reading order: a plan in words (`layout`), an event in words (`row`, `columns`, `text`), where words live
//! (`arena`, `slab`, `identity`, `table`, `keys`), what is done with them (`small`; `large`, `store`, `append`,
//! `session`, `reading`, `forget`, `budget`, `warm`), and beside all that the memory of event ids ([`dedup`]) and
//! what keys are estimated to take ([`estimate`]).

pub(crate) mod row;
pub(crate) mod slab;
pub(crate) mod text;

mod append;
mod arena;
mod budget;
mod columns;
pub mod dedup;
pub mod estimate;
mod forget;
mod identity;
mod keys;
mod large;
mod layout;
mod reading;
pub mod seed;
mod session;
mod small;
mod store;
mod table;
mod warm;

#[cfg(test)]
mod tests;

use arrow::array::{ArrayRef, BooleanArray};

use self::columns::{Answers, Input, StepKeys, StepRows};
use self::layout::Layout;
use self::row::Place;
use self::seed::HashSeed;
use self::small::{Arriving, Scratch};
use self::store::Store;
use self::warm::AHEAD;
use crate::aggregate::Aggregate;
use crate::ruleset::{Limits, Scope};
use crate::time::EventTime;
use crate::value::Type;
use crate::window::Window;

/// What a group's store computes; made from [`crate::ruleset::Group`] without its expressions.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Types of the key's fields; empty: one group of all events.
    pub key: Vec<Type>,
    /// Types of the values kept per event.
    pub inputs: Vec<Type>,
    /// How many filters there are, at most 64.
    pub filters: usize,
    /// What is computed.
    pub features: Vec<FeaturePlan>,
    /// Events may arrive this far behind their partition's watermark.
    pub max_lateness: crate::time::Span,
    /// How much it may hold.
    pub limits: Limits,
}

/// One feature of a group.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    /// The function.
    pub aggregate: Aggregate,
    /// Indices into [`GroupPlan::inputs`].
    pub args: Vec<usize>,
    /// Index of the filter.
    pub filter: Option<usize>,
    /// Which events.
    pub window: Window,
    /// Whether the current one is among them.
    pub scope: Scope,
}

/// The rows of one step as one group sees them, all of one length.
#[derive(Debug)]
pub struct GroupStep<'a> {
    /// The key's columns; a row with a null part has no key: its features are null and it is not stored.
    pub keys: &'a [ArrayRef],
    /// One column per [`GroupPlan::inputs`].
    pub inputs: &'a [ArrayRef],
    /// One column per filter; null counts as false.
    pub filters: &'a [BooleanArray],
    /// Event times.
    pub times: &'a [EventTime],
    /// False for a late event or a duplicate: it is answered from the state, and never added. For an event that is
    /// late (not a duplicate) `with_current` still counts the event itself; a duplicate is already in the state.
    pub added: &'a [bool],
    /// True for a duplicate: it does not count itself a second time.
    pub duplicate: &'a [bool],
    /// Per row: no event taken from here on has a time before this, as far as exactness is promised. Events older
    /// than this less the longest window may be forgotten.
    pub horizon: &'a [EventTime],
}

/// How much a group holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSize {
    /// Keys known.
    pub keys: usize,
    /// Events held over all keys.
    pub events: usize,
    /// Bytes allocated for all of it.
    pub bytes: usize,
    /// Keys that had to go for others since the start.
    pub evicted_keys: u64,
    /// Events that had to go for others of their key since the start.
    pub evicted_events: u64,
}

/// The state of one group: what [`GroupPlan`] says, over the events taken so far.
#[derive(Debug)]
pub struct GroupState {
    plan: GroupPlan,
    store: Store,
    keys: StepKeys,
    rows: StepRows,
    scratch: Scratch,
    approximate: Vec<bool>,
}

impl GroupState {
    /// A group that has seen nothing.
    #[must_use]
    pub fn new(plan: GroupPlan, seed: HashSeed) -> GroupState {
        let store = Store::new(Layout::new(&plan), plan.limits, seed);
        GroupState {
            store,
            plan,
            keys: StepKeys::default(),
            rows: StepRows::default(),
            scratch: Scratch::default(),
            approximate: Vec::new(),
        }
    }

    /// Answers every row in order and takes those with `added`. One array per member is appended to `out`, in order of
    /// features and members.
    pub fn step(&mut self, step: &GroupStep<'_>, out: &mut Vec<ArrayRef>) {
        let rows = step.times.len();
        let members = self.store.layout.features.iter().flat_map(|f| &f.members);
        let mut answers = Some(Answers::new(members.copied(), rows));
        self.run(step, &mut answers);
        if let Some(answers) = answers {
            answers.finish(out);
        }
    }

    /// Takes the rows as [`GroupState::step`] does, without answering them.
    pub fn fold(&mut self, step: &GroupStep<'_>) {
        self.run(step, &mut None);
    }

    /// Per row of the last step: an answer was to be given from a window whose events were already forgotten. Never
    /// for a row at or after its horizon.
    #[must_use]
    pub fn approximate(&self) -> &[bool] {
        &self.approximate
    }

    /// How much the group holds. Walks over the sets and float sums of all keys: for a scrape, not for an event.
    #[must_use]
    pub fn size(&self) -> GroupSize {
        GroupSize {
            keys: self.store.keys.len(),
            events: self.store.events,
            bytes: self.bytes(),
            evicted_keys: self.store.evicted_keys,
            evicted_events: self.store.evicted_events,
        }
    }

    /// Bytes per feature, in order of the features: the values and running values it reads, shared with those that read
    /// them too, and an equal share of what all features of the group use.
    #[must_use]
    pub fn feature_bytes(&self) -> Vec<usize> {
        let features = self.plan.features.len().max(1);
        let own: Vec<usize> = (0..self.plan.features.len())
            .map(|feature| self.cell_bytes(feature) + self.value_bytes(feature))
            .collect();
        let shared = self.bytes().saturating_sub(own.iter().sum()) / features;
        own.into_iter().map(|own| own + shared).collect()
    }

    /// A feature's part of the running values in the records of large keys.
    fn cell_bytes(&self, feature: usize) -> usize {
        let layout = &self.store.layout;
        let Some(cell) = layout.features[feature].cell else {
            return 0;
        };
        let readers = layout.features.iter().filter(|f| f.cell == Some(cell));
        self.store.keys.large() * layout.cells[cell].words() * 8 / readers.count().max(1)
    }

    /// A feature's part of the values that events hold.
    fn value_bytes(&self, feature: usize) -> usize {
        let places = &self.store.layout.row.places;
        let held = |input: &&usize| matches!(places[**input], Place::Word(_) | Place::Text(_));
        let part = |input: &usize| {
            let readers = self.plan.features.iter().filter(|f| f.args.contains(input));
            // Half a word where that may be enough.
            let row = &self.store.layout.row;
            let bytes = if row.column(*input) < row.longs() {
                8
            } else {
                4
            };
            self.store.events * bytes / readers.count().max(1)
        };
        let args = self.plan.features[feature].args.iter();
        args.filter(held).map(part).sum()
    }

    fn bytes(&self) -> usize {
        let store = &self.store;
        store.keys.bytes() + store.arena.bytes() + store.heap.bytes()
    }

    fn run(&mut self, step: &GroupStep<'_>, answers: &mut Option<Answers>) {
        let rows = step.times.len();
        let typed = |types: &[Type], arrays| -> Vec<Input<'_>> {
            let arrays: &[ArrayRef] = arrays;
            let pairs = types.iter().zip(arrays);
            pairs.map(|(ty, array)| Input::new(*ty, array)).collect()
        };
        let keys = typed(&self.plan.key, step.keys);
        self.keys.encode(&keys, rows, &self.store.keys.identities);
        let inputs = typed(&self.plan.inputs, step.inputs);
        let layout = &self.store.layout.row;
        self.rows.write(layout, step.times, &inputs, step.filters);
        self.approximate.clear();
        for row in 0..rows {
            if row % AHEAD == 0 && row + 1 < rows {
                let ahead = row..rows.min(row + AHEAD);
                self.store.warm(&self.keys, ahead);
            }
            if self.store.tick(step.horizon[row]) {
                self.store.sweep();
            }
            let approximate = self.take(step, &inputs, row, answers);
            self.approximate.push(approximate);
        }
    }

    /// Answers and takes one row; whether the answer is approximate.
    fn take(
        &mut self,
        step: &GroupStep<'_>,
        inputs: &[Input<'_>],
        row: usize,
        answers: &mut Option<Answers>,
    ) -> bool {
        let store = &mut self.store;
        let Some((hash, identity)) = self.keys.get(row) else {
            if let Some(answers) = answers {
                answers.set_null(row, &store.heap.texts);
            }
            return false;
        };
        let (added, duplicate) = (step.added[row], step.duplicate[row]);
        let known = store.keys.find(hash, identity);
        let key = known.unwrap_or_else(|| {
            if added && store.is_full_of_keys() {
                store.keep_keys();
            }
            store.new_small(hash, identity)
        });
        if !duplicate && store.layout.row.has_texts() {
            let (layout, texts) = (&store.layout.row, &mut store.heap.texts);
            self.rows.intern(row, layout, inputs, texts);
        }
        let event = Arriving {
            row: self.rows.row_mut(row),
            time: step.times[row],
            added,
            duplicate,
            at: row,
        };
        let taken = match keys::class(key) {
            keys::LARGE => Err(keys::index(key)),
            _ => store.take_small(key, &event, &mut self.scratch, answers),
        };
        let approximate = taken.unwrap_or_else(|number| store.take_large(number, &event, answers));
        if known.is_none()
            && !added
            && let Some(key) = store.keys.find(hash, identity)
        {
            // It was put in for this answer only, and so is where it was put.
            store.drop(key);
        }
        approximate
    }
}
