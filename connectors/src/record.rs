//! What travels: records with their place in a log, and batches of them in Arrow arrays.
//!
//! The invariant: within a batch all records are of one partition and offsets ascend (with gaps where a log has them).

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, BinaryBuilder, RecordBatch};

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

/// How large batches are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    records: usize,
    key_bytes: usize,
    value_bytes: usize,
}

impl Room {
    /// What batches take after this one: a large one is remembered for a few, so that a small one between two large
    /// ones costs nothing.
    #[must_use]
    pub fn after(self, batch: &RawBatchBuilder) -> Room {
        let likely = |before: usize, now: usize| (before - before / 4).max(now + now / 16);
        Room {
            records: likely(self.records, batch.offsets.len()),
            key_bytes: likely(self.key_bytes, batch.keys.values_slice().len()),
            value_bytes: likely(self.value_bytes, batch.values.values_slice().len()),
        }
    }
}

/// Gathers records of one partition into a [`RawBatch`].
#[derive(Debug)]
pub struct RawBatchBuilder {
    partition: u32,
    offsets: Vec<i64>,
    append_times: Vec<i64>,
    keys: BinaryBuilder,
    values: BinaryBuilder,
    headers: Vec<Arc<Headers>>,
    bytes: usize,
}

impl RawBatchBuilder {
    /// An empty batch of a partition.
    #[must_use]
    pub fn new(partition: u32) -> Self {
        Self::with_room(partition, Room::default())
    }

    /// The same with room for what is likely to come, so that it is not moved again and again while it grows.
    #[must_use]
    pub fn with_room(partition: u32, room: Room) -> Self {
        Self {
            partition,
            offsets: Vec::with_capacity(room.records),
            append_times: Vec::with_capacity(room.records),
            keys: BinaryBuilder::with_capacity(room.records, room.key_bytes),
            values: BinaryBuilder::with_capacity(room.records, room.value_bytes),
            headers: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a record; offsets must ascend.
    pub fn push(
        &mut self,
        offset: i64,
        append_time: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
    ) {
        self.offsets.push(offset);
        self.append_times.push(append_time);
        self.keys.append_option(key);
        self.values.append_option(value);
        if !headers.is_empty() || !self.headers.is_empty() {
            // One shared empty list stands for the records before the first with headers, and for those without.
            self.headers
                .resize_with(self.offsets.len() - 1, Arc::default);
            self.headers.push(Arc::new(headers.clone()));
        }
        self.bytes += key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
    }

    /// How many records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Bytes of keys and values so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The batch.
    #[must_use]
    pub fn finish(mut self) -> RawBatch {
        RawBatch {
            partition: self.partition,
            offsets: self.offsets,
            append_times: self.append_times,
            keys: self.keys.finish(),
            values: self.values.finish(),
            headers: self.headers,
        }
    }
}

/// The partition of a key among `partitions`: Kafka's default, murmur2 of the key, so that a log of ours and a topic of
/// a Kafka cluster with as many partitions put a key into the same one.
#[must_use]
pub fn partition_of_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let chunks = data.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut word = chunk
            .iter()
            .rev()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        word = word.wrapping_mul(M);
        word ^= word >> 24;
        hash = hash.wrapping_mul(M) ^ word.wrapping_mul(M);
    }
    if !rest.is_empty() {
        hash ^= rest
            .iter()
            .rev()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
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
#[allow(
    clippy::large_enum_variant,
    reason = "one per poll, moved once; a box would be one allocation more"
)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Kafka's own test, `UtilsTest.testMurmur2`.
    #[test]
    fn keys_hash_as_kafka_hashes_them() {
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (
                b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn headers_line_up_with_their_records() {
        let some: Headers = vec![(b"h".to_vec(), None)];
        let mut batch = RawBatchBuilder::new(3);
        batch.push(5, 1, Some(b"k"), Some(b"v"), &Vec::new());
        batch.push(9, 2, None, None, &some);
        batch.push(10, 3, None, Some(b""), &Vec::new());
        let batch = batch.finish();
        let counts: Vec<usize> = batch.headers.iter().map(|headers| headers.len()).collect();
        assert_eq!((batch.len(), counts), (3, vec![0, 1, 0]));
        assert!(batch.values.is_null(1) && batch.values.is_valid(2) && batch.keys.is_null(1));
    }
}
