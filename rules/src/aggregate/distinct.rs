//! `count_distinct(x)`: how many different non-null values. Over nothing 0. Exact within the budget.
//!
//! One word: the place of a multiset of values, taken with the first value and freed with the last. A text is in it by
//! its interned number, so no hash stands for a value.
//!
//! A window that lets events go holds no more values than events. A `forever` window does not: with more than
//! `distinct_per_key` values its set becomes a [`super::sketch`] for good, and every answer from then on is flagged
//! approximate. A sketch cannot let go of a value, so that of a late event stays in it.

use std::io;

use ahash::RandomState;
use hashbrown::HashTable;

use super::cell::{Entry, Heap};
use super::sketch::Sketch;
use crate::snapshot::{Fault, Reader, Writer, sure};
use crate::state::slab::Item;
use crate::state::text::Texts;

/// Up to here the values are searched one by one.
const SHORT: usize = 16;

/// Stands for the number of values of a sketch.
const SKETCHED: u64 = u64::MAX;

/// Values with how often each is there.
#[derive(Debug, Default)]
pub(crate) struct Multiset {
    /// In no order that shows.
    values: Vec<(u64, u32)>,
    /// Where each value stands in `values`, once there are more than [`SHORT`].
    index: HashTable<u32>,
    /// Stands for the values when there were too many.
    sketch: Option<Box<Sketch>>,
}

/// How a cell keeps its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// They are texts.
    pub(super) text: bool,
    /// The set outlives the events: it holds its own references to texts, and its values may become too many.
    pub(super) forever: bool,
}

impl Multiset {
    /// Whether it only knows about how many there are.
    pub(crate) fn is_sketch(&self) -> bool {
        self.sketch.is_some()
    }

    /// Values that are kept one by one.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

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
        let sketch = self.sketch.as_ref().map_or(0, |sketch| sketch.bytes());
        self.values.capacity() * 16 + self.index.allocation_size() + sketch
    }

    /// The values that are kept one by one.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> {
        self.values.iter().map(|(value, _)| *value)
    }

    /// Back from [`Item::save`].
    pub(super) fn restore(hasher: &RandomState, from: &mut Reader<'_>) -> Result<Multiset, Fault> {
        let mut set = Multiset::default();
        let length = from.word()?;
        if length == SKETCHED {
            set.sketch = Some(Box::new(Sketch::restore(from)?));
            return Ok(set);
        }
        from.expect(length, 1)?;
        let values = from.words(length as usize)?;
        let counts = from.halves()?;
        sure(
            counts.len() == values.len() && !counts.contains(&0),
            "a set has a value that is not in it",
        )?;
        set.values = values.into_iter().zip(counts).collect();
        if set.values.len() > SHORT {
            let hash = |at: &u32| hasher.hash_one(set.values[*at as usize].0);
            set.index.reserve(set.values.len(), hash);
            for at in 0..set.values.len() as u32 {
                set.index.insert_unique(hash(&at), at, hash);
            }
        }
        Ok(set)
    }
}

/// Takes an event's value in, or out.
pub(super) fn step(
    entry: &Entry<'_>,
    input: usize,
    keeping: Keeping,
    word: &mut u64,
    heap: &mut Heap,
    away: bool,
) {
    let Some(value) = entry.value(input) else {
        return;
    };
    if *word == 0 {
        *word = heap.sets.take() + 1;
    }
    let Heap { sets, texts, .. } = heap;
    let set = sets.get_mut(*word - 1);
    if let Some(sketch) = &mut set.sketch {
        if !away {
            note(sketch, value, keeping.text, texts);
        }
        return;
    }
    let held = keeping.text && keeping.forever;
    if away {
        if set.remove(value, &heap.hasher) && held {
            texts.release(value);
        }
        if set.values.is_empty() {
            sets.free(*word - 1);
            *word = 0;
        }
        return;
    }
    if set.add(value, &heap.hasher) && held {
        texts.retain(value);
    }
    if keeping.forever && set.values.len() > heap.distinct_max {
        *set = sketched(set, keeping.text, texts);
    }
}

/// The sketch of a set; its texts are released.
fn sketched(set: &Multiset, text: bool, texts: &mut Texts) -> Multiset {
    let mut sketch = Sketch::new();
    for (value, _) in &set.values {
        note(&mut sketch, *value, text, texts);
        if text {
            texts.release(*value);
        }
    }
    Multiset {
        sketch: Some(Box::new(sketch)),
        ..Multiset::default()
    }
}

fn note(sketch: &mut Sketch, value: u64, text: bool, texts: &Texts) {
    if text {
        sketch.add(texts.get(value).as_bytes());
    } else {
        sketch.add(&value.to_le_bytes());
    }
}

/// Frees a set.
pub(super) fn drop(set: u64, keeping: Keeping, heap: &mut Heap) {
    let Heap { sets, texts, .. } = heap;
    let held = keeping.text && keeping.forever;
    for (value, _) in sets.get(set).values.iter().filter(|_| held) {
        texts.release(*value);
    }
    sets.free(set);
}

/// The number of values.
pub(super) fn read(word: u64, heap: &Heap) -> u64 {
    let Some(set) = word.checked_sub(1).map(|place| heap.sets.get(place)) else {
        return 0;
    };
    let exact = set.values.len() as u64;
    set.sketch
        .as_ref()
        .map_or(exact, |sketch| sketch.estimate())
}

/// How many values a set (0: none), which is no sketch, and these, all different, have together.
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

impl Item for Multiset {
    /// Whether it is a sketch and how many values it has, and these, as they stand.
    fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        if let Some(sketch) = &self.sketch {
            to.word(SKETCHED)?;
            return sketch.save(to);
        }
        to.word(self.values.len() as u64)?;
        self.values().try_for_each(|value| to.word(value))?;
        let counts = self.values.iter().map(|(_, count)| *count);
        to.halves(&counts.collect::<Vec<_>>())
    }
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
