//! The source over one topic of a cluster, as a member of the application's consumer group.
//!
//! The one idea: a partition is assigned paused and reads nothing until [`Source::start`] seeks it; its errors halt it
//! alone. The invariant: between two offsets handed over in a row, the log holds no record that was not handed over
//! (compaction, aborted transactions and transaction markers leave gaps that are no records).

mod gather;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;

use super::context::Quiet;
use super::event::Kind;
use super::member::{Member, number as native, numbers};
use super::others::refuse_others;
use super::pending::Pending;
use super::producer::describe;
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::{Headers, Room};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

#[derive(Clone, Copy, Debug, Default)]
struct Partition {
    /// The next offset expected; `None` before start.
    next: Option<i64>,
    paused: bool,
    halted: bool,
    /// What its batches took lately.
    room: Room,
}

/// Reads one topic.
pub struct KafkaSource {
    /// What the group and the client have to say.
    events: raw::Queue,
    /// Records, and what is said of their partitions.
    messages: Arc<raw::Queue>,
    topic: CString,
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
    /// When the settings are refused, the cluster does not answer, the topic is not there, or another instance has all of
    /// its partitions.
    pub fn new(settings: &KafkaSettings, topic: &str) -> Result<Self, KafkaFailure> {
        settings.check()?;
        let operation = format!("read topic {topic}");
        let failed = |cause: String| KafkaFailure::new(&operation, cause, false);
        let made = settings
            .consumer()
            .create_with_context::<_, BaseConsumer<Quiet>>(Quiet::default());
        let consumer = Arc::new(made.map_err(|error| failed(describe(&error)))?);
        admin::partitions_of(&consumer, topic, &operation)?;
        if !settings.shared {
            refuse_others(&consumer, settings)?;
        }
        let no_queue = || failed("the consumer has no queue".to_owned());
        let events = raw::Queue::of_consumer(&consumer).ok_or_else(no_queue)?;
        let messages = raw::Queue::of_messages(&consumer).ok_or_else(no_queue)?;
        let native = CString::new(topic).map_err(|error| failed(error.to_string()))?;
        consumer
            .subscribe(&[topic])
            .map_err(|error| failed(describe(&error)))?;
        Ok(Self {
            events,
            messages: Arc::new(messages),
            topic: native,
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
        // Before anything is fetched of them: a record on the queue of the events would be passed over.
        for partition in &partitions {
            if !self.messages.forward(&self.topic, native(*partition)) {
                let cause = format!("partition {partition} has no queue");
                return Err(self.member.error("take up partitions of", cause, false));
            }
        }
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
        self.pending.push(Ok(SourceEvent::Assigned(assignments)));
        Ok(())
    }

    fn next_pending(&mut self) -> Option<Result<SourceEvent, SourceError>> {
        let partitions = &self.partitions;
        let paused = |partition| partitions.get(&partition).is_some_and(|state| state.paused);
        self.pending.next(paused)
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
            Kind::Message(_) | Kind::Delivered { .. } | Kind::Log { .. } | Kind::Other => {}
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
