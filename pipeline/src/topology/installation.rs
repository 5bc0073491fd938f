//! An installation as its topics show it: control records, committed offsets and outputs, read for an audit.
//!
//! The idea: nothing is asked of a running application; whoever may read its topics can do this. The invariant: topics are
//! read in parts, so that one larger than memory is no problem.
//!
//! Here all of it is read once, by a command; [`live`] reads on beside a run, [`trim`] removes records nobody needs any
//! more, [`outputs`] says what a record of a topic is.

pub mod live;
mod outputs;
mod trim;

use std::sync::Arc;

use arrow::array::Array;
use connectors::embedded::{EmbeddedCommitLog, EmbeddedError, EmbeddedLog};
use connectors::kafka::read::{committed_offsets, read_partition, read_parts};
use connectors::kafka::tail::Tail;
use connectors::kafka::{KafkaFailure, KafkaSettings, partition_count};
use connectors::log::{ALL_RECORDS, CommitLog, LogError, Scope};
use connectors::record::RawBatch;
use connectors::snapshots::SnapshotError;

use self::outputs::take;
use super::embedded::open;
use super::kafka::settings_of;
use crate::clock::Clock;
use crate::config::{Config, Mode, Sink, Source};
use crate::delivery::audit::{Audit, Begin, Records, Report, Stream};
use crate::delivery::control::ControlError;

/// Records taken from the embedded log at a time, and bytes after which no more are.
const PART: (usize, usize) = (8_192, 8 << 20);

/// Why an installation cannot be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The cluster cannot be reached, or refuses.
    #[error(transparent)]
    Kafka(#[from] KafkaFailure),
    /// The embedded log cannot be read.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// Its commits cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A control record cannot be understood.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// There are no commits to compare with.
    #[error("audit: a source that is no log keeps no commits")]
    NoLog,
    /// Somebody who reads on came too late.
    #[error("audit {topic}, partition {partition}: records that were to be read next are gone")]
    Gone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// The snapshots cannot be looked at.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
}

/// Reads all of it and compares.
///
/// # Errors
/// [`AuditError`] when it cannot be read to its end.
pub fn audit(config: &Config, clock: &Arc<dyn Clock>) -> Result<Report, AuditError> {
    let exact = config.delivery.mode == Mode::ExactlyOnce;
    let embedded = open(config, clock, None)?;
    let (journals, committed) = match (&config.source, &embedded) {
        (Source::Kafka { kafka, .. }, _) => {
            let settings = settings_of(&config.name, kafka);
            let journals = journals(&settings, &config.control_topic())?;
            (journals, committed_offsets(&settings, &kafka.topic)?)
        }
        (Source::Embedded { .. }, Some(log)) => {
            let mut commits = EmbeddedCommitLog::new(log);
            commits.fence()?;
            let found = commits.committed(Scope::Whole, ALL_RECORDS)?;
            (vec![(Begin::Whole, found.control)], found.offsets)
        }
        _ => return Err(AuditError::NoLog),
    };
    let mut audit = Audit::of(&config.name, &journals, &committed, exact)?;
    let mut topics = Vec::new();
    let sinks = &config.sinks;
    let streams = [&sinks.decisions, &sinks.alerts, &sinks.dead_letters];
    for (stream, sinks) in Stream::ALL.into_iter().zip(streams) {
        for sink in sinks {
            let topic = match (sink, &embedded) {
                (Sink::Kafka(kafka), _) => {
                    let settings = settings_of(&config.name, kafka);
                    over_kafka(&settings, &kafka.topic, stream, &mut audit)?;
                    &kafka.topic
                }
                (Sink::Embedded { topic }, Some(log)) => {
                    over_embedded(log, topic, stream, &mut audit)?;
                    topic
                }
                // What is no log cannot be compared.
                _ => continue,
            };
            topics.push((stream, topic.clone()));
        }
    }
    Ok(audit.finish(&topics))
}

/// The journals of a control topic, each with what it begins with.
fn journals(settings: &KafkaSettings, topic: &str) -> Result<Vec<Records>, KafkaFailure> {
    let all = 0..partition_count(settings, topic)?;
    let read = |partition| Ok(values(&read_partition(settings, topic, partition)?));
    let records: Vec<Vec<Vec<u8>>> = all.map(read).collect::<Result<_, KafkaFailure>>()?;
    // Behind the reading: a running application may cut it meanwhile.
    let bounds = Tail::open(settings, topic)?.bounds()?;
    let begin = |(start, _): (i64, i64)| match start {
        0 => Begin::Whole,
        _ => Begin::Cut,
    };
    Ok(bounds.into_iter().map(begin).zip(records).collect())
}

fn values(batch: &RawBatch) -> Vec<Vec<u8>> {
    let rows = (0..batch.len()).filter(|row| batch.values.is_valid(*row));
    rows.map(|row| batch.values.value(row).to_vec()).collect()
}

fn over_kafka(
    settings: &KafkaSettings,
    topic: &str,
    stream: Stream,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    for partition in 0..partition_count(settings, topic)? {
        let mut all = |part| take(&part, topic, stream, audit);
        read_parts(settings, topic, partition, &mut all)?;
    }
    Ok(())
}

fn over_embedded(
    log: &EmbeddedLog,
    topic: &str,
    stream: Stream,
    audit: &mut Audit,
) -> Result<(), AuditError> {
    for partition in 0..log.partitions(topic).unwrap_or_default() {
        let mut next = 0;
        loop {
            let part = log.read(topic, partition, next, PART.0, PART.1)?;
            let Some(last) = part.offsets.last() else {
                break;
            };
            next = last + 1;
            take(&part, topic, stream, audit);
        }
    }
    Ok(())
}
