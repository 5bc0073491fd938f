//! The source from its configuration, with the decoder its records want and the commit log it brings.

use std::path::Path;
use std::sync::Arc;

use connectors::embedded::EmbeddedSource;
use connectors::file::{FileKind, FileOptions, FileSource};
use connectors::format::columns::ColumnCaster;
use connectors::format::csv::CsvDecoder;
use connectors::format::json::JsonDecoder;
use connectors::format::{Decoder, Limits, WantedColumn};
use connectors::generate::{Config as Stream, GenerateSource, Pace};
use connectors::kafka::{KafkaCommitLog, KafkaSettings, KafkaSource, KafkaTransactionLog};
use connectors::log::{CommitLog, Point};
use connectors::source::{Source, SourceError};
use rules::ruleset::RuleSet;

use super::kafka::warn_of_times_nobody_checks;
use super::{BuildError, Site};
use crate::clock::Clock;
use crate::config::{self, Config, Delivery, Generate, Mode};
use crate::failpoint;
use crate::operator::decode::Decode;
use crate::operator::wanted;
use crate::watchdog::Watchdog;

/// What a source brings.
pub(super) struct Opened {
    pub(super) source: Box<dyn Source>,
    pub(super) decode: Decode,
    /// The commit log, unless it is the embedded one, to which sinks are yet to be bound.
    pub(super) log: Option<Box<dyn CommitLog>>,
}

/// Opens it.
pub(super) fn open(
    config: &Config,
    rules: &RuleSet,
    site: &mut Site<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Opened, BuildError> {
    let wanted = wanted::columns(&rules.schema);
    let json = |wanted: Vec<WantedColumn>| -> Result<Box<dyn Decoder>, BuildError> {
        Ok(Box::new(JsonDecoder::new(wanted, Limits::DEFAULT)?))
    };
    let (source, decoder, log): (Box<dyn Source>, _, Option<Box<dyn CommitLog>>) =
        match &config.source {
            config::Source::Kafka {
                kafka,
                instance,
                shared,
                ..
            } => {
                let mut settings = site.clusters.settings(kafka);
                settings.instance.clone_from(instance);
                settings.shared = shared.is_some();
                let source = KafkaSource::new(&settings, &kafka.topic)?;
                if rules.schema.max_future.is_some() {
                    warn_of_times_nobody_checks(&settings, &kafka.topic);
                }
                let log = commit_log(&config.delivery, &settings, &source, site)?;
                (Box::new(source), Some(json(wanted.clone())?), Some(log))
            }
            config::Source::Embedded { topic, .. } => {
                let Some(embedded) = &site.embedded else {
                    return Err(unopened(topic).into());
                };
                let source = EmbeddedSource::new(&embedded.log, topic)?;
                site.atomic = true;
                (Box::new(source), Some(json(wanted.clone())?), None)
            }
            config::Source::File { path } => {
                let (source, decoder) = file(path, &wanted)?;
                (Box::new(source), decoder, None)
            }
            config::Source::Generate(generate) => (
                Box::new(generator(generate, clock)),
                Some(json(wanted.clone())?),
                None,
            ),
        };
    let decode = Decode::new(
        Arc::new(rules.schema.clone()),
        decoder,
        Box::new(ColumnCaster::new(wanted)?),
    );
    let decode = decode.with_key(key_column(&config.source, rules)?);
    Ok(Opened {
        source,
        decode,
        log,
    })
}

/// The commit log of a topic, with the producer the sinks will have.
fn commit_log(
    delivery: &Delivery,
    settings: &KafkaSettings,
    source: &KafkaSource,
    site: &mut Site<'_>,
) -> Result<Box<dyn CommitLog>, BuildError> {
    Ok(match delivery.mode {
        Mode::ExactlyOnce => {
            let producer = site.clusters.transactional(settings)?;
            let log = KafkaTransactionLog::new(settings, &producer, source)?;
            let watchdog = Watchdog::start(delivery.hang_after).map_err(BuildError::Watchdog)?;
            Box::new(log.with_hook(Box::new(move |point| come_by(point, &watchdog))))
        }
        Mode::AtLeastOnce => {
            let producer = site.clusters.producer(settings)?;
            Box::new(KafkaCommitLog::new(settings, &producer, source)?)
        }
    })
}

/// What is done at a point of a commit.
fn come_by(point: Point, watchdog: &Watchdog) {
    match point {
        Point::Call(call) => {
            watchdog.begun(call);
            failpoint::reached("in_call");
        }
        Point::Returned => watchdog.returned(),
        Point::BeforeFlush => failpoint::reached("before_flush"),
        Point::AfterFlush => failpoint::reached("after_flush"),
        Point::AfterOffsets => failpoint::reached("after_offsets"),
        Point::InCommit => failpoint::reached("in_commit"),
        Point::AfterCommit => failpoint::reached("after_commit"),
    }
}

/// The column the keys of the records must be equal to, where the configuration names one.
fn key_column(source: &config::Source, rules: &RuleSet) -> Result<Option<usize>, SourceError> {
    let (config::Source::Kafka { key: Some(key), .. }
    | config::Source::Embedded { key: Some(key), .. }) = source
    else {
        return Ok(None);
    };
    let column = rules
        .schema
        .fields
        .iter()
        .position(|field| field.name == key.name);
    // Checked before; a run that compared nothing would promise what it does not do.
    column.map(Some).ok_or_else(|| SourceError {
        operation: "compare keys of records".to_owned(),
        cause: format!("the pack has no field {}", key.name),
        retry: false,
    })
}

/// A file and the decoder of its records; Parquet needs none.
pub(super) fn file(
    path: &Path,
    wanted: &[WantedColumn],
) -> Result<(FileSource, Option<Box<dyn Decoder>>), BuildError> {
    let source = FileSource::open(&path.to_string_lossy(), options(wanted))?;
    let decoder: Option<Box<dyn Decoder>> = match source.kind() {
        FileKind::Ndjson => Some(Box::new(JsonDecoder::new(
            wanted.to_vec(),
            Limits::DEFAULT,
        )?)),
        FileKind::Csv => Some(Box::new(CsvDecoder::new(
            wanted.to_vec(),
            source.header(),
            Limits::DEFAULT,
        )?)),
        FileKind::Parquet => None,
    };
    Ok((source, decoder))
}

/// Only the columns that are wanted are read from Parquet.
fn options(wanted: &[WantedColumn]) -> FileOptions {
    let columns = wanted.iter().map(|column| column.from.clone()).collect();
    FileOptions {
        columns: Some(columns),
        ..FileOptions::default()
    }
}

/// A generator with a rate lives on the wall clock, one without on a fixed one, so that its bytes are the same each time.
fn generator(generate: &Generate, clock: &Arc<dyn Clock>) -> GenerateSource {
    let cards = u32::try_from(generate.cards).unwrap_or(u32::MAX);
    let stream = Stream {
        seed: generate.seed,
        cards,
        fraud: generate.fraud,
        swipes_per_second: Stream::natural_density(cards),
        ..Stream::default()
    };
    let Some(rate) = generate.rate else {
        return GenerateSource::new(stream, generate.count, Pace::Free);
    };
    let clock = Arc::clone(clock);
    let started = clock.elapsed();
    let due = move || due_by(rate, clock.elapsed().saturating_sub(started));
    GenerateSource::new(stream, generate.count, Pace::Count(Box::new(due)))
}

/// How many events are due after this time.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate and a time are positive and small"
)]
fn due_by(rate: f64, elapsed: std::time::Duration) -> u64 {
    (rate * elapsed.as_secs_f64()) as u64
}

fn unopened(topic: &str) -> SourceError {
    SourceError {
        operation: format!("open embedded topic {topic}"),
        cause: "the embedded log was not opened".to_owned(),
        retry: false,
    }
}
