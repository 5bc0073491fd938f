//! A snapshot found in a store: opened, looked over, restored from.
//!
//! The invariant: an engine comes out only when every byte it was made from has the hash the manifest says, and the
//! manifest that of the trailer. Whatever else the bytes are, they are refused.

use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use connectors::snapshots::{SnapshotError, SnapshotReader, SnapshotStore, section};
use rules::evaluate::Engine;
use rules::evaluate::snapshot::{Restore, RestoreError, Section};
use rules::ruleset::RuleSet;
use xxhash_rust::xxh3::Xxh3;

use super::{Kept, MAGIC, Manifest, Proof, SNAPSHOT_VERSION, TRAILER_BYTES};
use crate::delivery::digest::Digest;

/// More than a manifest ever has: what says more is damaged.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// Why a snapshot is of no use. There are others, and the log.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] SnapshotError),
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is of something else.
    #[error("it is of {found}, not of {wanted}")]
    Other {
        /// What it says it is of.
        found: String,
        /// What is wanted.
        wanted: String,
    },
    /// The chain of commits does not bear it out.
    #[error("{0}")]
    Unproven(String),
    /// The engine refuses it.
    #[error(transparent)]
    Refused(#[from] RestoreError),
}

/// A snapshot whose manifest is sound.
pub struct Found {
    /// What it says of itself.
    pub manifest: Manifest,
    /// How a control record would name it.
    pub proof: Proof,
    reader: Box<dyn SnapshotReader>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, Unusable> {
    Err(Unusable::Damaged(what.into()))
}

impl Found {
    /// Opens a snapshot and reads its manifest.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn open(store: &dyn SnapshotStore, name: &str, app: &str) -> Result<Found, Unusable> {
        let reader = store.open(name)?;
        let (manifest, digest) = manifest(reader.as_ref())?;
        if manifest.app != app {
            return Err(Unusable::Other {
                found: format!("application `{}`", manifest.app),
                wanted: format!("`{app}`"),
            });
        }
        if manifest.mark.name() != name {
            return damaged("it has the name of another one");
        }
        let proof = Proof {
            sequence: manifest.mark.sequence,
            digest,
        };
        Ok(Found {
            manifest,
            proof,
            reader,
        })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.reader.length()
    }

    /// Makes an engine of it, sections side by side by so many threads.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn restore(&self, rules: Arc<RuleSet>, hands: usize) -> Result<Engine, Unusable> {
        let head = self.kept(Section::Head)?;
        let mut bytes = Vec::new();
        self.checked(head, |from| from.read_to_end(&mut bytes).map(|_| ()))?;
        let mut restore = Restore::new(rules, &self.manifest.app, &bytes)?;
        let sections = restore.sections();
        let (next, read) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || -> Result<(), Unusable> {
            while let Some(section) = sections.get(next.fetch_add(1, Ordering::Relaxed)) {
                let kept = self.kept(*section)?;
                let part = self.checked(kept, |from| restore.read(*section, from, kept.length))?;
                read.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(part);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (1..hands).map(|_| scope.spawn(work)).collect();
            let mine = work();
            let mut others = threads.into_iter().map(|thread| thread.join());
            mine.and(
                others.try_for_each(|ended| ended.unwrap_or_else(|_| damaged("reading it broke"))),
            )
        })?;
        let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
        read.into_iter().for_each(|part| restore.put(part));
        Ok(restore.finish()?)
    }

    fn kept(&self, section: Section) -> Result<&Kept, Unusable> {
        let name = section.to_string();
        let kept = self.manifest.sections.iter().find(|kept| kept.name == name);
        kept.map_or_else(|| damaged(format!("it has no section `{name}`")), Ok)
    }

    /// Reads a section; what comes of it counts only if all of it was read and has its hash.
    fn checked<T, E: Into<Unusable>>(
        &self,
        kept: &Kept,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, Unusable> {
        let hashed = Hashed {
            from: section(self.reader.as_ref(), kept.at, kept.length),
            hash: Xxh3::new(),
        };
        let mut from = BufReader::with_capacity(READ_BYTES, hashed);
        let read = read(&mut from);
        // Damage shows first in what the engine makes of it, and is named by what caused it.
        let all = io::copy(&mut from, &mut io::sink());
        let hash = Digest::of(from.get_ref().hash.digest128());
        if all.is_ok() && hash != kept.hash {
            return damaged(format!("the section `{}` has another hash", kept.name));
        }
        read.map_err(Into::into)
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Unusable {
        Unusable::Damaged(error.to_string())
    }
}

/// Hashes what is read through it.
struct Hashed<R> {
    from: R,
    hash: Xxh3,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// The manifest, and its hash.
fn manifest(reader: &dyn SnapshotReader) -> Result<(Manifest, Digest), Unusable> {
    let mut trailer = [0; TRAILER_BYTES];
    let Some(end) = reader.length().checked_sub(TRAILER_BYTES as u64) else {
        return damaged("it is too short");
    };
    reader.read_at(end, &mut trailer)?;
    let (length, rest) = trailer.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let (hash, magic) = rest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    let length = u64::from_le_bytes(*length);
    let begin = end.checked_sub(length);
    let begin = begin.filter(|_| magic == MAGIC && length <= MANIFEST_BYTES_MAX);
    let Some(begin) = begin else {
        return damaged("it does not end as it should");
    };
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    reader.read_at(begin, &mut bytes)?;
    let mut digest = Digest::default();
    digest.add(&bytes);
    if digest.bytes() != *hash {
        return damaged("the manifest has another hash");
    }
    let manifest: Manifest = match serde_json::from_slice(&bytes) {
        Ok(manifest) => manifest,
        Err(error) => return damaged(format!("the manifest is none: {error}")),
    };
    if manifest.v != SNAPSHOT_VERSION {
        return Err(Unusable::Other {
            found: format!("form {}", manifest.v),
            wanted: format!("form {SNAPSHOT_VERSION}"),
        });
    }
    let mut at = 0;
    for kept in &manifest.sections {
        if kept.at != at || kept.length > begin - at {
            return damaged("its sections do not lie one behind the other");
        }
        at += kept.length;
    }
    if at != begin {
        return damaged("something lies between its sections and its manifest");
    }
    Ok((manifest, digest))
}
