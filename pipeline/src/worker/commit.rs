//! The commit: outputs durable, then the control record, then the offsets, or all at once where the log is atomic.
//!
//! The invariant: the control record says exactly what was written and taken since the commit before it.

use std::time::Duration;

use connectors::log::{CommitLog, LogError};
use rules::evaluate::SEMANTICS;

use super::snapshot::Snapshots;
use super::{Delivery, POLL_WAIT, RunError, Worker};
use crate::delivery::control::{CONTROL_VERSION, ControlRecord};
use crate::delivery::digest::link;
use crate::delivery::snapshot::Mark;
use crate::operator::output::Written;
use crate::step::Positions;

/// How often a commit that may succeed later is tried before the run gives up.
const COMMIT_TRIES: u32 = 5;
/// Polls between the tries of a commit that the group refuses, before the run gives up: about a minute where nothing
/// comes, which is longer than a group waits for a member.
const REFUSED_POLLS: u32 = 3_000;

/// What the next commit will cover.
#[derive(Debug)]
pub(super) struct Pending {
    sequence: u64,
    /// What the control record calls the one before it.
    previous: String,
    from: Positions,
    written: Written,
    since: Duration,
}

impl Pending {
    pub(super) fn new(sequence: u64, previous: String, from: Positions) -> Pending {
        Pending {
            sequence,
            previous,
            from,
            written: Written::default(),
            since: Duration::ZERO,
        }
    }

    /// Opens the log for writing.
    pub(super) fn begin(
        &mut self,
        log: Option<&mut (dyn CommitLog + 'static)>,
        now: Duration,
    ) -> Result<(), LogError> {
        self.since = now;
        log.map_or(Ok(()), CommitLog::begin)
    }

    pub(super) fn add(&mut self, written: &Written) {
        self.written.join(written);
    }

    fn records(&self) -> u64 {
        self.written.decisions + self.written.dead_letters
    }

    /// How long until the next commit must be made.
    pub(super) fn due_in(&self, delivery: Delivery, now: Duration) -> Duration {
        if self.records() == 0 {
            return delivery.commit_every;
        }
        delivery
            .commit_every
            .saturating_sub(now.saturating_sub(self.since))
    }
}

impl Worker {
    /// Commits when enough time has passed or enough events have come.
    pub(super) fn commit_if_due(&mut self) -> Result<(), RunError> {
        let now = self.around.clock.elapsed();
        if self.journal.is_empty() {
            // The interval counts from the first event after a commit, so that a lone event waits no longer than it must.
            self.pending.since = now;
            return Ok(());
        }
        let full = self.pending.records() >= self.parts.delivery.commit_records;
        if full || self.pending.due_in(self.parts.delivery, now).is_zero() {
            self.commit()?;
        }
        Ok(())
    }

    /// Commits what is pending, if anything.
    pub(super) fn commit(&mut self) -> Result<(), RunError> {
        if self.journal.is_empty() {
            return Ok(());
        }
        let started = self.around.clock.elapsed();
        let entries = self.journal.close();
        let record = ControlRecord {
            v: CONTROL_VERSION,
            app: self.parts.app.clone(),
            sequence: self.pending.sequence,
            previous: std::mem::take(&mut self.pending.previous),
            semantics: SEMANTICS,
            pack: self.engine.rules().version.clone(),
            from: std::mem::take(&mut self.pending.from),
            entries,
            decisions: self.pending.written.decisions,
            alerts: self.pending.written.alerts,
            dead_letters: self.pending.written.dead_letters,
            digests: self.pending.written.digests,
            snapshot: self.snapshots.as_ref().and_then(Snapshots::kept),
        };
        let control = record.encode();
        let result = self.make_durable(record.to(), &control);
        self.meter.commit(
            self.around.clock.elapsed().saturating_sub(started),
            result.is_ok(),
        );
        if let Some(log) = &self.parts.log {
            self.meter.repairs(&log.counts());
        }
        result?;
        self.parts.output.committed();
        self.summary.commits += 1;
        let mark = Mark {
            sequence: record.sequence,
            link: link(&control),
            positions: record.to().to_vec(),
        };
        self.pending = Pending::new(mark.sequence + 1, mark.link.clone(), mark.positions.clone());
        self.freeze_if_due(mark, record.snapshot);
        self.pending
            .begin(self.parts.log.as_deref_mut(), self.around.clock.elapsed())?;
        Ok(())
    }

    /// Flush and commit; the same call again where that may help, the same outputs again after an abort. A log that is
    /// not atomic has dropped no output: there the group has refused the offsets, and only polling tells why.
    fn make_durable(&mut self, to: &[(u32, i64)], control: &[u8]) -> Result<(), RunError> {
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
                        log.begin()?;
                    }
                    self.parts.output.write_again()?;
                }
                result => return result,
            }
        }
        self.try_commit(to, control)
    }

    /// Polls until the group takes the offsets, or takes the partitions away, which ends this by [`RunError::Lost`]. What
    /// the source hands over meanwhile waits in the merge.
    fn commit_when_let(&mut self, to: &[(u32, i64)], control: &[u8]) -> Result<(), RunError> {
        for _ in 0..REFUSED_POLLS {
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

    fn try_commit(&mut self, to: &[(u32, i64)], control: &[u8]) -> Result<(), RunError> {
        self.parts.output.flush()?;
        if let Some(log) = self.parts.log.as_mut() {
            log.commit(to, control)?;
        }
        Ok(())
    }
}
