//! What travels: records with their place in a log, and batches of them in Arrow arrays.
//!
//! The invariant: within a batch all records are of one partition and offsets ascend (with gaps where a log has them).

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, RecordBatch};

/// Headers of one record, in order; a name may come twice and need not be UTF-8.
pub type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// The append time of a record that has none.
pub const NO_APPEND_TIME: i64 = i64::MIN;

/// Undecoded records of one partition.
#[derive(Clone, Debug)]
pub struct RawBatch {
    /// The partition.
    pub partition: u32,
    /// One offset per record, ascending.
    pub offsets: Vec<i64>,
    /// When the log took each record, microseconds since the epoch, or [`NO_APPEND_TIME`].
    pub append_times: Vec<i64>,
    /// Keys; null where a record has none.
    pub keys: BinaryArray,
    /// Values; null where a record has none (a tombstone).
    pub values: BinaryArray,
    /// One entry per record, or empty when no record of the batch has headers.
    pub headers: Vec<Arc<Headers>>,
}

impl RawBatch {
    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Bytes of all values, keys aside: what queues are bounded by.
    #[must_use]
    pub fn value_bytes(&self) -> usize {
        let offsets = self.values.value_offsets();
        let end = offsets.last().copied().unwrap_or_default();
        let start = offsets.first().copied().unwrap_or_default();
        usize::try_from(end - start).unwrap_or_default() + self.values.len()
    }
}

/// Records that a source already holds as columns (Parquet): row `i` has offset `first_offset + i`.
#[derive(Clone, Debug)]
pub struct ColumnBatch {
    /// The partition.
    pub partition: u32,
    /// Offset of row 0.
    pub first_offset: i64,
    /// The columns as the file has them.
    pub rows: RecordBatch,
}

/// What a source hands over.
#[derive(Clone, Debug)]
pub enum Batch {
    /// To be decoded by a format.
    Raw(RawBatch),
    /// To be cast to the wanted columns.
    Columns(ColumnBatch),
}

/// A record to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutRecord {
    /// Partitioning key; a keyed log puts equal keys into one partition.
    pub key: Option<Vec<u8>>,
    /// The bytes; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers, in order.
    pub headers: Headers,
}
