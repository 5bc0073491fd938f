//! What can go wrong with a store of snapshots.
//!
//! The invariant: a message names what was attempted and the file, object or address it was attempted on, and no
//! message holds a credential.

use std::io;
use std::time::Duration;

/// Why a snapshot cannot be listed, written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The name is none.
    #[error("{name:?} is no name of a snapshot: 1 to 200 of a to z, 0 to 9 and - are")]
    Name {
        /// What was given, cut if it is long.
        name: String,
    },
    /// The address of the store, or an option of it, cannot be used; whoever configured it has to change it.
    #[error("snapshots in {url}: {cause}")]
    Location {
        /// The address as given.
        url: String,
        /// What is wrong with it or its options.
        cause: String,
    },
    /// There is no such snapshot.
    #[error("{operation}: there is no such snapshot")]
    Missing {
        /// What was attempted.
        operation: String,
    },
    /// The range is not all in the snapshot.
    #[error("{operation}: {bytes} bytes from {at} on are beyond its {length}")]
    Beyond {
        /// What was attempted.
        operation: String,
        /// First byte asked for.
        at: u64,
        /// How many were asked for.
        bytes: usize,
        /// How many the snapshot has.
        length: u64,
    },
    /// It has more bytes than the store takes as one object.
    #[error("{operation}: more than the {most} bytes that fit into one object")]
    TooLong {
        /// What was attempted.
        operation: String,
        /// How many fit.
        most: u64,
    },
    /// An earlier write failed, so some bytes are missing.
    #[error("{operation}: an earlier write failed")]
    Broken {
        /// What was attempted.
        operation: String,
    },
    /// A file operation failed.
    #[error("{operation}: {source}")]
    File {
        /// What was attempted.
        operation: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The object store refused, or could not be reached often enough.
    #[error("{operation}: {source}")]
    Object {
        /// What was attempted.
        operation: String,
        /// Why it failed.
        source: Box<object_store::Error>,
    },
    /// The object store gave something else than was asked for.
    #[error("{operation}: {cause}")]
    Answer {
        /// What was attempted.
        operation: String,
        /// What came.
        cause: String,
    },
    /// The object store took too long.
    #[error("{operation}: not done within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was attempted.
        operation: String,
        /// How long it was waited.
        after: Duration,
    },
}

impl SnapshotError {
    /// Whether the same may succeed later without anybody changing what was asked: a disk may get room again, a
    /// store may answer again. After a failed write that means a new snapshot from the start.
    #[must_use]
    pub fn retry_can_help(&self) -> bool {
        use object_store::Error;
        match self {
            Self::File { .. }
            | Self::TimedOut { .. }
            | Self::Answer { .. }
            | Self::Broken { .. } => true,
            Self::Object { source, .. } => match &**source {
                Error::JoinError { .. } => true,
                generic @ Error::Generic { .. } => !refused_for_good(&generic.to_string()),
                _ => false,
            },
            Self::Name { .. }
            | Self::Location { .. }
            | Self::Missing { .. }
            | Self::Beyond { .. }
            | Self::TooLong { .. } => false,
        }
    }
}

/// Whether a server said what is wrong with the request (4xx). The client keeps the status to itself and shows it in
/// its text only; a test holds that it still does. Those that mean "later" it has repeated, and they count as that.
fn refused_for_good(text: &str) -> bool {
    let status = text.split("status code: ").nth(1).unwrap_or_default();
    status.starts_with('4') && !status.starts_with("408") && !status.starts_with("429")
}

impl From<SnapshotError> for io::Error {
    /// Of the kind of the file operation that failed, for callers of [`io::Write`] and [`io::Read`].
    fn from(error: SnapshotError) -> Self {
        let kind = match &error {
            SnapshotError::File { source, .. } => source.kind(),
            SnapshotError::Missing { .. } => io::ErrorKind::NotFound,
            SnapshotError::Beyond { .. } => io::ErrorKind::UnexpectedEof,
            SnapshotError::TimedOut { .. } => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
