//! A partition from its first record to its end: for journals, audits and tests.
//!
//! The invariant: what it gives is all a reader of committed records would see, or an error.

use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::context::Quiet;
use super::event::Kind;
use super::producer::describe;
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::{Headers, NO_APPEND_TIME, RawBatch, RawBatchBuilder};

/// Milliseconds of one wait.
const READ_MS: i32 = 100;
/// Waits without news after which reading gives up for now: 30 s.
const QUIET_READS_MAX: u32 = 300;

/// Bounds of what is handed over at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    records: usize,
    /// No more are gathered after this many.
    bytes: usize,
}

/// Enough to be fast, little enough to be held.
pub(super) const PART: Most = Most {
    records: 8_192,
    bytes: 8 << 20,
};

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
    let whole = Most {
        records: usize::MAX,
        bytes: usize::MAX,
    };
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
    read(settings, topic, partition, PART, take)
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
    let consumer = consumer(settings, "read the committed offsets")?;
    committed_of(&consumer, topic, None)
}

pub(super) fn consumer(
    settings: &KafkaSettings,
    operation: &str,
) -> Result<Arc<BaseConsumer<Quiet>>, KafkaFailure> {
    let made = settings
        .reader()
        .create_with_context::<_, BaseConsumer<Quiet>>(Quiet::default());
    made.map(Arc::new)
        .map_err(|error| KafkaFailure::new(operation, describe(&error), false))
}

/// As [`committed_offsets`], with a client that is there, of these partitions or of all.
pub(super) fn committed_of(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
    partitions: Option<&[u32]>,
) -> Result<Vec<(u32, i64)>, KafkaFailure> {
    let operation = "read the committed offsets";
    let failed = |error| KafkaFailure::new(operation, describe(&error), true);
    let partitions = match partitions {
        Some(partitions) => partitions.to_vec(),
        None => (0..admin::partitions_of(consumer, topic, operation)?).collect(),
    };
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
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
    most: Most,
    take: &mut dyn FnMut(RawBatch),
) -> Result<(), KafkaFailure> {
    settings.check()?;
    let operation = format!("read {topic}, partition {partition}");
    let consumer = consumer(settings, &operation)?;
    let (start, end) = bounds_of(&consumer, topic, partition)?;
    let span = Span {
        partition,
        from: start,
        to: end,
    };
    let mut take = |part| {
        take(part);
        true
    };
    read_span(&consumer, topic, span, most, &|| true, &mut take)
}

/// Records from one offset up to another, which is not among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) partition: u32,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Start and end of a partition, as the consumer sees them.
pub(super) fn bounds_of(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
    partition: u32,
) -> Result<(i64, i64), KafkaFailure> {
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let bounds = consumer.fetch_watermarks(topic, number, admin::ANSWER);
    bounds.map_err(|error| {
        let operation = format!("look up the ends of {topic}, partition {partition}");
        KafkaFailure::new(operation, describe(&error), true)
    })
}

/// Reads a span in parts until `take` says that it has had enough; gives up when it is not `going` on.
pub(super) fn read_span(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
    span: Span,
    most: Most,
    going: &dyn Fn() -> bool,
    take: &mut dyn FnMut(RawBatch) -> bool,
) -> Result<(), KafkaFailure> {
    let Span {
        partition,
        from,
        to,
    } = span;
    if from >= to {
        return Ok(());
    }
    let operation = format!("read {topic}, partition {partition}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let mut list = TopicPartitionList::new();
    let added = list.add_partition_offset(topic, number, Offset::Offset(from));
    added
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(describe(&error), false))?;
    let queue = raw::Queue::of_consumer(consumer)
        .ok_or_else(|| failed("the consumer has no queue".to_owned(), false))?;
    let mut part = RawBatchBuilder::new(partition);
    let (mut quiet, mut headers) = (0, Headers::new());
    while quiet < QUIET_READS_MAX && going() {
        let Some(mut event) = queue.poll(READ_MS) else {
            quiet += 1;
            continue;
        };
        let next = match event.kind() {
            Kind::Message(message) if message.place().0 == number => {
                quiet = 0;
                let offset = message.place().1;
                if offset < to {
                    push(&mut part, &message, &mut headers);
                }
                offset + 1
            }
            Kind::Eof { partition, offset } if partition == number => offset,
            Kind::PartitionError { text, offset, .. } => {
                return Err(failed(format!("at offset {offset}: {text}"), false));
            }
            _ => continue,
        };
        if next >= to {
            take(part.finish());
            return Ok(());
        }
        if part.len() >= most.records || part.bytes() >= most.bytes {
            let full = std::mem::replace(&mut part, RawBatchBuilder::new(partition));
            if !take(full.finish()) {
                return Ok(());
            }
        }
    }
    let cause = format!("nothing more came; the log ends at offset {to}");
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
