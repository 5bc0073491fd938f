//! An installation as its topics show it: control records, committed offsets and outputs, read for an audit.
//!
//! The idea: nothing is asked of a running application; whoever may read its topics can do this. The invariant: topics are
//! read in parts, so that one larger than memory is no problem.

use std::sync::Arc;

use arrow::array::{Array, Int32Array, Int64Array, RecordBatch, StructArray};
use arrow::ipc::reader::StreamReader;
use connectors::embedded::{EmbeddedCommitLog, EmbeddedError, EmbeddedLog};
use connectors::kafka::read::{committed_offsets, read_partition, read_parts};
use connectors::kafka::{KafkaFailure, KafkaSettings, partition_count};
use connectors::log::{CommitLog, LogError};
use connectors::record::{Headers, RawBatch};
use serde::Deserialize;

use super::embedded::open;
use super::kafka::settings_of;
use crate::clock::Clock;
use crate::config::{Config, Mode, Sink, Source};
use crate::delivery::audit::{Audit, Found, Report, Stream, digest_of};
use crate::delivery::control::ControlError;
use crate::delivery::digest::Digest;
use crate::operator::output::CONTENT_TYPE;

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
    /// An output is none of this application's.
    #[error("audit {topic}, partition {partition}, offset {offset}: {cause}")]
    Output {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset.
        offset: i64,
        /// What is wrong with it.
        cause: String,
    },
}

/// Reads all of it and compares.
///
/// # Errors
/// [`AuditError`] when it cannot be read to its end.
pub fn audit(config: &Config, clock: &Arc<dyn Clock>) -> Result<Report, AuditError> {
    let exact = config.delivery.mode == Mode::ExactlyOnce;
    let embedded = open(config, clock, None)?;
    let (control, committed) = match (&config.source, &embedded) {
        (Source::Kafka { kafka, .. }, _) => {
            let settings = settings_of(&config.name, kafka);
            let control = values(&read_partition(&settings, &config.control_topic(), 0)?);
            (control, committed_offsets(&settings, &kafka.topic)?)
        }
        (Source::Embedded { .. }, Some(log)) => {
            let mut commits = EmbeddedCommitLog::new(log);
            commits.fence()?;
            let found = commits.committed()?;
            (found.control, found.offsets)
        }
        _ => return Err(AuditError::NoLog),
    };
    let mut audit = Audit::new(&config.name, &control, &committed, exact)?;
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
        let mut taken = Ok(());
        read_parts(settings, topic, partition, &mut |part| {
            if taken.is_ok() {
                taken = take(&part, topic, stream, audit);
            }
        })?;
        taken?;
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
            take(&part, topic, stream, audit)?;
        }
    }
    Ok(())
}

/// What an output says of itself.
#[derive(Deserialize)]
struct Said<'a> {
    position: Place,
    #[serde(borrow)]
    alert_id: Option<&'a str>,
}

#[derive(Deserialize)]
struct Place {
    partition: u32,
    offset: i64,
}

/// Takes the outputs of some records.
fn take(part: &RawBatch, topic: &str, stream: Stream, audit: &mut Audit) -> Result<(), AuditError> {
    for row in 0..part.len() {
        let outputs = outputs(part, row, stream).map_err(|cause| AuditError::Output {
            topic: topic.to_owned(),
            partition: part.partition,
            offset: part.offsets.get(row).copied().unwrap_or_default(),
            cause,
        })?;
        for (of, digest, id) in outputs {
            let lies = (topic, part.partition);
            let found = Found {
                lies,
                of,
                digest,
                id,
            };
            audit.take(stream, &found);
        }
    }
    Ok(())
}

/// Place, digest and id of an output.
type Output = ((u32, i64), Option<Digest>, Option<u128>);

/// What a record holds: one output, or a pack of them.
fn outputs(part: &RawBatch, row: usize, stream: Stream) -> Result<Vec<Output>, String> {
    let none = Headers::new();
    let headers = part.headers.get(row).map_or(&none, AsRef::as_ref);
    let value = part.values.is_valid(row).then(|| part.values.value(row));
    if stream == Stream::DeadLetters {
        let of = place_of_letter(headers).ok_or("no dead letter")?;
        let key = part.keys.is_valid(row).then(|| part.keys.value(row));
        let mut digest = Digest::default();
        digest.add_parts(key, value, headers);
        return Ok(vec![(of, Some(digest), None)]);
    }
    let value = value.unwrap_or_default();
    if header(headers, CONTENT_TYPE) == Some(b"application/vnd.apache.arrow.stream") {
        let places = places_in_columns(value)?;
        return Ok(places.into_iter().map(|of| (of, None, None)).collect());
    }
    // A JSON object has no raw line feed in it; a pack of them has one behind each.
    let objects = value.split(|byte| *byte == b'\n');
    objects.filter(|json| !json.is_empty()).map(said).collect()
}

/// Of a decision or an alert.
fn said(json: &[u8]) -> Result<Output, String> {
    let said: Said<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let id = said.alert_id.map(|id| u128::from_str_radix(id, 16));
    let id = id.transpose().map_err(|error| error.to_string())?;
    let Place { partition, offset } = said.position;
    Ok(((partition, offset), Some(digest_of(json)), id))
}

fn header<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    // Ours stand behind those that came with the record.
    let mut found = headers.iter().rev();
    found.find(|(known, _)| known == name)?.1.as_deref()
}

fn place_of_letter(headers: &Headers) -> Option<(u32, i64)> {
    let text = |name: &[u8]| std::str::from_utf8(header(headers, name)?).ok();
    let partition = text(b"tollgate-partition")?.parse().ok()?;
    Some((partition, text(b"tollgate-offset")?.parse().ok()?))
}

/// The places of the decisions in an Arrow IPC stream.
fn places_in_columns(bytes: &[u8]) -> Result<Vec<(u32, i64)>, String> {
    let batches = StreamReader::try_new(bytes, None).map_err(|error| error.to_string())?;
    let mut places = Vec::new();
    for batch in batches {
        let batch = batch.map_err(|error| error.to_string())?;
        places.extend(places_of(&batch).ok_or("no column `position`")?);
    }
    Ok(places)
}

fn places_of(batch: &RecordBatch) -> Option<Vec<(u32, i64)>> {
    let position = batch.column_by_name("position")?;
    let position = position.as_any().downcast_ref::<StructArray>()?;
    let partitions = position.column_by_name("partition")?;
    let offsets = position.column_by_name("offset")?;
    let partitions = partitions.as_any().downcast_ref::<Int32Array>()?;
    let offsets = offsets.as_any().downcast_ref::<Int64Array>()?;
    let pairs = partitions.values().iter().zip(offsets.values());
    let place = |(partition, offset): (&i32, &i64)| (partition.cast_unsigned(), *offset);
    Some(pairs.map(place).collect())
}
