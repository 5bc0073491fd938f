//! A durable log in one directory, no server needed: topics of partitions, and a commit that takes outputs, control
//! record and offsets together.
//!
//! The one idea: everything lies in one embedded store ([`fjall`]), so one write batch of it is the transaction, and
//! its journal is what survives kill −9. The invariant: a record that a reader has seen is in the store, and its
//! offset never changes. Records lie in chunks (`chunk`) under `topic · partition · last offset`, so that the first
//! key at or after an offset is the chunk that holds it.
//!
//! One directory belongs to one application and to one process at a time ([`lock`]). Nothing is ever removed: there is
//! no retention yet, the directory grows with what is written.

mod chunk;
pub mod commit;
pub mod error;
mod layout;
pub mod lock;
pub mod sink;
pub mod source;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch as WriteBatch, PersistMode,
};

pub use commit::EmbeddedCommitLog;
pub use error::EmbeddedError;
pub use lock::DirectoryLock;
pub use sink::EmbeddedSink;
pub use source::EmbeddedSource;

use crate::record::{OutRecord, RawBatch, RawBatchBuilder, partition_of_key};
use chunk::{Chunk, ChunkWriter};
use error::failed;
use layout::{last_offset, record_key, recover, topic_key};

/// The time of appends, microseconds since the epoch; this crate reads no clock.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Most partitions of a topic.
pub const PARTITIONS_MAX: u32 = 1_024;
/// Bytes of the store's block cache.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of this process, kill −9 included.
    Process,
    /// A power cut too: the journal is synced with the disk at each commit.
    #[default]
    Power,
}

impl Durability {
    fn mode(self) -> PersistMode {
        match self {
            Self::Process => PersistMode::Buffer,
            Self::Power => PersistMode::SyncData,
        }
    }
}

/// How a log is opened.
#[derive(Clone)]
pub struct Options {
    /// The application the directory belongs to.
    pub application: String,
    /// What commits and appends survive.
    pub durability: Durability,
    /// The time of appends.
    pub clock: Clock,
}

/// The log; a clone is another handle on it. It is closed when the last handle is dropped.
#[derive(Clone)]
pub struct EmbeddedLog {
    inner: Arc<Inner>,
}

struct Inner {
    // Before the lock file, so that the store is closed when the next process gets the lock.
    db: Database,
    records: Keyspace,
    meta: Keyspace,
    control: Keyspace,
    offsets: Keyspace,
    state: Mutex<State>,
    grown: Condvar,
    clock: Clock,
    durability: Durability,
    _lock: DirectoryLock,
}

/// What the store says, kept at hand.
#[derive(Debug, Default)]
pub(crate) struct State {
    topics: BTreeMap<String, Topic>,
    /// Who may commit: the last to fence.
    epoch: u64,
    /// Number of the next control record.
    control_next: u64,
}

#[derive(Debug)]
struct Topic {
    id: u32,
    /// Next offset of each partition.
    ends: Vec<i64>,
}

/// Records by topic, in the order they were written.
pub(crate) type Outputs = Vec<(String, OutRecord)>;

impl EmbeddedLog {
    /// Opens the log in a directory, which is made when it is not there.
    ///
    /// # Errors
    /// When another process or another application has it, or it cannot be read.
    pub fn open(directory: &Path, options: Options) -> Result<Self, EmbeddedError> {
        let lock = DirectoryLock::take(directory, &options.application)?;
        let db = Database::builder(directory.join("store"))
            .worker_threads(1)
            .cache_size(CACHE_BYTES)
            .open();
        let db = db.map_err(failed("open the store"))?;
        let keyspace = |name| {
            db.keyspace(name, KeyspaceCreateOptions::default)
                .map_err(failed("open a keyspace"))
        };
        let (records, meta) = (keyspace("records")?, keyspace("meta")?);
        let (control, offsets) = (keyspace("control")?, keyspace("offsets")?);
        let state = recover(&records, &meta, &control)?;
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                records,
                meta,
                control,
                offsets,
                state: Mutex::new(state),
                grown: Condvar::new(),
                clock: options.clock,
                durability: options.durability,
                _lock: lock,
            }),
        })
    }

    /// Makes a topic of this many partitions; one that is there must have as many.
    ///
    /// # Errors
    /// When it has another number, or cannot be made.
    pub fn create_topic(&self, topic: &str, partitions: u32) -> Result<(), EmbeddedError> {
        let wrong = |cause: String| EmbeddedError::Topic {
            topic: topic.to_owned(),
            cause,
        };
        if partitions == 0 || partitions > PARTITIONS_MAX || topic.is_empty() || topic.len() > 249 {
            return Err(wrong(format!(
                "a name of 1 to 249 bytes and 1 to {PARTITIONS_MAX} partitions are needed"
            )));
        }
        let mut state = self.state();
        if let Some(found) = state.topics.get(topic) {
            if found.ends.len() == partitions as usize {
                return Ok(());
            }
            let found = found.ends.len();
            return Err(wrong(format!(
                "has {found} partitions, not {partitions}; keys would move"
            )));
        }
        let id =
            u32::try_from(state.topics.len()).map_err(|_| wrong("too many topics".to_owned()))?;
        let mut value = id.to_be_bytes().to_vec();
        value.extend(partitions.to_be_bytes());
        let mut batch = self.batch();
        batch.insert(&self.inner.meta, topic_key(topic), value);
        batch.commit().map_err(failed("make a topic"))?;
        state.topics.insert(
            topic.to_owned(),
            Topic {
                id,
                ends: vec![0; partitions as usize],
            },
        );
        Ok(())
    }

    /// How many partitions a topic has; `None` when it is not there.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Option<u32> {
        self.state()
            .topics
            .get(topic)
            .and_then(|topic| u32::try_from(topic.ends.len()).ok())
    }

    /// The topics there are, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        self.state().topics.keys().cloned().collect()
    }

    /// The offset the next record of a partition gets; `None` when there is no such partition.
    #[must_use]
    pub fn end(&self, topic: &str, partition: u32) -> Option<i64> {
        self.state()
            .topics
            .get(topic)
            .and_then(|topic| topic.ends.get(partition as usize).copied())
    }

    /// Appends records to a topic, all or none: equal keys into one partition ([`partition_of_key`]), those without
    /// key into the first. They survive this process at once, and a power cut from the next commit or
    /// [`EmbeddedLog::sync`] on.
    ///
    /// # Errors
    /// When there is no such topic or the store fails.
    pub fn append(&self, topic: &str, records: &[OutRecord]) -> Result<(), EmbeddedError> {
        let outputs = records.iter().map(|record| (topic, record));
        let mut state = self.state();
        let mut batch = self.inner.db.batch().durability(Some(PersistMode::Buffer));
        let ends = self.stage(&state, &mut batch, outputs)?;
        batch.commit().map_err(failed("append"))?;
        self.publish(&mut state, ends);
        Ok(())
    }

    /// Makes all that was appended survive what [`Options::durability`] says.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sync(&self) -> Result<(), EmbeddedError> {
        self.inner
            .db
            .persist(self.inner.durability.mode())
            .map_err(failed("sync"))
    }

    /// Records of a partition from an offset on: at most `records`, and no more after `bytes` of them.
    ///
    /// # Errors
    /// When there is no such partition, or the store fails or is damaged.
    pub fn read(
        &self,
        topic: &str,
        partition: u32,
        offset: i64,
        records: usize,
        bytes: usize,
    ) -> Result<RawBatch, EmbeddedError> {
        let state = self.state();
        let found = state
            .topics
            .get(topic)
            .and_then(|found| Some((found.id, *found.ends.get(partition as usize)?)));
        drop(state);
        let (id, end) = found.ok_or_else(|| EmbeddedError::Topic {
            topic: topic.to_owned(),
            cause: format!("has no partition {partition}"),
        })?;
        let mut batch = RawBatchBuilder::new(partition);
        let range = record_key(id, partition, offset.max(0))..=record_key(id, partition, i64::MAX);
        for entry in self.inner.records.range(range) {
            if batch.len() >= records || batch.bytes() >= bytes {
                break;
            }
            let (key, value) = entry.into_inner().map_err(failed("read records"))?;
            let damaged = |cause: String| EmbeddedError::Damaged {
                operation: format!("read {topic}, partition {partition}, from offset {offset}"),
                cause,
            };
            let last =
                last_offset(&key).ok_or_else(|| damaged("a key of the wrong length".to_owned()))?;
            if last >= end {
                break;
            }
            let chunk = Chunk::parse(&value, last).map_err(damaged)?;
            chunk
                .push_into(&mut batch, offset, records)
                .map_err(damaged)?;
        }
        Ok(batch.finish())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic between staging and publishing leaves the state as it was, which is what the store says too.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self) -> WriteBatch {
        self.inner
            .db
            .batch()
            .durability(Some(self.inner.durability.mode()))
    }

    /// Puts records into a write batch and returns what the ends will be.
    fn stage<'a>(
        &self,
        state: &State,
        batch: &mut WriteBatch,
        outputs: impl Iterator<Item = (&'a str, &'a OutRecord)>,
    ) -> Result<Vec<(String, u32, i64)>, EmbeddedError> {
        let append_time = (self.inner.clock)();
        let mut writers: BTreeMap<(&str, u32), (u32, ChunkWriter)> = BTreeMap::new();
        for (name, record) in outputs {
            let missing = || EmbeddedError::Topic {
                topic: name.to_owned(),
                cause: "is not there".to_owned(),
            };
            let topic = state.topics.get(name).ok_or_else(missing)?;
            let count = u32::try_from(topic.ends.len()).unwrap_or(u32::MAX);
            let partition = record
                .key
                .as_deref()
                .map_or(0, |key| partition_of_key(key, count));
            let end = topic
                .ends
                .get(partition as usize)
                .copied()
                .ok_or_else(missing)?;
            let (id, writer) = writers
                .entry((name, partition))
                .or_insert_with(|| (topic.id, ChunkWriter::new(end, append_time)));
            if let Some((last, value)) = writer.push(record) {
                batch.insert(&self.inner.records, record_key(*id, partition, last), value);
            }
        }
        let mut ends = Vec::new();
        for ((name, partition), (id, writer)) in writers {
            let (end, rest) = writer.finish();
            if let Some(value) = rest {
                batch.insert(
                    &self.inner.records,
                    record_key(id, partition, end - 1),
                    value,
                );
            }
            ends.push((name.to_owned(), partition, end));
        }
        Ok(ends)
    }

    /// Makes committed records visible to sources.
    fn publish(&self, state: &mut State, ends: Vec<(String, u32, i64)>) {
        for (name, partition, end) in ends {
            let place = state
                .topics
                .get_mut(&name)
                .and_then(|topic| topic.ends.get_mut(partition as usize));
            if let Some(place) = place {
                *place = end;
            }
        }
        self.inner.grown.notify_all();
    }

    /// Waits until something was appended, at most this long.
    fn wait(&self, wait: Duration, ready: impl Fn(&State) -> bool) {
        let state = self.state();
        let waited = self
            .inner
            .grown
            .wait_timeout_while(state, wait, |state| !ready(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn end(&self, topic: &str, partition: u32) -> i64 {
        self.topics
            .get(topic)
            .and_then(|topic| topic.ends.get(partition as usize).copied())
            .unwrap_or_default()
    }
}
