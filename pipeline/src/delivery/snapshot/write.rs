//! A snapshot being written. The invariant: it is seen by nobody before [`SnapshotFile::finish`].

use std::io;
use std::io::Write;

use connectors::snapshots::{SnapshotError, SnapshotStore, SnapshotWriter};
use xxhash_rust::xxh3::Xxh3;

use super::{Kept, MAGIC, Manifest, Mark, Proof};
use crate::delivery::digest::Digest;

/// See the module.
pub struct SnapshotFile {
    to: Box<dyn SnapshotWriter>,
    manifest: Manifest,
    /// Bytes written.
    at: u64,
    hash: Xxh3,
}

impl std::fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotFile")
            .field("mark", &self.manifest.mark)
            .finish_non_exhaustive()
    }
}

impl SnapshotFile {
    /// Begins one; the manifest has no sections yet.
    ///
    /// # Errors
    /// Those of the store.
    pub fn create(store: &dyn SnapshotStore, manifest: Manifest) -> Result<Self, SnapshotError> {
        Ok(SnapshotFile {
            to: store.create(&manifest.mark.name())?,
            manifest,
            at: 0,
            hash: Xxh3::new(),
        })
    }

    /// The name it will have.
    #[must_use]
    pub fn name(&self) -> String {
        self.manifest.mark.name()
    }

    /// What the names of all snapshots of its journal begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        Mark::prefix(self.manifest.mark.partition)
    }

    /// More bytes of a section, the last ones if it has ended. Sections come one after the other.
    ///
    /// # Errors
    /// Those of the store.
    pub fn write(&mut self, section: &str, bytes: &[u8], ended: bool) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
        if ended {
            let sections = &mut self.manifest.sections;
            let at = sections.last().map_or(0, |last| last.at + last.length);
            sections.push(Kept {
                name: section.to_owned(),
                at,
                length: self.at - at,
                hash: Digest::of(self.hash.digest128()),
            });
            self.hash.reset();
        }
        Ok(())
    }

    /// Makes it durable and visible; says how it is proven, and how many bytes it has.
    ///
    /// # Errors
    /// Those of the store.
    pub fn finish(mut self) -> io::Result<(Proof, u64)> {
        let manifest = serde_json::to_vec(&self.manifest)?;
        let mut digest = Digest::default();
        digest.add(&manifest);
        self.to.write_all(&manifest)?;
        self.to.write_all(&(manifest.len() as u64).to_le_bytes())?;
        self.to.write_all(&digest.bytes())?;
        self.to.write_all(&MAGIC)?;
        self.to.finish().map_err(io::Error::other)?;
        let proof = Proof {
            sequence: self.manifest.mark.sequence,
            digest,
        };
        let bytes = self.at + (manifest.len() + super::TRAILER_BYTES) as u64;
        Ok((proof, bytes))
    }
}
