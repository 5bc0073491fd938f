//! Exact state: one store of events per key, shared by all windows and aggregates of that key.
//!
//! The idea: a key is a number; its record is a few words; its events are one ring sorted by (event time, order taken)
//! over which all windows move. Rows are taken one by one in the order given, so the answers do not depend on how rows
//! are cut into steps. The invariant: an answer that is not flagged approximate is what a scan over every event ever
//! taken would give.
//!
//! Modules in reading order: a plan in words (`layout`), an event in words (`row`, `columns`, `text`), where words live
//! (`arena`, `slab`, `identity`, `table`, `keys`), what is done with them (`store`, `session`, `reading`, `forget`,
//! `budget`, `warm`), and beside all that the memory of event ids ([`dedup`]).

pub(crate) mod row;
pub(crate) mod slab;
pub(crate) mod text;

mod arena;
mod budget;
mod columns;
pub mod dedup;
mod forget;
mod identity;
mod keys;
mod layout;
mod reading;
pub mod seed;
mod session;
mod store;
mod table;
mod warm;

#[cfg(test)]
mod tests;

use arrow::array::{ArrayRef, BooleanArray};

use self::columns::{Input, Output, StepKeys};
use self::layout::Layout;
use self::row::{Place, set_bit};
use self::seed::HashSeed;
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
    /// The row of the event at hand.
    row: Vec<u64>,
    approximate: Vec<bool>,
}

/// The columns of a step as their types.
struct Columns<'a> {
    inputs: Vec<Input<'a>>,
    filters: &'a [BooleanArray],
}

impl GroupState {
    /// A group that has seen nothing.
    #[must_use]
    pub fn new(plan: GroupPlan, seed: HashSeed) -> GroupState {
        let store = Store::new(Layout::new(&plan), plan.limits, seed);
        GroupState {
            row: vec![0; store.layout.row.width],
            store,
            plan,
            keys: StepKeys::default(),
            approximate: Vec::new(),
        }
    }

    /// Answers every row in order and takes those with `added`. One array per member is appended to `out`, in order of
    /// features and members.
    pub fn step(&mut self, step: &GroupStep<'_>, out: &mut Vec<ArrayRef>) {
        let rows = step.times.len();
        let members = self.store.layout.features.iter().flat_map(|f| &f.members);
        let mut outputs: Vec<Output> = members.map(|ty| Output::new(*ty, rows)).collect();
        self.run(step, &mut outputs);
        out.extend(outputs.into_iter().map(Output::finish));
    }

    /// Takes the rows as [`GroupState::step`] does, without answering them.
    pub fn fold(&mut self, step: &GroupStep<'_>) {
        self.run(step, &mut []);
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

    /// Bytes per feature, in order of the features: each its own running values, with an equal share of the events and
    /// of what all features of the group use.
    #[must_use]
    pub fn feature_bytes(&self) -> Vec<usize> {
        let layout = &self.store.layout;
        let features = layout.features.len().max(1);
        let own: Vec<usize> = layout
            .features
            .iter()
            .map(|f| f.cell.map_or(0, |cell| self.cell_bytes(cell)))
            .collect();
        let shared = self.bytes().saturating_sub(own.iter().sum()) / features;
        own.into_iter().map(|own| own + shared).collect()
    }

    /// The bytes of a running value over all keys, divided by the features that read it.
    fn cell_bytes(&self, cell: usize) -> usize {
        let layout = &self.store.layout;
        let readers = layout
            .features
            .iter()
            .filter(|f| f.cell == Some(cell))
            .count();
        self.store.keys.len() * layout.cells[cell].words() * 8 / readers.max(1)
    }

    fn bytes(&self) -> usize {
        let store = &self.store;
        store.keys.bytes() + store.arena.bytes() + store.heap.bytes()
    }

    fn run(&mut self, step: &GroupStep<'_>, outputs: &mut [Output]) {
        let rows = step.times.len();
        let typed = |types: &[Type], arrays| -> Vec<Input<'_>> {
            let arrays: &[ArrayRef] = arrays;
            let pairs = types.iter().zip(arrays);
            pairs.map(|(ty, array)| Input::new(*ty, array)).collect()
        };
        let keys = typed(&self.plan.key, step.keys);
        self.keys.encode(&keys, rows, &self.store.keys.identities);
        let columns = Columns {
            inputs: typed(&self.plan.inputs, step.inputs),
            filters: step.filters,
        };
        self.approximate.clear();
        for row in 0..rows {
            if row % AHEAD == 0 && row + 1 < rows {
                let ahead = row..rows.min(row + AHEAD);
                self.store.warm(&self.keys, ahead);
            }
            self.store.tick(step.horizon[row]);
            let approximate = self.take(step, &columns, row, outputs);
            self.approximate.push(approximate);
        }
    }

    /// Answers and takes one row; whether the answer is approximate.
    fn take(
        &mut self,
        step: &GroupStep<'_>,
        columns: &Columns<'_>,
        row: usize,
        outputs: &mut [Output],
    ) -> bool {
        let store = &mut self.store;
        let Some((hash, identity)) = self.keys.get(row) else {
            outputs
                .iter_mut()
                .for_each(|o| o.push(None, &store.heap.texts));
            return false;
        };
        let known = store.keys.find(hash, identity);
        let key = known.unwrap_or_else(|| {
            if step.added[row] {
                store.keep_keys();
            }
            store.new_key(hash, identity)
        });
        store.seek(key, step.times[row]);
        let mut approximate = store.approximate(key);
        // A duplicate is in the state already, whatever the scope; nothing changes.
        if step.duplicate[row] {
            answer(store, key, outputs, |_| true);
        } else {
            answer(store, key, outputs, |scope| scope == Scope::Prior);
            columns.write(row, &mut self.row, store);
            if step.added[row] {
                store.keep_events(key);
            }
            // A late event counts itself, and is not kept.
            let at = store.insert(key, &self.row, step.added[row]);
            // The budget may have taken an event out for this one.
            approximate |= store.approximate(key);
            answer(store, key, outputs, |scope| scope == Scope::WithCurrent);
            if !step.added[row] {
                store.remove(key, at);
            }
        }
        if known.is_none() && !step.added[row] {
            store.drop_key(key);
        }
        approximate
    }
}

/// Writes the features of the chosen scopes as they are now.
fn answer(store: &mut Store, key: u32, outputs: &mut [Output], chosen: impl Fn(Scope) -> bool) {
    if outputs.is_empty() {
        return;
    }
    let (record, rows, layout, heap) = store.parts(key);
    let mut column = 0;
    for feature in &layout.features {
        let members = feature.members.len();
        if chosen(feature.scope) && feature.aggregate.makes_text() {
            let text = reading::text(feature, record, rows, layout, heap);
            outputs[column].push_text(text.as_deref());
        } else if chosen(feature.scope) {
            for member in 0..members {
                let word = store::read(feature, member, record, rows, layout, heap);
                outputs[column + member].push(word, &heap.texts);
            }
        }
        column += members;
    }
}

impl Columns<'_> {
    /// Writes an event as the row of a ring; its texts are interned.
    fn write(&self, row: usize, words: &mut [u64], store: &mut Store) {
        let layout = &store.layout.row;
        words.fill(0);
        // The time stands in the record the row is put under.
        for (bit, filter) in self.filters.iter().enumerate() {
            if arrow::array::Array::is_valid(filter, row) && filter.value(row) {
                set_bit(words, bit);
            }
        }
        for (i, input) in self.inputs.iter().enumerate() {
            if !input.present(row) {
                continue;
            }
            set_bit(words, layout.present_bit(i));
            match layout.places[i] {
                Place::Nowhere => {}
                Place::Bit(bit) => {
                    if input.word(row) == 1 {
                        set_bit(words, bit);
                    }
                }
                Place::Word(at) => words[at] = input.word(row),
                Place::Text(at) => {
                    words[at] = store.heap.texts.intern(input.text(row).unwrap_or(""));
                }
            }
        }
    }
}
