//! Snapshots of a run: frozen behind a commit, written between steps, found again at a start.
//!
//! The idea: a commit that is due freezes the engine, which takes a moment; then each turn of the loop writes a piece of it
//! and hands it to the keeper's thread ([`crate::delivery::snapshot::keeper`]). The invariant: nothing here can end a run
//! or change what it decides. What fails is told and counted, and tried again when the next one is due.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use connectors::log::Scope;
use connectors::snapshots::SnapshotStore;
use rules::evaluate::{Engine, SEMANTICS};

use super::commit::partition_of;
use super::task::Task;
use super::{RunError, Worker};
use crate::delivery::recovery::History;
use crate::delivery::snapshot::keeper::{Keeper, News};
use crate::delivery::snapshot::read::{Found, Unusable};
use crate::delivery::snapshot::{Manifest, Mark, Proof, SNAPSHOT_VERSION};

/// Bytes written in one turn of the loop: well below a millisecond.
const PIECE_BYTES: usize = 1 << 20;

/// A fold that took longer than this is worth a snapshot soon: whoever is restarted again and again would never come
/// to the next one.
const LONG_FOLD: Duration = Duration::from_secs(2);

/// What a run knows of its snapshots.
pub(super) struct Snapshots {
    keeper: Keeper,
    every: Duration,
    /// When the last one was begun, on the worker's clock.
    begun: Duration,
    /// The first one is due as soon as there is nothing to catch up on: before that it would keep events waiting.
    soon: bool,
    /// The engine is frozen.
    writing: bool,
    /// The keeper has not said yet what became of the last one.
    waiting: bool,
    /// One that is durable, to be named by the next commit.
    kept: Option<Proof>,
}

impl Snapshots {
    /// The snapshot that the next control record names.
    pub(super) fn kept(&self) -> Option<Proof> {
        self.kept
    }

    /// Whether one is to be taken of a task that has caught up, or has not yet.
    fn is_due(&self, now: Duration, caught_up: bool) -> bool {
        let passed = now.saturating_sub(self.begun) >= self.every;
        !self.waiting && (passed || (self.soon && caught_up))
    }
}

impl Worker {
    /// Names of the snapshots of a journal, newest last; none where they cannot be looked at.
    pub(super) fn snapshots_of(&self, scope: Scope) -> Vec<String> {
        let Some(plan) = &self.parts.snapshots else {
            return Vec::new();
        };
        let prefix = Mark::prefix(partition_of(scope));
        let mut names = plan.store.list().unwrap_or_else(|error| {
            tracing::warn!(%error, "snapshots cannot be looked at; the log is folded from its beginning");
            Vec::new()
        });
        names.retain(|name| Mark::has_prefix(name, &prefix));
        names
    }

    /// Takes the state from the newest of these snapshots that is sound and proven; none if there is none. Unless the journal
    /// was read `whole`, those it does not prove stay among the names.
    pub(super) fn restore(
        &self,
        names: &mut Vec<String>,
        history: &History,
        whole: bool,
    ) -> Option<(Engine, Mark)> {
        let store = Arc::clone(&self.parts.snapshots.as_ref()?.store);
        let mut unproven = Vec::new();
        while let Some(name) = names.pop() {
            let started = self.around.clock.elapsed();
            let restored = self.restore_from(store.as_ref(), &name, history);
            if !whole && matches!(restored, Err(Unusable::Unproven(_))) {
                unproven.insert(0, name);
                continue;
            }
            self.meter.snapshot_found(restored.is_ok());
            match restored {
                Ok((engine, found)) => {
                    let took = self.around.clock.elapsed().saturating_sub(started);
                    tracing::info!(
                        snapshot = name,
                        bytes = found.length(),
                        seconds = took.as_secs_f64(),
                        "restored a snapshot"
                    );
                    return Some((engine, found.manifest.mark));
                }
                Err(reason) => {
                    tracing::warn!(snapshot = name, %reason, "a snapshot is of no use");
                }
            }
        }
        *names = unproven;
        None
    }

    fn restore_from(
        &self,
        store: &dyn SnapshotStore,
        name: &str,
        history: &History,
    ) -> Result<(Engine, Found), Unusable> {
        let found = Found::open(store, name, &self.parts.app)?;
        let proven = history.proves(&found.manifest.mark, &found.proof);
        proven.map_err(Unusable::Unproven)?;
        let hands = usize::from(self.parts.workers).max(2);
        let engine = found.restore(Arc::clone(&self.parts.rules), hands)?;
        Ok((engine, found))
    }

    /// From now on snapshots are taken of a task; the fold before took so long.
    pub(super) fn start_snapshots(&self, fold: Duration) -> Result<Option<Snapshots>, RunError> {
        let Some(plan) = self.parts.snapshots.clone() else {
            return Ok(None);
        };
        let keeper = match plan.aside {
            true => Keeper::start(plan.store).map_err(RunError::Keeper)?,
            false => Keeper::here(plan.store),
        };
        Ok(Some(Snapshots {
            keeper,
            every: plan.every,
            begun: self.around.clock.elapsed(),
            soon: fold >= LONG_FOLD,
            writing: false,
            waiting: false,
            kept: None,
        }))
    }

    /// Freezes the engine of the task whose snapshot is due for longest behind this commit, if any is. One at a time is
    /// written, so that what is frozen, and what that costs, does not grow with the tasks.
    pub(super) fn freeze_if_due(&mut self, tasks: &mut [Task], marks: impl Iterator<Item = Mark>) {
        let now = self.around.clock.elapsed();
        let written = |task: &Task| task.snapshots.as_ref().is_some_and(|s| s.writing);
        if tasks.iter().any(written) {
            return;
        }
        let mut longest: Option<(Duration, &mut Task, Mark)> = None;
        let mut marks: Vec<Mark> = marks.collect();
        for task in tasks {
            let caught_up = task.merge.live();
            let begun = task.snapshots.as_ref();
            let begun = begun.filter(|s| s.is_due(now, caught_up));
            let mark = marks
                .iter()
                .position(|m| m.partition == partition_of(task.scope));
            let Some((begun, mark)) = begun.map(|s| s.begun).zip(mark) else {
                continue;
            };
            if longest.as_ref().is_none_or(|(before, ..)| begun < *before) {
                longest = Some((begun, task, marks.swap_remove(mark)));
            }
        }
        if let Some((_, task, mark)) = longest {
            self.freeze(task, mark, now);
        }
    }

    fn freeze(&mut self, task: &mut Task, mark: Mark, now: Duration) {
        let Some(snapshots) = task.snapshots.as_mut() else {
            return;
        };
        (snapshots.begun, snapshots.soon) = (now, false);
        let manifest = Manifest {
            v: SNAPSHOT_VERSION,
            app: self.parts.app.clone(),
            semantics: SEMANTICS,
            pack: self.parts.rules.version.clone(),
            mark,
            sections: Vec::new(),
        };
        let frozen = task.engine.freeze(&manifest.mark.positions);
        let begun = frozen.is_ok() && snapshots.keeper.begin(manifest);
        (snapshots.writing, snapshots.waiting) = (begun, begun);
        if begun {
            let took = self.around.clock.elapsed().saturating_sub(now);
            self.meter.snapshot_pause(took);
        } else {
            self.snapshot_failed(task, "the keeper of snapshots is gone");
        }
    }

    /// Writes a piece of the snapshot at hand; whether there was something to write, and room for it.
    pub(super) fn save_some(&mut self) -> bool {
        let mut tasks = std::mem::take(&mut self.tasks);
        let mut saved = false;
        for task in &mut tasks {
            saved |= self.save_some_of(task);
        }
        self.tasks = tasks;
        saved
    }

    fn save_some_of(&mut self, task: &mut Task) -> bool {
        let Some(news) = task.snapshots.as_mut().map(|s| s.keeper.news()) else {
            return false;
        };
        match news {
            Some(News::Kept(proof, bytes)) => self.snapshot_kept(task, proof, bytes),
            Some(News::Failed(cause)) => self.snapshot_failed(task, &cause),
            None => {}
        }
        let started = self.around.clock.elapsed();
        let saved = task.save_piece();
        if matches!(saved, Ok(true)) {
            let took = self.around.clock.elapsed().saturating_sub(started);
            self.meter.snapshot_pause(took);
        }
        saved.unwrap_or_else(|error| {
            self.snapshot_failed(task, &error.to_string());
            false
        })
    }

    fn snapshot_kept(&mut self, task: &mut Task, proof: Proof, bytes: u64) {
        let now = self.around.clock.elapsed();
        if let Some(snapshots) = &mut task.snapshots {
            let took = now.saturating_sub(snapshots.begun);
            self.meter
                .snapshot(took, bytes, self.around.clock.wall_us());
            tracing::info!(
                commit = proof.sequence,
                bytes,
                seconds = took.as_secs_f64(),
                "kept a snapshot"
            );
            snapshots.waiting = false;
            snapshots.kept = Some(proof);
        }
    }

    fn snapshot_failed(&mut self, task: &mut Task, cause: &str) {
        tracing::warn!(cause, "no snapshot this time; those before it stay");
        self.meter.snapshot_failed();
        task.engine.thaw();
        if let Some(snapshots) = &mut task.snapshots {
            (snapshots.writing, snapshots.waiting) = (false, false);
            snapshots.keeper.give_up();
        }
    }
}

impl Task {
    /// A commit has named this snapshot.
    pub(super) fn named(&mut self, named: Option<Proof>) {
        if let Some(snapshots) = self.snapshots.as_mut().filter(|_| named.is_some()) {
            snapshots.kept = None;
        }
    }

    fn save_piece(&mut self) -> io::Result<bool> {
        let Some(snapshots) = self.snapshots.as_mut().filter(|s| s.writing) else {
            return Ok(false);
        };
        let Some(mut buffer) = snapshots.keeper.room() else {
            return Ok(false);
        };
        match self.engine.write(PIECE_BYTES, &mut buffer)? {
            Some(progress) => snapshots.keeper.piece(progress, buffer),
            None => {
                snapshots.writing = false;
                snapshots.keeper.finish();
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use connectors::snapshots::DirectorySnapshots;

    use super::*;

    #[test]
    fn behind_a_long_fold_one_is_due_once_no_event_waits() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(DirectorySnapshots::open(directory.path()).unwrap());
        let snapshots = |soon| Snapshots {
            keeper: Keeper::here(store.clone()),
            every: Duration::from_secs(60),
            begun: Duration::from_secs(10),
            soon,
            writing: false,
            waiting: false,
            kept: None,
        };
        let (early, late) = (Duration::from_secs(11), Duration::from_secs(70));
        assert!(!snapshots(true).is_due(early, false));
        assert!(snapshots(true).is_due(early, true));
        assert!(!snapshots(false).is_due(early, true));
        // Whoever never catches up has one all the same.
        assert!(snapshots(true).is_due(late, false));
        assert!(snapshots(false).is_due(late, false));
    }
}
