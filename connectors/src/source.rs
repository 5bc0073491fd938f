//! The contract of a source: partitions of records in offset order, handed over in batches, restartable at an offset.
//!
//! A source
//! 1. reports its partitions by [`SourceEvent::Assigned`] before any record of them, with the first and next offset of the
//!    log; none of them where others have them all;
//! 2. hands over nothing of a partition before [`Source::start`] names an offset for it, then every record from that
//!    offset on, in order, each once;
//! 3. says [`SourceEvent::CaughtUp`] when it has handed over all that a partition holds at that moment (again each
//!    time it does so after new records), and [`SourceEvent::Finished`] once when it is bounded and all is read;
//! 4. while a partition is paused hands over nothing of it, and loses nothing;
//! 5. never skips a record: what cannot be read halts the partition with [`SourceEvent::Halted`];
//! 6. says [`SourceEvent::Revoked`] of partitions that are no longer its own, and [`SourceEvent::Lost`] where nothing
//!    more of them can be committed; it may report them again, from 1;
//! 7. returns from [`Source::poll`] within about the time given, with [`SourceEvent::Idle`] when there was nothing.

use std::time::Duration;

use crate::record::Batch;

/// A partition as a source found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The partition.
    pub partition: u32,
    /// First offset the log still has.
    pub log_start: i64,
    /// Offset the next record will get.
    pub log_end: i64,
}

/// What a poll brought.
#[allow(
    clippy::large_enum_variant,
    reason = "one per poll, moved once; a box would be one allocation more"
)]
#[derive(Debug)]
pub enum SourceEvent {
    /// Partitions this process must now read, beside those it has.
    Assigned(Vec<Assignment>),
    /// Partitions it no longer reads; nothing of them comes after this.
    Revoked(Vec<u32>),
    /// The same without a last commit: the group has gone on without this process, which has joined it anew and waits
    /// for its assignment.
    Lost(Vec<u32>),
    /// Records.
    Batch(Batch),
    /// All that the partition holds has been handed over, up to this next offset.
    CaughtUp {
        /// The partition.
        partition: u32,
        /// The offset its next record will have.
        next_offset: i64,
    },
    /// A record cannot be read; the partition stands still until an operator acts.
    Halted {
        /// The partition.
        partition: u32,
        /// Where it stands.
        offset: i64,
        /// Why.
        cause: String,
    },
    /// A bounded source has been read to its end.
    Finished,
    /// Nothing within the time given.
    Idle,
}

/// A failure of a source as a whole.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct SourceError {
    /// What was attempted: `read swipes.ndjson`, `fetch from kafka`.
    pub operation: String,
    /// Why it failed, without secrets.
    pub cause: String,
    /// Whether the same call may succeed later.
    pub retry: bool,
}

/// The cause of [`SourceError::fenced`].
const FENCED: &str = "another process with the same application and instance has taken over";

impl SourceError {
    /// Another process has taken over; this one must stop (exit code 75).
    #[must_use]
    pub fn fenced(operation: String) -> Self {
        Self {
            operation,
            cause: FENCED.to_owned(),
            retry: false,
        }
    }

    /// Whether it is [`SourceError::fenced`].
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.cause == FENCED
    }
}

/// Where events come from. The contract is the module's page.
pub trait Source: Send {
    /// Waits at most `wait` for the next event.
    ///
    /// # Errors
    /// [`SourceError`]; with `retry` the source may be polled again.
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError>;

    /// Begins, or begins anew, at these offsets.
    ///
    /// # Errors
    /// When a partition is not assigned or an offset lies outside its log.
    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError>;

    /// Hands over nothing more of these partitions.
    ///
    /// # Errors
    /// When a partition is not assigned.
    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError>;

    /// Goes on with these partitions.
    ///
    /// # Errors
    /// When a partition is not assigned.
    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError>;

    /// The name positions carry: the topic, or the file.
    fn topic(&self) -> &str;
}
