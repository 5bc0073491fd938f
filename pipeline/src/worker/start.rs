//! How a worker begins: take over the commit log, learn the partitions, fold the history again, silently.
//!
//! The invariant: when [`Worker::start`] returns, the state is the fold of the input up to the committed offsets in
//! the journaled order, and nothing has been written.

use super::{
    Begin, Halt, Meter, Parts, Pending, Plan, RunError, Summary, Surroundings, TICK, Worker,
    micros, step_of,
};
use connectors::log::{CommitLog, Committed, LogError};
use connectors::source::{Assignment, SourceEvent};
use rules::evaluate::StepOutput;

use crate::console::health::State;
use crate::delivery::recovery::{self, RecoveryError};
use crate::metrics::Stage;
use crate::operator::merge::{Merge, Taken};
use crate::shutdown::Shutdown;
use crate::step::Journal;

impl Worker {
    /// A worker that is ready to go live, or `None` when it was asked to stop before.
    pub(super) fn start(
        mut parts: Parts,
        around: Surroundings,
    ) -> Result<Option<Worker>, RunError> {
        let committed = match parts.log.as_mut() {
            Some(log) => {
                if !fence(log.as_mut(), &around.shutdown)? {
                    return Ok(None);
                }
                log.committed()?
            }
            None => Committed::default(),
        };
        let Some(assigned) = assignment(&mut parts, &around)? else {
            return Ok(None);
        };
        let begin = parts.begin;
        let plan = recovery::plan(&parts.app, &committed, &assigned, |a| match begin {
            Begin::Earliest => a.log_start,
            Begin::Latest => a.log_end,
        })?;
        if plan.missing > 0 {
            tracing::warn!(
                events = plan.missing,
                "the log no longer reaches back to the first event of the state"
            );
        }
        parts.source.start(&plan.starts)?;
        let merge = Merge::new(
            parts.engine.rules().schema.arrow(),
            &plan.starts,
            parts.limits,
        );
        let mut meter = Meter::new(std::sync::Arc::clone(&around.metrics), parts.engine.rules());
        for known in &assigned {
            meter.log_end(known.partition, known.log_end);
        }
        let mut worker = Worker {
            pending: Pending::new(plan.next_sequence, plan.live_from.clone()),
            parts,
            around,
            merge,
            journal: Journal::default(),
            meter,
            out: StepOutput::default(),
            paused: Vec::new(),
            halted: Vec::new(),
            finished: false,
            summary: Summary::default(),
            ticked: std::time::Duration::ZERO,
            gauged: None,
        };
        Ok(worker.refold(&plan)?.then_some(worker))
    }

    /// Folds the journaled history; false when asked to stop on the way.
    fn refold(&mut self, plan: &Plan) -> Result<bool, RunError> {
        if plan.entries.is_empty() {
            return Ok(true);
        }
        let total: i64 = plan
            .live_from
            .iter()
            .zip(&plan.starts)
            .map(|((_, to), (_, from))| to - from)
            .sum();
        tracing::info!(records = total, "rebuilding the state from the log");
        for entry in &plan.entries {
            self.merge.limit(Some(entry));
            while !self.merge.at_limit() {
                if self.around.shutdown.requested() {
                    return Ok(false);
                }
                self.check_halted(plan)?;
                let progress = self.refold_step()?;
                if !progress && let Some((partition, position)) = self.merge.short_of_limit() {
                    let committed = entry
                        .iter()
                        .find(|(p, _)| *p == partition)
                        .map_or(position, |(_, end)| *end);
                    return Err(RecoveryError::BeyondEnd {
                        partition,
                        committed,
                        log_end: position,
                    }
                    .into());
                }
                self.around.health.set(State::Refolding {
                    events: self.summary.refolded,
                });
                if self.around.clock.elapsed().saturating_sub(self.ticked) >= TICK {
                    self.tick_now();
                }
                self.poll(progress)?;
            }
        }
        Ok(true)
    }

    /// A partition may stand still again where it did before the restart; what was committed must be readable.
    fn check_halted(&self, plan: &Plan) -> Result<(), RecoveryError> {
        let committed = |(partition, offset, _): &&Halt| {
            let mut ends = plan.live_from.iter();
            ends.any(|(known, end)| known == partition && offset < end)
        };
        match self.halted.iter().find(committed) {
            None => Ok(()),
            Some((partition, offset, cause)) => Err(RecoveryError::Halted {
                partition: *partition,
                offset: *offset,
                cause: cause.clone(),
            }),
        }
    }

    /// Folds what the merge has; true when it had something.
    fn refold_step(&mut self) -> Result<bool, RunError> {
        let Taken::Step(merged) = self.merge.take(micros(self.around.clock.elapsed()))? else {
            return Ok(false);
        };
        let started = self.around.clock.elapsed();
        self.parts.engine.fold(&step_of(&merged));
        self.meter.stage(
            Stage::Decide,
            self.around.clock.elapsed().saturating_sub(started),
        );
        self.meter.refolded(&merged);
        self.summary.refolded += u64::try_from(merged.times.len()).unwrap_or_default();
        Ok(true)
    }
}

/// Takes over the commit log; a cluster that does not answer yet is asked again until somebody wants to stop, which is
/// when this is false.
fn fence(log: &mut dyn CommitLog, shutdown: &Shutdown) -> Result<bool, LogError> {
    loop {
        match log.fence() {
            Err(LogError::Retry { operation, cause }) => {
                if shutdown.requested() {
                    return Ok(false);
                }
                tracing::warn!(operation, cause, "trying again");
            }
            result => return result.map(|()| true),
        }
    }
}

/// Waits for the source to say which partitions there are.
fn assignment(
    parts: &mut Parts,
    around: &Surroundings,
) -> Result<Option<Vec<Assignment>>, RunError> {
    loop {
        if around.shutdown.requested() {
            return Ok(None);
        }
        match parts.source.poll(super::POLL_WAIT) {
            Ok(SourceEvent::Assigned(assigned)) => return Ok(Some(assigned)),
            Err(error) if !error.retry => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "source failed, trying again"),
            // Nothing comes before start() but news of an empty group.
            Ok(_) => {}
        }
    }
}
