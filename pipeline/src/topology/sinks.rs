//! Sinks from their configuration.

use connectors::embedded::EmbeddedSink;
use connectors::file::{Envelope, Existing, NdjsonSink, ParquetSink};
use connectors::kafka::KafkaSink;
use connectors::sink::{Sink, SinkError};
use connectors::stdout::LineSink;
use rules::decision::{alert_schema, decision_schema};

use super::{BuildError, Site};
use crate::config::{self, FileKind};

/// What a sink is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Decisions,
    Alerts,
    DeadLetters,
}

/// Opens the sinks of one stream.
pub(super) fn open_all(
    sinks: &[config::Sink],
    stream: Stream,
    site: &mut Site<'_>,
) -> Result<Vec<Box<dyn Sink>>, BuildError> {
    sinks.iter().map(|sink| open(sink, stream, site)).collect()
}

fn open(
    sink: &config::Sink,
    stream: Stream,
    site: &mut Site<'_>,
) -> Result<Box<dyn Sink>, BuildError> {
    // A dead letter may be any bytes; a line must be text.
    let envelope = if stream == Stream::DeadLetters {
        Envelope::Record
    } else {
        Envelope::Value
    };
    Ok(match sink {
        config::Sink::Kafka(kafka) => {
            let settings = site.clusters.settings(kafka);
            let producer = site.clusters.producer(&settings)?;
            Box::new(KafkaSink::new(&settings, &producer, &kafka.topic)?)
        }
        config::Sink::File {
            path,
            kind: FileKind::Ndjson,
        } => {
            let existing = if site.goes_on {
                Existing::Append
            } else {
                Existing::Truncate
            };
            Box::new(NdjsonSink::create(path, existing, envelope)?)
        }
        config::Sink::File {
            path,
            kind: FileKind::Parquet,
        } => {
            let schema = if stream == Stream::Alerts {
                alert_schema()
            } else {
                decision_schema()
            };
            Box::new(ParquetSink::create(path, Some(schema))?)
        }
        config::Sink::Embedded { topic } => match &site.embedded {
            Some(embedded) if site.atomic => Box::new(embedded.commit.sink(topic)),
            Some(embedded) => Box::new(EmbeddedSink::new(&embedded.log, topic)),
            None => return Err(unopened(topic).into()),
        },
        config::Sink::Stdout => Box::new(LineSink::new(Box::new(std::io::stdout()))),
    })
}

fn unopened(topic: &str) -> SinkError {
    SinkError {
        operation: format!("open embedded topic {topic}"),
        cause: "the embedded log was not opened".to_owned(),
        retry: false,
    }
}
