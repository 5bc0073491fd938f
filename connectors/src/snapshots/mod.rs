//! Where snapshots are kept: immutable blobs with a name, in a directory or in a bucket.
//!
//! The one idea: a snapshot is there whole or not at all, so there is no half-written one to recognise. A store
//! 1. lists by [`SnapshotStore::list`] the names of what is complete, in ascending order; it lists nothing else;
//! 2. takes a new one by [`SnapshotStore::create`]: bytes in order, visible from [`SnapshotWriter::finish`] on. A writer
//!    that is dropped without it leaves nothing to be seen, and nothing behind as far as the store can help it;
//! 3. replaces whole what already has the name: a reader opened before goes on with the bytes it began with or gets an
//!    error, and never sees bytes of both. (A process that died after `finish` may write the same again.)
//! 4. reads by ranges, from several threads at once ([`SnapshotReader::read_at`]);
//! 5. forgets by [`SnapshotStore::remove`]; removing what is not there is fine.
//!
//! When `finish` fails, the snapshot is whole or not there, and only [`SnapshotStore::list`] can tell: the answer of a
//! store may be lost on its way. After a write that failed, `finish` refuses. Names are the caller's; what a name may be
//! is [`is_name`]. What the bytes mean, and whether they are intact, is the caller's to know: a checksum belongs inside.
//!
//! Modules in reading order: what can go wrong ([`error`]), a range of a snapshot as a stream ([`section()`]), and the
//! stores: [`directory`], over the calls of a [`disk`], and [`object`]. The suite that both pass is [`crate::conformance::snapshots`].

mod disk;
mod error;
mod section;

pub mod directory;
pub mod object;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod planted_tests;
#[cfg(test)]
mod power_tests;
#[cfg(test)]
mod tests;

use std::io::Write;

pub use directory::{DirectorySnapshots, SnapshotPoint};
pub use error::SnapshotError;
pub use object::{ObjectSnapshots, Patience};
pub use section::{Section, section};

/// What the files and objects of complete snapshots end with, so that nothing else is taken for one.
const SUFFIX: &str = ".snapshot";

/// Longest name: with any suffix still a file name everywhere.
const NAME_BYTES_MAX: usize = 200;

/// Whether it can be the name of a snapshot: 1 to 200 of `a` to `z`, `0` to `9` and `-`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(fine)
}

/// A place for snapshots. The contract is the module's page.
pub trait SnapshotStore: Send + Sync {
    /// Names of all complete snapshots, ascending.
    ///
    /// # Errors
    /// [`SnapshotError`] when the store cannot be asked.
    fn list(&self) -> Result<Vec<String>, SnapshotError>;

    /// Begins a snapshot; nothing of it is seen before [`SnapshotWriter::finish`].
    ///
    /// # Errors
    /// [`SnapshotError`] when the name is none or nothing can be written.
    fn create(&self, name: &str) -> Result<Box<dyn SnapshotWriter>, SnapshotError>;

    /// Opens a complete snapshot.
    ///
    /// # Errors
    /// [`SnapshotError::Missing`] when there is none of this name, others when the store cannot be asked.
    fn open(&self, name: &str) -> Result<Box<dyn SnapshotReader>, SnapshotError>;

    /// Forgets a snapshot, if there is one of this name.
    ///
    /// # Errors
    /// [`SnapshotError`] when the store cannot be asked.
    fn remove(&self, name: &str) -> Result<(), SnapshotError>;
}

/// Takes the bytes of a snapshot, in order. An [`std::io::Error`] of a write holds a [`SnapshotError`].
pub trait SnapshotWriter: Write + Send {
    /// Makes it durable and visible.
    ///
    /// # Errors
    /// [`SnapshotError`]; then it is whole or not there.
    fn finish(self: Box<Self>) -> Result<(), SnapshotError>;
}

/// Reads a snapshot; several threads may do so at once.
pub trait SnapshotReader: Send + Sync {
    /// How many bytes it has.
    fn length(&self) -> u64;

    /// Fills `into` with the bytes from `at` on.
    ///
    /// # Errors
    /// [`SnapshotError::Beyond`] when it has fewer, others when it cannot be read.
    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), SnapshotError>;
}

/// Refuses what is no name.
fn named(name: &str) -> Result<&str, SnapshotError> {
    if is_name(name) {
        return Ok(name);
    }
    Err(SnapshotError::Name {
        name: name.chars().take(NAME_BYTES_MAX).collect(),
    })
}

/// The name of the snapshot in a file or object of this name, if it is one.
fn name_in(file: &str) -> Option<&str> {
    file.strip_suffix(SUFFIX).filter(|name| is_name(name))
}

/// Refuses a range that is not all in a snapshot of `length` bytes.
fn within(object: &str, at: u64, bytes: usize, length: u64) -> Result<(), SnapshotError> {
    let end = u64::try_from(bytes)
        .ok()
        .and_then(|bytes| at.checked_add(bytes));
    if end.is_some_and(|end| end <= length) {
        return Ok(());
    }
    Err(SnapshotError::Beyond {
        operation: format!("read {object}"),
        at,
        bytes,
        length,
    })
}
