//! One partition inside the merge: its buffered segments and how far it has been taken.
//!
//! The invariant: `position` is the offset behind the last record taken, dead letters included; it only grows.

use std::collections::VecDeque;
use std::sync::Arc;

use rules::time::EventTime;

use super::{DeadLetter, Draft, Segment};

/// A partition.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) partition: u32,
    /// Next offset.
    pub(super) position: i64,
    /// Rows buffered.
    pub(super) rows: usize,
    /// Bytes buffered.
    pub(super) bytes: usize,
    /// Stands still until an operator acts.
    pub(super) halted: bool,
    /// Has been read to its end at least once.
    pub(super) was_caught_up: bool,
    /// Was empty while rows of another were taken, since the last boundary.
    pub(super) passed: bool,
    /// Takes no record from this offset on.
    pub(super) limit: Option<i64>,
    ended: bool,
    waiting_since: Option<i64>,
    queue: VecDeque<Cursor>,
}

/// A segment and how much of it has been taken.
#[derive(Debug)]
struct Cursor {
    segment: Arc<Segment>,
    row: usize,
    dead: usize,
    bytes: usize,
}

impl Lane {
    pub(super) fn new(partition: u32, position: i64) -> Lane {
        Lane {
            partition,
            position,
            rows: 0,
            bytes: 0,
            halted: false,
            was_caught_up: false,
            passed: false,
            limit: None,
            ended: false,
            waiting_since: None,
            queue: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, segment: Arc<Segment>) {
        let bytes = segment.rows.get_array_memory_size();
        self.rows += segment.offsets.len();
        self.bytes += bytes;
        self.ended = false;
        self.waiting_since = None;
        self.queue.push_back(Cursor {
            segment,
            row: 0,
            dead: 0,
            bytes,
        });
    }

    pub(super) fn caught_up(&mut self) {
        self.ended = true;
        self.was_caught_up = true;
        self.waiting_since = None;
    }

    pub(super) fn is_caught_up(&self) -> bool {
        self.ended
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn at_limit(&self) -> bool {
        let Some(limit) = self.limit else {
            return false;
        };
        self.position >= limit
            || self
                .queue
                .front()
                .and_then(Cursor::next)
                .is_some_and(|offset| offset >= limit)
    }

    /// The time of the next row, unless it lies behind the limit. Dead letters have been drained before.
    pub(super) fn head(&self) -> Option<EventTime> {
        if self.at_limit() {
            return None;
        }
        let cursor = self.queue.front()?;
        cursor.segment.times.get(cursor.row).copied()
    }

    /// Whether this partition must be waited for.
    pub(super) fn holds(&mut self, now: i64, live: bool, wait_micros: i64) -> bool {
        if self.head().is_some() || self.at_limit() {
            return false;
        }
        if self.limit.is_some() {
            return true;
        }
        if self.ended || self.halted {
            return false;
        }
        let since = *self.waiting_since.get_or_insert(now);
        !live || now - since < wait_micros
    }

    /// Takes the dead letters that stand before the next row, and drops segments that are used up.
    pub(super) fn drain_dead(&mut self, dead: &mut Vec<(u32, DeadLetter)>) {
        while let Some(cursor) = self.queue.front_mut() {
            let row = cursor.segment.offsets.get(cursor.row).copied();
            match (cursor.segment.dead.get(cursor.dead), row) {
                (Some(letter), row) if row.is_none_or(|row| letter.offset < row) => {
                    if self.limit.is_some_and(|limit| letter.offset >= limit) {
                        return;
                    }
                    self.position = letter.offset + 1;
                    dead.push((self.partition, letter.clone()));
                    cursor.dead += 1;
                }
                (None, None) => {
                    // Offsets the log skipped behind the last record belong to this segment.
                    self.position = self.position.max(cursor.segment.next_offset);
                    self.bytes = self.bytes.saturating_sub(cursor.bytes);
                    self.queue.pop_front();
                }
                _ => return,
            }
        }
    }

    /// Takes rows of the head segment as long as they come before `second`, up to `room`, the limit and the next
    /// dead letter.
    pub(super) fn take_run(
        &mut self,
        second: Option<(EventTime, u32)>,
        room: usize,
        draft: &mut Draft,
    ) {
        let Some(cursor) = self.queue.front_mut() else {
            return;
        };
        let segment = Arc::clone(&cursor.segment);
        let index = draft.segment(&segment);
        let stop = segment
            .dead
            .get(cursor.dead)
            .map_or(i64::MAX, |letter| letter.offset);
        let stop = stop.min(self.limit.unwrap_or(i64::MAX));
        let rows = segment
            .times
            .iter()
            .zip(&segment.offsets)
            .skip(cursor.row)
            .take(room);
        for (time, offset) in rows {
            let behind = second.is_some_and(|second| (*time, self.partition) > second);
            if behind || *offset >= stop {
                break;
            }
            draft.places.push((index, cursor.row));
            draft.times.push(*time);
            draft.partitions.push(self.partition);
            draft.offsets.push(*offset);
            cursor.row += 1;
            self.rows -= 1;
            self.position = offset + 1;
        }
    }
}

impl Cursor {
    /// The offset of the next record, row or dead letter.
    fn next(&self) -> Option<i64> {
        let row = self.segment.offsets.get(self.row).copied();
        let dead = self.segment.dead.get(self.dead).map(|letter| letter.offset);
        match (row, dead) {
            (Some(row), Some(dead)) => Some(row.min(dead)),
            (row, dead) => row.or(dead),
        }
    }
}
