//! The commit log on a cluster: a control topic for the journal, the consumer group for the offsets.
//!
//! Not atomic: outputs are acknowledged first, then the control record, then the offsets. The invariant: an offset is
//! committed only when everything before it is; a crash in between repeats outputs and may leave a control record
//! without its offsets, which the reader drops.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::Array;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::event::Kind;
use super::producer::{KafkaProducer, Quiet, describe, millis, topic_name};
use super::{KafkaFailure, KafkaSettings, KafkaSource, admin, raw};
use crate::log::{CommitLog, Committed, LogError};
use crate::record::{OutRecord, RawBatchBuilder};

/// Milliseconds of one wait while the control topic is read.
const READ_MS: i32 = 100;
/// Waits without news after which reading gives up for now: 30 s.
const QUIET_READS_MAX: u32 = 300;

/// Between two looks at something that takes milliseconds.
const PAUSE: Duration = Duration::from_millis(20);
/// Commits tried while a rebalance is completed: 2 s.
const REBALANCE_TRIES: u32 = 100;
/// Looks whether the group has been joined: 30 s.
const JOIN_LOOKS: u32 = 1_500;

/// Offsets and journal of an application.
pub struct KafkaCommitLog {
    settings: KafkaSettings,
    producer: KafkaProducer,
    consumer: Arc<BaseConsumer<Quiet>>,
    /// The input topic.
    topic: String,
    control_topic: String,
    control_name: CString,
    /// The control record that is acknowledged while its offsets are not: the same call again must not repeat it.
    acknowledged: Option<Vec<u8>>,
}

impl KafkaCommitLog {
    /// The log of the application that reads `source` and writes through `producer`.
    ///
    /// # Errors
    /// When the name of the control topic is none.
    pub fn new(
        settings: &KafkaSettings,
        producer: &KafkaProducer,
        source: &KafkaSource,
    ) -> Result<Self, KafkaFailure> {
        let control_topic = control_topic(&settings.application);
        Ok(Self {
            settings: settings.clone(),
            producer: producer.clone(),
            consumer: source.consumer().clone(),
            topic: crate::source::Source::topic(source).to_owned(),
            control_name: topic_name(&control_topic)?,
            control_topic,
            acknowledged: None,
        })
    }

    /// Joining goes on in librdkafka's own thread since the subscription, also without polls.
    fn join(&self) -> Result<(), LogError> {
        for _ in 0..JOIN_LOOKS {
            if raw::joined(&self.consumer) {
                return Ok(());
            }
            std::thread::park_timeout(PAUSE);
        }
        let operation = format!("join the group of {}", self.settings.application);
        Err(LogError::Retry {
            operation,
            cause: "the cluster has not answered".to_owned(),
        })
    }

    fn offsets(&self) -> Result<Vec<(u32, i64)>, KafkaFailure> {
        let operation = "read the committed offsets";
        let count = admin::partitions_of(&self.consumer, &self.topic, operation)?;
        let mut list = TopicPartitionList::with_capacity(count as usize);
        for partition in 0..count {
            list.add_partition(&self.topic, i32::try_from(partition).unwrap_or(i32::MAX));
        }
        let found = self.consumer.committed_offsets(list, admin::ANSWER);
        let found = found.map_err(|error| KafkaFailure::new(operation, describe(&error), true))?;
        let mut offsets = Vec::new();
        for place in found.elements() {
            place
                .error()
                .map_err(|error| KafkaFailure::new(operation, describe(&error), true))?;
            if let (Ok(partition), Offset::Offset(offset)) =
                (u32::try_from(place.partition()), place.offset())
            {
                offsets.push((partition, offset));
            }
        }
        offsets.sort_unstable();
        Ok(offsets)
    }

    /// All control records, from the first the topic still has.
    fn control(&self) -> Result<Vec<Vec<u8>>, KafkaFailure> {
        let records = read_partition(&self.settings, &self.control_topic, 0)?;
        let value = |row: usize| {
            records
                .values
                .is_valid(row)
                .then(|| records.values.value(row).to_vec())
        };
        Ok((0..records.len()).filter_map(value).collect())
    }

    fn write_control(&mut self, control: &[u8]) -> Result<(), KafkaFailure> {
        if self.acknowledged.as_deref() == Some(control) {
            return Ok(());
        }
        let record = OutRecord {
            key: None,
            value: Some(control.to_vec()),
            headers: Vec::new(),
        };
        self.producer.send(&self.control_name, Some(0), &record)?;
        // Sent once, whatever the flush says: with `retry` the record stays queued, and the next call waits for it.
        self.acknowledged = Some(control.to_vec());
        self.producer.flush()
    }

    fn commit_offsets(&self, offsets: &[(u32, i64)]) -> Result<(), LogError> {
        let operation = || format!("commit the offsets of {}", self.topic);
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
            let added = list.add_partition_offset(&self.topic, partition, Offset::Offset(*offset));
            added.map_err(|error| LogError::Fatal {
                operation: operation(),
                cause: describe(&error),
            })?;
        }
        let mut answer = raw::commit(&self.consumer, &list, millis(admin::ANSWER));
        for _ in 0..REBALANCE_TRIES {
            // Between the joining of all members and their new assignment no offsets are taken: a matter of milliseconds.
            if answer != Some(Err(RDKafkaErrorCode::RebalanceInProgress)) {
                break;
            }
            std::thread::park_timeout(PAUSE);
            answer = raw::commit(&self.consumer, &list, millis(admin::ANSWER));
        }
        match answer {
            Some(Ok(())) => Ok(()),
            None => Err(LogError::Retry {
                operation: operation(),
                cause: "no answer from the cluster".to_owned(),
            }),
            Some(Err(code)) => Err(self.refused(operation(), code)),
        }
    }

    /// What a refused commit of offsets means.
    fn refused(&self, operation: String, code: RDKafkaErrorCode) -> LogError {
        let fatal = self.consumer.client().fatal_error().map(|(code, _)| code);
        match fatal.unwrap_or(code) {
            RDKafkaErrorCode::FencedInstanceId => LogError::Fenced { operation },
            // The group has given the partitions to others: nothing of this step may be committed here.
            code @ (RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::AssignmentLost) => LogError::Aborted {
                operation,
                cause: code.to_string(),
            },
            code @ (RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::OffsetMetadataTooLarge
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::Fatal) => LogError::Fatal {
                operation,
                cause: code.to_string(),
            },
            code => LogError::Retry {
                operation,
                cause: code.to_string(),
            },
        }
    }
}

/// The name of an application's control topic.
#[must_use]
pub fn control_topic(application: &str) -> String {
    format!("{application}.control")
}

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

fn log_error(failure: KafkaFailure) -> LogError {
    let KafkaFailure {
        operation,
        cause,
        retry,
    } = failure;
    if retry {
        LogError::Retry { operation, cause }
    } else {
        LogError::Fatal { operation, cause }
    }
}

impl CommitLog for KafkaCommitLog {
    fn atomic(&self) -> bool {
        false
    }

    /// Waits until this member has joined the group, which shuts out an earlier process of the same instance: what is
    /// read as committed after this is the last word. Makes the control topic when it is not there.
    fn fence(&mut self) -> Result<(), LogError> {
        self.join()?;
        let properties = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
        ];
        let made = admin::create_topic(&self.settings, &self.control_topic, 1, &properties)
            .map_err(log_error)?;
        if !made {
            let count =
                admin::partition_count(&self.settings, &self.control_topic).map_err(log_error)?;
            if count != 1 {
                let cause = format!("it has {count} partitions; a journal has one");
                return Err(LogError::Fatal {
                    operation: format!("open {}", self.control_topic),
                    cause,
                });
            }
        }
        Ok(())
    }

    fn committed(&mut self) -> Result<Committed, LogError> {
        let offsets = self.offsets().map_err(log_error)?;
        let control = self.control().map_err(log_error)?;
        Ok(Committed { offsets, control })
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.acknowledged = None;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[u8]) -> Result<(), LogError> {
        self.producer.flush().map_err(log_error)?;
        self.write_control(control).map_err(log_error)?;
        if !offsets.is_empty() {
            self.commit_offsets(offsets)?;
        }
        self.acknowledged = None;
        Ok(())
    }

    /// Drops nothing: what was written is written, and will be repeated.
    fn abort(&mut self) -> Result<(), LogError> {
        self.acknowledged = None;
        Ok(())
    }
}
