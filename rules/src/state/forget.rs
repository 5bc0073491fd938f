//! What makes room: events that no window can reach any more, rings that are full, keys that fell silent.
//!
//! The idea: an event is forgotten when its ring is full or the sweep comes by, never in between, so that forgetting
//! costs nothing per event. The sweep goes over all places of keys in a circle, the faster the more keys come new, so what
//! it does depends on the rows alone and not on how they were cut into steps. The invariant: an answer for an event at or
//! after the horizon never changes by forgetting; a record knows the greatest time it forgot.

use super::arena::Block;
use super::keys;
use super::layout::{FLAGS, FORGOTTEN, NEWEST, OLDEST, RENEWED, RING, ROWS, TIME, VACANT};
use super::row::Rows;
use super::store::{Store, halves, pair, ring};
use super::warm::ask;
use crate::aggregate::cell::{Cell, Entry, Side};
use crate::time::EventTime;
use crate::window::Window;

/// The sweep runs once in so many rows of a group, to read records in a row; its shards take turns.
pub(super) const SWEEP_ROWS: u64 = 16;

/// Keys it then looks at, and on top for each key that came new since the last time: more than one, or their number
/// could grow without end.
const SWEEP_LEAST: u32 = 2;
pub(super) const SWEEP_PER_KEY: u32 = 2;

/// Places it passes for each of these at most, most of them vacant.
const SWEEP_PLACES: u32 = 4;

/// A full ring of which less than this part was let go gets a larger block, or its rows would be moved all the time.
const RING_SLACK: u32 = 8;

/// The sweep lets events in a ring be too old by this part of the longest window.
const SWEEP_SLACK: i64 = 8;

impl Store {
    /// Room for one more row in a key's ring.
    pub(super) fn make_room(&mut self, key: u32, forget: bool) {
        let width = self.layout.row.width;
        let record = self.keys.record_mut(key);
        if record[RING] == VACANT {
            record[RING] = self.arena.take(width).pack();
        }
        let block = Block::unpack(record[RING]);
        let capacity = (block.words() / width) as u32;
        if halves(record[ROWS]).1 < capacity {
            return;
        }
        if forget && EventTime(record[TIME].cast_signed()) >= self.horizon {
            self.forget(key);
        }
        let record = self.keys.record_mut(key);
        let (head, tail) = halves(record[ROWS]);
        let range = head as usize * width..tail as usize * width;
        if head >= (capacity / RING_SLACK).max(1) {
            self.arena.get_mut(block).copy_within(range, 0);
        } else {
            let words = (range.len() + width).max(block.words() + 1);
            record[RING] = self.arena.replace(block, words, range).pack();
        }
        self.renumber(key, |index| index - head);
        self.keys.record_mut(key)[ROWS] = pair(0, tail - head);
    }

    /// Gives rows new indices.
    fn renumber(&mut self, key: u32, new: impl Fn(u32) -> u32) {
        let record = self.keys.record_mut(key);
        for window in &self.layout.windows {
            let (low, high) = halves(record[window.at]);
            record[window.at] = pair(new(low), new(high));
        }
        for cell in &self.layout.cells {
            cell.renumber(record, &new);
        }
    }

    /// Lets go of the events that no event from the horizon on can have in a window. The record's time must be at or
    /// after the horizon, so that no window but a `forever` and a `last` one holds any of them.
    pub(super) fn forget(&mut self, key: u32) {
        let limit = self.horizon.before(self.layout.longest);
        let record = self.keys.record(key);
        let (head, tail) = halves(record[ROWS]);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let end = self.before_sessions(key, rows.after(head, tail, limit));
        if end <= head {
            return;
        }
        let head_new = if self.layout.has_last {
            self.thin(key, head, end, tail)
        } else {
            // Rows leave nothing behind but the time of the last, unless somebody still counts or shares them.
            let plain = !self.layout.stays && !self.layout.row.has_texts();
            let first = if plain { end - 1 } else { head };
            (first..end).for_each(|index| self.drop_row(key, index));
            self.renumber(key, |index| index.max(end));
            end
        };
        self.events -= (head_new - head) as usize;
        let record = self.keys.record_mut(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let oldest = match head_new == tail {
            true => i64::MAX,
            false => rows.time(head_new).0,
        };
        record[ROWS] = pair(head_new, tail);
        record[OLDEST] = oldest.cast_unsigned();
    }

    /// Lets go of those of the rows `head..end` that no `last` window needs; the new head.
    fn thin(&mut self, key: u32, head: u32, end: u32, tail: u32) -> u32 {
        let mut kept = self.needed(key, head, end, tail);
        if self.layout.in_order_only
            && let Some(first) = kept.iter().position(|kept| *kept)
        {
            kept.truncate(first);
        }
        let end = head + kept.len() as u32;
        // Those kept move up to the newer ones: per row the new index of the first kept from it on.
        let mut new = vec![end; kept.len()];
        let mut to = end;
        for at in (0..kept.len()).rev() {
            to -= u32::from(kept[at]);
            new[at] = to;
        }
        // The oldest first: a `forever` window's `first` is the first one forgotten.
        for at in (0..kept.len()).filter(|at| !kept[*at]) {
            self.drop_row(key, head + at as u32);
        }
        let width = self.layout.row.width;
        let block = Block::unpack(self.keys.record(key)[RING]);
        let words = self.arena.get_mut(block);
        for at in (0..kept.len()).rev().filter(|at| kept[*at]) {
            let from = (head as usize + at) * width;
            words.copy_within(from..from + width, new[at] as usize * width);
        }
        self.renumber(key, |index| {
            let at = index.checked_sub(head).map(|at| at as usize);
            at.and_then(|at| new.get(at).copied()).unwrap_or(index)
        });
        to
    }

    /// Which of the rows `head..end`, all too old for sliding windows, a `last` window still needs: the `n` latest up
    /// to the horizon.
    fn needed(&self, key: u32, head: u32, end: u32, tail: u32) -> Vec<bool> {
        let mut needed = vec![false; (end - head) as usize];
        let record = self.keys.record(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let horizon = rows.after(end, tail, self.horizon);
        for window in &self.layout.windows {
            let Window::Last { n } = window.window else {
                continue;
            };
            let passing = (head..horizon)
                .rev()
                .filter(|index| rows.passes(*index, window.filter));
            for index in passing.take(n as usize).filter(|index| *index < end) {
                needed[(index - head) as usize] = true;
            }
        }
        needed
    }

    /// What remains of a row that goes: its part in `forever` windows, and its time.
    pub(super) fn drop_row(&mut self, key: u32, index: u32) {
        let record = self.keys.record_mut(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let entry = Entry {
            row: rows.row(index),
            layout: rows.layout(),
            index,
            side: Side::Left,
        };
        for cell in self.layout.cells.iter().filter(|cell| cell.forever) {
            cell.forget(&entry, record, &mut self.heap);
        }
        let time = rows.time(index).0;
        record[FORGOTTEN] = time.max(record[FORGOTTEN].cast_signed()).cast_unsigned();
        self.release_texts(key, index);
    }

    /// Looks at the next places, with the horizon of the row at hand.
    pub(super) fn sweep(&mut self, horizon: EventTime) {
        self.horizon = self.horizon.max(horizon);
        let mut left = std::mem::take(&mut self.credit) + SWEEP_LEAST;
        for _ in 0..self.keys.places().min(left * SWEEP_PLACES) {
            if left == 0 || self.keys.len() == 0 {
                break;
            }
            let (key, next) = self.keys.walk(self.hand);
            self.hand = next;
            if self.keys.is_vacant(key) {
                continue;
            }
            left -= 1;
            match keys::class(key) {
                keys::LARGE => self.visit(keys::index(key)),
                _ => self.visit_small(key),
            }
        }
        self.ask_hand();
    }

    /// Asks for what the next sweep will look at.
    fn ask_hand(&self) {
        let (class, index) = (keys::class(self.hand), keys::index(self.hand));
        if class == keys::LARGE {
            return;
        }
        for index in index..index + SWEEP_LEAST {
            self.keys.bodies.words_at(class, index).map(ask);
        }
    }

    /// Where an oldest event is so old that the sweep lets go of it.
    pub(super) fn slack_limit(&self) -> i64 {
        let longest = self.layout.longest;
        let limit = self.horizon.before(longest);
        limit.0.saturating_sub(longest.0 / SWEEP_SLACK)
    }

    fn visit(&mut self, key: u32) {
        let limit = self.horizon.before(self.layout.longest);
        let record = self.keys.record(key);
        let (oldest, newest) = (record[OLDEST].cast_signed(), record[NEWEST].cast_signed());
        if !self.layout.stays && newest <= limit.0 {
            let forgotten = newest.max(record[FORGOTTEN].cast_signed());
            self.swept = self.swept.max(forgotten);
            self.drop_key(key);
            return;
        }
        // A ring that is in use makes room by itself; only where much is too old the sweep does it. An empty ring has
        // an oldest event at the end of time.
        if oldest > self.slack_limit() {
            return;
        }
        if EventTime(record[TIME].cast_signed()) < self.horizon {
            self.seek(key, self.horizon);
        }
        self.forget(key);
        self.shrink(key);
    }

    /// A smaller block for a ring that is less than half full.
    fn shrink(&mut self, key: u32) {
        let record = self.keys.record_mut(key);
        let block = Block::unpack(record[RING]);
        let (head, tail) = halves(record[ROWS]);
        let width = self.layout.row.width;
        let range = head as usize * width..tail as usize * width;
        if 2 * range.len() > block.words() {
            return;
        }
        if range.is_empty() {
            self.arena.free(block);
            record[RING] = VACANT;
        } else {
            let words = range.len();
            record[RING] = self.arena.replace(block, words, range).pack();
        }
        self.renumber(key, |index| index - head);
        self.keys.record_mut(key)[ROWS] = pair(0, tail - head);
    }

    /// Takes a key out with everything it holds.
    pub(super) fn drop_key(&mut self, key: u32) {
        let (head, tail) = halves(self.keys.record(key)[ROWS]);
        let texts = self.layout.row.has_texts();
        for index in (head..tail).filter(|_| texts) {
            self.release_texts(key, index);
        }
        let record = self.keys.record_mut(key);
        for cell in &self.layout.cells {
            cell.drop(record, &self.layout.row, &mut self.heap);
        }
        if record[RING] != VACANT {
            self.arena.free(Block::unpack(record[RING]));
        }
        self.events -= (tail - head) as usize;
        self.keys.remove(keys::key_of(keys::LARGE, key));
        self.keys.free_record(key);
    }
}

impl Store {
    /// Whether a window at the record's time reaches to events that were forgotten, or a value is only known about.
    pub(super) fn approximate(&self, key: u32) -> bool {
        let record = self.keys.record(key);
        let forgotten = EventTime(record[FORGOTTEN].cast_signed());
        let flags = record[FLAGS];
        let sketch = |cell: &Cell| cell.is_sketch(record, &self.heap);
        if self.layout.may_sketch && self.layout.cells.iter().any(sketch) {
            return true;
        }
        if forgotten == EventTime::MIN && flags == 0 {
            return false;
        }
        let t = EventTime(record[TIME].cast_signed());
        if !self.layout.stays && !self.layout.has_session {
            return t.before(self.layout.longest) < forgotten;
        }
        self.layout.windows.iter().any(|w| match w.window {
            Window::Sliding { .. } | Window::Calendar { .. } | Window::Decay { .. } => {
                w.window.start(t).is_some_and(|start| start < forgotten)
            }
            Window::Session { .. } => self.session_is_cut(key, w),
            Window::Forever => {
                let misses = || {
                    let cells = &self.layout.cells[w.cells.clone()];
                    forgotten > EventTime::MIN && cells.iter().any(Cell::walks)
                };
                flags & RENEWED != 0 || t < forgotten || misses()
            }
            // Which of the older events were kept was decided for the horizon. One that is gone otherwise is missed when
            // there are too few without it, or when it may have been later than the first of them.
            Window::Last { n } => {
                let missed = || {
                    let (low, high) = halves(record[w.at]);
                    let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
                    let mut counted = (low..high).filter(|row| rows.passes(*row, w.filter));
                    let first = counted.next().map(|row| rows.time(row));
                    record[w.at + 1] < u64::from(n) || first.is_some_and(|first| first < forgotten)
                };
                t < self.horizon || (flags != 0 && missed())
            }
        })
    }
}
