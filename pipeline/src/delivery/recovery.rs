//! Recovery: from what the commit log remembers and what the input log still holds to a plan of the refold.
//!
//! The idea: the control records are a chain. A commit log that is not atomic may also hold records whose offsets were
//! never committed: of a crash between the two, or of a process that had been replaced. So the chain is walked back from
//! the committed offsets to the first commit. The invariant: the plan begins at commit 0 and ends exactly at the
//! committed offsets, or there is an error and no plan; each record in it names the one before it by its hash.

use connectors::log::Committed;
use connectors::source::Assignment;

use rules::evaluate::SEMANTICS;

use super::control::{ControlError, ControlRecord, Linked};
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

/// Why there is no way back.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// A control record cannot be understood.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The log was cut above the committed offset: events were lost unread.
    #[error(
        "restore partition {partition}: committed offset {committed} is below the start of the log {log_start}; \
         {} events were never decided (retention is shorter than the time this application stood still)",
        log_start - committed
    )]
    Gap {
        /// The partition.
        partition: u32,
        /// Next offset to read.
        committed: i64,
        /// First offset there is.
        log_start: i64,
    },
    /// The log ends below the committed offset: the topic was recreated or truncated.
    #[error(
        "restore partition {partition}: committed offset {committed} is beyond the end of the log {log_end}; \
         was the topic recreated? use another application name to begin anew"
    )]
    BeyondEnd {
        /// The partition.
        partition: u32,
        /// Next offset to read.
        committed: i64,
        /// Offset the next record will get.
        log_end: i64,
    },
    /// The partitions are not those of the last commit.
    #[error(
        "restore: the last commit knew partitions {committed:?}, the source has {assigned:?}; \
         keys have moved between partitions, so the state cannot be restored"
    )]
    Partitions {
        /// Those of the last commit.
        committed: Vec<u32>,
        /// Those there are.
        assigned: Vec<u32>,
    },
    /// The offsets are gone although commits were made: the broker has forgotten the group.
    #[error(
        "restore: at least {commits} commits were made and their offsets are gone (offsets.retention.minutes?); \
         use another application name to begin anew"
    )]
    OffsetsLost {
        /// How many commits there were at least.
        commits: u64,
    },
    /// A partition cannot be read where the state was built from it.
    #[error("restore partition {partition}: it stands still at offset {offset}: {cause}")]
    Halted {
        /// The partition.
        partition: u32,
        /// Where it stands.
        offset: i64,
        /// Why.
        cause: String,
    },
    /// The state would be another: what was decided is decided otherwise now.
    #[error(
        "restore: commit {sequence} wrote {wrote}, the same events give {found} now; the log or the journal was \
         changed, or this program decides otherwise: run the one before, or use another application name to begin anew"
    )]
    Differs {
        /// The commit.
        sequence: u64,
        /// What it wrote.
        wrote: Box<Written>,
        /// What comes of the same events now.
        found: Box<Written>,
    },
    /// Another version of the engine decided.
    #[error(
        "restore: commit {sequence} was decided by engine semantics {found}, this program has {SEMANTICS}; \
         run the program that decided it, or use another application name to begin anew"
    )]
    Semantics {
        /// The commit.
        sequence: u64,
        /// Its version.
        found: u32,
    },
    /// No chain of records leads to the committed offsets.
    #[error(
        "restore: no chain of control records leads from the first commit to the committed offsets {committed:?}; \
         the journal is damaged"
    )]
    BrokenChain {
        /// The committed offsets.
        committed: Positions,
    },
}

/// Makes the plan for an application that runs this version of a pack; `begin` says where a partition without a committed
/// offset is begun.
///
/// # Errors
/// [`RecoveryError`] when the committed state cannot be reached from this log.
pub fn plan(
    app: &str,
    pack: &str,
    committed: &Committed,
    assigned: &[Assignment],
    begin: impl Fn(&Assignment) -> i64,
) -> Result<Plan, RecoveryError> {
    let mut target = committed.offsets.clone();
    target.sort_unstable();
    let mut partitions: Vec<u32> = assigned.iter().map(|a| a.partition).collect();
    partitions.sort_unstable();
    let records = ControlRecord::decode_all(app, &committed.control)?;
    if target.is_empty() {
        // Commit 1 is only made after the offsets of commit 0 were there.
        if let Some(last) = records
            .iter()
            .map(|linked| linked.record.sequence)
            .max()
            .filter(|last| *last > 0)
        {
            return Err(RecoveryError::OffsetsLost { commits: last });
        }
        let mut starts: Positions = assigned.iter().map(|a| (a.partition, begin(a))).collect();
        starts.sort_unstable();
        return Ok(Plan {
            live_from: starts.clone(),
            starts,
            commits: Vec::new(),
            next_sequence: 0,
            link: String::new(),
            missing: 0,
        });
    }
    let known: Vec<u32> = target.iter().map(|(partition, _)| *partition).collect();
    if known != partitions {
        return Err(RecoveryError::Partitions {
            committed: known,
            assigned: partitions,
        });
    }
    let chain = chain(records, &target)?;
    let origin = chain
        .first()
        .map_or_else(|| target.clone(), |first| first.record.from.clone());
    let mut starts = Vec::with_capacity(target.len());
    let mut missing = 0;
    for ((partition, next), (_, origin)) in target.iter().zip(&origin) {
        let Some(found) = assigned.iter().find(|a| a.partition == *partition) else {
            continue;
        };
        let (partition, committed) = (*partition, *next);
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
        starts.push((partition, found.log_start.max(*origin)));
        missing += (found.log_start - origin).max(0);
    }
    let last = chain.last();
    let next_sequence = last.map_or(0, |last| last.record.sequence + 1);
    let link = last.map_or_else(String::new, |last| last.link.clone());
    // Without its first events the state is another, and so are decisions.
    let refold = |linked: Linked| refold(linked.record, missing == 0, pack);
    Ok(Plan {
        starts,
        commits: chain.into_iter().map(refold).collect::<Result<_, _>>()?,
        live_from: target,
        next_sequence,
        link,
        missing,
    })
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

/// The records that lead from the first commit to the committed offsets.
///
/// Found backwards, because only the end is certain: a process that was replaced may have written a record of its own
/// at any place before it noticed, and a crash may have left one whose offsets were never committed. Of two records
/// that end at one place the later one was committed: the earlier writer had lost the group by then.
pub(super) fn chain(
    records: Vec<Linked>,
    target: &[(u32, i64)],
) -> Result<Vec<Linked>, RecoveryError> {
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
    if chain
        .first()
        .is_some_and(|first| first.record.sequence == 0)
    {
        Ok(chain)
    } else {
        Err(RecoveryError::BrokenChain {
            committed: target.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
