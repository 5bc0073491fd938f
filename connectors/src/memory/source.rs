//! The source over a [`MemoryLog`].
//!
//! The invariant: faults change when and how much, never what or in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::faults::{Dice, Faults};
use super::{MemoryLog, Stored};
use crate::record::{Batch, RawBatchBuilder};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// Records of a batch when no plan says otherwise.
const BATCH_RECORDS: usize = 256;

#[derive(Debug, Default)]
struct Partition {
    /// Next offset to hand over; `None` before start.
    next: Option<i64>,
    paused: bool,
    halted: bool,
    /// Whether the end at this offset has been told.
    told: Option<i64>,
}

/// Reads the partitions of one topic of a [`MemoryLog`]; never bounded, unless made so.
#[derive(Debug)]
pub struct MemorySource {
    log: MemoryLog,
    topic: String,
    faults: Faults,
    dice: Dice,
    polls: u64,
    bounded: bool,
    finished: bool,
    assigned: bool,
    partitions: BTreeMap<u32, Partition>,
    /// Partitions that were taken away.
    away: BTreeSet<u32>,
    /// The partition served last, so that none starves.
    turn: u32,
    polls_evicted: u64,
}

impl MemorySource {
    /// A source over a topic, which is made with one partition when it is not there.
    #[must_use]
    pub fn new(log: &MemoryLog, topic: &str, faults: Faults) -> Self {
        log.create_topic(topic, 1);
        let partitions = (0..log.partitions(topic))
            .map(|partition| (partition, Partition::default()))
            .collect();
        let dice = Dice::new(faults.seed, 1);
        Self {
            log: log.clone(),
            topic: topic.to_owned(),
            faults,
            dice,
            polls: 0,
            bounded: false,
            finished: false,
            assigned: false,
            partitions,
            away: BTreeSet::new(),
            turn: 0,
            polls_evicted: 0,
        }
    }

    /// Makes it end: once all is handed over it says [`SourceEvent::Finished`].
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.bounded = true;
        self
    }

    fn end(&self, partition: u32) -> i64 {
        let inner = self.log.lock();
        let records = inner
            .topics
            .get(&self.topic)
            .and_then(|partitions| partitions.get(partition as usize));
        records.map_or(0, |records| {
            i64::try_from(records.len()).unwrap_or(i64::MAX)
        })
    }

    fn error(&self, operation: &str, cause: String, retry: bool) -> SourceError {
        SourceError {
            operation: format!("{operation} {}", self.topic),
            cause,
            retry,
        }
    }

    fn known(&self, operation: &str, partition: u32) -> Result<(), SourceError> {
        if self.partitions.contains_key(&partition) {
            return Ok(());
        }
        Err(self.error(
            operation,
            format!("partition {partition} is not assigned"),
            false,
        ))
    }

    /// The partition to serve now: the next in turn that has something to say.
    fn choose(&mut self) -> Option<u32> {
        let ready: Vec<u32> = self
            .partitions
            .keys()
            .copied()
            .filter(|partition| self.ready(*partition))
            .collect();
        let stay = self.faults.uneven && ready.contains(&self.turn) && !self.dice.one_in(16);
        if stay {
            return Some(self.turn);
        }
        let after = ready
            .iter()
            .copied()
            .find(|partition| *partition > self.turn);
        after.or_else(|| ready.first().copied())
    }

    fn ready(&self, partition: u32) -> bool {
        self.partitions.get(&partition).is_some_and(|state| {
            let live = !state.paused && !state.halted;
            let end = self.end(partition);
            live && state
                .next
                .is_some_and(|next| next < end || state.told != Some(end))
        })
    }

    fn serve(&mut self, partition: u32) -> SourceEvent {
        self.turn = partition;
        let end = self.end(partition);
        let most = if self.faults.batch_records_max == 0 {
            BATCH_RECORDS
        } else {
            self.dice.up_to(self.faults.batch_records_max)
        };
        let halt = self
            .faults
            .halt
            .filter(|(at, _)| *at == partition)
            .map(|(_, offset)| offset);
        let Some(state) = self.partitions.get_mut(&partition) else {
            return SourceEvent::Idle;
        };
        let next = state.next.unwrap_or_default();
        if halt == Some(next) && next < end {
            state.halted = true;
            return SourceEvent::Halted {
                partition,
                offset: next,
                cause: "a planned fault".to_owned(),
            };
        }
        if next >= end {
            state.told = Some(end);
            return SourceEvent::CaughtUp {
                partition,
                next_offset: end,
            };
        }
        let records: Vec<Stored> = self
            .log
            .read(&self.topic, partition, next)
            .into_iter()
            .take(most)
            .collect();
        let mut batch = RawBatchBuilder::new(partition);
        let mut offset = next;
        for stored in &records {
            if halt == Some(offset) {
                break;
            }
            let record = &stored.record;
            batch.push(
                offset,
                stored.append_time,
                record.key.as_deref(),
                record.value.as_deref(),
                &record.headers,
            );
            offset += 1;
        }
        state.next = Some(offset);
        SourceEvent::Batch(Batch::Raw(batch.finish()))
    }

    /// Everything is taken away, to be assigned again by the next poll.
    fn lose(&mut self) -> SourceEvent {
        self.faults.evicted.store(false, Ordering::Release);
        (self.polls_evicted, self.assigned, self.finished) = (0, false, false);
        for state in self.partitions.values_mut() {
            *state = Partition::default();
        }
        SourceEvent::Lost(self.partitions.keys().copied().collect())
    }

    fn all_told(&self) -> bool {
        let told =
            |(partition, state): (&u32, &Partition)| state.told == Some(self.end(*partition));
        self.away.is_empty() && self.partitions.iter().all(told)
    }

    fn assignment(&self, partition: u32) -> Assignment {
        Assignment {
            partition,
            log_start: 0,
            log_end: self.end(partition),
        }
    }

    /// Gives a partition back that is away, or else takes one away.
    fn rebalance(&mut self) -> SourceEvent {
        if let Some(back) = self.away.pop_first() {
            self.partitions.insert(back, Partition::default());
            return SourceEvent::Assigned(vec![self.assignment(back)]);
        }
        let at = self.dice.up_to(self.partitions.len()) - 1;
        let gone: Vec<u32> = self.partitions.keys().copied().skip(at).take(1).collect();
        self.partitions
            .retain(|partition, _| !gone.contains(partition));
        self.away.extend(&gone);
        SourceEvent::Revoked(gone)
    }
}

impl Source for MemorySource {
    fn poll(&mut self, _wait: Duration) -> Result<SourceEvent, SourceError> {
        let number = self.polls;
        self.polls += 1;
        if self.faults.poll_fatal_at == Some(number) {
            return Err(self.error("poll", "a planned fault".to_owned(), false));
        }
        if self.dice.one_in(self.faults.poll_error_one_in) {
            return Err(self.error("poll", "a planned fault that passes".to_owned(), true));
        }
        if self.faults.evicted.load(Ordering::Acquire) {
            self.polls_evicted += 1;
            if self.polls_evicted > self.faults.evicted_polls {
                return Ok(self.lose());
            }
        }
        if !self.assigned {
            self.assigned = true;
            let all = self
                .partitions
                .keys()
                .map(|partition| self.assignment(*partition));
            return Ok(SourceEvent::Assigned(all.collect()));
        }
        if self.dice.one_in(self.faults.rebalance_one_in) {
            return Ok(self.rebalance());
        }
        if self.dice.one_in(self.faults.idle_one_in) {
            return Ok(SourceEvent::Idle);
        }
        if self.dice.one_in(self.faults.caught_up_again_one_in) {
            let again = self.partitions.iter().find(|(_, state)| {
                state.told.is_some() && state.told == state.next && !state.paused
            });
            if let Some((partition, state)) = again {
                return Ok(SourceEvent::CaughtUp {
                    partition: *partition,
                    next_offset: state.next.unwrap_or_default(),
                });
            }
        }
        if let Some(partition) = self.choose() {
            return Ok(self.serve(partition));
        }
        if self.bounded && !self.finished && self.all_told() {
            self.finished = true;
            return Ok(SourceEvent::Finished);
        }
        Ok(SourceEvent::Idle)
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        for (partition, offset) in offsets {
            self.known("start", *partition)?;
            let end = self.end(*partition);
            if !(0..=end).contains(offset) {
                let cause = format!(
                    "offset {offset} of partition {partition} lies outside the log [0, {end})"
                );
                return Err(self.error("start", cause, false));
            }
        }
        for (partition, offset) in offsets {
            let started = Partition {
                next: Some(*offset),
                ..Partition::default()
            };
            self.partitions.insert(*partition, started);
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.set_paused("pause", partitions, true)
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.set_paused("resume", partitions, false)
    }

    fn topic(&self) -> &str {
        &self.topic
    }
}

impl MemorySource {
    fn set_paused(
        &mut self,
        operation: &str,
        partitions: &[u32],
        paused: bool,
    ) -> Result<(), SourceError> {
        for partition in partitions {
            self.known(operation, *partition)?;
        }
        for partition in partitions {
            if let Some(state) = self.partitions.get_mut(partition) {
                state.paused = paused;
            }
        }
        Ok(())
    }
}
