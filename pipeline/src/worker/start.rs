//! How a worker begins: take over the commit log, learn the partitions, fold the history again, silently.
//!
//! The invariant: when [`Worker::live`] begins, the state is the fold of the input up to the committed offsets in
//! the journaled order, and nothing has been written.

use std::sync::Arc;
use std::time::Duration;

use connectors::log::{Committed, LogError};
use connectors::source::{Assignment, SourceEvent};
use rules::evaluate::exchange::Hands;
use rules::evaluate::{Engine, StepOutput};

use super::{
    Begin, Crew, Halt, Intake, Meter, Parts, Pending, Plan, RunError, Summary, Surroundings, TICK,
    Worker, micros, step_of,
};
use crate::console::health::State;
use crate::delivery::recovery::{History, RecoveryError};
use crate::failpoint;
use crate::metrics::Stage;
use crate::operator::merge::{Merge, Taken};
use crate::operator::output::Written;
use crate::seed;
use crate::step::{Journal, Positions};

impl Worker {
    /// A worker that knows nothing yet.
    pub(super) fn new(parts: Parts, around: Surroundings) -> Result<Worker, RunError> {
        let rules = Arc::clone(&parts.rules);
        let crew = Crew::new(parts.workers)?;
        let merge = Merge::new(rules.schema.arrow(), &[], parts.limits);
        Ok(Worker {
            intake: Intake::new(&parts.decode, crew.count()),
            crew,
            pending: Pending::new(0, String::new(), Vec::new()),
            meter: Meter::new(Arc::clone(&around.metrics), &rules),
            engine: Engine::new(rules, &parts.app, seed::draw()),
            parts,
            around,
            merge,
            journal: Journal::default(),
            out: StepOutput::default(),
            snapshots: None,
            paused: Vec::new(),
            halted: Vec::new(),
            finished: false,
            summary: Summary::default(),
            ticked: Duration::ZERO,
            gauged: None,
        })
    }

    /// Takes over the commit log, restores the state and goes live, until the end.
    pub(super) fn start(&mut self) -> Result<(), RunError> {
        if !self.fence()? {
            return Ok(());
        }
        let committed = self.committed()?;
        failpoint::reached("in_recovery");
        match self.assignment()? {
            Some(assigned) => self.go(&committed, &assigned),
            None => Ok(()),
        }
    }

    /// The same after the group took everything away. Only polling joins it again, so that comes first here.
    pub(super) fn start_again(&mut self, lost: Vec<u32>) -> Result<(), RunError> {
        tracing::warn!(partitions = ?lost, "the group went on without this process; joining it again");
        self.around.health.set(State::Starting);
        self.forget()?;
        let Some(assigned) = self.assignment()? else {
            return Ok(());
        };
        if !self.fence()? {
            return Ok(());
        }
        let committed = self.committed()?;
        let elsewhere =
            |(partition, _): &&(u32, i64)| !assigned.iter().any(|a| a.partition == *partition);
        let missing: Vec<u32> = committed
            .offsets
            .iter()
            .filter(elsewhere)
            .map(|(p, _)| *p)
            .collect();
        if missing.is_empty() {
            self.go(&committed, &assigned)
        } else {
            Err(RunError::Revoked(missing))
        }
    }

    /// Drops all that is not committed, written outputs included: it will be read, decided and written again.
    fn forget(&mut self) -> Result<(), RunError> {
        if let Some(log) = self.parts.log.as_mut() {
            log.abort()?;
        }
        self.parts.output.forget();
        self.intake.forget(&mut self.crew)?;
        self.engine = Engine::new(Arc::clone(&self.parts.rules), &self.parts.app, seed::draw());
        self.snapshots = None;
        self.journal = Journal::default();
        self.paused.clear();
        self.halted.clear();
        self.finished = false;
        Ok(())
    }

    /// Restores the state and goes live.
    fn go(&mut self, committed: &Committed, assigned: &[Assignment]) -> Result<(), RunError> {
        let history = History::read(&self.parts.app, committed, assigned)?;
        let from = self.restore(&history);
        let begin = self.parts.begin;
        let begin = |a: &Assignment| match begin {
            Begin::Earliest => a.log_start,
            Begin::Latest => a.log_end,
        };
        let plan = history.plan(&self.parts.rules.version, from.as_ref(), begin)?;
        if plan.missing > 0 && !self.parts.accept_missing {
            let missing = plan.missing;
            return Err(RecoveryError::TooShort { missing }.into());
        }
        if plan.missing > 0 {
            tracing::warn!(
                events = plan.missing,
                "the log no longer reaches back to the first event of the state"
            );
        }
        self.parts.source.start(&plan.starts)?;
        self.merge = Merge::new(
            self.parts.rules.schema.arrow(),
            &plan.starts,
            self.parts.limits,
        );
        for known in assigned {
            self.meter.log_end(known.partition, known.log_end);
        }
        self.pending = Pending::new(
            plan.next_sequence,
            plan.link.clone(),
            plan.live_from.clone(),
        );
        let started = self.around.clock.elapsed();
        if !self.refold(&plan)? {
            return Ok(());
        }
        let took = self.around.clock.elapsed().saturating_sub(started);
        self.start_snapshots(took)?;
        self.live()
    }

    /// Folds the journaled history; false when asked to stop on the way.
    fn refold(&mut self, plan: &Plan) -> Result<bool, RunError> {
        if plan.commits.is_empty() {
            return Ok(true);
        }
        let total: i64 = plan
            .live_from
            .iter()
            .zip(&plan.starts)
            .map(|((_, to), (_, from))| to - from)
            .sum();
        tracing::info!(records = total, "rebuilding the state from the log");
        for commit in &plan.commits {
            let mut found = commit.wrote.map(|_| Written::default());
            for entry in &commit.entries {
                if !self.refold_entry(plan, entry, &mut found)? {
                    return Ok(false);
                }
            }
            let (sequence, wrote) = (commit.sequence, commit.wrote);
            if let (Some(wrote), Some(found)) = (wrote, found)
                && wrote != found
            {
                let (wrote, found) = (Box::new(wrote), Box::new(found));
                let differs = RecoveryError::Differs {
                    sequence,
                    wrote,
                    found,
                };
                return Err(differs.into());
            }
        }
        Ok(true)
    }

    /// Folds up to a boundary of the journal; `found` gathers what comes of it, if that is asked for.
    fn refold_entry(
        &mut self,
        plan: &Plan,
        entry: &Positions,
        found: &mut Option<Written>,
    ) -> Result<bool, RunError> {
        failpoint::reached("in_replay");
        self.merge.limit(Some(entry));
        while !self.merge.at_limit() {
            if self.around.shutdown.requested() {
                return Ok(false);
            }
            self.check_halted(plan)?;
            let progress = self.refold_step(found)?;
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
    fn refold_step(&mut self, found: &mut Option<Written>) -> Result<bool, RunError> {
        let Taken::Step(merged) = self.merge.take(micros(self.around.clock.elapsed()))? else {
            return Ok(false);
        };
        let started = self.around.clock.elapsed();
        match found {
            None => self.engine.fold_with(&step_of(&merged), &mut self.crew)?,
            Some(found) => {
                let step = step_of(&merged);
                self.engine
                    .step_with(&step, &mut self.out, &mut self.crew)?;
                found.join(&self.parts.output.tell(&merged, &self.out));
            }
        }
        self.meter.stage(
            Stage::Decide,
            self.around.clock.elapsed().saturating_sub(started),
        );
        self.meter.refolded(&merged);
        self.summary.refolded += u64::try_from(merged.times.len()).unwrap_or_default();
        Ok(true)
    }

    /// Takes over the commit log; a cluster that does not answer yet is asked again until somebody wants to stop, which
    /// is when this is false.
    fn fence(&mut self) -> Result<bool, LogError> {
        let Some(log) = self.parts.log.as_mut() else {
            return Ok(true);
        };
        loop {
            match log.fence() {
                Err(LogError::Retry { operation, cause }) => {
                    if self.around.shutdown.requested() {
                        return Ok(false);
                    }
                    tracing::warn!(operation, cause, "trying again");
                }
                result => return result.map(|()| true),
            }
        }
    }

    fn committed(&mut self) -> Result<Committed, LogError> {
        let log = self.parts.log.as_mut();
        log.map_or_else(|| Ok(Committed::default()), |log| log.committed())
    }

    /// Waits for the source to say which partitions there are.
    fn assignment(&mut self) -> Result<Option<Vec<Assignment>>, RunError> {
        loop {
            if self.around.shutdown.requested() {
                return Ok(None);
            }
            match self.parts.source.poll(super::POLL_WAIT) {
                Ok(SourceEvent::Assigned(assigned)) => return Ok(Some(assigned)),
                Err(error) if !error.retry => return Err(error.into()),
                Err(error) => tracing::warn!(%error, "source failed, trying again"),
                // Nothing comes before start() but news of an empty group.
                Ok(_) => {}
            }
        }
    }
}
