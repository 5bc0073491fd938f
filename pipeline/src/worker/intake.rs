//! The intake: what the source says, and when it is told to wait.
//!
//! The invariant: a partition is paused when it has more buffered than the bounds of the merge and let go on when half
//! of that is gone; nothing a source hands over is dropped.

use std::time::Duration;

use connectors::source::{Assignment, SourceEvent};

use super::{POLL_WAIT, RunError, Worker, micros};
use crate::console::health::State;
use crate::metrics::Stage;

impl Worker {
    /// Takes what the source has; waits for it only when there was nothing else to do.
    pub(super) fn poll(&mut self, progress: bool) -> Result<(), RunError> {
        let full = self.merge.overfull().len() == self.merge.positions().len();
        self.pause()?;
        // With every partition full there is work enough; another poll would only grow the buffers.
        if self.finished || (progress && full) {
            return Ok(());
        }
        let due = self
            .pending
            .due_in(self.parts.delivery, self.around.clock.elapsed());
        let wait = if progress {
            Duration::ZERO
        } else {
            due.min(POLL_WAIT)
        };
        self.take_in(wait)
    }

    /// The same in the middle of a commit, when nothing is taken out of the merge.
    pub(super) fn poll_for(&mut self, wait: Duration) -> Result<(), RunError> {
        self.pause()?;
        self.take_in(wait)
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
        self.event(event)
    }

    /// Takes one event of the source in.
    fn event(&mut self, event: SourceEvent) -> Result<(), RunError> {
        match event {
            SourceEvent::Batch(batch) => {
                let started = self.around.clock.elapsed();
                self.meter.taken(&batch);
                let segment = self.parts.decode.run(batch, micros(started))?;
                self.meter.stage(
                    Stage::Decode,
                    self.around.clock.elapsed().saturating_sub(started),
                );
                self.merge.push(segment);
            }
            SourceEvent::CaughtUp {
                partition,
                next_offset,
            } => {
                self.meter.log_end(partition, next_offset);
                self.merge.caught_up(partition);
            }
            SourceEvent::Halted {
                partition,
                offset,
                cause,
            } => self.halt(partition, offset, cause),
            SourceEvent::Revoked(partitions) => {
                self.commit()?;
                return Err(RunError::Revoked(partitions));
            }
            SourceEvent::Lost(partitions) => return Err(RunError::Lost(partitions)),
            SourceEvent::Finished => self.finished = true,
            SourceEvent::Assigned(assigned) => self.reassigned(&assigned)?,
            SourceEvent::Idle => {}
        }
        Ok(())
    }

    /// Notes that a partition stands still; the others go on without it.
    fn halt(&mut self, partition: u32, offset: i64, cause: String) {
        tracing::error!(partition, offset, %cause, "partition halted");
        self.merge.halted(partition);
        self.halted.push((partition, offset, cause));
        self.tell_ready();
    }

    /// Says that events are decided, or which partitions stand still.
    pub(super) fn tell_ready(&self) {
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

    /// A source may tell again of what is already known; anything else would need the state of other partitions.
    fn reassigned(&mut self, assigned: &[Assignment]) -> Result<(), RunError> {
        let positions = self.merge.positions();
        let new = assigned
            .iter()
            .map(|a| a.partition)
            .filter(|p| !positions.iter().any(|(known, _)| known == p));
        let new: Vec<u32> = new.collect();
        if new.is_empty() {
            Ok(())
        } else {
            Err(RunError::Revoked(new))
        }
    }

    /// Pauses what is overfull and lets go on what has drained.
    fn pause(&mut self) -> Result<(), RunError> {
        let overfull = self.merge.overfull();
        let (drained, still): (Vec<u32>, Vec<u32>) =
            self.paused.iter().partition(|p| self.merge.drained(**p));
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
