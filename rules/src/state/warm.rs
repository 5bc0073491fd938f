//! Reads ahead: the memory that the next rows of a step will want, all at once.
//!
//! The idea: a read that has to wait for memory costs as much as the whole rest of an event, but reads that do not
//! depend on one another wait together. So the records and the rows at the windows' ends of a few events are read, and
//! thrown away, before the first of them is answered. The invariant: nothing changes, and nothing read here is used.

use std::hint::black_box;
use std::ops::Range;

use super::columns::StepKeys;
use super::keys;
use super::layout::ROWS;
use super::store::{Store, halves, ring};

/// Rows read ahead at once. More would push one another out of the nearest cache.
pub(super) const AHEAD: usize = 16;

/// Lines read of each key.
const LINES: usize = 8;

impl Store {
    /// Reads what at most [`AHEAD`] rows will want.
    pub(super) fn warm(&self, keys: &StepKeys, rows: Range<usize>) {
        let mut seen = 0;
        for (hash, _) in rows.clone().filter_map(|row| keys.get(row)) {
            seen ^= self.keys.home(hash);
        }
        let mut found = [None; AHEAD];
        for (found, row) in found.iter_mut().zip(rows) {
            *found = keys.get(row).and_then(|(hash, _)| self.keys.guess(hash));
        }
        for key in found.iter().flatten() {
            let (class, index) = (keys::class(*key), keys::index(*key));
            let words = match class {
                keys::LARGE => self.keys.record(index),
                _ => self.keys.bodies.words(class, index),
            };
            // One word of each line.
            let (mut at, end) = (0, words.len().min(8 * LINES));
            while at < end {
                seen ^= words[at];
                at += 8;
            }
        }
        let large = |key: &&u32| keys::class(**key) == keys::LARGE;
        let records = || found.iter().flatten().filter(large);
        let width = self.layout.row.width;
        for key in records() {
            let record = self.keys.record(keys::index(*key));
            let words = ring(record, &self.arena);
            let mut touch = |index: u32| {
                seen ^= words.get(index as usize * width).copied().unwrap_or(0);
            };
            for window in &self.layout.windows {
                let (low, high) = halves(record[window.at]);
                touch(low);
                touch(high);
            }
            touch(halves(record[ROWS]).1);
        }
        black_box(seen);
    }
}
