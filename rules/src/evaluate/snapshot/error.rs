//! Why a snapshot is not taken.

use super::Section;
use crate::snapshot::Fault;

/// Why an engine cannot be restored from a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The head does not begin as one does.
    #[error("this is no snapshot")]
    NoSnapshot,
    /// It is laid out otherwise.
    #[error("the snapshot is of format {found}, and this is {known}")]
    Format {
        /// Its format.
        found: u64,
        /// [`super::FORMAT`].
        known: u32,
    },
    /// State or decisions meant something else.
    #[error("the snapshot is of an engine of semantics {found}, and this is {known}")]
    Semantics {
        /// Its semantics.
        found: u64,
        /// [`super::SEMANTICS`].
        known: u32,
    },
    /// It is another application's.
    #[error("the snapshot is of the application `{found}`, and this is `{wanted}`")]
    Application {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The pack keeps other state.
    #[error(
        "the snapshot is of the pack {found}, whose features, keys, limits or times are not those of {wanted}"
    )]
    State {
        /// Version of the pack it was saved with.
        found: String,
        /// Version of the pack at hand.
        wanted: String,
    },
    /// A section is not what was saved.
    #[error("restore the section `{section}`: {fault}")]
    Section {
        /// Which.
        section: Section,
        /// What is wrong with it.
        #[source]
        fault: Fault,
    },
    /// A section was not given.
    #[error("the section `{0}` is missing")]
    Missing(Section),
}

impl RestoreError {
    pub(super) fn section(section: Section, fault: Fault) -> RestoreError {
        RestoreError::Section { section, fault }
    }
}
