//! How much a group holds, over all its shards.
//!
//! The invariant: what features hold adds up to what the group holds, but for what a division leaves.

use super::row::Place;
use super::store::Store;
use super::{GroupSize, GroupState};

impl GroupState {
    /// How much the group holds. Walks over the sets and float sums of all keys: for a scrape, not for an event.
    #[must_use]
    pub fn size(&self) -> GroupSize {
        let mut size = GroupSize::default();
        for store in self.stores() {
            size.keys += store.keys.len();
            size.events += store.events;
            size.bytes += bytes(store);
            size.evicted_keys += store.evicted_keys;
            size.evicted_events += store.evicted_events;
        }
        size
    }

    /// Bytes per feature, in order of the features: the values and running values it reads, shared with those that read
    /// them too, and an equal share of what all features of the group use.
    #[must_use]
    pub fn feature_bytes(&self) -> Vec<usize> {
        let features = self.plan.features.len().max(1);
        let own: Vec<usize> = (0..self.plan.features.len())
            .map(|feature| {
                let stores = self.stores();
                let cells: usize = stores.map(|store| cell_bytes(store, feature)).sum();
                cells + self.value_bytes(feature)
            })
            .collect();
        let all: usize = self.stores().map(bytes).sum();
        let shared = all.saturating_sub(own.iter().sum()) / features;
        own.into_iter().map(|own| own + shared).collect()
    }

    /// A feature's part of the values that events hold.
    fn value_bytes(&self, feature: usize) -> usize {
        let Some(first) = self.stores().next() else {
            return 0;
        };
        let places = &first.layout.row.places;
        let events: usize = self.stores().map(|store| store.events).sum();
        let held = |input: &&usize| matches!(places[**input], Place::Word(_) | Place::Text(_));
        let part = |input: &usize| {
            let readers = self.plan.features.iter().filter(|f| f.args.contains(input));
            // Half a word where that may be enough.
            let row = &first.layout.row;
            let long = row.column(*input) < row.longs();
            events * if long { 8 } else { 4 } / readers.count().max(1)
        };
        let args = self.plan.features[feature].args.iter();
        args.filter(held).map(part).sum()
    }
}

fn bytes(store: &Store) -> usize {
    store.keys.bytes() + store.arena.bytes() + store.heap.bytes()
}

/// A feature's part of the running values in the records of large keys.
fn cell_bytes(store: &Store, feature: usize) -> usize {
    let layout = &store.layout;
    let Some(cell) = layout.features[feature].cell else {
        return 0;
    };
    let readers = layout.features.iter().filter(|f| f.cell == Some(cell));
    store.keys.large() * layout.cells[cell].words() * 8 / readers.count().max(1)
}
