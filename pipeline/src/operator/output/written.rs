//! How much was written, and what it was: what a commit says of itself, and what a refold is compared with.
//!
//! The invariant: parts add up, whatever they are parts of.

use std::fmt;

use crate::delivery::digest::Digests;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Decisions, one per event.
    pub decisions: u64,
    /// Alerts.
    pub alerts: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// What they were, where that is told.
    pub digests: Digests,
}

impl Written {
    /// Adds what was written behind it.
    pub fn join(&mut self, other: &Written) {
        self.decisions += other.decisions;
        self.alerts += other.alerts;
        self.dead_letters += other.dead_letters;
        self.digests.join(&other.digests);
    }

    /// Whether the same events gave the same again, as far as what was written is told.
    #[must_use]
    pub fn is_same_as(&self, found: &Written) -> bool {
        let mut found = *found;
        if self.digests.alerts.is_none() {
            found.digests.alerts = None;
        }
        *self == found
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written {
            decisions,
            alerts,
            dead_letters,
            digests,
        } = self;
        write!(
            f,
            "{decisions} decisions ({}), {alerts} alerts",
            digests.decisions
        )?;
        if let Some(told) = digests.alerts {
            write!(f, " ({told})")?;
        }
        write!(
            f,
            " and {dead_letters} dead letters ({})",
            digests.dead_letters
        )
    }
}
