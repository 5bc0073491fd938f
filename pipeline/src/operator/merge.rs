//! Merge: segments of several partitions become steps, in the order of event time.
//!
//! The idea: the next event comes from the partition whose head has the smallest time (ties: partition, then offset).
//! A partition with unread records and none buffered is waited for; one read to its end holds nothing back. Where a
//! partition was passed over while it had nothing, and then has something, the merge says so with a *boundary*.
//!
//! The invariant the journal rests on: between two boundaries the order taken is the full merge of exactly the rows
//! taken, whatever arrived when. So a list of end offsets per boundary is enough to take the same order again.

mod lane;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::error::ArrowError;
use rules::time::EventTime;

use self::lane::Lane;
use super::decode::{DeadLetter, Segment};

/// The rows of one step, in the order taken, and the dead letters met on the way.
#[derive(Debug)]
pub struct Merged {
    /// The rows.
    pub rows: RecordBatch,
    /// The time each counts with.
    pub times: Vec<EventTime>,
    /// The partition of each.
    pub partitions: Vec<u32>,
    /// The offset of each.
    pub offsets: Vec<i64>,
    /// Dead letters with their partition.
    pub dead: Vec<(u32, DeadLetter)>,
    /// How many of the rows had their time clamped.
    pub clamped: u64,
    /// Whether a journal entry ends before this step.
    pub boundary: bool,
    /// Next offset of every partition after this step.
    pub positions: Vec<(u32, i64)>,
    /// When the oldest batch of this step was taken from the source, on the worker's clock in microseconds.
    pub taken_at: Option<i64>,
    segments: Vec<Arc<Segment>>,
    places: Vec<(usize, usize)>,
}

impl Merged {
    /// The key the record of a row came with.
    #[must_use]
    pub fn key(&self, row: usize) -> Option<&[u8]> {
        use arrow::array::Array;
        let (segment, row) = *self.places.get(row)?;
        let keys = self.segments.get(segment)?.keys.as_ref()?;
        keys.is_valid(row).then(|| keys.value(row))
    }
}

/// What the merge has to give.
#[derive(Debug)]
pub enum Taken {
    /// A step.
    Step(Box<Merged>),
    /// Nothing yet: a partition is waited for.
    Waiting,
    /// Nothing at all.
    Empty,
}

/// Bounds of the merge.
#[derive(Clone, Copy, Debug)]
pub struct MergeLimits {
    /// Most rows of a step.
    pub step_rows: usize,
    /// A partition with more rows buffered than this is paused at the source.
    pub buffered_rows: usize,
    /// The same in bytes.
    pub buffered_bytes: usize,
    /// How long, in microseconds of the worker's clock, a partition is waited for once all have been caught up.
    pub wait_micros: i64,
}

/// The operator.
#[derive(Debug)]
pub struct Merge {
    lanes: Vec<Lane>,
    limits: MergeLimits,
    schema: arrow::datatypes::SchemaRef,
}

impl Merge {
    /// A merge of these partitions, each beginning at its offset.
    #[must_use]
    pub fn new(
        schema: arrow::datatypes::SchemaRef,
        starts: &[(u32, i64)],
        limits: MergeLimits,
    ) -> Merge {
        let mut lanes: Vec<Lane> = starts
            .iter()
            .map(|(partition, offset)| Lane::new(*partition, *offset))
            .collect();
        lanes.sort_by_key(|lane| lane.partition);
        Merge {
            lanes,
            limits,
            schema,
        }
    }

    /// Takes a segment in. Segments of unknown partitions are dropped: the source has been told not to send them.
    pub fn push(&mut self, segment: Segment) {
        if let Some(lane) = self.lane(segment.partition) {
            lane.push(Arc::new(segment));
        }
    }

    /// The partition holds nothing that has not been pushed.
    pub fn caught_up(&mut self, partition: u32) {
        if let Some(lane) = self.lane(partition) {
            lane.caught_up();
        }
    }

    /// The partition will bring nothing more until an operator acts; it holds nothing back.
    pub fn halted(&mut self, partition: u32) {
        if let Some(lane) = self.lane(partition) {
            lane.halted = true;
        }
    }

    /// Next offset of every partition.
    #[must_use]
    pub fn positions(&self) -> Vec<(u32, i64)> {
        self.lanes
            .iter()
            .map(|lane| (lane.partition, lane.position))
            .collect()
    }

    /// From here on takes rows only up to these offsets, which is how a journal entry is folded again; `None`: live.
    pub fn limit(&mut self, ends: Option<&[(u32, i64)]>) {
        for lane in &mut self.lanes {
            let end = |ends: &[(u32, i64)]| {
                let named = ends
                    .iter()
                    .find(|(partition, _)| *partition == lane.partition);
                named.map_or(lane.position, |(_, end)| *end)
            };
            lane.limit = ends.map(end);
            lane.passed = false;
        }
    }

    /// Whether every partition has reached the limit set.
    #[must_use]
    pub fn at_limit(&self) -> bool {
        self.lanes.iter().all(Lane::at_limit)
    }

    /// Whether every partition has been read to its end once since the start.
    #[must_use]
    pub fn live(&self) -> bool {
        self.lanes
            .iter()
            .all(|lane| lane.was_caught_up || lane.halted)
    }

    /// A partition that ended before its limit, with its position: the log is shorter than the journal.
    #[must_use]
    pub fn short_of_limit(&self) -> Option<(u32, i64)> {
        let short = |lane: &&Lane| lane.is_caught_up() && lane.is_empty() && !lane.at_limit();
        self.lanes
            .iter()
            .find(short)
            .map(|lane| (lane.partition, lane.position))
    }

    /// Partitions that hold more than the bounds, for the source to pause.
    #[must_use]
    pub fn overfull(&self) -> Vec<u32> {
        let over = |lane: &&Lane| {
            lane.rows > self.limits.buffered_rows || lane.bytes > self.limits.buffered_bytes
        };
        self.lanes
            .iter()
            .filter(over)
            .map(|lane| lane.partition)
            .collect()
    }

    /// Whether a paused partition has drained to half of the bounds.
    #[must_use]
    pub fn drained(&self, partition: u32) -> bool {
        let half = |lane: &Lane| {
            lane.rows * 2 <= self.limits.buffered_rows
                && lane.bytes * 2 <= self.limits.buffered_bytes
        };
        self.lanes
            .iter()
            .find(|lane| lane.partition == partition)
            .is_none_or(half)
    }

    /// Rows buffered over all partitions.
    #[must_use]
    pub fn buffered_rows(&self) -> usize {
        self.lanes.iter().map(|lane| lane.rows).sum()
    }

    /// The next step at time `now` of the worker's clock.
    ///
    /// # Errors
    /// When Arrow cannot put the rows together, which would be a broken invariant: all have one schema.
    pub fn take(&mut self, now: i64) -> Result<Taken, ArrowError> {
        let mut draft = Draft::default();
        let mut waiting = false;
        while draft.places.len() < self.limits.step_rows {
            for lane in &mut self.lanes {
                lane.drain_dead(&mut draft.dead);
            }
            let live = self.live();
            waiting = self
                .lanes
                .iter_mut()
                .any(|lane| lane.holds(now, live, self.limits.wait_micros));
            let Some((best, second)) = self.heads().filter(|_| !waiting) else {
                break;
            };
            if self.lanes.get(best).is_some_and(|lane| lane.passed) {
                if !draft.places.is_empty() {
                    break;
                }
                draft.boundary = true;
                self.lanes.iter_mut().for_each(|lane| lane.passed = false);
            }
            let room = self.limits.step_rows - draft.places.len();
            if let Some(lane) = self.lanes.get_mut(best) {
                lane.take_run(second, room, &mut draft);
            }
            for (index, lane) in self.lanes.iter_mut().enumerate() {
                lane.passed |= index != best && lane.is_empty() && lane.limit.is_none();
            }
        }
        if draft.places.is_empty() && draft.dead.is_empty() {
            return Ok(if waiting {
                Taken::Waiting
            } else {
                Taken::Empty
            });
        }
        draft
            .finish(&self.schema, self.positions())
            .map(|step| Taken::Step(Box::new(step)))
    }

    fn lane(&mut self, partition: u32) -> Option<&mut Lane> {
        self.lanes
            .iter_mut()
            .find(|lane| lane.partition == partition)
    }

    /// The lane to take from and the head it must stay before.
    fn heads(&self) -> Option<(usize, Option<(EventTime, u32)>)> {
        let mut best: Option<(EventTime, u32, usize)> = None;
        let mut second: Option<(EventTime, u32)> = None;
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(time) = lane.head() else { continue };
            let head = (time, lane.partition, index);
            match best {
                Some(least) if least < head => {
                    second = second.map_or(Some((time, lane.partition)), |s| {
                        Some(s.min((time, lane.partition)))
                    })
                }
                _ => {
                    second = best
                        .map(|(time, partition, _)| (time, partition))
                        .or(second);
                    best = Some(head);
                }
            }
        }
        best.map(|(_, _, index)| (index, second))
    }
}

/// A step in the making.
#[derive(Debug, Default)]
struct Draft {
    segments: Vec<Arc<Segment>>,
    places: Vec<(usize, usize)>,
    times: Vec<EventTime>,
    partitions: Vec<u32>,
    offsets: Vec<i64>,
    dead: Vec<(u32, DeadLetter)>,
    boundary: bool,
}

impl Draft {
    /// Index of a segment among those of this step.
    fn segment(&mut self, segment: &Arc<Segment>) -> usize {
        let known = self
            .segments
            .iter()
            .rposition(|known| Arc::ptr_eq(known, segment));
        known.unwrap_or_else(|| {
            self.segments.push(Arc::clone(segment));
            self.segments.len() - 1
        })
    }

    fn finish(
        self,
        schema: &arrow::datatypes::SchemaRef,
        positions: Vec<(u32, i64)>,
    ) -> Result<Merged, ArrowError> {
        let Draft {
            segments,
            places,
            times,
            partitions,
            offsets,
            dead,
            boundary,
        } = self;
        let rows = match (segments.as_slice(), places.first()) {
            (_, None) => RecordBatch::new_empty(Arc::clone(schema)),
            // Rows of one segment are always a run: no copy.
            ([only], Some((_, first))) => only.rows.slice(*first, places.len()),
            (several, _) => {
                let batches: Vec<&RecordBatch> =
                    several.iter().map(|segment| &segment.rows).collect();
                interleave_record_batch(&batches, &places)?
            }
        };
        let clamped = clamped(&segments, &places);
        let taken_at = segments.iter().map(|segment| segment.taken_at).min();
        Ok(Merged {
            rows,
            times,
            partitions,
            offsets,
            dead,
            clamped,
            boundary,
            positions,
            taken_at,
            segments,
            places,
        })
    }
}

/// Rows whose time was clamped when they were decoded; most segments have none and cost nothing.
fn clamped(segments: &[Arc<Segment>], places: &[(usize, usize)]) -> u64 {
    if segments.iter().all(|segment| segment.clamped.is_empty()) {
        return 0;
    }
    let hit = |(segment, row): &&(usize, usize)| {
        segments
            .get(*segment)
            .is_some_and(|s| s.clamped.binary_search(row).is_ok())
    };
    places.iter().filter(hit).map(|_| 1u64).sum()
}
