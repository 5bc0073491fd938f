//! A member of a consumer group and its one topic: librdkafka's calls in this crate's terms.
//!
//! The invariant: it keeps no state of its own; what is assigned, started or paused is the source's to know.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::admin;
use super::context::Quiet;
use super::producer::describe;
use crate::source::SourceError;

/// How often a seek is tried while librdkafka is still taking the partition up.
const SEEKS_MAX: u32 = 500;

/// A consumer and the topic it is subscribed to.
pub(super) struct Member {
    pub(super) consumer: Arc<BaseConsumer<Quiet>>,
    pub(super) topic: String,
}

impl Member {
    pub(super) fn error(&self, operation: &str, cause: String, retry: bool) -> SourceError {
        SourceError {
            operation: format!("{operation} {}", self.topic),
            cause,
            retry,
        }
    }

    pub(super) fn list(&self, partitions: &[u32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.topic, number(*partition));
        }
        list
    }

    pub(super) fn list_at(
        &self,
        offsets: &[(u32, i64)],
    ) -> Result<TopicPartitionList, SourceError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let added =
                list.add_partition_offset(&self.topic, number(*partition), Offset::Offset(*offset));
            added.map_err(|error| self.error("start", describe(&error), false))?;
        }
        Ok(list)
    }

    /// First and next offset of a partition, as the broker has them now.
    pub(super) fn bounds(&self, partition: u32) -> Result<(i64, i64), SourceError> {
        let bounds = self
            .consumer
            .fetch_watermarks(&self.topic, number(partition), admin::ANSWER);
        bounds.map_err(|error| self.error("ask for the offsets of", describe(&error), true))
    }

    /// What to say of offsets that are gone although they come next; nothing when they are there.
    pub(super) fn gap(&self, partition: u32, next: i64) -> String {
        match self.bounds(partition) {
            Ok((start, _)) if start > next => {
                format!("; offsets {next} to {start} are no longer in the log")
            }
            _ => String::new(),
        }
    }

    pub(super) fn check_offset(&self, partition: u32, offset: i64) -> Result<(), SourceError> {
        let (start, end) = self.bounds(partition)?;
        let lies = format!(
            "offset {offset} of partition {partition} lies outside the log [{start}, {end})"
        );
        if offset < start {
            let cause = format!("{lies}: {} records are no longer there", start - offset);
            return Err(self.error("start", cause, false));
        }
        if offset > end {
            let cause = format!("{lies}: the topic was cut or made anew");
            return Err(self.error("start", cause, false));
        }
        Ok(())
    }

    pub(super) fn seek(&self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let mut left = offsets.to_vec();
        for _ in 0..SEEKS_MAX {
            let sought = self
                .consumer
                .seek_partitions(self.list_at(&left)?, admin::ANSWER);
            let sought = sought.map_err(|error| self.error("start", describe(&error), true))?;
            let done = |partition: u32| {
                let place = sought.find_partition(&self.topic, number(partition));
                place.is_some_and(|place| place.error().is_ok())
            };
            left.retain(|(partition, _)| !done(*partition));
            if left.is_empty() {
                return Ok(());
            }
            // A partition just assigned is taken up by librdkafka's own thread; that is a matter of milliseconds.
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Err(self.error(
            "start",
            format!("partitions {left:?} cannot be sought"),
            true,
        ))
    }
}

pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

pub(super) fn numbers(partitions: &[i32]) -> Vec<u32> {
    partitions
        .iter()
        .filter_map(|partition| u32::try_from(*partition).ok())
        .collect()
}
