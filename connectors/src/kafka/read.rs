//! A partition from its first record to its end: for journals, audits and tests.
//!
//! The invariant: what it gives is all a reader of committed records would see, or an error.

use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::event::Kind;
use super::producer::{Quiet, describe};
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::{Headers, NO_APPEND_TIME, RawBatch, RawBatchBuilder};

/// Milliseconds of one wait.
const READ_MS: i32 = 100;
/// Waits without news after which reading gives up for now: 30 s.
const QUIET_READS_MAX: u32 = 300;

/// Records handed over at a time.
const PART_RECORDS: usize = 8_192;
/// No more are gathered for one part after this many bytes.
const PART_BYTES: usize = 8 << 20;

/// Reads a partition from its first record to its end, as it is now; for journals, small topics and tests.
///
/// # Errors
/// When it cannot be read to its end.
pub fn read_partition(
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
) -> Result<RawBatch, KafkaFailure> {
    let mut all = None;
    let whole = (usize::MAX, usize::MAX);
    read(settings, topic, partition, whole, &mut |part| {
        all = Some(part)
    })?;
    Ok(all.unwrap_or_else(|| RawBatchBuilder::new(partition).finish()))
}

/// The same in parts, for a topic that is larger than memory.
///
/// # Errors
/// As [`read_partition`]; what was handed over until then stays.
pub fn read_parts(
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
    take: &mut dyn FnMut(RawBatch),
) -> Result<(), KafkaFailure> {
    read(settings, topic, partition, (PART_RECORDS, PART_BYTES), take)
}

/// Per partition the next offset an application has committed, without joining its group.
///
/// # Errors
/// When the cluster does not answer, or there is no such topic.
pub fn committed_offsets(
    settings: &KafkaSettings,
    topic: &str,
) -> Result<Vec<(u32, i64)>, KafkaFailure> {
    settings.check()?;
    committed_of(&consumer(settings, "read the committed offsets")?, topic)
}

fn consumer(
    settings: &KafkaSettings,
    operation: &str,
) -> Result<Arc<BaseConsumer<Quiet>>, KafkaFailure> {
    let made = settings
        .reader()
        .create_with_context::<_, BaseConsumer<Quiet>>(Quiet);
    made.map(Arc::new)
        .map_err(|error| KafkaFailure::new(operation, describe(&error), false))
}

/// As [`committed_offsets`], with a client that is there.
pub(super) fn committed_of(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
) -> Result<Vec<(u32, i64)>, KafkaFailure> {
    let operation = "read the committed offsets";
    let failed = |error| KafkaFailure::new(operation, describe(&error), true);
    let count = admin::partitions_of(consumer, topic, operation)?;
    let mut list = TopicPartitionList::with_capacity(count as usize);
    for partition in 0..count {
        list.add_partition(topic, i32::try_from(partition).unwrap_or(i32::MAX));
    }
    let found = consumer.committed_offsets(list, admin::ANSWER);
    let mut offsets = Vec::new();
    for place in found.map_err(failed)?.elements() {
        place.error().map_err(failed)?;
        if let (Ok(partition), Offset::Offset(offset)) =
            (u32::try_from(place.partition()), place.offset())
        {
            offsets.push((partition, offset));
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}

fn read(
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
    (records, bytes): (usize, usize),
    take: &mut dyn FnMut(RawBatch),
) -> Result<(), KafkaFailure> {
    settings.check()?;
    let operation = format!("read {topic}, partition {partition}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let consumer = consumer(settings, &operation)?;
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let bounds = consumer.fetch_watermarks(topic, number, admin::ANSWER);
    let (start, end) = bounds.map_err(|error| failed(describe(&error), true))?;
    if start >= end {
        return Ok(());
    }
    let mut list = TopicPartitionList::new();
    let added = list.add_partition_offset(topic, number, Offset::Offset(start));
    added
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(describe(&error), false))?;
    let queue = raw::Queue::of_consumer(&consumer)
        .ok_or_else(|| failed("the consumer has no queue".to_owned(), false))?;
    let mut part = RawBatchBuilder::new(partition);
    let (mut quiet, mut headers) = (0, Headers::new());
    while quiet < QUIET_READS_MAX {
        let Some(mut event) = queue.poll(READ_MS) else {
            quiet += 1;
            continue;
        };
        match event.kind() {
            Kind::Message(message) => {
                quiet = 0;
                push(&mut part, &message, &mut headers);
                if part.len() >= records || part.bytes() >= bytes {
                    take(std::mem::replace(&mut part, RawBatchBuilder::new(partition)).finish());
                }
            }
            Kind::Eof { offset, .. } if offset >= end => {
                take(part.finish());
                return Ok(());
            }
            Kind::PartitionError { text, offset, .. } => {
                return Err(failed(format!("at offset {offset}: {text}"), false));
            }
            _ => {}
        }
    }
    let cause = format!("nothing more came; the log ends at offset {end}");
    Err(failed(cause, true))
}

fn push(part: &mut RawBatchBuilder, message: &raw::Message<'_>, headers: &mut Headers) {
    headers.clear();
    message.headers(headers);
    let time = message.append_time_ms();
    let time = time.map_or(NO_APPEND_TIME, |time| time * 1_000);
    part.push(
        message.place().1,
        time,
        message.key(),
        message.value(),
        headers,
    );
}
