//! Recovery: from what the commit log remembers and what the input log still holds to a plan of the refold.
//!
//! The idea: the control records are a chain. A commit log that is not atomic may also hold records whose offsets were
//! never committed: of a crash between the two, or of a process that had been replaced. So the chain is walked back from
//! the committed offsets to the first commit, or to that of a snapshot. The invariant: the plan begins at commit 0 or behind
//! a commit of the chain, and ends exactly at the committed offsets, or there is an error and no plan; each record in it
//! names the one before it by its hash.

mod error;

use connectors::log::Committed;
use connectors::source::Assignment;

use rules::evaluate::SEMANTICS;

pub use self::error::RecoveryError;
use super::control::{ControlRecord, Linked};
use super::snapshot::{Mark, Proof};
use crate::operator::output::Written;
use crate::step::Positions;

/// How to get back to where the last commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where each partition is read from.
    pub starts: Positions,
    /// Commits to fold silently, in order.
    pub commits: Vec<Refold>,
    /// Where the live run begins.
    pub live_from: Positions,
    /// Number of the next commit.
    pub next_sequence: u64,
    /// What the next commit calls the one before it; empty when there is none.
    pub link: String,
    /// Records that are no longer in the log although the state was built from them.
    pub missing: i64,
}

/// A commit to fold again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refold {
    /// Its number.
    pub sequence: u64,
    /// Its journal.
    pub entries: Vec<Positions>,
    /// What it wrote, where the fold must find the same: the same pack decided, over all of the log.
    pub wrote: Option<Written>,
}

/// What was committed, held against what the input log still has.
#[derive(Debug)]
pub struct History {
    /// Next offset of each partition; empty before the first commit.
    target: Positions,
    /// What the oldest record that was read is called by the one behind it.
    oldest: Option<String>,
    /// The records that lead there, as far back as any were read.
    chain: Vec<Linked>,
    /// Ascending.
    assigned: Vec<Assignment>,
}

impl History {
    /// Reads what an application has committed.
    ///
    /// # Errors
    /// [`RecoveryError`] when the log is not the one it was committed over, or the commits cannot be read.
    pub fn read(
        app: &str,
        committed: &Committed,
        assigned: &[Assignment],
    ) -> Result<History, RecoveryError> {
        let mut target = committed.offsets.clone();
        target.sort_unstable();
        let mut assigned = assigned.to_vec();
        assigned.sort_unstable_by_key(|a| a.partition);
        let records = ControlRecord::decode_all(app, &committed.control)?;
        if target.is_empty() {
            // Commit 1 is only made after the offsets of commit 0 were there.
            let sequences = records.iter().map(|linked| linked.record.sequence);
            if let Some(last) = sequences.max().filter(|last| *last > 0) {
                return Err(RecoveryError::OffsetsLost { commits: last });
            }
        } else {
            let known: Vec<u32> = target.iter().map(|(partition, _)| *partition).collect();
            let partitions: Vec<u32> = assigned.iter().map(|a| a.partition).collect();
            if known != partitions {
                return Err(RecoveryError::Partitions {
                    committed: known,
                    assigned: partitions,
                });
            }
        }
        let history = History {
            oldest: records.first().map(|linked| linked.link.clone()),
            chain: chain(records, &target),
            target,
            assigned,
        };
        history.check_log()?;
        Ok(history)
    }

    /// Whether the records lead to the committed offsets; where they do not, the last of them may not be seen yet.
    #[must_use]
    pub fn reaches_target(&self) -> bool {
        self.target.is_empty() || !self.chain.is_empty()
    }

    /// Whether no commit lies before those of the chain.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let first = self.chain.first().map(|linked| linked.record.sequence);
        self.target.is_empty() || first == Some(0)
    }

    /// What is committed must lie in the log.
    fn check_log(&self) -> Result<(), RecoveryError> {
        for ((partition, committed), found) in self.target.iter().zip(&self.assigned) {
            let (partition, committed) = (*partition, *committed);
            if found.log_start > committed {
                return Err(RecoveryError::Gap {
                    partition,
                    committed,
                    log_start: found.log_start,
                });
            }
            if found.log_end < committed {
                return Err(RecoveryError::BeyondEnd {
                    partition,
                    committed,
                    log_end: found.log_end,
                });
            }
        }
        Ok(())
    }

    /// Whether a snapshot is what the chain says it is, and the log goes on from there.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn proves(&self, mark: &Mark, proof: &Proof) -> Result<(), String> {
        let mut records = self.chain.iter();
        let is_of = |linked: &&Linked| {
            let record = &linked.record;
            record.sequence == mark.sequence
                && linked.link == mark.link
                && record.to() == mark.positions
        };
        if !records.any(|linked| is_of(&linked)) {
            return Err("its commit is not in the chain of commits".to_owned());
        }
        // Only of the last one the commit that names it may not have been made.
        let named: Vec<&Proof> = records.filter_map(|l| l.record.snapshot.as_ref()).collect();
        let same = |named: &&Proof| named.sequence == proof.sequence;
        match named.iter().copied().find(same) {
            Some(named) if named.digest != proof.digest => {
                return Err("the chain of commits names another one".to_owned());
            }
            None if named.iter().any(|named| named.sequence > proof.sequence) => {
                return Err("the chain of commits does not name it".to_owned());
            }
            _ => {}
        }
        let mut places = mark.positions.iter().zip(&self.assigned);
        match places.find(|((_, next), found)| found.log_start > *next) {
            None => Ok(()),
            Some(((partition, next), found)) => Err(format!(
                "partition {partition} begins at {}, behind its offset {next}",
                found.log_start
            )),
        }
    }

    /// Makes the plan for this version of a pack, from a snapshot that is proven or from the beginning; `begin` says where
    /// a partition without a committed offset is begun.
    ///
    /// # Errors
    /// [`RecoveryError`] when the committed state cannot be reached from this log.
    pub fn plan(
        mut self,
        pack: &str,
        from: Option<&Mark>,
        begin: impl Fn(&Assignment) -> i64,
    ) -> Result<Plan, RecoveryError> {
        if self.target.is_empty() {
            let starts: Positions = self
                .assigned
                .iter()
                .map(|a| (a.partition, begin(a)))
                .collect();
            return Ok(Plan {
                live_from: starts.clone(),
                starts,
                commits: Vec::new(),
                next_sequence: 0,
                link: String::new(),
                missing: 0,
            });
        }
        let last = self.chain.last();
        let next_sequence = last.map_or(0, |last| last.record.sequence + 1);
        let link = last.map_or_else(String::new, |last| last.link.clone());
        let origin = self.origin(from)?;
        let (mut starts, mut missing) = (Vec::with_capacity(origin.len()), 0);
        for ((partition, origin), found) in origin.iter().zip(&self.assigned) {
            starts.push((*partition, found.log_start.max(*origin)));
            missing += (found.log_start - origin).max(0);
        }
        // Without its first events the state is another, and so are decisions.
        let refold = |linked: Linked| refold(linked.record, missing == 0, pack);
        Ok(Plan {
            starts,
            commits: self
                .chain
                .into_iter()
                .map(refold)
                .collect::<Result<_, _>>()?,
            live_from: self.target,
            next_sequence,
            link,
            missing,
        })
    }

    /// Where the fold begins; the chain begins there, too, from then on.
    fn origin(&mut self, from: Option<&Mark>) -> Result<Positions, RecoveryError> {
        if let Some(mark) = from {
            self.chain
                .retain(|linked| linked.record.sequence > mark.sequence);
            return Ok(mark.positions.clone());
        }
        match self.chain.first() {
            Some(first) if first.record.sequence == 0 => Ok(first.record.from.clone()),
            // Records are removed where the input no longer reaches back to before their ends: all of that is missing.
            Some(first) if self.oldest.as_ref() == Some(&first.link) && self.is_gone(first) => {
                let none = first
                    .record
                    .from
                    .iter()
                    .map(|(partition, _)| (*partition, 0));
                Ok(none.collect())
            }
            _ => Err(RecoveryError::BrokenChain {
                committed: self.target.clone(),
            }),
        }
    }

    /// Whether the input no longer has anything from before a record.
    fn is_gone(&self, Linked { record, .. }: &Linked) -> bool {
        let mut both = record.from.iter().zip(&self.assigned);
        both.all(|((_, from), found)| found.log_start >= *from)
    }
}

fn refold(record: ControlRecord, whole: bool, pack: &str) -> Result<Refold, RecoveryError> {
    let ControlRecord {
        sequence,
        semantics,
        ..
    } = record;
    if semantics != SEMANTICS {
        return Err(RecoveryError::Semantics {
            sequence,
            found: semantics,
        });
    }
    let wrote = Written {
        decisions: record.decisions,
        alerts: record.alerts,
        dead_letters: record.dead_letters,
        digests: record.digests,
    };
    Ok(Refold {
        sequence,
        entries: record.entries,
        wrote: (whole && record.pack == pack).then_some(wrote),
    })
}

/// The records that lead to the committed offsets: from the first commit, if all are there.
///
/// Found backwards, because only the end is certain: a process that was replaced may have written a record of its own
/// at any place before it noticed, and a crash may have left one whose offsets were never committed. Of two records
/// that end at one place the later one was committed: the earlier writer had lost the group by then.
pub(super) fn chain(records: Vec<Linked>, target: &[(u32, i64)]) -> Vec<Linked> {
    let mut chain: Vec<Linked> = Vec::with_capacity(records.len());
    for linked in records.into_iter().rev() {
        let record = &linked.record;
        let fits = match chain.last().map(|next| &next.record) {
            None => record.to() == target,
            Some(next) => {
                record.to() == next.from
                    && record.sequence + 1 == next.sequence
                    && linked.link == next.previous
            }
        };
        if fits {
            chain.push(linked);
        }
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests;
