//! Snapshots: the state after a commit, kept aside, so that a restart need not fold the log from its beginning.
//!
//! ```text
//! sections, one behind the other | manifest, JSON | length of the manifest | its hash | `tollgate`
//! ```
//!
//! The idea: a snapshot is a cache and never the truth. Its [`Manifest`] names the commit it is of by the hash of its
//! control record, and has the hash of every section; the hash of the manifest is written into a later control record
//! ([`Proof`]). So whoever finds one can tell from the chain of commits alone whether it is what it says
//! ([`super::recovery::History::proves`]), and if anything is wrong with it there is an older one, and the log. A thread
//! writes it ([`keeper`]); the worker gives it a piece of the frozen engine at a time.
//!
//! The invariant: a snapshot is written only after its commit; it is there whole or not at all; no mark anywhere says
//! that things are well.

pub mod keeper;
pub mod read;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::step::Positions;

pub use write::SnapshotFile;

/// The form of the manifest; a reader refuses any other.
pub const SNAPSHOT_VERSION: u32 = 1;

/// How many are kept.
pub const KEPT: usize = 3;

/// What a snapshot ends with.
const MAGIC: [u8; 8] = *b"tollgate";

/// Bytes behind the manifest: its length, its hash, [`MAGIC`].
const TRAILER_BYTES: usize = 8 + 16 + 8;

/// The commit that a snapshot is the state after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Its number.
    pub sequence: u64,
    /// What the next control record calls it.
    pub link: String,
    /// Where it ended.
    pub positions: Positions,
    /// The partition it is of, where each has a journal of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
}

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SNAPSHOT_VERSION`].
    pub v: u32,
    /// The application.
    pub app: String,
    /// [`rules::evaluate::SEMANTICS`] of the program that wrote it.
    pub semantics: u32,
    /// The pack it ran.
    pub pack: String,
    /// The commit.
    pub mark: Mark,
    /// In the order they lie.
    pub sections: Vec<Kept>,
}

/// A section of the engine as it lies in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub at: u64,
    /// Bytes of it.
    pub length: u64,
    /// Of all of them.
    pub hash: Digest,
}

/// What a control record says of a snapshot that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The number of the commit it is of.
    pub sequence: u64,
    /// Of its manifest.
    pub digest: Digest,
}

impl Mark {
    /// The name of the snapshot of a commit: they sort as their commits do, and another process that made another
    /// commit of this number has another one.
    #[must_use]
    pub fn name(&self) -> String {
        let link = self.link.get(..16).unwrap_or(&self.link);
        let prefix = Mark::prefix(self.partition);
        format!("{prefix}{:020}-{link}", self.sequence)
    }

    /// The number of the commit in a name.
    #[must_use]
    pub fn sequence_in(name: &str, prefix: &str) -> Option<u64> {
        name.strip_prefix(prefix)?.get(..20)?.parse().ok()
    }

    /// What the names of all snapshots of a journal begin with.
    #[must_use]
    pub fn prefix(partition: Option<u32>) -> String {
        partition.map_or_else(String::new, |partition| format!("p{partition:06}-"))
    }

    /// Whether a name is that of a snapshot of the journal with this [`Mark::prefix`].
    #[must_use]
    pub fn has_prefix(name: &str, prefix: &str) -> bool {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.starts_with('p'))
    }
}
