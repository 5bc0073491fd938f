//! How the log lies in the store, and reading that back at a start.
//!
//! `records`: topic · partition · last offset of the chunk, big-endian, so that keys sort by them → chunk.
//! `meta`: `topic/` name → id · partitions. `control`: number → control record. `offsets`: partition → next offset.

use fjall::Keyspace;

use super::error::failed;
use super::{EmbeddedError, PARTITIONS_MAX, State, Topic};

pub(super) fn topic_key(topic: &str) -> Vec<u8> {
    [b"topic/", topic.as_bytes()].concat()
}

/// Big-endian, so that keys sort by topic, partition, offset.
pub(super) fn record_key(topic: u32, partition: u32, last: i64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&topic.to_be_bytes());
    key[4..8].copy_from_slice(&partition.to_be_bytes());
    key[8..].copy_from_slice(&last.to_be_bytes());
    key
}

pub(super) fn last_offset(key: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(key.get(8..16)?.try_into().ok()?))
}

/// What the store holds.
pub(super) fn recover(
    records: &Keyspace,
    meta: &Keyspace,
    control: &Keyspace,
) -> Result<State, EmbeddedError> {
    let damaged = |cause: &str| EmbeddedError::Damaged {
        operation: "open the log".to_owned(),
        cause: cause.to_owned(),
    };
    let mut state = State::default();
    for entry in meta.prefix(b"topic/") {
        let (key, value) = entry.into_inner().map_err(failed("read the topics"))?;
        let name = key
            .get(b"topic/".len()..)
            .and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or_else(|| damaged("a topic whose name is not text"))?;
        let (id, partitions) = pair(&value).ok_or_else(|| damaged("a topic without partitions"))?;
        let ends = (0..partitions)
            .map(|partition| end_of(records, id, partition))
            .collect::<Result<_, _>>()?;
        state.topics.insert(name.to_owned(), Topic { id, ends });
    }
    if let Some(last) = control.last_key_value() {
        let key = last.key().map_err(failed("read the control records"))?;
        let number = key
            .get(..8)
            .and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
        state.control_next = number.ok_or_else(|| damaged("a control record without number"))? + 1;
    }
    Ok(state)
}

fn pair(value: &[u8]) -> Option<(u32, u32)> {
    let word = |at: usize| Some(u32::from_be_bytes(value.get(at..at + 4)?.try_into().ok()?));
    Some((
        word(0)?,
        word(4).filter(|partitions| *partitions <= PARTITIONS_MAX)?,
    ))
}

fn end_of(records: &Keyspace, topic: u32, partition: u32) -> Result<i64, EmbeddedError> {
    let last = records
        .range(record_key(topic, partition, 0)..=record_key(topic, partition, i64::MAX))
        .next_back();
    let Some(last) = last else {
        return Ok(0);
    };
    let key = last.key().map_err(failed("read the ends"))?;
    Ok(last_offset(&key).unwrap_or(-1) + 1)
}
