//! How a worker begins: take over the commit log, restore each task it is given and fold the rest of its history again,
//! silently; and how tasks come and go while it runs.
//!
//! The invariant: when a task is live its state is the fold of its input up to the committed offsets in the journaled
//! order, and nothing was written of it. A task that goes is committed before, or it was lost and nothing of it ever will be.

use std::sync::Arc;
use std::time::Duration;

use connectors::log::{Committed, Enough, LogError, Scope};
use connectors::source::Assignment;
use rules::evaluate::exchange::Hands;
use rules::evaluate::{Engine, StepOutput};

use super::commit::partition_of;
use super::task::Task;
use super::{
    Begin, Crew, Halt, Intake, Meter, Parts, RunError, Summary, Surroundings, Worker, micros,
    step_of,
};
use crate::console::health::State;
use crate::delivery::control::ControlRecord;
use crate::delivery::recovery::{History, RecoveryError};
use crate::delivery::snapshot::Mark;
use crate::failpoint;
use crate::metrics::Stage;
use crate::operator::merge::{Merge, Taken};
use crate::seed;

/// Looks at a journal whose last record is not there yet: 40 s, longer than a transaction may take.
const JOURNAL_LOOKS: u32 = 800;
/// Between two of them.
const JOURNAL_PAUSE: Duration = Duration::from_millis(50);

/// What was committed, and the state after some commit of it, if there is one.
type WayBack = (History, Option<(Engine, Mark)>);

impl Worker {
    /// A worker that knows nothing yet.
    pub(super) fn new(parts: Parts, around: Surroundings) -> Result<Worker, RunError> {
        let crew = Crew::new(parts.workers)?;
        Ok(Worker {
            intake: Intake::new(&parts.decode, crew.count()),
            crew,
            meter: Meter::new(Arc::clone(&around.metrics), &parts.rules),
            parts,
            around,
            tasks: Vec::new(),
            first: 0,
            out: StepOutput::default(),
            since: Duration::ZERO,
            records: 0,
            fenced: false,
            joins_again: false,
            committing: false,
            held: Vec::new(),
            paused: Vec::new(),
            halted: Vec::new(),
            finished: false,
            summary: Summary::default(),
            ticked: Duration::ZERO,
            gauged: None,
        })
    }

    /// Drops all that is not committed, written outputs included: it will be read, decided and written again by whoever is
    /// given the partitions, which may be this process.
    pub(super) fn lost(&mut self, partitions: &[u32]) -> Result<(), RunError> {
        tracing::warn!(
            ?partitions,
            "the group went on without this process; joining it again"
        );
        self.around.health.set(State::Starting);
        if let Some(log) = self.parts.log.as_mut() {
            log.abort()?;
        }
        self.parts.output.forget();
        self.intake.forget(&mut self.crew)?;
        let tasks = std::mem::take(&mut self.tasks);
        let kept = |task: &Task| {
            task.merge
                .positions()
                .iter()
                .any(|(p, _)| !partitions.contains(p))
        };
        if tasks.iter().any(kept) {
            // What was written of the others cannot be told from what was written of these.
            return Err(RunError::Revoked(partitions.to_vec()));
        }
        tasks.iter().for_each(|task| self.meter.released(task));
        self.records = 0;
        self.held.clear();
        self.paused.clear();
        self.halted.clear();
        self.finished = false;
        (self.fenced, self.joins_again, self.committing) = (false, true, false);
        Ok(())
    }

    /// The source has partitions for this process, beside those it has.
    pub(super) fn assigned(&mut self, assigned: &[Assignment]) -> Result<(), RunError> {
        let known = |a: &&Assignment| self.tasks.iter().any(|task| task.knows(a.partition));
        let new: Vec<Assignment> = assigned.iter().filter(|a| !known(a)).cloned().collect();
        if self.parts.shared && self.tasks.is_empty() && new.is_empty() {
            tracing::info!("other instances have all partitions; waiting for some");
            self.around.health.set(State::Ready);
        }
        if new.is_empty() {
            return Ok(());
        }
        if !self.parts.shared && !self.tasks.is_empty() {
            // They would need the state of the others.
            let new = new.iter().map(|a| a.partition).collect();
            return Err(RunError::Revoked(new));
        }
        // What comes now may take a while.
        self.commit()?;
        if !self.fence()? {
            return Ok(());
        }
        if !self.parts.shared {
            return self.take_up(Scope::Whole, &new);
        }
        let mut new = new.iter();
        new.try_for_each(|one| {
            self.take_up(Scope::Partition(one.partition), std::slice::from_ref(one))
        })
    }

    /// Makes a task of partitions, from what was committed of them.
    fn take_up(&mut self, scope: Scope, assigned: &[Assignment]) -> Result<(), RunError> {
        let Some((history, restored)) = self.way_back(scope, assigned)? else {
            return Ok(());
        };
        failpoint::reached("in_recovery");
        let (engine, from) = match restored {
            Some((engine, mark)) => (engine, Some(mark)),
            None => {
                let rules = Arc::clone(&self.parts.rules);
                (Engine::new(rules, &self.parts.app, seed::draw()), None)
            }
        };
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
        for known in assigned {
            self.meter.log_end(known.partition, known.log_end);
        }
        let schema = self.parts.rules.schema.arrow();
        let merge = Merge::new(schema, &plan.starts, self.parts.limits);
        let starts = plan.starts.clone();
        let now = self.around.clock.elapsed();
        let mut task = Task::new(scope, engine, merge, plan, now);
        if let Some(fold) = task.fold.as_ref().filter(|fold| !fold.is_empty()) {
            let records = fold.records(&starts);
            tracing::info!(records, "rebuilding the state from the log");
        }
        self.next_entry(&mut task)?;
        self.tasks.push(task);
        self.tell_ready();
        Ok(())
    }

    /// What was committed of these partitions, and the state after some commit of it; `None` when asked to stop.
    ///
    /// Of the journal as much is read as leads back to the oldest snapshot; only where none of them is of use, all of it.
    fn way_back(
        &mut self,
        scope: Scope,
        assigned: &[Assignment],
    ) -> Result<Option<WayBack>, RunError> {
        let mut names = self.snapshots_of(scope);
        let prefix = Mark::prefix(partition_of(scope));
        let sequences = names
            .iter()
            .filter_map(|name| Mark::sequence_in(name, &prefix));
        let mut oldest = sequences.min();
        loop {
            let Some(history) = self.history(scope, assigned, oldest)? else {
                return Ok(None);
            };
            let whole = oldest.is_none() || history.is_whole();
            let restored = self.restore(&mut names, &history, whole);
            if whole || restored.is_some() {
                return Ok(Some((history, restored)));
            }
            oldest = None;
        }
    }

    /// What was committed of these partitions, from before the commit of this number or from the first; `None` when asked to
    /// stop.
    fn history(
        &mut self,
        scope: Scope,
        assigned: &[Assignment],
        before: Option<u64>,
    ) -> Result<Option<History>, RunError> {
        let enough = |record: &[u8]| {
            let found = ControlRecord::sequence_in(record);
            before
                .zip(found)
                .is_some_and(|(before, found)| found < before)
        };
        let mut looks = 0;
        loop {
            let last = looks >= JOURNAL_LOOKS;
            let found = match self.committed(scope, &enough) {
                Err(LogError::Retry { operation, cause }) if !last => {
                    tracing::warn!(operation, cause, "trying again");
                    None
                }
                found => Some(self.read(&found?, scope, assigned)?),
            };
            // Another instance has just committed: its records may be seen a moment after its offsets.
            match found {
                Some(history) if last || scope == Scope::Whole || history.reaches_target() => {
                    return Ok(Some(history));
                }
                _ if self.around.shutdown.requested() => return Ok(None),
                _ => std::thread::park_timeout(JOURNAL_PAUSE),
            }
            looks += 1;
        }
    }

    fn read(
        &self,
        committed: &Committed,
        scope: Scope,
        assigned: &[Assignment],
    ) -> Result<History, RunError> {
        let elsewhere =
            |(partition, _): &&(u32, i64)| !assigned.iter().any(|a| a.partition == *partition);
        let missing = committed.offsets.iter().filter(elsewhere);
        let missing: Vec<u32> = missing.map(|(partition, _)| *partition).collect();
        if self.joins_again && scope == Scope::Whole && !missing.is_empty() {
            return Err(RunError::Revoked(missing));
        }
        Ok(History::read(&self.parts.app, committed, assigned)?)
    }

    /// Lets go of partitions that others will have; what was decided of them is committed.
    pub(super) fn release(&mut self, partitions: &[u32]) {
        tracing::info!(?partitions, "other instances get these partitions");
        let gone = |task: &Task| partitions.iter().any(|partition| task.knows(*partition));
        let (gone, kept): (Vec<Task>, _) =
            std::mem::take(&mut self.tasks).into_iter().partition(gone);
        self.tasks = kept;
        gone.iter().for_each(|task| self.meter.released(task));
        self.paused
            .retain(|partition| !partitions.contains(partition));
        self.halted
            .retain(|(partition, ..)| !partitions.contains(partition));
        self.tell_ready();
    }

    /// Folds some of a task's history; whether there was something to fold. With nothing left to fold it is live.
    pub(super) fn fold_some(&mut self, task: &mut Task) -> Result<bool, RunError> {
        let Some(fold) = &mut task.fold else {
            return Ok(false);
        };
        check_halted(&self.halted, &fold.live_from)?;
        let progress = self.fold_step(task)?;
        if task.merge.at_limit() {
            self.next_entry(task)?;
            return Ok(true);
        }
        if !progress && let Some((partition, position)) = task.merge.short_of_limit() {
            let end = task.fold.as_ref().and_then(|fold| fold.end_of(partition));
            return Err(RecoveryError::BeyondEnd {
                partition,
                committed: end.unwrap_or(position),
                log_end: position,
            }
            .into());
        }
        self.around.health.set(State::Refolding {
            events: self.summary.refolded,
        });
        Ok(progress)
    }

    /// Goes on to the next boundary with rows before it, or live.
    fn next_entry(&mut self, task: &mut Task) -> Result<(), RunError> {
        while let Some(fold) = &mut task.fold {
            match fold.next_entry()? {
                Some(entry) => {
                    failpoint::reached("in_replay");
                    task.merge.limit(Some(entry));
                    if !task.merge.at_limit() {
                        break;
                    }
                }
                None => {
                    let took = self.around.clock.elapsed().saturating_sub(fold.begun);
                    task.fold = None;
                    task.merge.limit(None);
                    task.snapshots = self.start_snapshots(took)?;
                    tracing::info!(
                        partitions = ?task.merge.positions(),
                        refolded = self.summary.refolded,
                        "live"
                    );
                }
            }
        }
        Ok(())
    }

    /// Folds what the merge has; true when it had something.
    fn fold_step(&mut self, task: &mut Task) -> Result<bool, RunError> {
        let Some(fold) = &mut task.fold else {
            return Ok(false);
        };
        let Taken::Step(merged) = task.merge.take(micros(self.around.clock.elapsed()))? else {
            return Ok(false);
        };
        let started = self.around.clock.elapsed();
        let step = step_of(&merged);
        if let Some(wrote) = fold.wrote() {
            let (engine, alerts) = (&mut task.engine, wrote.digests.alerts.is_some());
            engine.step_with(&step, &mut self.out, &mut self.crew)?;
            let found = self.parts.output.tell(&merged, &self.out, alerts);
            fold.found.join(&found);
        } else {
            task.engine.fold_with(&step, &mut self.crew)?;
        }
        let took = self.around.clock.elapsed().saturating_sub(started);
        self.meter.stage(Stage::Decide, took);
        self.meter.refolded(&merged);
        self.summary.refolded += u64::try_from(merged.times.len()).unwrap_or_default();
        Ok(true)
    }

    /// Takes over the commit log, once; a cluster that does not answer yet is asked again until somebody wants to stop,
    /// which is when this is false.
    fn fence(&mut self) -> Result<bool, LogError> {
        let Some(log) = self.parts.log.as_mut().filter(|_| !self.fenced) else {
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
                result => break result?,
            }
        }
        log.begin()?;
        self.fenced = true;
        self.since = self.around.clock.elapsed();
        Ok(true)
    }

    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        let log = self.parts.log.as_mut();
        log.map_or_else(|| Ok(Committed::default()), |log| log.committed(of, enough))
    }
}

/// A partition may stand still again where it did before the restart; what was committed must be readable.
fn check_halted(halted: &[Halt], live_from: &[(u32, i64)]) -> Result<(), RecoveryError> {
    let committed = |(partition, offset, _): &&Halt| {
        let mut ends = live_from.iter();
        ends.any(|(known, end)| known == partition && offset < end)
    };
    match halted.iter().find(committed) {
        None => Ok(()),
        Some((partition, offset, cause)) => Err(RecoveryError::Halted {
            partition: *partition,
            offset: *offset,
            cause: cause.clone(),
        }),
    }
}
