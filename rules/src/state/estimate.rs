//! What the keys of a group are estimated to take, before there are any: bytes, and nanoseconds of an event.
//!
//! The idea: how a key lies in memory follows from the plan alone ([`Layout`], [`Shapes`]), so its bytes are counted and
//! not fitted; only what the content of events decides (how many values differ, how long a text is) is a guess, and what
//! an event takes is a sum of the weights in [`weights`], which were fitted to measurements. The invariant: nothing here
//! bears on an answer.

use std::collections::BTreeMap;

use super::arena::block_words;
use super::keys::{self, Keys};
use super::layout::{Layout, ROWS};
use super::shards;
use super::small::{Bodies, Shapes};
use super::store::halves;
use super::{GroupPlan, GroupState};
use crate::aggregate::cell::Kind;

use weights as w;

/// How many keys hold how many events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Of keys without running values: keys by events held.
    pub small: BTreeMap<u32, u64>,
    /// Of keys with running values.
    pub large: BTreeMap<u32, u64>,
    /// Events that were taken or passed by.
    pub rows: u64,
    /// Of these, events without a key: they are not looked up.
    pub keyless: u64,
}

/// A group's plan, ready to be asked.
#[derive(Debug)]
pub struct GroupCost {
    layout: Layout,
    shapes: Shapes,
    /// Per feature: how many read its running value, and how many each of the columns it reads.
    shares: Vec<Share>,
    args: usize,
    /// How many shards the group has, each with pages of its own.
    shards: usize,
}

/// What of a group is a feature's own.
#[derive(Debug)]
struct Share {
    cell: Option<(usize, f64)>,
    columns: f64,
}

/// All weights: bytes by what the content of events decides, nanoseconds per event. Fitted by `benches/estimates.rs`;
/// after a change of the state run it again and set these.
mod weights {
    /// Bytes of the table of keys: 8 a place, of which at least three and at most six of eight are taken.
    pub(super) const TABLE_BYTES: f64 = 15.4;
    /// Stretches that keys have outgrown, in pages that others still use.
    pub(super) const SPARE: f64 = 1.2;
    /// What a ring has room for beyond its rows.
    pub(super) const OUTGROWN: f64 = 1.3;
    /// One value of a set, which grows by doubling, with its place in the set's index; and the set itself.
    pub(super) const DISTINCT_BYTES: f64 = 66.0;
    pub(super) const SET_BYTES: f64 = 90.0;
    /// An exact sum of floats; twice that for squares.
    pub(super) const FLOATS_BYTES: f64 = 110.0;
    /// A text that events share, and in how many events it differs.
    pub(super) const TEXT_BYTES: f64 = 70.0;
    pub(super) const DIFFERENT: f64 = 0.25;

    /// Finding a key and putting an event in, and each value of it.
    pub(super) const EVENT_NS: f64 = 240.0;
    /// An event without a key.
    pub(super) const KEYLESS_NS: f64 = 50.0;
    pub(super) const VALUE_NS: f64 = 25.0;
    /// A window of a key that is scanned, and of one with running values.
    pub(super) const SMALL_WINDOW_NS: f64 = 10.0;
    pub(super) const LARGE_WINDOW_NS: f64 = 25.0;
    /// An answer.
    pub(super) const ANSWER_NS: f64 = 4.0;
    /// What walks over all events of its window, for each.
    pub(super) const WALK_NS: f64 = super::WALK_NS;
    /// A running value: reading it from a scan, for each event scanned, and keeping it up to date.
    pub(super) const COUNT: [f64; 3] = [5.0, 0.5, 5.0];
    pub(super) const INTS: [f64; 3] = [10.0, 0.5, 10.0];
    pub(super) const SQUARES: [f64; 3] = [50.0, 4.0, 80.0];
    pub(super) const FLOATS: [f64; 3] = [120.0, 25.0, 420.0];
    pub(super) const DISTINCT: [f64; 3] = [30.0, 5.0, 260.0];
    pub(super) const EXTREME: [f64; 3] = [20.0, 2.0, 90.0];
    pub(super) const EDGE: [f64; 3] = [15.0, 0.0, 15.0];
    pub(super) const WEIGHTED: [f64; 3] = [400.0, 130.0, 900.0];
}

/// Nanoseconds that each event of a window adds to each answer, for a feature that walks over them; one of [`weights`].
pub(crate) const WALK_NS: f64 = 15.0;

impl GroupState {
    /// How many keys hold how many events. Walks over all keys: for a report, not for an event.
    #[must_use]
    pub fn spread(&self) -> Spread {
        let mut spread = Spread::default();
        self.stores().for_each(|store| spread.add(&store.keys));
        spread
    }
}

impl Spread {
    fn add(&mut self, keys: &Keys) {
        let (mut at, mut left) = (0, keys.len());
        while left > 0 {
            let (key, next) = keys.walk(at);
            at = next;
            if keys.is_vacant(key) {
                continue;
            }
            left -= 1;
            let (class, index) = (keys::class(key), keys::index(key));
            let (of, events) = match class {
                keys::LARGE => {
                    let (head, tail) = halves(keys.record(index)[ROWS]);
                    (&mut self.large, tail - head)
                }
                class => (&mut self.small, keys.bodies.rows(class, index)),
            };
            *of.entry(events).or_default() += 1;
        }
    }

    /// Keys there are.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.small.values().chain(self.large.values()).sum()
    }

    /// The mean of a figure over keys, each counted once for itself and, with `by_event`, once for each of its events.
    fn mean(&self, by_event: bool, of: impl Fn(bool, u32) -> f64) -> f64 {
        let small = self
            .small
            .iter()
            .map(|(events, keys)| (false, *events, *keys));
        let large = self
            .large
            .iter()
            .map(|(events, keys)| (true, *events, *keys));
        let (mut sum, mut all) = (0.0, 0.0);
        for (large, events, keys) in small.chain(large) {
            let weight = keys as f64 * if by_event { f64::from(events) } else { 1.0 };
            sum += weight * of(large, events);
            all += weight;
        }
        if all > 0.0 { sum / all } else { 0.0 }
    }
}

impl GroupCost {
    /// The costs of a plan.
    #[must_use]
    pub fn new(plan: &GroupPlan) -> GroupCost {
        let layout = Layout::new(plan);
        let readers = |input: &usize| {
            let read = plan.features.iter().filter(|f| f.args.contains(input));
            read.count().max(1) as f64
        };
        let share = |(at, feature): (usize, &super::FeaturePlan)| {
            let cell = layout.features[at].cell;
            let same = |cell: &usize| {
                layout
                    .features
                    .iter()
                    .filter(|f| f.cell == Some(*cell))
                    .count()
            };
            let mut args: Vec<usize> = feature.args.clone();
            args.sort_unstable();
            args.dedup();
            let held = args.iter().filter(|input| {
                use super::row::Place;
                matches!(layout.row.places[**input], Place::Word(_) | Place::Text(_))
            });
            Share {
                cell: cell.map(|cell| (cell, same(&cell) as f64)),
                columns: held.map(|input| 1.0 / readers(input)).sum(),
            }
        };
        GroupCost {
            shares: plan.features.iter().enumerate().map(share).collect(),
            shapes: Shapes::new(&layout),
            args: plan.inputs.len() + plan.filters,
            shards: shards::count(plan),
            layout,
        }
    }

    /// Bytes of a key that holds so many events.
    #[must_use]
    pub fn key_bytes(&self, events: u32) -> f64 {
        self.bytes(self.shapes.thin(events.max(1)).is_none(), events)
    }

    /// The mean bytes of a key.
    #[must_use]
    pub fn mean_bytes(&self, spread: &Spread) -> f64 {
        self.page_bytes(spread) + spread.mean(false, |large, events| self.bytes(large, events))
    }

    /// The bytes of a key that holds so many events, by feature: what is its own, and an equal share of the rest.
    #[must_use]
    pub fn feature_bytes(&self, events: u32) -> Vec<f64> {
        self.parts(self.shapes.thin(events.max(1)).is_none(), events)
    }

    /// The mean bytes of a key, by feature.
    #[must_use]
    pub fn mean_feature_bytes(&self, spread: &Spread) -> Vec<f64> {
        let pages = self.page_bytes(spread) / self.shares.len().max(1) as f64;
        let part = |at: usize| {
            let of = |large, events| self.parts(large, events).get(at).copied();
            pages + spread.mean(false, |large, events| of(large, events).unwrap_or_default())
        };
        (0..self.shares.len()).map(part).collect()
    }

    /// Nanoseconds of an event whose key holds so many events.
    #[must_use]
    pub fn nanoseconds(&self, events: u32) -> f64 {
        self.ns(self.shapes.thin(events.max(1)).is_none(), events)
    }

    /// The mean nanoseconds of an event: a key with many events has had many.
    #[must_use]
    pub fn mean_nanoseconds(&self, spread: &Spread) -> f64 {
        let keyless = spread.keyless as f64 / spread.rows.max(1) as f64;
        let keyed = spread.mean(true, |large, events| self.ns(large, events));
        (1.0 - keyless) * keyed + keyless * w::KEYLESS_NS
    }

    /// A key's part of the pages: of every size that keys have had one is there, used or not.
    fn page_bytes(&self, spread: &Spread) -> f64 {
        let most = match spread.large.is_empty() {
            true => spread.small.keys().max().copied().unwrap_or_default(),
            false => u32::MAX,
        };
        let pages = self.shapes.words_up_to(most.max(1)).map(Bodies::page_bytes);
        (self.shards * pages.sum::<usize>()) as f64 / spread.keys().max(1) as f64
    }

    fn bytes(&self, large: bool, events: u32) -> f64 {
        let rows = f64::from(events);
        let texts = self.layout.row.texts() as f64 * rows * w::DIFFERENT * w::TEXT_BYTES;
        if large {
            let ring = block_words(events as usize * self.layout.row.width) as f64 * w::OUTGROWN;
            let cells: f64 = (0..self.layout.cells.len())
                .map(|at| self.heap(at, rows))
                .sum();
            let words = self.layout.stride as f64 + ring;
            return w::TABLE_BYTES + texts + 8.0 * words + cells;
        }
        let class = self.shapes.thin(events.max(1)).unwrap_or_default();
        w::TABLE_BYTES + texts + w::SPARE * 8.0 * self.shapes.words(class) as f64
    }

    /// What a running value has beside its words.
    fn heap(&self, cell: usize, rows: f64) -> f64 {
        match &self.layout.cells[cell].kind {
            Kind::Distinct { .. } => w::SET_BYTES + rows * w::DIFFERENT * w::DISTINCT_BYTES,
            Kind::Floats { squares, .. } => w::FLOATS_BYTES * if *squares { 2.0 } else { 1.0 },
            Kind::Weighted { .. } => 2.0 * w::FLOATS_BYTES,
            _ => 0.0,
        }
    }

    fn parts(&self, large: bool, events: u32) -> Vec<f64> {
        let rows = f64::from(events);
        let own = |share: &Share| {
            let cell = share.cell.filter(|_| large).map_or(0.0, |(cell, readers)| {
                let words = 8.0 * self.layout.cells[cell].words() as f64;
                (words + self.heap(cell, rows)) / readers
            });
            cell + 8.0 * rows * share.columns
        };
        let own: Vec<f64> = self.shares.iter().map(own).collect();
        let rest = self.bytes(large, events) - own.iter().sum::<f64>();
        let rest = rest.max(0.0) / own.len().max(1) as f64;
        own.into_iter().map(|own| own + rest).collect()
    }

    fn ns(&self, large: bool, events: u32) -> f64 {
        let rows = f64::from(events);
        let window = if large {
            w::LARGE_WINDOW_NS
        } else {
            w::SMALL_WINDOW_NS
        };
        let cells = self.layout.cells.iter().map(|cell| {
            let [scan, each, keep] = match &cell.kind {
                Kind::Walk { .. } => return w::WALK_NS * rows,
                Kind::Events | Kind::Present(_) | Kind::Share(_) => w::COUNT,
                Kind::Ints { squares: false, .. } => w::INTS,
                Kind::Ints { squares: true, .. } => w::SQUARES,
                Kind::Floats { .. } => w::FLOATS,
                Kind::Distinct { .. } => w::DISTINCT,
                Kind::Extreme(_) => w::EXTREME,
                Kind::Edge(_) => w::EDGE,
                Kind::Weighted { .. } => w::WEIGHTED,
            };
            if large { keep } else { scan + each * rows }
        });
        let members = self
            .layout
            .features
            .iter()
            .map(|f| f.members.len())
            .sum::<usize>();
        w::EVENT_NS
            + w::VALUE_NS * self.args as f64
            + window * self.layout.windows.len() as f64
            + w::ANSWER_NS * members as f64
            + cells.sum::<f64>()
    }
}
