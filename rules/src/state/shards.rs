//! A group in shards: which keys go where, and shards given away for the length of a step.
//!
//! The idea: a key belongs to one shard for good, by a hash of its bytes that is the same in every run. Whoever has a
//! shard answers and takes the rows of its keys, in their order, and nobody else touches it: no lock, nothing shared.
//! What sweeps and budgets do inside a shard follows from the group's rows, and how many shards there are from the pack
//! alone, never from how many threads there are. The invariant: dealing a step out and joining it again leaves the state, and
//! gives the answers, of [`GroupState::step`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;
use arrow::error::ArrowError;

use super::columns::{Answers, Input, StepKey, StepKeys, StepRows};
use super::forget::SWEEP_ROWS;
use super::layout::Layout;
use super::seed::HashSeed;
use super::small::Scratch;
use super::store::Store;
use super::warm::{Ahead, Warm};
use super::{GroupPlan, GroupState, GroupStep, typed};
use crate::ruleset::Limits;
use crate::time::EventTime;
use crate::value::Type;

/// Shards of a group: enough for as many threads per group, and few enough that a small group spends little on them.
pub const SHARDS: usize = 4;

/// A smaller budget is one shard's: cut in parts, it would be reached when the fullest part is full.
pub const SHARDED_KEYS_MIN: u32 = 1 << 16;

/// Some of a group's keys with all they hold.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) store: Store,
    pub(super) scratch: Scratch,
    /// The row at hand with its texts.
    pub(super) row: Vec<u64>,
}

/// How many shards a group has.
pub(super) fn count(plan: &GroupPlan) -> usize {
    let many = !plan.key.is_empty() && plan.limits.keys >= SHARDED_KEYS_MIN;
    if many { SHARDS } else { 1 }
}

/// What one shard may hold: its part of the keys the group may hold.
pub(super) fn limits(plan: &GroupPlan) -> Limits {
    Limits {
        keys: plan.limits.keys / count(plan) as u32,
        ..plan.limits
    }
}

/// The shards of a group that has seen nothing.
pub(super) fn new(plan: &GroupPlan, seed: HashSeed) -> Vec<Shard> {
    let shard = |_| Shard {
        store: Store::new(Layout::new(plan), limits(plan), seed),
        scratch: Scratch::default(),
        row: Vec::new(),
    };
    (0..count(plan)).map(shard).collect()
}

/// The shard of a key: a fixed hash, because what a shard forgets may show in the answer to a late event. Whoever
/// chooses keys that all go into one makes that one as slow as a group with one shard, and no answer wrong.
pub(super) fn shard_of(key: &[u8], shards: usize) -> u8 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = key.len() as u64;
    let mut take = |word| {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(MIX);
    };
    match (key.first_chunk(), key.last_chunk()) {
        // Two words that overlap, rather than a loop over the bytes.
        (Some(first), Some(last)) if key.len() <= 16 => {
            take(*first);
            take(*last);
        }
        _ => {
            for part in key.chunks(8) {
                let mut word = [0; 8];
                word[..part.len()].copy_from_slice(part);
                take(word);
            }
        }
    }
    // The upper half depends on all bytes; its product with the count is below the count.
    let spread = hash ^ (hash >> 29);
    (((spread.wrapping_mul(MIX) >> 32) * shards as u64) >> 32) as u8
}

/// The rows of a step in words, as those who take them see them.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) keys: &'a StepKeys,
    pub(super) rows: &'a StepRows,
    pub(super) inputs: &'a [Input<'a>],
    pub(super) times: &'a [EventTime],
    pub(super) added: &'a [bool],
    pub(super) duplicate: &'a [bool],
    pub(super) horizon: &'a [EventTime],
    /// Rows the group had taken before these.
    pub(super) before: u64,
}

/// Every `stride`-th shard of a group from the first on.
pub(super) struct Part<'a> {
    shards: &'a mut [Shard],
    first: usize,
    stride: usize,
    /// How many the group has.
    of: usize,
    /// Per shard of the group where it is among these.
    places: [u8; SHARDS],
}

impl<'a> Part<'a> {
    /// These shards of a group that has `of` of them.
    pub(super) fn new(shards: &'a mut [Shard], first: usize, stride: usize, of: usize) -> Part<'a> {
        Part {
            shards,
            first,
            stride,
            of,
            places: std::array::from_fn(|shard| (shard / stride) as u8),
        }
    }

    #[inline]
    fn shard(&self, number: usize) -> &Shard {
        &self.shards[usize::from(self.places[number])]
    }

    #[inline]
    fn shard_mut(&mut self, number: usize) -> &mut Shard {
        &mut self.shards[usize::from(self.places[number])]
    }
}

impl Rows<'_> {
    /// Answers and takes so many rows, all of keys in these shards, which are swept when it is their turn. `row_at`: the
    /// rows, ascending.
    pub(super) fn take(
        &self,
        count: usize,
        row_at: impl Fn(usize) -> usize,
        part: &mut Part<'_>,
        answers: &mut Option<Answers>,
        approximate: &mut Vec<bool>,
    ) {
        let mut ahead = Ahead::new(&self.warm(part, count, &row_at));
        // The next row with which a shard has its turn.
        let mut turn = (SWEEP_ROWS - 1 - self.before % SWEEP_ROWS) as usize;
        for at in 0..count {
            let (row, guess) = (row_at(at), ahead.next(at, &self.warm(part, count, &row_at)));
            while turn <= row {
                self.sweep(turn, part);
                turn += SWEEP_ROWS as usize;
            }
            let shard = part.shard_mut(self.keys.shard(row));
            shard.store.horizon = shard.store.horizon.max(self.horizon[row]);
            approximate.push(shard.take(self, row, (at, guess), answers));
        }
        while turn < self.times.len() {
            self.sweep(turn, part);
            turn += SWEEP_ROWS as usize;
        }
    }

    fn warm<'a, R: Fn(usize) -> usize>(
        &'a self,
        part: &'a Part<'_>,
        count: usize,
        row_at: &'a R,
    ) -> Warm<impl Fn(usize) -> (&'a StepKey, &'a Store)> {
        let at = move |at| {
            let row = row_at(at);
            let store = &part.shard(self.keys.shard(row)).store;
            (self.keys.get(row), store)
        };
        Warm { count, at }
    }

    /// Sweeps the shard whose turn it is at a row, if it is one of these.
    fn sweep(&self, row: usize, part: &mut Part<'_>) {
        let number = self.before + row as u64 + 1;
        let shard = (number / SWEEP_ROWS % part.of as u64) as usize;
        if shard % part.stride == part.first {
            let store = &mut part.shards[shard / part.stride].store;
            store.sweep(self.horizon[row]);
        }
    }
}

/// What all groups share of a step: per row what [`GroupStep`] has per row.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Event times.
    pub times: Vec<EventTime>,
    /// See [`GroupStep::added`].
    pub added: Vec<bool>,
    /// See [`GroupStep::duplicate`].
    pub duplicate: Vec<bool>,
    /// See [`GroupStep::horizon`].
    pub horizon: Vec<EventTime>,
}

/// What all shards of a group share of a step.
#[derive(Debug)]
struct Shared {
    order: Arc<Order>,
    keys: StepKeys,
    rows: StepRows,
    types: Vec<Type>,
    inputs: Vec<ArrayRef>,
    before: u64,
    /// Shards of the group.
    of: usize,
}

/// Some shards of a group, with the rows of a step that are theirs.
#[derive(Debug)]
pub struct Dealt {
    /// Shards `first`, `first + stride`, ….
    first: usize,
    stride: usize,
    shards: Vec<Shard>,
    shared: Arc<Shared>,
    /// Ascending.
    rows: Vec<usize>,
    answers: Option<Answers>,
    approximate: Vec<bool>,
}

impl Dealt {
    /// Answers and takes the rows.
    pub fn run(&mut self) {
        let Shared {
            order,
            keys,
            rows,
            types,
            inputs,
            before,
            of,
        } = &*self.shared;
        let inputs = typed(types, inputs);
        let rows = Rows {
            keys,
            rows,
            inputs: &inputs,
            times: &order.times,
            added: &order.added,
            duplicate: &order.duplicate,
            horizon: &order.horizon,
            before: *before,
        };
        let mut part = Part::new(&mut self.shards, self.first, self.stride, *of);
        rows.take(
            self.rows.len(),
            |at| self.rows[at],
            &mut part,
            &mut self.answers,
            &mut self.approximate,
        );
    }
}

impl GroupState {
    /// Gives the shards away in at most `parts` parts, each with its rows of a step. They come back by
    /// [`GroupState::join`]; until then the group holds nothing.
    pub fn deal(
        &mut self,
        keys: &[ArrayRef],
        inputs: Vec<ArrayRef>,
        filters: &[arrow::array::BooleanArray],
        order: &Arc<Order>,
        parts: usize,
    ) -> Vec<Dealt> {
        let step = GroupStep {
            keys,
            inputs: &inputs,
            filters,
            times: &order.times,
            added: &order.added,
            duplicate: &order.duplicate,
            horizon: &order.horizon,
        };
        self.encode(&step, &typed(&self.plan.inputs, &inputs));
        let stride = parts.clamp(1, self.shards.len().max(1));
        let mut rows = vec![Vec::new(); stride];
        for row in 0..order.times.len() {
            rows[self.keys.shard(row) % stride].push(row);
        }
        let answers: Vec<_> = rows.iter().map(|rows| self.answers(rows.len())).collect();
        let shared = Arc::new(Shared {
            order: Arc::clone(order),
            keys: std::mem::take(&mut self.keys),
            rows: std::mem::take(&mut self.rows),
            types: self.plan.inputs.clone(),
            inputs,
            before: self.taken,
            of: self.shards.len(),
        });
        self.taken += order.times.len() as u64;
        let mut shards: Vec<Vec<Shard>> = (0..stride).map(|_| Vec::new()).collect();
        for (number, shard) in std::mem::take(&mut self.shards).into_iter().enumerate() {
            shards[number % stride].push(shard);
        }
        let parts = shards.into_iter().zip(rows).zip(answers).enumerate();
        parts
            .map(|(first, ((shards, rows), answers))| Dealt {
                first,
                stride,
                shards,
                shared: Arc::clone(&shared),
                approximate: Vec::with_capacity(rows.len()),
                rows,
                answers,
            })
            .collect()
    }

    /// Takes back what was dealt, all of it and run, in whatever order; gives what [`GroupState::step`] gives.
    ///
    /// # Errors
    /// When Arrow cannot put the answers together, which would be a broken invariant: all parts have the same columns.
    pub fn join(
        &mut self,
        mut parts: Vec<Dealt>,
        out: &mut Vec<ArrayRef>,
    ) -> Result<(), ArrowError> {
        parts.sort_by_key(|part| part.first);
        let rows = parts.iter().map(|part| part.rows.len()).sum();
        let mut places = vec![(0, 0); rows];
        self.approximate.clear();
        self.approximate.resize(rows, false);
        let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
        let mut shards = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            for (at, row) in part.rows.iter().enumerate() {
                places[*row] = (number, at);
                self.approximate[*row] = part.approximate[at];
            }
            let mut answers = Vec::new();
            if let Some(words) = part.answers {
                words.finish(&mut answers);
            }
            columns.push(answers);
            let numbers = (part.first..).step_by(part.stride);
            shards.extend(numbers.zip(part.shards));
            if let Ok(Shared { keys, rows, .. }) = Arc::try_unwrap(part.shared) {
                // The last part gives the buffers back for the next step.
                (self.keys, self.rows) = (keys, rows);
            }
        }
        shards.sort_by_key(|(number, _)| *number);
        self.shards = shards.into_iter().map(|(_, shard)| shard).collect();
        if let [only] = columns.as_mut_slice() {
            out.append(only);
            return Ok(());
        }
        let members = columns.first().map_or(0, Vec::len);
        for member in 0..members {
            let parts = columns.iter().filter_map(|columns| columns.get(member));
            let parts: Vec<&dyn Array> = parts.map(AsRef::as_ref).collect();
            out.push(interleave(&parts, &places)?);
        }
        Ok(())
    }
}
