//! A log in memory, for tests: topics of partitions of records, a source, a sink and an atomic commit log over them,
//! and faults by seed.
//!
//! The one idea: what a network does to a program (errors that pass, uneven partitions, batches of any size, "caught
//! up" said too often, a commit whose answer is lost) comes from a [`Faults`] plan whose seed replays it. The
//! invariant: no fault ever loses, repeats or reorders a record of the log itself; that is what the engine above has
//! to show of its outputs. Look next at [`source`], [`sink`] and [`commit`].

pub mod commit;
pub mod faults;
pub mod sink;
pub mod source;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use commit::MemoryCommitLog;
pub use faults::{CommitFault, Faults};
pub use sink::MemorySink;
pub use source::MemorySource;

use crate::record::OutRecord;

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Key, value and headers.
    pub record: OutRecord,
    /// When the log took it, microseconds since the epoch, or [`crate::record::NO_APPEND_TIME`].
    pub append_time: i64,
}

/// What the log holds, behind one lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) topics: BTreeMap<String, Vec<Vec<Stored>>>,
    pub(crate) groups: BTreeMap<String, Group>,
}

/// What the log keeps of one application.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) epoch: u64,
    pub(crate) offsets: BTreeMap<u32, i64>,
    /// By journal.
    pub(crate) control: BTreeMap<u32, Vec<Vec<u8>>>,
}

/// The log; a clone is another handle on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    inner: Arc<Mutex<Inner>>,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a topic of this many partitions (at least one); one that is there is left as it is.
    pub fn create_topic(&self, topic: &str, partitions: u32) {
        let count = partitions.max(1) as usize;
        self.lock()
            .topics
            .entry(topic.to_owned())
            .or_insert_with(|| vec![Vec::new(); count]);
    }

    /// Appends to one partition and returns the record's offset; a topic or partition that is not there is made.
    pub fn append(&self, topic: &str, partition: u32, record: OutRecord, append_time: i64) -> i64 {
        self.lock().append(
            topic,
            partition,
            Stored {
                record,
                append_time,
            },
        )
    }

    /// The records of a partition from an offset on.
    #[must_use]
    pub fn read(&self, topic: &str, partition: u32, offset: i64) -> Vec<Stored> {
        let inner = self.lock();
        let records = inner
            .topics
            .get(topic)
            .and_then(|partitions| partitions.get(partition as usize));
        let from = usize::try_from(offset).unwrap_or_default();
        records
            .map(|records| records.iter().skip(from).cloned().collect())
            .unwrap_or_default()
    }

    /// How many partitions a topic has; 0 when it is not there.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> u32 {
        u32::try_from(self.lock().topics.get(topic).map_or(0, Vec::len)).unwrap_or(u32::MAX)
    }

    /// A test that panicked while it held the lock has failed already; what it left is still readable.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(crate) fn append(&mut self, topic: &str, partition: u32, stored: Stored) -> i64 {
        let partitions = self.topics.entry(topic.to_owned()).or_default();
        let at = partition as usize;
        if partitions.len() <= at {
            partitions.resize_with(at + 1, Vec::new);
        }
        let Some(records) = partitions.get_mut(at) else {
            return 0;
        };
        records.push(stored);
        i64::try_from(records.len()).unwrap_or(i64::MAX) - 1
    }

    /// Where a keyed log puts a record: equal keys together, records without key in partition 0.
    pub(crate) fn partition_of(&self, topic: &str, key: Option<&[u8]>) -> u32 {
        let count = self
            .topics
            .get(topic)
            .map_or(1, |partitions| partitions.len().max(1));
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        key.map_or(0, |key| crate::record::partition_of_key(key, count))
    }
}
