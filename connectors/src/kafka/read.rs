//! A partition from its first record to its end: for journals, audits and tests.
//!
//! The invariant: what it gives is all a reader of committed records would see, or an error.

use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::event::Kind;
use super::producer::{Quiet, describe};
use super::{KafkaFailure, KafkaSettings, admin, raw};
use crate::record::RawBatchBuilder;

/// Milliseconds of one wait.
const READ_MS: i32 = 100;
/// Waits without news after which reading gives up for now: 30 s.
const QUIET_READS_MAX: u32 = 300;

/// Reads a partition from its first record to its end, as it is now; for journals, small topics and tests.
///
/// # Errors
/// When it cannot be read to its end.
pub fn read_partition(
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
) -> Result<crate::record::RawBatch, KafkaFailure> {
    settings.check()?;
    let operation = format!("read {topic}, partition {partition}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let made = settings
        .reader()
        .create_with_context::<_, BaseConsumer<Quiet>>(Quiet);
    let consumer = Arc::new(made.map_err(|error| failed(describe(&error), false))?);
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let bounds = consumer.fetch_watermarks(topic, number, admin::ANSWER);
    let (start, end) = bounds.map_err(|error| failed(describe(&error), true))?;
    let mut batch = RawBatchBuilder::new(partition);
    if start >= end {
        return Ok(batch.finish());
    }
    let mut list = TopicPartitionList::new();
    let added = list.add_partition_offset(topic, number, Offset::Offset(start));
    added
        .and_then(|()| consumer.assign(&list))
        .map_err(|error| failed(describe(&error), false))?;
    let queue = raw::Queue::of_consumer(&consumer)
        .ok_or_else(|| failed("the consumer has no queue".to_owned(), false))?;
    let mut quiet = 0;
    let mut headers = Vec::new();
    while quiet < QUIET_READS_MAX {
        let Some(mut event) = queue.poll(READ_MS) else {
            quiet += 1;
            continue;
        };
        match event.kind() {
            Kind::Message(message) => {
                quiet = 0;
                headers.clear();
                message.headers(&mut headers);
                let time = message
                    .append_time_ms()
                    .map_or(crate::record::NO_APPEND_TIME, |time| time * 1_000);
                batch.push(
                    message.place().1,
                    time,
                    message.key(),
                    message.value(),
                    &headers,
                );
            }
            Kind::Eof { offset, .. } if offset >= end => return Ok(batch.finish()),
            Kind::PartitionError { text, offset, .. } => {
                return Err(failed(format!("at offset {offset}: {text}"), false));
            }
            _ => {}
        }
    }
    Err(failed(
        format!(
            "read {} records, then nothing came; the log ends at offset {end}",
            batch.len()
        ),
        true,
    ))
}
