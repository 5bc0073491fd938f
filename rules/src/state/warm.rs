//! Reads ahead: the memory that the next rows of a step will want, all at once.
//!
//! The idea: a read that has to wait for memory costs as much as the whole rest of an event, but reads that do not
//! depend on one another wait together. So the records and the rows at the windows' ends of a few events are read, and
//! thrown away, before the first of them is answered. The invariant: nothing changes, and nothing read here is used.

use std::hint::black_box;

use super::columns::StepKeys;
use super::keys;
use super::layout::ROWS;
use super::store::{Store, halves, ring};

/// Rows read ahead at once. More would push one another out of the nearest cache.
pub(super) const AHEAD: usize = 16;

/// Lines read of each key.
const LINES: usize = 8;

/// Reads what at most [`AHEAD`] rows will want of the stores that will take them.
pub(super) fn warm<'a>(
    keys: &StepKeys,
    rows: impl Iterator<Item = usize> + Clone,
    store: impl Fn(usize) -> &'a Store,
) {
    let mut seen = 0;
    for row in rows.clone() {
        if let Some((hash, _)) = keys.get(row) {
            seen ^= store(row).keys.home(hash);
        }
    }
    let mut found = [None; AHEAD];
    for (found, row) in found.iter_mut().zip(rows) {
        let store = store(row);
        let guess = keys.get(row).and_then(|(hash, _)| store.keys.guess(hash));
        *found = guess.map(|key| (store, key));
    }
    for (store, key) in found.iter().flatten() {
        let (class, index) = (keys::class(*key), keys::index(*key));
        let words = match class {
            keys::LARGE => store.keys.record(index),
            _ => store.keys.bodies.words(class, index),
        };
        // One word of each line.
        let (mut at, end) = (0, words.len().min(8 * LINES));
        while at < end {
            seen ^= words[at];
            at += 8;
        }
    }
    let large = |(_, key): &&(&Store, u32)| keys::class(*key) == keys::LARGE;
    for (store, key) in found.iter().flatten().filter(large) {
        let record = store.keys.record(keys::index(*key));
        let words = ring(record, &store.arena);
        let width = store.layout.row.width;
        let mut touch = |index: u32| {
            seen ^= words.get(index as usize * width).copied().unwrap_or(0);
        };
        for window in &store.layout.windows {
            let (low, high) = halves(record[window.at]);
            touch(low);
            touch(high);
        }
        touch(halves(record[ROWS]).1);
    }
    black_box(seen);
}
