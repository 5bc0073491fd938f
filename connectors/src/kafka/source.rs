//! The source over one topic of a cluster, as a member of the application's consumer group.
//!
//! The one idea: a partition is assigned paused and reads nothing until [`Source::start`] seeks it; its errors halt it
//! alone. The invariant: between two offsets handed over in a row, the log holds no record that was not handed over
//! (compaction, aborted transactions and transaction markers leave gaps that are no records).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;

use super::event::Kind;
use super::member::{Member, numbers};
use super::pending::Pending;
use super::producer::{Quiet, describe, millis};
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::{Batch, Headers, NO_APPEND_TIME, RawBatchBuilder};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// Most records gathered by one poll, over all partitions.
const POLL_RECORDS: usize = 8_192;
/// No more records are gathered after this many bytes.
const POLL_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    /// The next offset expected; `None` before start.
    next: Option<i64>,
    paused: bool,
    halted: bool,
}

/// Reads one topic.
pub struct KafkaSource {
    queue: raw::Queue,
    member: Member,
    partitions: BTreeMap<u32, Partition>,
    /// Assigned by the group, not yet taken up.
    assigning: Option<Vec<u32>>,
    /// Revoked by the group and told, not yet given up: until the next poll the caller may still commit.
    revoking: Option<Vec<u32>>,
    /// Events to hand over, bounded by one poll's gathering.
    pending: Pending,
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
        let queue = raw::Queue::of_consumer(&consumer)
            .ok_or_else(|| failed("the consumer has no queue".to_owned()))?;
        consumer
            .subscribe(&[topic])
            .map_err(|error| failed(describe(&error)))?;
        Ok(Self {
            queue,
            member: Member {
                consumer,
                topic: topic.to_owned(),
            },
            partitions: BTreeMap::new(),
            assigning: None,
            revoking: None,
            pending: Pending::default(),
            headers: Headers::new(),
        })
    }

    /// For the commit log: offsets are committed by the member that owns the partitions.
    pub(super) fn consumer(&self) -> &Arc<BaseConsumer<Quiet>> {
        &self.member.consumer
    }

    /// Gives up what the group has taken away.
    fn give_up(&mut self) -> Result<(), SourceError> {
        let Some(partitions) = self.revoking.take() else {
            return Ok(());
        };
        let list = self.member.list(&partitions);
        let done = self.member.consumer.incremental_unassign(&list);
        done.map_err(|error| {
            self.member
                .error("give up partitions of", describe(&error), false)
        })
    }

    /// Takes up what the group has assigned, paused.
    fn take_up(&mut self) -> Result<(), SourceError> {
        let Some(partitions) = self.assigning.clone() else {
            return Ok(());
        };
        let mut assignments = Vec::new();
        for partition in &partitions {
            let (log_start, log_end) = self.member.bounds(*partition)?;
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
        let failed = |error| {
            self.member
                .error("take up partitions of", describe(&error), false)
        };
        self.member
            .consumer
            .incremental_assign(&self.member.list_at(&starts)?)
            .map_err(failed)?;
        self.member
            .consumer
            .pause(&self.member.list(&partitions))
            .map_err(failed)?;
        self.assigning = None;
        for partition in partitions {
            self.partitions.insert(partition, Partition::default());
        }
        if !assignments.is_empty() {
            self.pending.push(Ok(SourceEvent::Assigned(assignments)));
        }
        Ok(())
    }

    fn next_pending(&mut self) -> Option<Result<SourceEvent, SourceError>> {
        let partitions = &self.partitions;
        let paused = |partition| partitions.get(&partition).is_some_and(|state| state.paused);
        self.pending.next(paused)
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
                Kind::Message(message) => {
                    records += 1;
                    bytes += self.take(&message, &mut batches);
                }
                Kind::Other => {}
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
                .push(Ok(SourceEvent::Batch(Batch::Raw(batch.finish()))));
        }
    }

    /// Adds a record to its batch; returns its bytes.
    fn take(
        &mut self,
        message: &raw::Message<'_>,
        batches: &mut BTreeMap<u32, RawBatchBuilder>,
    ) -> usize {
        let (partition, offset) = message.place();
        let Ok(number) = u32::try_from(partition) else {
            return 0;
        };
        let Some(state) = self.partitions.get_mut(&number) else {
            return 0;
        };
        // Not wanted: from before a seek, or of a partition that is not started, or halted.
        if state.halted || state.next.is_none_or(|next| offset < next) {
            return 0;
        }
        state.next = Some(offset + 1);
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
            offset,
            append_time,
            message.key(),
            message.value(),
            &self.headers,
        );
        message.key().map_or(0, <[u8]>::len) + message.value().map_or(0, <[u8]>::len)
    }

    /// Notes what is not a record; `true` when gathering must stop for it.
    fn note(&mut self, kind: Kind<'_>) -> bool {
        match kind {
            Kind::Eof { partition, offset } => self.note_end(partition, offset),
            Kind::PartitionError {
                partition,
                offset,
                text,
            } => self.halt(partition, offset, text),
            Kind::ClientError { code, text, fatal } => {
                self.note_trouble(code, text, fatal);
                return true;
            }
            Kind::Assign(partitions) => {
                self.assigning = Some(numbers(&partitions));
                return true;
            }
            Kind::Revoke(partitions) => {
                let partitions = numbers(&partitions);
                self.pending.forget(&partitions);
                self.partitions
                    .retain(|number, _| !partitions.contains(number));
                // A later rebalance takes the mark back, so it is read now.
                let told = if self.member.consumer.assignment_lost() {
                    SourceEvent::Lost
                } else {
                    SourceEvent::Revoked
                };
                if !partitions.is_empty() {
                    self.pending.push(Ok(told(partitions.clone())));
                }
                self.revoking = Some(partitions);
                return true;
            }
            Kind::Message(_) | Kind::Delivered { .. } | Kind::Other => {}
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
            self.pending.push(Ok(SourceEvent::CaughtUp {
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
        let list = self.member.list(&[number]);
        // Also without the pause nothing more of it is handed over: it only saves the fetches.
        let _ = self.member.consumer.pause(&list);
        let gap = self.member.gap(number, next);
        let at = if offset >= 0 && offset != next {
            format!(" (at offset {offset})")
        } else {
            String::new()
        };
        let cause = format!("{text}{at}{gap}");
        self.pending.push(Ok(SourceEvent::Halted {
            partition: number,
            offset: next,
            cause,
        }));
    }

    fn note_trouble(&mut self, code: RDKafkaErrorCode, text: String, fatal: bool) {
        let fatal_error = self.member.consumer.client().fatal_error();
        if let Some((code, text)) = fatal_error {
            let error = if matches!(code, RDKafkaErrorCode::FencedInstanceId) {
                SourceError::fenced(format!("read {}", self.member.topic))
            } else {
                self.member.error("read", text, false)
            };
            self.pending.push(Err(error));
        } else if matches!(code, RDKafkaErrorCode::BrokerTransportFailure) && !fatal {
            // One connection of several, or an idle one: the client makes it anew, and says when none is left.
            tracing::debug!(text, "a connection to a broker was lost");
        } else {
            self.pending.push(Err(self.member.error(
                "read",
                format!("{code}: {text}"),
                !fatal,
            )));
        }
    }

    fn assigned(&self, operation: &str, partitions: &[u32]) -> Result<(), SourceError> {
        let unknown = partitions
            .iter()
            .find(|partition| !self.partitions.contains_key(partition));
        unknown.map_or(Ok(()), |unknown| {
            Err(self.member.error(
                operation,
                format!("partition {unknown} is not assigned"),
                false,
            ))
        })
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
            self.member.check_offset(*partition, *offset)?;
        }
        self.member.seek(offsets)?;
        self.pending.forget(&partitions);
        for (partition, offset) in offsets {
            let started = Partition {
                next: Some(*offset),
                ..Partition::default()
            };
            self.partitions.insert(*partition, started);
        }
        let resumed = self.member.consumer.resume(&self.member.list(&partitions));
        resumed.map_err(|error| self.member.error("start", describe(&error), false))
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.assigned("pause", partitions)?;
        let paused = self.member.consumer.pause(&self.member.list(partitions));
        paused.map_err(|error| self.member.error("pause", describe(&error), false))?;
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
        let resumed = self.member.consumer.resume(&self.member.list(&live));
        resumed.map_err(|error| self.member.error("resume", describe(&error), false))
    }

    fn topic(&self) -> &str {
        &self.member.topic
    }
}
