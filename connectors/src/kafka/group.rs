//! What both commit logs on a cluster share: the consumer group that has the offsets, and the control topic.
//!
//! The invariant: the member that owns the partitions commits their offsets, and the journal is one partition, in order.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Quiet;
use super::producer::{KafkaProducer, describe, topic_name};
use super::read::committed_of;
use super::tail::Tail;
use super::{KafkaFailure, KafkaSettings, KafkaSource, admin, raw};
use crate::log::{Committed, Control, Enough, LogError, Scope};
use crate::record::{OutRecord, RawBatch};

/// Between two looks at something that takes milliseconds.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// Looks whether the group has been joined: 30 s.
const JOIN_LOOKS: u32 = 1_500;

/// Offsets of the control topic that a start reads first: with the ends of transactions among them, those of 3 minutes at 20
/// commits a second, which is how far back three snapshots reach.
const FIRST_SPAN: i64 = 8_192;

/// An application as its cluster knows it.
pub(super) struct Group {
    pub(super) settings: KafkaSettings,
    pub(super) consumer: Arc<BaseConsumer<Quiet>>,
    /// The input topic.
    pub(super) topic: String,
    control_topic: String,
    control_name: CString,
}

impl Group {
    /// The group of the application that reads `source`.
    ///
    /// # Errors
    /// When the name of the control topic is none.
    pub(super) fn new(
        settings: &KafkaSettings,
        source: &KafkaSource,
    ) -> Result<Group, KafkaFailure> {
        let control_topic = control_topic(&settings.application);
        Ok(Group {
            settings: settings.clone(),
            consumer: source.consumer().clone(),
            topic: crate::source::Source::topic(source).to_owned(),
            control_name: topic_name(&control_topic)?,
            control_topic,
        })
    }

    /// Waits until this member has joined the group, which shuts out an earlier process of the same instance.
    ///
    /// Joining goes on in librdkafka's own thread since the subscription, also without polls.
    pub(super) fn join(&self) -> Result<(), LogError> {
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

    /// Per partition the next offset to read: of these partitions, or of all. Others may be another instance's, whose open
    /// transaction would have to be waited for.
    pub(super) fn offsets(
        &self,
        partitions: Option<&[u32]>,
    ) -> Result<Vec<(u32, i64)>, KafkaFailure> {
        committed_of(&self.consumer, &self.topic, partitions)
    }

    /// The last control records of a journal, from one that is enough or from the first the topic still has: read from its end
    /// in spans that double.
    fn control(&self, journal: u32, enough: Enough<'_>) -> Result<Vec<Vec<u8>>, KafkaFailure> {
        let (mut spans, mut end, mut length) = (Vec::new(), None, FIRST_SPAN);
        loop {
            // A tail reads a partition once.
            let tail = Tail::open(&self.settings, &self.control_topic)?;
            let (start, now) = tail
                .bounds()?
                .get(journal as usize)
                .map_or((0, 0), |it| *it);
            let to = end.unwrap_or(now);
            let from = start.max(to - length);
            let mut records = Vec::new();
            let mut some = |part: RawBatch| {
                let values = part.values.iter().flatten();
                records.extend(values.map(<[u8]>::to_vec));
                true
            };
            tail.read(journal, (from, to), &|| true, &mut some)?;
            let found = records.first().is_some_and(|first| enough(first));
            spans.push(records);
            if found || from <= start {
                spans.reverse();
                return Ok(spans.concat());
            }
            (end, length) = (Some(from), length * 2);
        }
    }

    /// Offsets and journal as they are.
    pub(super) fn committed(&self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        let offsets = match of {
            Scope::Whole => self.offsets(None),
            Scope::Partition(partition) => self.offsets(Some(&[partition])),
        };
        let offsets = offsets.map_err(log_error)?;
        let control = self.control(of.journal(), enough).map_err(log_error)?;
        Ok(Committed { offsets, control })
    }

    /// Hands control records to the producer.
    pub(super) fn send_control(
        &self,
        producer: &KafkaProducer,
        control: &[Control],
    ) -> Result<(), KafkaFailure> {
        let mut control = control.iter();
        control.try_for_each(|(journal, bytes)| {
            let record = OutRecord {
                key: None,
                value: Some(bytes.clone()),
                headers: Vec::new(),
            };
            let journal = i32::try_from(*journal).unwrap_or(i32::MAX);
            producer.send(&self.control_name, Some(journal), &record)
        })
    }

    /// Offsets of the input topic as librdkafka wants them.
    pub(super) fn list(&self, offsets: &[(u32, i64)]) -> Result<TopicPartitionList, LogError> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
            let added = list.add_partition_offset(&self.topic, partition, Offset::Offset(*offset));
            added.map_err(|error| LogError::Fatal {
                operation: format!("name the offsets of {}", self.topic),
                cause: describe(&error),
            })?;
        }
        Ok(list)
    }

    /// What it means that there are so many journals.
    fn not_these_journals(&self, found: u32, wanted: u32) -> String {
        let cause = match (self.settings.shared, found) {
            (false, _) => format!("it has {found} journals: its instances shared the partitions"),
            (true, 1) => {
                "it has one journal: its instances did not share the partitions".to_owned()
            }
            (true, _) => format!(
                "it has {found} journals, {} has {wanted} partitions; keys have moved between partitions",
                self.topic
            ),
        };
        format!("{cause}; use another application name to begin anew")
    }

    /// Makes the control topic when it is not there.
    pub(super) fn open_control(&self) -> Result<(), LogError> {
        let properties = [
            ("cleanup.policy", "delete"),
            ("retention.ms", "-1"),
            ("retention.bytes", "-1"),
        ];
        let count = |topic: &str| admin::partition_count(&self.settings, topic).map_err(log_error);
        let wanted = if self.settings.shared {
            count(&self.topic)?
        } else {
            1
        };
        let made = admin::create_topic(&self.settings, &self.control_topic, wanted, &properties)
            .map_err(log_error)?;
        if made {
            return Ok(());
        }
        let found = count(&self.control_topic)?;
        if found == wanted {
            return Ok(());
        }
        Err(LogError::Fatal {
            operation: format!("open {}", self.control_topic),
            cause: self.not_these_journals(found, wanted),
        })
    }
}

/// The name of an application's control topic.
#[must_use]
pub fn control_topic(application: &str) -> String {
    format!("{application}.control")
}

/// A failure as the contract of a commit log has it.
pub(super) fn log_error(failure: KafkaFailure) -> LogError {
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
