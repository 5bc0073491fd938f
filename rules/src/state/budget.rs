//! What goes when a pack's state has reached its budget: a key that was silent for long, the oldest event of a key.
//!
//! The idea: which one goes follows from the rows alone, so a replay lets go of the same; and the place it leaves is
//! remembered by time, so that every later answer that might miss it is flagged approximate, and no other.
//! The invariant: without a late row a group never holds more keys, and a key never more events, than the budget says.

use super::keys;
use super::layout::{FLAGS, FORGOTTEN, NEWEST, OLDEST, ROWS, SHORT, TIME};
use super::row::Rows;
use super::store::{Store, halves, pair, ring};
use crate::aggregate::cell::Side;
use crate::time::EventTime;
use crate::window::Window;

/// Of so many keys the one silent for longest goes.
const CANDIDATES: u32 = 8;

impl Store {
    /// Takes a key out with everything it holds.
    pub(super) fn drop(&mut self, key: u32) {
        match keys::class(key) {
            keys::LARGE => self.drop_key(keys::index(key)),
            _ => self.drop_small(key),
        }
    }

    /// Whether one has to go for one more key.
    #[inline]
    pub(super) fn is_full_of_keys(&self) -> bool {
        self.keys.len() >= self.limits.keys as usize
    }

    /// Room for one more key where there is none.
    pub(super) fn keep_keys(&mut self) {
        let mut quietest: Option<(i64, u32, u32)> = None;
        let (mut place, mut seen) = (self.clock, 0);
        for _ in 0..self.keys.places() {
            let (key, next) = self.keys.walk(place);
            place = next;
            if self.keys.is_vacant(key) {
                continue;
            }
            let (newest, _) = self.reach(key);
            if quietest.is_none_or(|(time, ..)| newest < time) {
                quietest = Some((newest, key, next));
            }
            seen += 1;
            if seen == CANDIDATES {
                break;
            }
        }
        let Some((newest, key, next)) = quietest else {
            return;
        };
        self.swept = self.swept.max(newest).max(self.reach(key).1);
        self.evicted_keys += 1;
        // Not past the others looked at: each is a candidate again until it goes or is found fresher.
        self.clock = next;
        self.drop(key);
    }

    /// The greatest time of an event a key had, and of one it forgot.
    fn reach(&self, key: u32) -> (i64, i64) {
        match keys::class(key) {
            keys::LARGE => {
                let record = self.keys.record(keys::index(key));
                (
                    record[NEWEST].cast_signed(),
                    record[FORGOTTEN].cast_signed(),
                )
            }
            class => self.keys.bodies.reach(class, keys::index(key)),
        }
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
