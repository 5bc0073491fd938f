//! The commit: outputs durable, then the control records, then the offsets, or all at once where the log is atomic.
//!
//! The invariant: the control record of a task says exactly what was written and taken of it since the commit before it.

use std::time::Duration;

use connectors::log::{CommitLog, Control, LogError, Scope};

use super::{POLL_WAIT, RunError, Worker};
use crate::delivery::digest::link;
use crate::delivery::snapshot::{Mark, Proof};

/// How often a commit that may succeed later is tried before the run gives up.
const COMMIT_TRIES: u32 = 5;
/// Polls between the tries of a commit that the group refuses, before the run gives up: about a minute where nothing
/// comes, which is longer than a group waits for a member.
const REFUSED_POLLS: u32 = 3_000;
/// Between two tries to begin to gather.
const BEGIN_PAUSE: Duration = Duration::from_millis(100);

/// What a commit says of one task.
struct Closed {
    scope: Scope,
    /// Where it ends.
    mark: Mark,
    /// A snapshot that it names.
    named: Option<Proof>,
}

impl Worker {
    /// How long until the next commit must be made.
    pub(super) fn due_in(&self, now: Duration) -> Duration {
        let every = self.parts.delivery.commit_every;
        if self.records == 0 {
            return every;
        }
        every.saturating_sub(now.saturating_sub(self.since))
    }

    /// Commits when enough time has passed or enough events have come.
    pub(super) fn commit_if_due(&mut self) -> Result<(), RunError> {
        let now = self.around.clock.elapsed();
        if self.tasks.iter().all(|task| task.journal.is_empty()) {
            // The interval counts from the first event after a commit, so that a lone event waits no longer than it must.
            self.since = now;
            return Ok(());
        }
        let full = self.records >= self.parts.delivery.commit_records;
        if full || self.due_in(now).is_zero() {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits what is pending, if anything: one commit for all tasks.
    pub(super) fn commit(&mut self) -> Result<(), RunError> {
        let (mut closed, mut to, mut control) = (Vec::new(), Vec::new(), Vec::new());
        for task in &mut self.tasks {
            let Some(record) = task.close(&self.parts.app) else {
                continue;
            };
            let bytes = record.encode();
            let mark = Mark {
                sequence: record.sequence,
                link: link(&bytes),
                positions: record.to().to_vec(),
                partition: partition_of(task.scope),
            };
            to.extend_from_slice(record.to());
            control.push((task.scope.journal(), bytes));
            closed.push(Closed {
                scope: task.scope,
                mark,
                named: record.snapshot,
            });
        }
        if closed.is_empty() {
            return Ok(());
        }
        let started = self.around.clock.elapsed();
        self.committing = true;
        let result = self.make_durable(&to, &control);
        self.committing = false;
        let took = self.around.clock.elapsed().saturating_sub(started);
        self.meter.commit(took, result.is_ok());
        if let Some(log) = &self.parts.log {
            self.meter.repairs(&log.counts());
        }
        result?;
        self.parts.output.committed();
        self.summary.commits += 1;
        self.records = 0;
        self.followed(closed);
        self.begin()?;
        self.since = self.around.clock.elapsed();
        // What was said of the partitions meanwhile.
        let mut held = std::mem::take(&mut self.held).into_iter();
        held.try_for_each(|event| self.event(event))
    }

    /// Each task goes on behind its commit; a snapshot is begun if one is due.
    fn followed(&mut self, closed: Vec<Closed>) {
        let mut tasks = std::mem::take(&mut self.tasks);
        for Closed { scope, mark, named } in &closed {
            if let Some(task) = tasks.iter_mut().find(|task| task.scope == *scope) {
                task.committed(mark);
                task.named(*named);
            }
        }
        self.freeze_if_due(&mut tasks, closed.into_iter().map(|closed| closed.mark));
        self.tasks = tasks;
    }

    /// Flush and commit; the same call again where that may help, the same outputs again after an abort. A log that is
    /// not atomic has dropped no output: there the group has refused the offsets, and only polling tells why.
    fn make_durable(&mut self, to: &[(u32, i64)], control: &[Control]) -> Result<(), RunError> {
        for _ in 1..COMMIT_TRIES {
            match self.try_commit(to, control) {
                Err(RunError::Log(LogError::Retry { operation, cause })) => {
                    tracing::warn!(operation, cause, "commit failed, trying again");
                }
                Err(RunError::Log(LogError::Aborted { operation, cause })) if !self.is_atomic() => {
                    tracing::warn!(operation, cause, "commit refused, asking the group");
                    return self.commit_when_let(to, control);
                }
                Err(RunError::Log(LogError::Aborted { operation, cause })) => {
                    tracing::warn!(
                        operation,
                        cause,
                        "commit aborted, writing the same outputs again"
                    );
                    // A member that was given up learns of it here, and then must not write again.
                    self.poll_for(POLL_WAIT)?;
                    if let Some(log) = self.parts.log.as_mut() {
                        log.abort()?;
                    }
                    self.begin()?;
                    self.parts.output.write_again()?;
                }
                result => return result,
            }
        }
        self.try_commit(to, control)
    }

    /// Begins to gather. A cluster that does not answer is asked again, as for a commit: nothing is lost by waiting.
    fn begin(&mut self) -> Result<(), LogError> {
        while let Some(log) = self.parts.log.as_mut() {
            match log.begin() {
                Err(LogError::Retry { operation, cause }) if !self.around.shutdown.requested() => {
                    tracing::warn!(operation, cause, "trying again");
                    std::thread::park_timeout(BEGIN_PAUSE);
                }
                result => return result,
            }
        }
        Ok(())
    }

    /// Polls until the group takes the offsets, or takes the partitions away, which ends this by [`RunError::Lost`]. What
    /// the source hands over meanwhile waits in the merge.
    fn commit_when_let(&mut self, to: &[(u32, i64)], control: &[Control]) -> Result<(), RunError> {
        // Partitions that the next poll gives up are committed now or not at all.
        let polls = |held: usize| {
            if held == 0 {
                REFUSED_POLLS
            } else {
                COMMIT_TRIES
            }
        };
        let mut polled = 0;
        while polled < polls(self.held.len()) {
            polled += 1;
            self.poll_for(POLL_WAIT)?;
            match self.try_commit(to, control) {
                Err(RunError::Log(LogError::Aborted { .. } | LogError::Retry { .. }))
                    if !self.around.shutdown.requested() => {}
                result => return result,
            }
        }
        self.try_commit(to, control)
    }

    fn is_atomic(&self) -> bool {
        self.parts.log.as_deref().is_some_and(CommitLog::atomic)
    }

    fn try_commit(&mut self, to: &[(u32, i64)], control: &[Control]) -> Result<(), RunError> {
        self.parts.output.flush()?;
        if let Some(log) = self.parts.log.as_mut() {
            log.commit(to, control)?;
        }
        Ok(())
    }
}

/// As a snapshot has it.
pub(super) fn partition_of(scope: Scope) -> Option<u32> {
    match scope {
        Scope::Whole => None,
        Scope::Partition(partition) => Some(partition),
    }
}
