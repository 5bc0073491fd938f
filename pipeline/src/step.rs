//! The step journal: how the partitions were merged, written down in as few words as will do.
//!
//! The idea: the merge takes the full merge of all rows between two boundaries ([`crate::operator::merge`]), so an
//! entry is no more than the end offset of every partition at a boundary. A run that reads four partitions from disk
//! has one entry per commit. The invariant: entries ascend in every partition.

use crate::operator::merge::Merged;

/// Next offset of every partition, ascending by partition.
pub type Positions = Vec<(u32, i64)>;

/// The entries since the last commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    closed: Vec<Positions>,
    open: Option<Positions>,
}

impl Journal {
    /// Notes a step.
    pub fn record(&mut self, step: &Merged) {
        if step.boundary {
            self.closed.extend(self.open.take());
        }
        self.open = Some(step.positions.clone());
    }

    /// Whether no step was noted since the last commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.is_none()
    }

    /// All entries; the journal is empty afterwards.
    pub fn close(&mut self) -> Vec<Positions> {
        let mut entries = std::mem::take(&mut self.closed);
        entries.extend(self.open.take());
        entries
    }
}
