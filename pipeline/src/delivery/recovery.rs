//! Recovery: from what the commit log remembers and what the input log still holds to a plan of the refold.
//!
//! The idea: the control records are a chain. A commit log that is not atomic may also hold records whose offsets were
//! never committed: of a crash between the two, or of a process that had been replaced. So the chain is walked back from
//! the committed offsets to the first commit. The invariant: the plan begins at commit 0 and ends exactly at the
//! committed offsets, or there is an error and no plan.

use connectors::log::Committed;
use connectors::source::Assignment;

use super::control::{ControlError, ControlRecord};
use crate::step::Positions;

/// How to get back to where the last commit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where each partition is read from.
    pub starts: Positions,
    /// Journal entries to fold silently, in order.
    pub entries: Vec<Positions>,
    /// Where the live run begins.
    pub live_from: Positions,
    /// Number of the next commit.
    pub next_sequence: u64,
    /// Records that are no longer in the log although the state was built from them.
    pub missing: i64,
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

/// Makes the plan for an application; `begin` says where a partition without a committed offset is begun.
///
/// # Errors
/// [`RecoveryError`] when the committed state cannot be reached from this log.
pub fn plan(
    app: &str,
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
            .map(|record| record.sequence)
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
            entries: Vec::new(),
            next_sequence: 0,
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
        .map_or_else(|| target.clone(), |first| first.from.clone());
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
    let next_sequence = chain.last().map_or(0, |last| last.sequence + 1);
    let entries = chain
        .into_iter()
        .flat_map(|record| record.entries)
        .collect();
    Ok(Plan {
        starts,
        entries,
        live_from: target,
        next_sequence,
        missing,
    })
}

/// The records that lead from the first commit to the committed offsets.
///
/// Found backwards, because only the end is certain: a process that was replaced may have written a record of its own
/// at any place before it noticed, and a crash may have left one whose offsets were never committed. Of two records
/// that end at one place the later one was committed: the earlier writer had lost the group by then.
fn chain(
    records: Vec<ControlRecord>,
    target: &[(u32, i64)],
) -> Result<Vec<ControlRecord>, RecoveryError> {
    let mut chain: Vec<ControlRecord> = Vec::with_capacity(records.len());
    for record in records.into_iter().rev() {
        let next = chain.last();
        let fits = next.map_or(record.to() == target, |next| {
            record.to() == next.from && record.sequence + 1 == next.sequence
        });
        if fits {
            chain.push(record);
        }
    }
    chain.reverse();
    if chain.first().is_some_and(|first| first.sequence == 0) {
        Ok(chain)
    } else {
        Err(RecoveryError::BrokenChain {
            committed: target.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
