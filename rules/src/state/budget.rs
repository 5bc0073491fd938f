//! What goes when a pack's state has reached its budget: a key that was silent for long, the oldest event of a key.
//!
//! The idea: which one goes follows from the rows alone, so a replay lets go of the same; and the place it leaves is
//! remembered by time, so that every later answer that might miss it is flagged approximate, and no other.
//! The invariant: without a late row a group never holds more keys, and a key never more events, than the budget says.

use super::identity::Identity;
use super::layout::{FLAGS, FORGOTTEN, NEWEST, OLDEST, RENEWED, ROWS, SHORT, TIME, VACANT};
use super::row::Rows;
use super::store::{Store, halves, pair, ring};
use crate::aggregate::cell::Side;
use crate::time::EventTime;
use crate::window::Window;

/// Of so many keys the one silent for longest goes.
const CANDIDATES: u32 = 8;

impl Store {
    /// A number for a key that has none.
    pub(super) fn new_key(&mut self, hash: u64, identity: Identity) -> u32 {
        let key = self.keys.insert(hash, identity, self.swept);
        if self.layout.stays && self.evicted_keys > 0 {
            self.keys.record_mut(key)[FLAGS] |= RENEWED;
        }
        key
    }

    /// Room for one more key.
    pub(super) fn keep_keys(&mut self) {
        if self.keys.len() < self.limits.keys as usize {
            return;
        }
        let numbers = self.keys.numbers();
        let mut quietest: Option<(i64, u32)> = None;
        for ahead in 0..CANDIDATES.min(numbers) {
            let key = (self.clock + ahead) % numbers;
            let record = self.keys.record(key);
            let newest = record[NEWEST].cast_signed();
            if record[FLAGS] != VACANT && quietest.is_none_or(|(time, _)| newest < time) {
                quietest = Some((newest, key));
            }
        }
        let Some((newest, key)) = quietest else {
            return;
        };
        let forgotten = self.keys.record(key)[FORGOTTEN].cast_signed();
        self.swept = self.swept.max(newest).max(forgotten);
        self.evicted_keys += 1;
        // Not past the others looked at: each is a candidate again until it goes or is found fresher.
        self.clock = (key + 1) % numbers;
        self.drop_key(key);
    }

    /// Room for one more event of a key.
    pub(super) fn keep_events(&mut self, key: u32) {
        let (head, tail) = halves(self.keys.record(key)[ROWS]);
        if tail - head < self.limits.events_per_key {
            return;
        }
        let t = EventTime(self.keys.record(key)[TIME].cast_signed());
        // Events that no window can reach any more are nobody's loss. What a `last` window still wants of them takes a
        // walk to find out, too long for every event.
        if t >= self.horizon && !self.layout.has_last {
            self.forget(key);
        }
        let record = self.keys.record(key);
        let (head, tail) = halves(record[ROWS]);
        if tail - head < self.limits.events_per_key {
            return;
        }
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        // A `forever` window must have taken an event before it goes.
        let newest = rows.time(tail - 1);
        self.seek(key, newest.max(t));
        self.drop_oldest(key);
        self.seek(key, t);
        self.evicted_events += 1;
    }

    /// Lets go of the oldest event of a key whose windows have all come past it.
    fn drop_oldest(&mut self, key: u32) {
        let (head, tail) = halves(self.keys.record(key)[ROWS]);
        self.move_windows(key, |cursor| cursor.lose(head));
        self.drop_row(key, head);
        let record = self.keys.record_mut(key);
        record[FLAGS] |= SHORT;
        record[ROWS] = pair(head + 1, tail);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let oldest = if head + 1 == tail {
            i64::MAX
        } else {
            rows.time(head + 1).0
        };
        record[OLDEST] = oldest.cast_unsigned();
        self.events -= 1;
    }
}

impl super::store::Cursor<'_> {
    /// The first event held goes for good; a `forever` window keeps its part in the running values.
    fn lose(&mut self, head: u32) {
        if self.low != head {
            return;
        }
        if self.high > head && self.window.window != Window::Forever {
            self.leave(head, Side::Left);
        }
        self.low = head + 1;
        self.high = self.high.max(head + 1);
    }
}
