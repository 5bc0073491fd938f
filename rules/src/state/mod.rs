//! Exact state: one store of events per key, shared by all windows and aggregates of that key.
//!
//! The idea: a key with few events is a few lines of memory that are scanned for each answer (`small`); one with more
//! gets a record with running values, and its events a ring sorted by (event time, order taken) over which all windows
//! move. Rows are taken one by one in the order given, so the answers do not depend on how rows are cut into steps.
//! The invariant: an answer that is not flagged approximate is what a scan over every event ever taken would give.
//!
//! Modules in reading order: a plan in words (`layout`), an event in words (`row`, `columns`, `text`), where words live
//! (`pages`, `arena`, `slab`, `identity`, `table`, `keys`), what is done with them (`small`; `large`, `store`, `append`,
//! `session`, `reading`, `forget`, `budget`, `warm`), how keys are spread over shards ([`shards`]), what it takes
//! (`size`), how it is saved (`save`, `check`), and beside all that the memory of event ids ([`dedup`]) and what keys are
//! estimated to take ([`estimate`]).

pub(crate) mod row;
pub(crate) mod slab;
pub(crate) mod text;

mod append;
mod arena;
mod budget;
mod check;
mod columns;
pub mod dedup;
pub mod estimate;
mod forget;
mod identity;
mod keys;
mod large;
mod layout;
mod pages;
mod reading;
pub(crate) mod save;
pub mod seed;
mod session;
pub mod shards;
mod size;
mod small;
mod store;
mod table;
mod warm;

#[cfg(test)]
mod tests;

use arrow::array::{ArrayRef, BooleanArray};

use self::columns::{Answers, Input, StepKeys, StepRows};
use self::seed::HashSeed;
use self::shards::{Part, Rows, Shard};
use self::small::{Appended, Arriving};
use self::store::Store;
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
    /// By number; none while they are dealt out ([`shards`]).
    shards: Vec<Shard>,
    keys: StepKeys,
    rows: StepRows,
    approximate: Vec<bool>,
    /// Rows taken so far.
    taken: u64,
}

impl GroupState {
    /// A group that has seen nothing.
    #[must_use]
    pub fn new(plan: GroupPlan, seed: HashSeed) -> GroupState {
        GroupState {
            shards: shards::new(&plan, seed),
            plan,
            keys: StepKeys::default(),
            rows: StepRows::default(),
            approximate: Vec::new(),
            taken: 0,
        }
    }

    /// Answers every row in order and takes those with `added`. One array per member is appended to `out`, in order of
    /// features and members.
    pub fn step(&mut self, step: &GroupStep<'_>, out: &mut Vec<ArrayRef>) {
        let mut answers = self.answers(step.times.len());
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

    fn stores(&self) -> impl Iterator<Item = &Store> {
        self.shards.iter().map(|shard| &shard.store)
    }

    fn answers(&self, rows: usize) -> Option<Answers> {
        let layout = &self.shards.first()?.store.layout;
        let members = layout.features.iter().flat_map(|f| &f.members);
        Some(Answers::new(members.copied(), rows))
    }

    fn run(&mut self, step: &GroupStep<'_>, answers: &mut Option<Answers>) {
        let rows = step.times.len();
        let inputs = typed(&self.plan.inputs, step.inputs);
        self.encode(step, &inputs);
        self.approximate.clear();
        let of = Rows {
            keys: &self.keys,
            rows: &self.rows,
            inputs: &inputs,
            times: step.times,
            added: step.added,
            duplicate: step.duplicate,
            horizon: step.horizon,
            before: self.taken,
        };
        let of_all = self.shards.len();
        let mut all = Part::new(&mut self.shards, 0, 1, of_all);
        of.take(rows, |row| row, &mut all, answers, &mut self.approximate);
        self.taken += rows as u64;
    }

    /// Writes the keys and the rows of a step in words.
    fn encode(&mut self, step: &GroupStep<'_>, inputs: &[Input<'_>]) {
        let Some(first) = self.shards.first() else {
            return;
        };
        let (store, rows) = (&first.store, step.times.len());
        let keys = typed(&self.plan.key, step.keys);
        let identities = &store.keys.identities;
        self.keys.encode(&keys, rows, identities, self.shards.len());
        let layout = &store.layout.row;
        self.rows.write(layout, step.times, inputs, step.filters);
    }
}

/// Columns as what they are columns of.
fn typed<'a>(types: &[Type], arrays: &'a [ArrayRef]) -> Vec<Input<'a>> {
    let pairs = types.iter().zip(arrays);
    pairs.map(|(ty, array)| Input::new(*ty, array)).collect()
}

impl Shard {
    /// Answers a row at `at` and takes it; whether the answer is approximate. Its key most likely has the number
    /// `guess`.
    fn take(
        &mut self,
        of: &Rows<'_>,
        row: usize,
        (at, guess): (usize, u32),
        answers: &mut Option<Answers>,
    ) -> bool {
        let store = &mut self.store;
        let Some((hash, identity)) = *of.keys.get(row) else {
            if let Some(answers) = answers {
                answers.set_null(at, &store.heap.texts);
            }
            return false;
        };
        let (added, duplicate) = (of.added[row], of.duplicate[row]);
        let mut event = Arriving {
            row: of.rows.row(row),
            time: of.times[row],
            added,
            duplicate,
            at,
        };
        let has_texts = store.layout.row.has_texts();
        if !has_texts
            && let Appended::Done(approximate) =
                store.append_small((guess, identity), &event, &mut self.scratch, answers)
        {
            return approximate;
        }
        let known = match store.keys.is(guess, identity) {
            true => Some(guess),
            false => store.keys.find(hash, identity),
        };
        let key = known.unwrap_or_else(|| {
            if added && store.is_full_of_keys() {
                store.keep_keys();
            }
            store.new_small(hash, identity)
        });
        if !duplicate && has_texts {
            let (layout, texts) = (&store.layout.row, &mut store.heap.texts);
            self.row.clear();
            self.row.extend_from_slice(event.row);
            columns::intern(&mut self.row, row, layout, of.inputs, texts);
            event.row = &self.row;
        }
        let taken = match keys::class(key) {
            keys::LARGE => Err(keys::index(key)),
            _ => store.take_small((key, identity), &event, &mut self.scratch, answers),
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
