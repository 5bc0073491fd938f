//! Snapshots of a run: frozen behind a commit, written between steps, found again at a start.
//!
//! The idea: a commit that is due freezes the engine, which takes a moment; then each turn of the loop writes a piece of it
//! and hands it to the keeper's thread ([`crate::delivery::snapshot::keeper`]). The invariant: nothing here can end a run
//! or change what it decides. What fails is told and counted, and tried again when the next one is due.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use connectors::snapshots::SnapshotStore;
use rules::evaluate::SEMANTICS;

use super::{RunError, Worker};
use crate::delivery::recovery::History;
use crate::delivery::snapshot::keeper::{Keeper, News};
use crate::delivery::snapshot::read::{Found, Unusable};
use crate::delivery::snapshot::{Manifest, Mark, Proof, SNAPSHOT_VERSION};

/// Bytes written in one turn of the loop: well below a millisecond.
const PIECE_BYTES: usize = 1 << 20;

/// A fold that took longer than this is worth a snapshot at once: whoever is restarted again and again would never come
/// to the next one.
const LONG_FOLD: Duration = Duration::from_secs(2);

/// What a run knows of its snapshots.
pub(super) struct Snapshots {
    keeper: Keeper,
    every: Duration,
    /// When the last one was begun, on the worker's clock.
    begun: Duration,
    /// The first one is due at once.
    at_once: bool,
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

    fn is_due(&self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.begun) >= self.every;
        !self.waiting && (passed || self.at_once)
    }
}

impl Worker {
    /// Takes the state from the newest snapshot that is sound and proven; none if there is none.
    pub(super) fn restore(&mut self, history: &History) -> Option<Mark> {
        let store = Arc::clone(&self.parts.snapshots.as_ref()?.store);
        let names = store.list();
        let names = names.map_err(|error| {
            tracing::warn!(%error, "snapshots cannot be looked at; the log is folded from its beginning");
        });
        for name in names.ok()?.iter().rev() {
            let started = self.around.clock.elapsed();
            let restored = self.restore_from(store.as_ref(), name, history);
            self.meter.snapshot_found(restored.is_ok());
            match restored {
                Ok(found) => {
                    let took = self.around.clock.elapsed().saturating_sub(started);
                    tracing::info!(
                        snapshot = name,
                        bytes = found.length(),
                        seconds = took.as_secs_f64(),
                        "restored a snapshot"
                    );
                    return Some(found.manifest.mark);
                }
                Err(reason) => {
                    tracing::warn!(snapshot = name, %reason, "a snapshot is of no use");
                }
            }
        }
        None
    }

    fn restore_from(
        &mut self,
        store: &dyn SnapshotStore,
        name: &str,
        history: &History,
    ) -> Result<Found, Unusable> {
        let found = Found::open(store, name, &self.parts.app)?;
        let proven = history.proves(&found.manifest.mark, &found.proof);
        proven.map_err(Unusable::Unproven)?;
        let hands = usize::from(self.parts.workers).max(2);
        self.engine = found.restore(Arc::clone(&self.parts.rules), hands)?;
        Ok(found)
    }

    /// From now on snapshots are taken; the fold before took so long.
    pub(super) fn start_snapshots(&mut self, fold: Duration) -> Result<(), RunError> {
        let Some(plan) = self.parts.snapshots.clone() else {
            return Ok(());
        };
        let keeper = match plan.aside {
            true => Keeper::start(plan.store).map_err(RunError::Keeper)?,
            false => Keeper::here(plan.store),
        };
        self.snapshots = Some(Snapshots {
            keeper,
            every: plan.every,
            begun: self.around.clock.elapsed(),
            at_once: fold >= LONG_FOLD,
            writing: false,
            waiting: false,
            kept: None,
        });
        Ok(())
    }

    /// Freezes the engine if a snapshot is due behind this commit, which has named one, maybe.
    pub(super) fn freeze_if_due(&mut self, mark: Mark, named: Option<Proof>) {
        let now = self.around.clock.elapsed();
        let Some(snapshots) = self.snapshots.as_mut() else {
            return;
        };
        if named.is_some() {
            snapshots.kept = None;
        }
        if !snapshots.is_due(now) {
            return;
        }
        (snapshots.begun, snapshots.at_once) = (now, false);
        let manifest = Manifest {
            v: SNAPSHOT_VERSION,
            app: self.parts.app.clone(),
            semantics: SEMANTICS,
            pack: self.parts.rules.version.clone(),
            mark,
            sections: Vec::new(),
        };
        let frozen = self.engine.freeze(&manifest.mark.positions);
        let begun = frozen.is_ok() && snapshots.keeper.begin(manifest);
        (snapshots.writing, snapshots.waiting) = (begun, begun);
        if begun {
            let took = self.around.clock.elapsed().saturating_sub(now);
            self.meter.snapshot_pause(took);
        } else {
            self.engine.thaw();
            self.snapshot_failed("the keeper of snapshots is gone");
        }
    }

    /// Writes a piece of the snapshot at hand; whether there was something to write, and room for it.
    pub(super) fn save_some(&mut self) -> bool {
        let Some(news) = self.snapshots.as_mut().map(|s| s.keeper.news()) else {
            return false;
        };
        match news {
            Some(News::Kept(proof, bytes)) => self.snapshot_kept(proof, bytes),
            Some(News::Failed(cause)) => self.snapshot_failed(&cause),
            None => {}
        }
        let started = self.around.clock.elapsed();
        let saved = self.save_piece();
        if matches!(saved, Ok(true)) {
            let took = self.around.clock.elapsed().saturating_sub(started);
            self.meter.snapshot_pause(took);
        }
        saved.unwrap_or_else(|error| {
            self.snapshot_failed(&error.to_string());
            false
        })
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

    fn snapshot_kept(&mut self, proof: Proof, bytes: u64) {
        let now = self.around.clock.elapsed();
        if let Some(snapshots) = &mut self.snapshots {
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

    fn snapshot_failed(&mut self, cause: &str) {
        tracing::warn!(cause, "no snapshot this time; those before it stay");
        self.meter.snapshot_failed();
        self.engine.thaw();
        if let Some(snapshots) = &mut self.snapshots {
            (snapshots.writing, snapshots.waiting) = (false, false);
            snapshots.keeper.give_up();
        }
    }
}
