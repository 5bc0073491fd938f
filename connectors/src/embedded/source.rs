//! The source over a topic of the [`EmbeddedLog`]: reads what is there, then waits for more.
//!
//! The invariant: it looks only at offsets below the published end, so half of a commit is never seen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{EmbeddedError, EmbeddedLog};
use crate::record::Batch;
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// Most records of a batch.
const BATCH_RECORDS: usize = 4_096;
/// No more records are added to a batch of this many bytes.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    /// Next offset to hand over; `None` before start.
    next: Option<i64>,
    paused: bool,
    halted: bool,
    /// The end that has been told.
    told: Option<i64>,
}

/// Reads all partitions of one topic.
pub struct EmbeddedSource {
    log: EmbeddedLog,
    topic: String,
    partitions: BTreeMap<u32, Partition>,
    assigned: bool,
    /// The partition served last, so that none starves.
    turn: u32,
}

impl EmbeddedSource {
    /// A source over a topic.
    ///
    /// # Errors
    /// When the topic is not there.
    pub fn new(log: &EmbeddedLog, topic: &str) -> Result<Self, EmbeddedError> {
        let missing = || EmbeddedError::Topic {
            topic: topic.to_owned(),
            cause: "is not there".to_owned(),
        };
        let count = log.partitions(topic).ok_or_else(missing)?;
        Ok(Self {
            log: log.clone(),
            topic: topic.to_owned(),
            partitions: (0..count)
                .map(|partition| (partition, Partition::default()))
                .collect(),
            assigned: false,
            turn: 0,
        })
    }

    fn end(&self, partition: u32) -> i64 {
        self.log.end(&self.topic, partition).unwrap_or_default()
    }

    /// The next partition in turn that has something to say.
    fn ready(&self) -> Option<u32> {
        let state = self.log.state();
        let ready = |(number, partition): &(&u32, &Partition)| {
            says(partition, state.end(&self.topic, **number))
        };
        let after = self.partitions.range(self.turn + 1..).find(ready);
        after
            .or_else(|| self.partitions.range(..=self.turn).find(ready))
            .map(|(number, _)| *number)
    }

    fn serve(&mut self, number: u32) -> SourceEvent {
        self.turn = number;
        let end = self.end(number);
        let Some(partition) = self.partitions.get_mut(&number) else {
            return SourceEvent::Idle;
        };
        let next = partition.next.unwrap_or_default();
        if next >= end {
            partition.told = Some(end);
            return SourceEvent::CaughtUp {
                partition: number,
                next_offset: end,
            };
        }
        let read = self
            .log
            .read(&self.topic, number, next, BATCH_RECORDS, BATCH_BYTES);
        let halt = |cause| SourceEvent::Halted {
            partition: number,
            offset: next,
            cause,
        };
        match read {
            Ok(batch) if batch.offsets.first() == Some(&next) => {
                partition.next = batch.offsets.last().map(|last| last + 1);
                SourceEvent::Batch(Batch::Raw(batch))
            }
            Ok(batch) => {
                partition.halted = true;
                halt(format!(
                    "the record is not in the store; the next one is {:?}",
                    batch.offsets.first()
                ))
            }
            Err(error) => {
                partition.halted = true;
                halt(error.to_string())
            }
        }
    }

    fn error(&self, operation: &str, cause: String) -> SourceError {
        SourceError {
            operation: format!("{operation} {}", self.topic),
            cause,
            retry: false,
        }
    }

    fn each(
        &mut self,
        operation: &str,
        partitions: &[u32],
        change: impl Fn(&mut Partition),
    ) -> Result<(), SourceError> {
        if let Some(unknown) = partitions
            .iter()
            .find(|number| !self.partitions.contains_key(number))
        {
            return Err(self.error(operation, format!("partition {unknown} is not assigned")));
        }
        for number in partitions {
            self.partitions.entry(*number).and_modify(&change);
        }
        Ok(())
    }
}

fn says(partition: &Partition, end: i64) -> bool {
    let live = !partition.paused && !partition.halted;
    live && partition
        .next
        .is_some_and(|next| next < end || partition.told != Some(end))
}

impl Source for EmbeddedSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError> {
        if !self.assigned {
            self.assigned = true;
            let assignment = |number: &u32| Assignment {
                partition: *number,
                log_start: 0,
                log_end: self.end(*number),
            };
            return Ok(SourceEvent::Assigned(
                self.partitions.keys().map(assignment).collect(),
            ));
        }
        if let Some(number) = self.ready() {
            return Ok(self.serve(number));
        }
        let (topic, partitions) = (&self.topic, &self.partitions);
        self.log.wait(wait, |state| {
            partitions
                .iter()
                .any(|(number, partition)| says(partition, state.end(topic, *number)))
        });
        Ok(self
            .ready()
            .map_or(SourceEvent::Idle, |number| self.serve(number)))
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let partitions: Vec<u32> = offsets.iter().map(|(number, _)| *number).collect();
        self.each("start", &partitions, |_| {})?;
        for (number, offset) in offsets {
            let end = self.end(*number);
            if !(0..=end).contains(offset) {
                let cause = format!(
                    "offset {offset} of partition {number} lies outside the log [0, {end})"
                );
                return Err(self.error("start", cause));
            }
        }
        for (number, offset) in offsets {
            self.partitions.insert(
                *number,
                Partition {
                    next: Some(*offset),
                    ..Partition::default()
                },
            );
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.each("pause", partitions, |partition| partition.paused = true)
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.each("resume", partitions, |partition| partition.paused = false)
    }

    fn topic(&self) -> &str {
        &self.topic
    }
}
