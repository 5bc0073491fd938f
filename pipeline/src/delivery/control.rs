//! The control record: one per commit, JSON, opaque to the commit log that keeps it.
//!
//! The invariant: `from` of a record is where the record before it ended, and `previous` the hash of its bytes, so the
//! records form a chain from the first offset the application ever read.

use serde::{Deserialize, Serialize};

use super::digest::{Digests, link};
use super::snapshot::Proof;
use crate::step::Positions;

/// The form of the record; a reader refuses any other.
pub const CONTROL_VERSION: u32 = 2;

/// What one commit wrote down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    /// [`CONTROL_VERSION`].
    pub v: u32,
    /// The application.
    pub app: String,
    /// Number of the commit, from 0.
    pub sequence: u64,
    /// [`link`] of the record before; empty for the first.
    pub previous: String,
    /// [`rules::evaluate::SEMANTICS`] of the program that decided.
    pub semantics: u32,
    /// The pack that decided.
    pub pack: String,
    /// Next offset of each partition before the commit.
    pub from: Positions,
    /// The step journal: next offset of each partition at each boundary; the last entry is where the commit ends.
    pub entries: Vec<Positions>,
    /// Decisions written.
    pub decisions: u64,
    /// Alerts written.
    pub alerts: u64,
    /// Dead letters written.
    pub dead_letters: u64,
    /// What they were.
    pub digests: Digests,
    /// A snapshot of an earlier commit that was written since the record before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Proof>,
}

#[derive(Deserialize)]
struct Form {
    v: u32,
}

/// A record as it was found, with what the next one calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The record.
    pub record: ControlRecord,
    /// [`link`] of its bytes.
    pub link: String,
}

/// A control record that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Not the JSON of a control record.
    #[error("read control record {index}: {source}")]
    Malformed {
        /// Which one, counted from the oldest that was read.
        index: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Written by a version of the program this one does not know.
    #[error(
        "read control record {index}: it has form {found}, this program reads form {CONTROL_VERSION}"
    )]
    Version {
        /// Which one, counted from the oldest that was read.
        index: usize,
        /// The form found.
        found: u32,
    },
    /// Another application's.
    #[error("read control record {index}: it belongs to application `{found}`, not `{wanted}`")]
    OtherApplication {
        /// Which one, counted from the oldest that was read.
        index: usize,
        /// Whose it is.
        found: String,
        /// Who asks.
        wanted: String,
    },
}

impl ControlRecord {
    /// Where the commit ended.
    #[must_use]
    pub fn to(&self) -> &[(u32, i64)] {
        self.entries.last().unwrap_or(&self.from)
    }

    /// The bytes to keep.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Strings, integers and vectors of them always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The number of the commit that a record is of; none where it cannot be understood.
    #[must_use]
    pub fn sequence_in(bytes: &[u8]) -> Option<u64> {
        let record: ControlRecord = serde_json::from_slice(bytes).ok()?;
        Some(record.sequence)
    }

    /// Reads the records of an application, oldest first.
    ///
    /// # Errors
    /// [`ControlError`] at the first that cannot be understood.
    pub fn decode_all(app: &str, records: &[Vec<u8>]) -> Result<Vec<Linked>, ControlError> {
        let decode = |(index, bytes): (usize, &Vec<u8>)| {
            let malformed = |source| ControlError::Malformed { index, source };
            // Of another form only this one member is sure to be there.
            let Form { v: found } = serde_json::from_slice(bytes).map_err(malformed)?;
            if found != CONTROL_VERSION {
                return Err(ControlError::Version { index, found });
            }
            let record: ControlRecord = serde_json::from_slice(bytes).map_err(malformed)?;
            if record.app != app {
                return Err(ControlError::OtherApplication {
                    index,
                    found: record.app,
                    wanted: app.to_owned(),
                });
            }
            Ok(Linked {
                record,
                link: link(bytes),
            })
        };
        records.iter().enumerate().map(decode).collect()
    }
}
