//! The intake: what the source says, and when it is told to wait.
//!
//! The idea: while the worker has steps to decide, batches are decoded by the crew; with nothing to decide the worker
//! decodes itself, at once. What the source said behind a batch that is not decoded yet waits for it in a line. With
//! steps enough to decide the source is not asked for more. The invariant: events are taken in the order the source told them, whoever decoded; a partition is paused when it has
//! more buffered than the bounds of the merge and let go on when half of that is gone; nothing a source hands over is
//! dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use connectors::record::Batch;
use connectors::source::SourceEvent;
use rules::evaluate::exchange::Lost;

use super::task::Task;
use super::{POLL_WAIT, RunError, Worker, micros};
use crate::console::health::State;
use crate::crew::{Crew, Decoding};
use crate::metrics::Stage;
use crate::operator::decode::{Decode, Segment};

/// With more rows than this to decide the source is not asked for others: two of its polls.
const ENOUGH_ROWS: usize = 16_384;

/// What has come and not been taken yet, the oldest first.
pub(super) struct Intake {
    line: VecDeque<Waiting>,
    /// Operators for the crew. One more than it has threads, so that a thread that is done finds the next batch.
    spare: Vec<Decode>,
    /// The source has said that nothing more will come.
    ended: bool,
}

/// One thing in the line.
enum Waiting {
    /// A batch that somebody decodes, by its ticket.
    Batch(u64),
    Segment(Box<Segment>),
    Event(Box<SourceEvent>),
}

impl Intake {
    /// For a crew of so many.
    pub(super) fn new(decode: &Decode, workers: usize) -> Intake {
        let spare = if workers > 1 { workers } else { 0 };
        Intake {
            line: VecDeque::new(),
            spare: (0..spare).map(|_| decode.another()).collect(),
            ended: false,
        }
    }

    /// Drops what has come: it will be read again.
    pub(super) fn forget(&mut self, crew: &mut Crew) -> Result<(), Lost> {
        for waiting in self.line.drain(..) {
            if let Waiting::Batch(ticket) = waiting
                && let Some(decoded) = crew.decoded(ticket, true)?
            {
                self.spare.push(decoded.decode);
            }
        }
        self.ended = false;
        Ok(())
    }
}

impl Worker {
    /// Takes what the source has; waits for it only when there was nothing else to do. `progress`: steps were decided, `busy`:
    /// or anything else was done.
    pub(super) fn poll(&mut self, progress: bool, busy: bool) -> Result<(), RunError> {
        self.settle(!busy)?;
        if self.intake.ended || (progress && self.has_enough()) {
            return Ok(());
        }
        self.pause()?;
        let due = self.due_in(self.around.clock.elapsed());
        let wait = if busy {
            Duration::ZERO
        } else {
            due.min(POLL_WAIT)
        };
        self.take_in(wait)
    }

    /// Whether there is work for a while, so that the source may be left alone. What more it hands over would only lie
    /// here, in memory that has gone cold by its turn, and in the end the source would be paused: a client library then
    /// drops what it has fetched, and fetches it again.
    fn has_enough(&self) -> bool {
        let rows = self.tasks.iter().map(|task| task.merge.buffered_rows());
        let enough = ENOUGH_ROWS.min(self.parts.limits.buffered_rows);
        let full = !self.tasks.is_empty() && self.tasks.iter().all(Task::is_overfull);
        full || rows.sum::<usize>() > enough
    }

    /// The same in the middle of a commit, when nothing is taken out of the merge. Once the source has said something of
    /// its partitions it is not asked again: until then what it takes away can still be committed.
    pub(super) fn poll_for(&mut self, wait: Duration) -> Result<(), RunError> {
        if !self.held.is_empty() {
            std::thread::park_timeout(wait);
            return Ok(());
        }
        self.pause()?;
        self.take_in(wait)?;
        while !self.intake.line.is_empty() {
            self.settle(true)?;
        }
        Ok(())
    }

    fn take_in(&mut self, wait: Duration) -> Result<(), RunError> {
        let event = self.parts.source.poll(wait);
        let event = match event {
            Err(error) if error.retry => {
                self.meter.failure(Stage::Source);
                tracing::warn!(%error, "source failed, trying again");
                return Ok(());
            }
            event => self.meter.failed_at(Stage::Source, event)?,
        };
        self.intake.ended |= matches!(event, SourceEvent::Finished);
        match event {
            SourceEvent::Idle => Ok(()),
            SourceEvent::Batch(batch) => self.batch(batch),
            SourceEvent::Revoked(_) | SourceEvent::Lost(_) | SourceEvent::Assigned(_) => {
                // The next poll is too late, and what comes behind it is of another assignment.
                while !self.intake.line.is_empty() {
                    self.settle(true)?;
                }
                self.event(event)
            }
            event if self.intake.line.is_empty() => self.event(event),
            event => {
                let waiting = Waiting::Event(Box::new(event));
                self.intake.line.push_back(waiting);
                Ok(())
            }
        }
    }

    /// Decodes a batch, or has it decoded while there is enough else to do.
    fn batch(&mut self, batch: Batch) -> Result<(), RunError> {
        self.meter.taken(&batch);
        let started = self.around.clock.elapsed();
        let taken_at = micros(started);
        let buffered: usize = self
            .tasks
            .iter()
            .map(|task| task.merge.buffered_rows())
            .sum();
        let busy = buffered >= self.parts.limits.step_rows;
        if busy && let Some(decode) = self.intake.spare.pop() {
            let clock = Arc::clone(&self.around.clock);
            let ticket = self.crew.decode(Decoding {
                decode,
                batch,
                taken_at,
                clock,
            });
            self.intake.line.push_back(Waiting::Batch(ticket));
            return Ok(());
        }
        let segment = self.parts.decode.run(batch, taken_at)?;
        let took = self.around.clock.elapsed().saturating_sub(started);
        self.meter.stage(Stage::Decode, took);
        if self.intake.line.is_empty() {
            self.push(segment);
        } else {
            let waiting = Waiting::Segment(Box::new(segment));
            self.intake.line.push_back(waiting);
        }
        Ok(())
    }

    /// Takes what stands at the head of the line and is ready; with `wait` at least the first.
    fn settle(&mut self, wait: bool) -> Result<(), RunError> {
        let mut wait = wait;
        while let Some(first) = self.intake.line.pop_front() {
            match first {
                Waiting::Batch(ticket) => {
                    let Some(decoded) = self.crew.decoded(ticket, wait)? else {
                        self.intake.line.push_front(first);
                        return Ok(());
                    };
                    self.intake.spare.push(decoded.decode);
                    self.meter.stage(Stage::Decode, decoded.took);
                    self.push(decoded.segment?);
                }
                Waiting::Segment(segment) => self.push(*segment),
                Waiting::Event(event) => self.event(*event)?,
            }
            wait = false;
        }
        Ok(())
    }

    /// Takes a segment in, unless its partition is no longer here.
    fn push(&mut self, segment: Segment) {
        if let Some(task) = self.task_of(segment.partition) {
            task.merge.push(segment);
        }
    }

    fn task_of(&mut self, partition: u32) -> Option<&mut Task> {
        let mut tasks = self.tasks.iter_mut();
        tasks.find(|task| task.scope.has(partition))
    }

    /// Takes one event of the source in that is no batch.
    pub(super) fn event(&mut self, event: SourceEvent) -> Result<(), RunError> {
        match event {
            SourceEvent::CaughtUp {
                partition,
                next_offset,
            } => {
                self.meter.log_end(partition, next_offset);
                if let Some(task) = self.task_of(partition) {
                    task.merge.caught_up(partition);
                }
            }
            SourceEvent::Halted {
                partition,
                offset,
                cause,
            } => self.halt(partition, offset, cause),
            SourceEvent::Lost(partitions) => return Err(RunError::Lost(partitions)),
            SourceEvent::Revoked(_) | SourceEvent::Assigned(_) if self.committing => {
                self.held.push(event);
            }
            SourceEvent::Revoked(partitions) => {
                self.commit()?;
                if !self.parts.shared {
                    return Err(RunError::Revoked(partitions));
                }
                self.release(&partitions);
            }
            SourceEvent::Assigned(assigned) => self.assigned(&assigned)?,
            SourceEvent::Finished => self.finished = true,
            SourceEvent::Idle | SourceEvent::Batch(_) => {}
        }
        Ok(())
    }

    /// Notes that a partition stands still; the others go on without it.
    fn halt(&mut self, partition: u32, offset: i64, cause: String) {
        tracing::error!(partition, offset, %cause, "partition halted");
        if let Some(task) = self.task_of(partition) {
            task.merge.halted(partition);
        }
        self.halted.push((partition, offset, cause));
        self.tell_ready();
    }

    /// Says that events are decided, or which partitions stand still.
    pub(super) fn tell_ready(&self) {
        if self.tasks.iter().any(|task| task.fold.is_some()) {
            return;
        }
        let told = self.halted.iter().map(|(partition, offset, cause)| {
            format!("partition {partition} stands still at offset {offset}: {cause}")
        });
        let reason = told.collect::<Vec<_>>().join("; ");
        self.around.health.set(if reason.is_empty() {
            State::Ready
        } else {
            State::Halted { reason }
        });
    }

    /// Pauses what is overfull and lets go on what has drained.
    fn pause(&mut self) -> Result<(), RunError> {
        let overfull: Vec<u32> = self
            .tasks
            .iter()
            .flat_map(|task| task.merge.overfull())
            .collect();
        let tasks = &self.tasks;
        let drained = |partition: &&u32| {
            let mut of = tasks.iter().filter(|task| task.scope.has(**partition));
            of.all(|task| task.merge.drained(**partition))
        };
        let (drained, still): (Vec<u32>, Vec<u32>) = self.paused.iter().partition(drained);
        if !drained.is_empty() {
            self.parts.source.resume(&drained)?;
        }
        let new: Vec<u32> = overfull
            .into_iter()
            .filter(|p| !still.contains(p))
            .collect();
        if !new.is_empty() {
            self.parts.source.pause(&new)?;
        }
        self.paused = still;
        self.paused.extend(new);
        Ok(())
    }
}
