//! Why an application cannot go back to where its last commit ended, with the way out where there is one.
//!
//! The invariant: whatever a start is refused for has a sentence here that an operator can act on.

use rules::evaluate::SEMANTICS;

use crate::delivery::control::ControlError;
use crate::operator::output::Written;
use crate::step::Positions;

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
    /// The log was cut below the committed offset, and no snapshot makes up for it.
    #[error(
        "restore: the log no longer holds {missing} of the records that the state was made of, and no snapshot is of \
         use; `tollgate run --accept-missing` goes on with what is left (windows that reach back further miss them), \
         another application name begins anew"
    )]
    TooShort {
        /// How many records.
        missing: i64,
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
