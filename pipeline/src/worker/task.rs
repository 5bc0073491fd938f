//! A task: partitions whose events are decided together, with all that is theirs.
//!
//! The idea: usually there is one task, of all partitions. Where instances share the partitions each partition is a task:
//! it has its own state, order, journal and snapshots, so that it can go from one process to another. The invariant: what a
//! task decides depends on nothing outside of its partitions.

use std::collections::VecDeque;
use std::time::Duration;

use connectors::log::Scope;
use rules::evaluate::{Engine, SEMANTICS};

use super::snapshot::Snapshots;
use crate::delivery::control::{CONTROL_VERSION, ControlRecord};
use crate::delivery::recovery::{Plan, RecoveryError, Refold};
use crate::delivery::snapshot::Mark;
use crate::operator::merge::Merge;
use crate::operator::output::Written;
use crate::step::{Journal, Positions};

/// See the module.
pub(super) struct Task {
    pub(super) scope: Scope,
    pub(super) engine: Engine,
    pub(super) merge: Merge,
    pub(super) journal: Journal,
    pub(super) pending: Pending,
    pub(super) snapshots: Option<Snapshots>,
    /// `None` once it is live.
    pub(super) fold: Option<Fold>,
}

/// What the next commit of a task will cover.
#[derive(Debug)]
pub(super) struct Pending {
    sequence: u64,
    /// What the control record calls the one before it.
    previous: String,
    from: Positions,
    written: Written,
}

/// History that is still to be folded.
pub(super) struct Fold {
    /// The first of them is being folded.
    commits: VecDeque<Refold>,
    /// Its next entry.
    entry: usize,
    /// What came of it until now.
    pub(super) found: Written,
    /// Where the history ends.
    pub(super) live_from: Positions,
    /// When it was begun, on the worker's clock.
    pub(super) begun: Duration,
}

impl Task {
    /// A task whose state is what the plan begins with.
    pub(super) fn new(
        scope: Scope,
        engine: Engine,
        merge: Merge,
        plan: Plan,
        now: Duration,
    ) -> Task {
        Task {
            scope,
            engine,
            merge,
            journal: Journal::default(),
            pending: Pending {
                sequence: plan.next_sequence,
                previous: plan.link,
                from: plan.live_from.clone(),
                written: Written::default(),
            },
            snapshots: None,
            fold: Some(Fold {
                commits: plan.commits.into(),
                entry: 0,
                found: Written::default(),
                live_from: plan.live_from,
                begun: now,
            }),
        }
    }

    /// Whether it is responsible for a partition.
    pub(super) fn knows(&self, partition: u32) -> bool {
        let mut known = self.merge.positions().into_iter();
        known.any(|(known, _)| known == partition)
    }

    /// Whether all of its partitions have more buffered than they should.
    pub(super) fn is_overfull(&self) -> bool {
        self.merge.overfull().len() == self.merge.positions().len()
    }

    /// Notes what was written of a step.
    pub(super) fn wrote(&mut self, written: &Written) {
        self.pending.written.join(written);
    }

    /// Closes what was decided since the last commit; `None` when that is nothing.
    pub(super) fn close(&mut self, app: &str) -> Option<ControlRecord> {
        if self.journal.is_empty() {
            return None;
        }
        let pending = &mut self.pending;
        Some(ControlRecord {
            v: CONTROL_VERSION,
            app: app.to_owned(),
            sequence: pending.sequence,
            previous: std::mem::take(&mut pending.previous),
            semantics: SEMANTICS,
            pack: self.engine.rules().version.clone(),
            from: std::mem::take(&mut pending.from),
            entries: self.journal.close(),
            decisions: pending.written.decisions,
            alerts: pending.written.alerts,
            dead_letters: pending.written.dead_letters,
            digests: std::mem::take(&mut pending.written).digests,
            snapshot: self.snapshots.as_ref().and_then(Snapshots::kept),
        })
    }

    /// A commit was made; the next one follows it.
    pub(super) fn committed(&mut self, mark: &Mark) {
        self.pending = Pending {
            sequence: mark.sequence + 1,
            previous: mark.link.clone(),
            from: mark.positions.clone(),
            written: Written::default(),
        };
    }
}

impl Fold {
    /// How many records there are to fold from here.
    pub(super) fn records(&self, starts: &[(u32, i64)]) -> i64 {
        let ends = self.live_from.iter().zip(starts);
        ends.map(|((_, to), (_, from))| to - from).sum()
    }

    /// Whether there is nothing to fold.
    pub(super) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// What the commit at hand wrote, where what comes of it is to be compared with that.
    pub(super) fn wrote(&self) -> Option<&Written> {
        self.commits.front()?.wrote.as_ref()
    }

    /// The next boundary to fold to; `None` when all is folded.
    ///
    /// # Errors
    /// When the commit that ends here wrote something else.
    pub(super) fn next_entry(&mut self) -> Result<Option<&Positions>, RecoveryError> {
        while let Some(commit) = self.commits.front() {
            if self.entry < commit.entries.len() {
                break;
            }
            let found = std::mem::take(&mut self.found);
            if let Some(wrote) = commit.wrote
                && !wrote.is_same_as(&found)
            {
                return Err(RecoveryError::Differs {
                    sequence: commit.sequence,
                    wrote: Box::new(wrote),
                    found: Box::new(found),
                });
            }
            self.commits.pop_front();
            self.entry = 0;
        }
        self.entry += 1;
        let commit = self.commits.front();
        Ok(commit.and_then(|commit| commit.entries.get(self.entry - 1)))
    }

    /// Where the commit at hand ends in a partition, or at least the boundary at hand.
    pub(super) fn end_of(&self, partition: u32) -> Option<i64> {
        let entries = &self.commits.front()?.entries;
        let entry = entries.get(self.entry.checked_sub(1)?)?;
        let end = entry.iter().find(|(known, _)| *known == partition);
        end.map(|(_, end)| *end)
    }
}
