//! What can go wrong with the embedded log.

use std::path::PathBuf;

/// Why the log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process has it open.
    #[error("{} is in use by {holder}", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// What the other process wrote into its lock file.
        holder: String,
    },
    /// It belongs to another application.
    #[error("{} belongs to the application {found:?}, not to {wanted:?}", directory.display())]
    OtherApplication {
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        found: String,
        /// Who asked.
        wanted: String,
    },
    /// A file operation failed.
    #[error("{operation}: {source}")]
    File {
        /// What was attempted.
        operation: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The store failed.
    #[error("{operation}: {source}")]
    Store {
        /// What was attempted.
        operation: &'static str,
        /// Why it failed.
        source: Box<fjall::Error>,
    },
    /// What the store holds is not what this program writes.
    #[error("{operation}: {cause}")]
    Damaged {
        /// What was attempted.
        operation: String,
        /// What was found.
        cause: String,
    },
    /// A topic that is not there, or has another number of partitions.
    #[error("topic {topic}: {cause}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong.
        cause: String,
    },
}

pub(super) fn failed(operation: &'static str) -> impl FnOnce(fjall::Error) -> EmbeddedError {
    move |source| EmbeddedError::Store {
        operation,
        source: Box::new(source),
    }
}
