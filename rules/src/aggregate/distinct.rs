//! `count_distinct(x)`: how many different non-null values. Over nothing 0. Exact.
//!
//! One word: the place of a multiset of values, taken with the first value and freed with the last. A text is in it by
//! its interned number, so no hash stands for a value.

use ahash::RandomState;
use hashbrown::HashTable;

use super::cell::{Entry, Heap};

/// Up to here the values are searched one by one.
const SHORT: usize = 16;

/// Values with how often each is there.
#[derive(Debug, Default)]
pub(crate) struct Multiset {
    /// In no order that shows.
    values: Vec<(u64, u32)>,
    /// Where each value stands in `values`, once there are more than [`SHORT`].
    index: HashTable<u32>,
}

impl Multiset {
    /// Adds a value; whether it is new.
    fn add(&mut self, value: u64, hasher: &RandomState) -> bool {
        if let Some(at) = self.find(value, hasher) {
            self.values[at].1 += 1;
            return false;
        }
        self.values.push((value, 1));
        let values = &self.values;
        let hash = |at: &u32| hasher.hash_one(values[*at as usize].0);
        if self.index.is_empty() {
            if self.values.len() > SHORT {
                for at in 0..self.values.len() as u32 {
                    self.index.insert_unique(hash(&at), at, hash);
                }
            }
        } else {
            let at = self.values.len() as u32 - 1;
            self.index.insert_unique(hash(&at), at, hash);
        }
        true
    }

    /// Takes one away; whether it was the last of its value.
    fn remove(&mut self, value: u64, hasher: &RandomState) -> bool {
        let Some(at) = self.find(value, hasher) else {
            return false;
        };
        self.values[at].1 -= 1;
        if self.values[at].1 > 0 {
            return false;
        }
        if !self.index.is_empty() {
            let last = self.values.len() - 1;
            let hash = hasher.hash_one(value);
            if let Ok(found) = self.index.find_entry(hash, |x| *x as usize == at) {
                found.remove();
            }
            if last != at
                && let Some(moved) = self
                    .index
                    .find_mut(hasher.hash_one(self.values[last].0), |x| {
                        *x as usize == last
                    })
            {
                *moved = at as u32;
            }
        }
        self.values.swap_remove(at);
        true
    }

    fn find(&self, value: u64, hasher: &RandomState) -> Option<usize> {
        if self.index.is_empty() {
            return self.values.iter().position(|(x, _)| *x == value);
        }
        let same = |at: &u32| self.values[*at as usize].0 == value;
        let hash = hasher.hash_one(value);
        self.index.find(hash, same).map(|at| *at as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * 16 + self.index.allocation_size()
    }
}

/// Takes an event's value in, or out. `text`: the set outlives the events, so it holds its own references.
pub(super) fn step(
    entry: &Entry<'_>,
    input: usize,
    text: bool,
    word: &mut u64,
    heap: &mut Heap,
    away: bool,
) {
    let Some(value) = entry.value(input) else {
        return;
    };
    if away {
        let set = heap.sets.get_mut(*word - 1);
        let gone = set.remove(value, &heap.hasher);
        if set.values.is_empty() {
            heap.sets.free(*word - 1);
            *word = 0;
        }
        if gone && text {
            heap.texts.release(value);
        }
        return;
    }
    if *word == 0 {
        *word = heap.sets.take() + 1;
    }
    if heap.sets.get_mut(*word - 1).add(value, &heap.hasher) && text {
        heap.texts.retain(value);
    }
}

/// Frees a set. `text`: as in [`step`].
pub(super) fn drop(set: u64, text: bool, heap: &mut Heap) {
    let Heap { sets, texts, .. } = heap;
    for (value, _) in sets.get(set).values.iter().filter(|_| text) {
        texts.release(*value);
    }
    sets.free(set);
}

/// The number of values.
pub(super) fn read(word: u64, heap: &Heap) -> u64 {
    match word {
        0 => 0,
        _ => heap.sets.get(word - 1).values.len() as u64,
    }
}

/// How many values a set (0: none) and these, all different, have together.
pub(crate) fn with(word: u64, values: &[u64], heap: &Heap) -> u64 {
    if word == 0 {
        return values.len() as u64;
    }
    let set = heap.sets.get(word - 1);
    let new = values
        .iter()
        .filter(|v| set.find(**v, &heap.hasher).is_none());
    (set.values.len() + new.count()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::seed::HashSeed;

    #[test]
    fn a_multiset_counts_like_a_map() {
        let hasher = HashSeed::FIXED.hasher();
        let mut set = Multiset::default();
        let mut map = std::collections::BTreeMap::<u64, u32>::new();
        let mut x = 7u64;
        for round in 0..5000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = (x >> 33) % 60;
            // Grows for a while, then shrinks to nothing.
            if (x >> 20) % 10 < if round < 2500 { 7 } else { 2 } {
                assert_eq!(set.add(value, &hasher), !map.contains_key(&value));
                *map.entry(value).or_default() += 1;
            } else if let Some(count) = map.get_mut(&value) {
                *count -= 1;
                let last = *count == 0;
                if last {
                    map.remove(&value);
                }
                assert_eq!(set.remove(value, &hasher), last);
            }
            assert_eq!(set.values.len(), map.len());
        }
    }
}
