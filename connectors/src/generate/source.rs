//! The generator as a source: one partition, offsets are the numbers of the events.
//!
//! The idea: an endless log of which any part can be made again, because the stream is a function of its
//! configuration; so it can be started at any offset, at the cost of generating what lies before. Nothing here reads
//! a clock: the pace is asked of the caller.

use std::sync::Arc;
use std::time::Duration;

use super::{Config, Event, Generator};
use crate::record::{Batch, NO_APPEND_TIME, RawBatchBuilder};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// The only partition.
const PARTITION: u32 = 0;

/// Records of a batch, at most.
const BATCH_RECORDS: usize = 1024;

/// How long a poll may wait when no event is due yet.
const NAP_MAX: Duration = Duration::from_millis(1);

/// How fast events are handed over.
pub enum Pace {
    /// As fast as they are asked for.
    Free,
    /// As many in all, since the start, as the function says: rate times the time that has passed.
    Count(Box<dyn FnMut() -> u64 + Send>),
    /// Those whose time is not after what the function says, in microseconds since the epoch. A history comes at once,
    /// then the stream proper as it happens.
    EventTime(Arc<dyn Fn() -> i64 + Send + Sync>),
}

/// Hands over swipes as JSON, keyed by card.
pub struct GenerateSource {
    config: Config,
    generator: Generator,
    /// Drawn, but not due yet.
    ahead: Option<Event>,
    pace: Pace,
    count: Option<u64>,
    assigned: bool,
    /// The next offset; none before start.
    next: Option<i64>,
    /// How many were handed over since the start.
    since_start: u64,
    paused: bool,
    /// The end that was told, by its offset.
    told: Option<i64>,
    finished: bool,
}

impl GenerateSource {
    /// A source of `count` events, or of events without end.
    #[must_use]
    pub fn new(config: Config, count: Option<u64>, pace: Pace) -> GenerateSource {
        GenerateSource {
            generator: Generator::new(config.clone()),
            config,
            ahead: None,
            pace,
            count,
            assigned: false,
            next: None,
            since_start: 0,
            paused: false,
            told: None,
            finished: false,
        }
    }

    /// Where it ends; an endless one has the greatest offset there is.
    fn end(&self) -> i64 {
        self.count
            .map_or(i64::MAX, |count| i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn refused(operation: &str, cause: String) -> SourceError {
        SourceError {
            operation: format!("{operation} the generator"),
            cause,
            retry: false,
        }
    }

    fn check(&self, operation: &str, partitions: &[u32]) -> Result<(), SourceError> {
        match partitions.iter().find(|partition| **partition != PARTITION) {
            Some(partition) => Err(Self::refused(
                operation,
                format!("partition {partition} is not assigned"),
            )),
            None if !self.assigned => Err(Self::refused(
                operation,
                "no partition is assigned yet".to_owned(),
            )),
            None => Ok(()),
        }
    }

    /// The next event, if it is due.
    fn due(&mut self, now: i64) -> Option<Event> {
        let event = self
            .ahead
            .take()
            .unwrap_or_else(|| self.generator.next_event());
        if event.time_micros <= now {
            return Some(event);
        }
        self.ahead = Some(event);
        None
    }

    /// What is due from `next` on, a batch at most.
    fn batch(&mut self, next: i64) -> Option<SourceEvent> {
        let left = usize::try_from(self.end() - next).unwrap_or(usize::MAX);
        let (allowed, now) = match &mut self.pace {
            Pace::Free => (usize::MAX, i64::MAX),
            Pace::Count(count) => (
                usize::try_from(count().saturating_sub(self.since_start)).unwrap_or(usize::MAX),
                i64::MAX,
            ),
            Pace::EventTime(now) => (usize::MAX, now()),
        };
        let mut batch = RawBatchBuilder::new(PARTITION);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while batch.len() < BATCH_RECORDS.min(left).min(allowed) {
            let Some(event) = self.due(now) else {
                break;
            };
            key.clear();
            value.clear();
            event.write_card(&mut key);
            event.write_json(&mut value);
            let offset = next + i64::try_from(batch.len()).unwrap_or_default();
            batch.push(
                offset,
                NO_APPEND_TIME,
                Some(&key),
                Some(&value),
                &Vec::new(),
            );
        }
        if batch.is_empty() {
            return None;
        }
        self.since_start += batch.len() as u64;
        self.next = Some(next + i64::try_from(batch.len()).unwrap_or_default());
        Some(SourceEvent::Batch(Batch::Raw(batch.finish())))
    }
}

impl Source for GenerateSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError> {
        if !self.assigned {
            self.assigned = true;
            let assignment = Assignment {
                partition: PARTITION,
                log_start: 0,
                log_end: self.end(),
            };
            return Ok(SourceEvent::Assigned(vec![assignment]));
        }
        if let (Some(next), false) = (self.next, self.paused) {
            if let Some(batch) = self.batch(next) {
                return Ok(batch);
            }
            if self.told != Some(next) {
                self.told = Some(next);
                return Ok(SourceEvent::CaughtUp {
                    partition: PARTITION,
                    next_offset: next,
                });
            }
            if next == self.end() && !self.finished {
                self.finished = true;
                return Ok(SourceEvent::Finished);
            }
        }
        std::thread::sleep(wait.min(NAP_MAX));
        Ok(SourceEvent::Idle)
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let partitions: Vec<u32> = offsets.iter().map(|(partition, _)| *partition).collect();
        self.check("start", &partitions)?;
        for (_, offset) in offsets {
            let Some(before) = u64::try_from(*offset)
                .ok()
                .filter(|_| *offset <= self.end())
            else {
                return Err(Self::refused(
                    "start",
                    format!("there is no offset {offset}"),
                ));
            };
            self.generator = Generator::new(self.config.clone());
            while self.generator.handed_over() < before {
                self.generator.next_event();
            }
            self.ahead = None;
            self.next = Some(*offset);
            self.since_start = 0;
            self.told = None;
            self.finished = false;
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.check("pause", partitions)?;
        self.paused |= !partitions.is_empty();
        Ok(())
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.check("resume", partitions)?;
        self.paused &= partitions.is_empty();
        Ok(())
    }

    fn topic(&self) -> &'static str {
        "generated"
    }
}
