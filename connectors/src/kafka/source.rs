//! The source over one topic of a cluster, as a member of the application's consumer group.
//!
//! The one idea: a partition is assigned paused and reads nothing until [`Source::start`] seeks it; its errors halt it
//! alone. The invariant: between two offsets handed over in a row, the log holds no record that was not handed over
//! (compaction, aborted transactions and transaction markers leave gaps that are no records).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::producer::{Quiet, describe, millis};
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::{Batch, Headers, NO_APPEND_TIME, RawBatchBuilder};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// Most records gathered by one poll, over all partitions.
const POLL_RECORDS: usize = 8_192;
/// No more records are gathered after this many bytes.
const POLL_BYTES: usize = 4 * 1024 * 1024;
/// How often a seek is tried while librdkafka is still taking the partition up.
const SEEKS_MAX: u32 = 500;

#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    /// The next offset expected; `None` before start.
    next: Option<i64>,
    paused: bool,
    halted: bool,
}

/// Reads one topic.
pub struct KafkaSource {
    queue: raw::Queue<BaseConsumer<Quiet>>,
    consumer: Arc<BaseConsumer<Quiet>>,
    topic: String,
    partitions: BTreeMap<u32, Partition>,
    /// Assigned by the group, not yet taken up.
    assigning: Option<Vec<u32>>,
    /// Revoked by the group and told, not yet given up: until the next poll the caller may still commit.
    revoking: Option<Vec<u32>>,
    /// Events to hand over, bounded by one poll's gathering.
    pending: VecDeque<Result<SourceEvent, SourceError>>,
    headers: Headers,
}

impl KafkaSource {
    /// Joins the group of the application and subscribes to a topic. The partitions come by [`Source::poll`].
    ///
    /// # Errors
    /// When the settings are refused, the cluster does not answer, or the topic is not there.
    pub fn new(settings: &KafkaSettings, topic: &str) -> Result<Self, KafkaFailure> {
        settings.check()?;
        let operation = format!("read topic {topic}");
        let failed = |cause: String| KafkaFailure::new(&operation, cause, false);
        let made = settings
            .consumer()
            .create_with_context::<_, BaseConsumer<Quiet>>(Quiet);
        let consumer = Arc::new(made.map_err(|error| failed(describe(&error)))?);
        admin::partitions_of(&consumer, topic, &operation)?;
        let queue = raw::Queue::of(&consumer)
            .ok_or_else(|| failed("the consumer has no queue".to_owned()))?;
        consumer
            .subscribe(&[topic])
            .map_err(|error| failed(describe(&error)))?;
        Ok(Self {
            queue,
            consumer,
            topic: topic.to_owned(),
            partitions: BTreeMap::new(),
            assigning: None,
            revoking: None,
            pending: VecDeque::new(),
            headers: Headers::new(),
        })
    }

    /// The consumer, for the commit log: offsets are committed by the member that owns the partitions.
    pub(super) fn consumer(&self) -> &Arc<BaseConsumer<Quiet>> {
        &self.consumer
    }

    fn error(&self, operation: &str, cause: String, retry: bool) -> SourceError {
        SourceError {
            operation: format!("{operation} {}", self.topic),
            cause,
            retry,
        }
    }

    fn list(&self, partitions: &[u32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.topic, number(*partition));
        }
        list
    }

    fn list_at(&self, offsets: &[(u32, i64)]) -> Result<TopicPartitionList, SourceError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let added =
                list.add_partition_offset(&self.topic, number(*partition), Offset::Offset(*offset));
            added.map_err(|error| self.error("start", describe(&error), false))?;
        }
        Ok(list)
    }

    /// First and next offset of a partition, as the broker has them now.
    fn bounds(&self, partition: u32) -> Result<(i64, i64), SourceError> {
        let bounds = self
            .consumer
            .fetch_watermarks(&self.topic, number(partition), admin::ANSWER);
        bounds.map_err(|error| self.error("ask for the offsets of", describe(&error), true))
    }

    /// Gives up what the group has taken away.
    fn give_up(&mut self) -> Result<(), SourceError> {
        let Some(partitions) = self.revoking.take() else {
            return Ok(());
        };
        let list = self.list(&partitions);
        let done = self.consumer.incremental_unassign(&list);
        done.map_err(|error| self.error("give up partitions of", describe(&error), false))
    }

    /// Takes up what the group has assigned, paused.
    fn take_up(&mut self) -> Result<(), SourceError> {
        let Some(partitions) = self.assigning.clone() else {
            return Ok(());
        };
        let mut assignments = Vec::new();
        for partition in &partitions {
            let (log_start, log_end) = self.bounds(*partition)?;
            assignments.push(Assignment {
                partition: *partition,
                log_start,
                log_end,
            });
        }
        let starts: Vec<(u32, i64)> = assignments
            .iter()
            .map(|found| (found.partition, found.log_start))
            .collect();
        let failed = |error| self.error("take up partitions of", describe(&error), false);
        self.consumer
            .incremental_assign(&self.list_at(&starts)?)
            .map_err(failed)?;
        self.consumer
            .pause(&self.list(&partitions))
            .map_err(failed)?;
        self.assigning = None;
        for partition in partitions {
            self.partitions.insert(partition, Partition::default());
        }
        if !assignments.is_empty() {
            self.pending
                .push_back(Ok(SourceEvent::Assigned(assignments)));
        }
        Ok(())
    }

    /// The next event that may be handed over: what is of a paused partition waits.
    fn next_pending(&mut self) -> Option<Result<SourceEvent, SourceError>> {
        let held = |event: &Result<SourceEvent, SourceError>| {
            let partition = event.as_ref().ok().and_then(partition_of);
            partition
                .and_then(|partition| self.partitions.get(&partition))
                .is_some_and(|state| state.paused)
        };
        let at = self.pending.iter().position(|event| !held(event))?;
        self.pending.remove(at)
    }

    fn drop_pending(&mut self, partitions: &[u32]) {
        self.pending.retain(|event| {
            let partition = event.as_ref().ok().and_then(partition_of);
            partition.is_none_or(|partition| !partitions.contains(&partition))
        });
    }

    /// Takes events from the queue, the first with a wait, until it is empty or enough was gathered.
    fn gather(&mut self, wait: Duration) {
        let mut batches: BTreeMap<u32, RawBatchBuilder> = BTreeMap::new();
        let (mut records, mut bytes, mut wait_ms) = (0, 0, millis(wait));
        while records < POLL_RECORDS && bytes < POLL_BYTES {
            let Some(mut event) = self.queue.poll(wait_ms) else {
                break;
            };
            wait_ms = 0;
            match event.kind() {
                raw::Kind::Message(message) => {
                    records += 1;
                    bytes += self.take(&message, &mut batches);
                }
                raw::Kind::Other => {}
                // What is said of a partition comes after the records before it.
                kind => {
                    self.hand_over(&mut batches);
                    if self.note(kind) {
                        break;
                    }
                }
            }
        }
        self.hand_over(&mut batches);
    }

    fn hand_over(&mut self, batches: &mut BTreeMap<u32, RawBatchBuilder>) {
        for (_, batch) in std::mem::take(batches) {
            self.pending
                .push_back(Ok(SourceEvent::Batch(Batch::Raw(batch.finish()))));
        }
    }

    /// Adds a record to its batch; returns its bytes.
    fn take(
        &mut self,
        message: &raw::Message<'_>,
        batches: &mut BTreeMap<u32, RawBatchBuilder>,
    ) -> usize {
        let Ok(number) = u32::try_from(message.partition()) else {
            return 0;
        };
        let Some(state) = self.partitions.get_mut(&number) else {
            return 0;
        };
        // A record from before a seek, or of a partition that is not started or halted, is not wanted.
        let wanted = !state.halted && state.next.is_some_and(|next| message.offset() >= next);
        if !wanted {
            return 0;
        }
        state.next = Some(message.offset() + 1);
        self.headers.clear();
        message.headers(&mut self.headers);
        let append_time = message
            .append_time_ms()
            .and_then(|time| time.checked_mul(1_000))
            .unwrap_or(NO_APPEND_TIME);
        let batch = batches
            .entry(number)
            .or_insert_with(|| RawBatchBuilder::new(number));
        batch.push(
            message.offset(),
            append_time,
            message.key(),
            message.value(),
            &self.headers,
        );
        message.key().map_or(0, <[u8]>::len) + message.value().map_or(0, <[u8]>::len)
    }

    /// Notes what is not a record; `true` when gathering must stop for it.
    fn note(&mut self, kind: raw::Kind<'_>) -> bool {
        match kind {
            raw::Kind::Eof { partition, offset } => self.note_end(partition, offset),
            raw::Kind::PartitionError {
                partition,
                offset,
                text,
            } => self.halt(partition, offset, text),
            raw::Kind::ClientError { code, text, fatal } => {
                self.note_trouble(code, text, fatal);
                return true;
            }
            raw::Kind::Assign(partitions) => {
                self.assigning = Some(numbers(&partitions));
                return true;
            }
            raw::Kind::Revoke(partitions) => {
                let partitions = numbers(&partitions);
                self.drop_pending(&partitions);
                self.partitions
                    .retain(|number, _| !partitions.contains(number));
                if !partitions.is_empty() {
                    self.pending
                        .push_back(Ok(SourceEvent::Revoked(partitions.clone())));
                }
                self.revoking = Some(partitions);
                return true;
            }
            raw::Kind::Message(_) | raw::Kind::Delivered { .. } | raw::Kind::Other => {}
        }
        false
    }

    fn note_end(&mut self, partition: i32, offset: i64) {
        let Ok(partition) = u32::try_from(partition) else {
            return;
        };
        let state = self.partitions.get(&partition);
        if let Some(next) = state
            .filter(|state| !state.halted)
            .and_then(|state| state.next)
        {
            let next_offset = offset.max(next);
            self.pending.push_back(Ok(SourceEvent::CaughtUp {
                partition,
                next_offset,
            }));
        }
    }

    /// Stops one partition: librdkafka would skip what it cannot read and go on.
    fn halt(&mut self, partition: i32, offset: i64, text: String) {
        let Ok(number) = u32::try_from(partition) else {
            return;
        };
        let Some(state) = self.partitions.get_mut(&number) else {
            return;
        };
        let Some(next) = state.next.filter(|_| !state.halted) else {
            return;
        };
        state.halted = true;
        let list = self.list(&[number]);
        // Also without the pause nothing more of it is handed over: it only saves the fetches.
        let _ = self.consumer.pause(&list);
        let gap = self.bounds(number).ok().filter(|(start, _)| *start > next);
        let gap =
            gap.map(|(start, _)| format!("; offsets {next} to {start} are no longer in the log"));
        let at = if offset >= 0 && offset != next {
            format!(" (at offset {offset})")
        } else {
            String::new()
        };
        let cause = format!("{text}{at}{}", gap.unwrap_or_default());
        self.pending.push_back(Ok(SourceEvent::Halted {
            partition: number,
            offset: next,
            cause,
        }));
    }

    fn note_trouble(&mut self, code: RDKafkaErrorCode, text: String, fatal: bool) {
        let fatal_error = self.consumer.client().fatal_error();
        if let Some((code, text)) = fatal_error {
            let error = if matches!(code, RDKafkaErrorCode::FencedInstanceId) {
                SourceError::fenced(format!("read {}", self.topic))
            } else {
                self.error("read", text, false)
            };
            self.pending.push_back(Err(error));
        } else if matches!(code, RDKafkaErrorCode::BrokerTransportFailure) && !fatal {
            // One connection of several, or an idle one: the client makes it anew, and says when none is left.
            tracing::debug!(text, "a connection to a broker was lost");
        } else {
            self.pending
                .push_back(Err(self.error("read", format!("{code}: {text}"), !fatal)));
        }
    }

    fn assigned(&self, operation: &str, partitions: &[u32]) -> Result<(), SourceError> {
        let unknown = partitions
            .iter()
            .find(|partition| !self.partitions.contains_key(partition));
        unknown.map_or(Ok(()), |unknown| {
            Err(self.error(
                operation,
                format!("partition {unknown} is not assigned"),
                false,
            ))
        })
    }

    fn check_offset(&self, partition: u32, offset: i64) -> Result<(), SourceError> {
        let (start, end) = self.bounds(partition)?;
        let lies = format!(
            "offset {offset} of partition {partition} lies outside the log [{start}, {end})"
        );
        if offset < start {
            let cause = format!("{lies}: {} records are no longer there", start - offset);
            return Err(self.error("start", cause, false));
        }
        if offset > end {
            let cause = format!("{lies}: the topic was cut or made anew");
            return Err(self.error("start", cause, false));
        }
        Ok(())
    }

    fn seek(&self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let mut left = offsets.to_vec();
        for _ in 0..SEEKS_MAX {
            let sought = self
                .consumer
                .seek_partitions(self.list_at(&left)?, admin::ANSWER);
            let sought = sought.map_err(|error| self.error("start", describe(&error), true))?;
            let done = |partition: u32| {
                let place = sought.find_partition(&self.topic, number(partition));
                place.is_some_and(|place| place.error().is_ok())
            };
            left.retain(|(partition, _)| !done(*partition));
            if left.is_empty() {
                return Ok(());
            }
            // A partition just assigned is taken up by librdkafka's own thread; that is a matter of milliseconds.
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Err(self.error(
            "start",
            format!("partitions {left:?} cannot be sought"),
            true,
        ))
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError> {
        self.give_up()?;
        self.take_up()?;
        if let Some(event) = self.next_pending() {
            return event;
        }
        self.gather(wait);
        self.next_pending().unwrap_or(Ok(SourceEvent::Idle))
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let partitions: Vec<u32> = offsets.iter().map(|(partition, _)| *partition).collect();
        self.assigned("start", &partitions)?;
        for (partition, offset) in offsets {
            self.check_offset(*partition, *offset)?;
        }
        self.seek(offsets)?;
        self.drop_pending(&partitions);
        for (partition, offset) in offsets {
            let started = Partition {
                next: Some(*offset),
                ..Partition::default()
            };
            self.partitions.insert(*partition, started);
        }
        let resumed = self.consumer.resume(&self.list(&partitions));
        resumed.map_err(|error| self.error("start", describe(&error), false))
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.assigned("pause", partitions)?;
        let paused = self.consumer.pause(&self.list(partitions));
        paused.map_err(|error| self.error("pause", describe(&error), false))?;
        for partition in partitions {
            self.partitions
                .entry(*partition)
                .and_modify(|state| state.paused = true);
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.assigned("resume", partitions)?;
        for partition in partitions {
            self.partitions
                .entry(*partition)
                .and_modify(|state| state.paused = false);
        }
        // What is not started or halted stays paused at librdkafka.
        let live = |partition: &&u32| {
            self.partitions
                .get(partition)
                .is_some_and(|state| state.next.is_some() && !state.halted)
        };
        let live: Vec<u32> = partitions.iter().filter(live).copied().collect();
        let resumed = self.consumer.resume(&self.list(&live));
        resumed.map_err(|error| self.error("resume", describe(&error), false))
    }

    fn topic(&self) -> &str {
        &self.topic
    }
}

/// The partition an event is of, where a pause or a revocation concerns it.
fn partition_of(event: &SourceEvent) -> Option<u32> {
    match event {
        SourceEvent::Batch(Batch::Raw(batch)) => Some(batch.partition),
        SourceEvent::Batch(Batch::Columns(batch)) => Some(batch.partition),
        SourceEvent::CaughtUp { partition, .. } | SourceEvent::Halted { partition, .. } => {
            Some(*partition)
        }
        _ => None,
    }
}

fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn numbers(partitions: &[i32]) -> Vec<u32> {
    partitions
        .iter()
        .filter_map(|partition| u32::try_from(*partition).ok())
        .collect()
}
