//! Many records in one value of the store: a key and a seek per record would cost more than the records.
//!
//! Layout, little-endian: version (1 byte) · append time (8) · count (4) · records. A record is key, value, number of
//! headers (4), headers; a header is name, value. A byte string is its length (4) and its bytes; length 2³² − 1 is
//! null. The invariant: parsing checks every length, so a damaged chunk is an error, never a panic or another record.

use crate::record::{Headers, OutRecord, RawBatchBuilder};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 13;
const NULL: u32 = u32::MAX;
/// A chunk is closed when it has this many records…
const RECORDS_MAX: u32 = 1_024;
/// … or this many bytes.
const BYTES_MAX: usize = 128 * 1024;

/// Gathers records of one partition into chunks.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    next: i64,
    append_time: i64,
    count: u32,
    bytes: Vec<u8>,
}

impl ChunkWriter {
    /// `next` is the offset of the first record to come.
    pub(crate) fn new(next: i64, append_time: i64) -> Self {
        Self {
            next,
            append_time,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// Adds a record; returns a full chunk with its last offset.
    pub(crate) fn push(&mut self, record: &OutRecord) -> Option<(i64, Vec<u8>)> {
        if self.count == 0 {
            self.bytes.push(VERSION);
            self.bytes.extend(self.append_time.to_le_bytes());
            self.bytes.extend([0; 4]);
        }
        put(&mut self.bytes, record.key.as_deref());
        put(&mut self.bytes, record.value.as_deref());
        let headers = u32::try_from(record.headers.len()).unwrap_or(NULL);
        self.bytes.extend(headers.to_le_bytes());
        for (name, value) in &record.headers {
            put(&mut self.bytes, Some(name));
            put(&mut self.bytes, value.as_deref());
        }
        self.next += 1;
        self.count += 1;
        (self.count == RECORDS_MAX || self.bytes.len() >= BYTES_MAX)
            .then(|| (self.next - 1, self.take()))
    }

    /// The next offset, and the last chunk when there is one.
    pub(crate) fn finish(mut self) -> (i64, Option<Vec<u8>>) {
        (self.next, (self.count > 0).then(|| self.take()))
    }

    fn take(&mut self) -> Vec<u8> {
        if let Some(place) = self.bytes.get_mut(HEAD_BYTES - 4..HEAD_BYTES) {
            place.copy_from_slice(&self.count.to_le_bytes());
        }
        self.count = 0;
        std::mem::take(&mut self.bytes)
    }
}

fn put(bytes: &mut Vec<u8>, string: Option<&[u8]>) {
    // A string of 2³² − 1 bytes or more cannot come: batches are bounded far below.
    let length = string.map_or(NULL, |string| u32::try_from(string.len()).unwrap_or(NULL));
    bytes.extend(length.to_le_bytes());
    bytes.extend(string.unwrap_or_default());
}

/// A chunk being read.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    first: i64,
    count: u32,
    append_time: i64,
    rest: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// `last` is the offset of the chunk's last record, from its key.
    pub(crate) fn parse(bytes: &'a [u8], last: i64) -> Result<Self, String> {
        let mut rest = bytes;
        let version = take(&mut rest, 1)?.first().copied();
        if version != Some(VERSION) {
            return Err(format!(
                "a chunk of version {version:?}; this program reads {VERSION}"
            ));
        }
        let append_time = i64::from_le_bytes(array(&mut rest)?);
        let count = u32::from_le_bytes(array(&mut rest)?);
        let first = last - i64::from(count) + 1;
        if count == 0 || first < 0 {
            return Err(format!(
                "a chunk of {count} records that ends at offset {last}"
            ));
        }
        Ok(Self {
            first,
            count,
            append_time,
            rest,
        })
    }

    /// Adds the records from `offset` on to a batch, up to `most` in it.
    pub(crate) fn push_into(
        mut self,
        batch: &mut RawBatchBuilder,
        offset: i64,
        most: usize,
    ) -> Result<(), String> {
        let mut headers = Headers::new();
        for at in 0..i64::from(self.count) {
            let key = string(&mut self.rest)?;
            let value = string(&mut self.rest)?;
            headers.clear();
            for _ in 0..u32::from_le_bytes(array(&mut self.rest)?) {
                let name = string(&mut self.rest)?.ok_or("a header without name")?;
                headers.push((name.to_vec(), string(&mut self.rest)?.map(<[u8]>::to_vec)));
            }
            if batch.len() >= most {
                return Ok(());
            }
            if self.first + at >= offset {
                batch.push(self.first + at, self.append_time, key, value, &headers);
            }
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(format!("{} bytes after the last record", self.rest.len()))
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let (head, tail) = rest
        .split_at_checked(count)
        .ok_or("a chunk that is cut off")?;
    *rest = tail;
    Ok(head)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    take(rest, N)?
        .try_into()
        .map_err(|_| "a chunk that is cut off".to_owned())
}

fn string<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, String> {
    match u32::from_le_bytes(array(rest)?) {
        NULL => Ok(None),
        length => take(rest, length as usize).map(Some),
    }
}
