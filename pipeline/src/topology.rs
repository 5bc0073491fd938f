//! From a checked configuration and a checked pack to the parts of a worker: source, operators, sinks, commit log.
//!
//! The idea: which commit log there is follows from the source alone. A Kafka topic brings its consumer group and the
//! control topic, the embedded log brings itself, a file or the generator brings none and is read anew each time. The
//! invariant: what is built here has been checked before; what still fails is the world outside.

mod embedded;
pub mod installation;
mod kafka;
mod sinks;
mod source;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use connectors::embedded::{EmbeddedError, EmbeddedLog};
use connectors::file::FileSource;
use connectors::format::WantedError;
use connectors::format::columns::ColumnCaster;
use connectors::kafka::KafkaFailure;
use connectors::log::CommitLog;
use connectors::sink::SinkError;
use connectors::snapshots::{
    DirectorySnapshots, ObjectSnapshots, Patience, SnapshotError, SnapshotPoint,
};
use connectors::source::SourceError;
use rules::decision::Renderer;
use rules::ruleset::RuleSet;

use self::embedded::Embedded;
use self::kafka::Clusters;
use crate::clock::Clock;
use crate::config::{Bucket, Config, Source, Start};
use crate::failpoint;
use crate::operator::decode::Decode;
use crate::operator::merge::MergeLimits;
use crate::operator::output::Output;
use crate::operator::wanted;
use crate::worker::{Begin, Delivery, Parts, SnapshotPlan};

/// Bounds of the merge: a step is small enough to stay in the caches, and in a commit, and large enough to pay for itself;
/// what is buffered covers a fetch of every partition.
fn merge_limits(wait: Duration, commit_records: u64) -> MergeLimits {
    MergeLimits {
        step_rows: usize::try_from(commit_records).map_or(2_048, |most| most.min(2_048)),
        buffered_rows: 65_536,
        buffered_bytes: 64 << 20,
        wait_micros: i64::try_from(wait.as_micros()).unwrap_or(i64::MAX),
    }
}

/// Why the parts could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The source cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink cannot be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The embedded log cannot be opened.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The cluster cannot be reached, or refuses.
    #[error(transparent)]
    Kafka(#[from] KafkaFailure),
    /// The place for snapshots cannot be used.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// The watchdog has no thread.
    #[error("start the watchdog: {0}")]
    Watchdog(std::io::Error),
    /// The pack wants a column no input can give.
    #[error("decode: {0}")]
    Wanted(#[from] WantedError),
}

/// Opens a file, or the files of a glob, with the operator that turns its records into rows of this pack.
///
/// # Errors
/// [`BuildError`] when it cannot be read.
pub fn open_file(path: &Path, rules: &RuleSet) -> Result<(FileSource, Decode), BuildError> {
    let wanted = wanted::columns(&rules.schema);
    let (source, decoder) = source::file(path, &wanted)?;
    let schema = Arc::new(rules.schema.clone());
    let decode = Decode::new(schema, decoder, Box::new(ColumnCaster::new(wanted)?));
    Ok((source, decode))
}

/// What sinks may be bound to.
struct Site<'a> {
    embedded: Option<Embedded>,
    clusters: Clusters<'a>,
    /// Whether a run goes on where the last one ended, so that files must be written on and not anew.
    goes_on: bool,
    /// Whether the embedded log is the commit log, so that what is written there is part of its commits.
    atomic: bool,
}

/// Builds the parts of a worker; `log` is the embedded log where somebody has it open already.
///
/// # Errors
/// [`BuildError`] when something outside cannot be had.
pub fn build(
    config: &Config,
    rules: Arc<RuleSet>,
    clock: &Arc<dyn Clock>,
    log: Option<EmbeddedLog>,
) -> Result<Parts, BuildError> {
    let mut site = Site {
        embedded: Embedded::open_if_used(config, clock, log)?,
        clusters: Clusters::new(&config.name),
        goes_on: false,
        atomic: false,
    };
    // Behind the lock of the embedded log, if there is one, and before any client that would have to be closed again.
    let snapshots = match &config.source {
        Source::Kafka { .. } | Source::Embedded { .. } => Some(snapshots(config)?),
        _ => None,
    };
    let source = source::open(config, &rules, &mut site, clock)?;
    site.goes_on = site.atomic || source.log.is_some();
    let topic = source.source.topic().to_owned();
    let decisions = sinks::open_all(&config.sinks.decisions, sinks::Stream::Decisions, &mut site)?;
    let alerts = sinks::open_all(&config.sinks.alerts, sinks::Stream::Alerts, &mut site)?;
    let dead_letters = sinks::open_all(
        &config.sinks.dead_letters,
        sinks::Stream::DeadLetters,
        &mut site,
    )?;
    let renderer = Renderer::new(Arc::clone(&rules), &config.name, &topic);
    let embedded = site.embedded.filter(|_| site.atomic);
    let log = source
        .log
        .or_else(|| Some(Box::new(embedded?.commit) as Box<dyn CommitLog>));
    let keep = log.as_deref().is_some_and(CommitLog::atomic);
    Ok(Parts {
        app: config.name.clone(),
        source: source.source,
        begin: match config.start {
            Start::Earliest => Begin::Earliest,
            Start::Latest => Begin::Latest,
        },
        decode: source.decode,
        rules,
        output: Output::new(renderer, &topic, decisions, alerts, dead_letters, keep)
            .with_packing(&config.sinks.packing)
            .with_digests(log.is_some()),
        log,
        delivery: Delivery {
            commit_every: config.delivery.commit_every,
            commit_records: config.delivery.commit_records,
        },
        limits: merge_limits(config.delivery.merge_wait, config.delivery.commit_records),
        workers: config.workers,
        snapshots,
        shared: config.source.is_shared(),
        accept_missing: false,
    })
}

/// Where snapshots are kept, and how often one is begun.
fn snapshots(config: &Config) -> Result<SnapshotPlan, SnapshotError> {
    let (every, aside) = (config.state.snapshot_every, true);
    if let Some(Bucket { url, options }) = &config.state.snapshots {
        let url = format!("{}/{}", url.trim_end_matches('/'), config.name);
        let options: Vec<_> = options.0.clone().into_iter().collect();
        return Ok(SnapshotPlan {
            store: Arc::new(ObjectSnapshots::open(&url, &options, &Patience::default())?),
            every,
            aside,
        });
    }
    let directory = config.state.dir.join("snapshots");
    let store = DirectorySnapshots::open(&directory)?.with_hook(Arc::new(|point| match point {
        SnapshotPoint::BeforeSync => failpoint::reached("before_snapshot_sync"),
        SnapshotPoint::BeforeRename => failpoint::reached("before_snapshot_rename"),
        SnapshotPoint::AfterRename => failpoint::reached("after_snapshot_rename"),
        SnapshotPoint::AfterSyncDirectory => failpoint::reached("after_snapshot"),
    }));
    Ok(SnapshotPlan {
        store: Arc::new(store),
        every,
        aside,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::clock::SystemClock;
    use crate::config;

    const PACK: &str = "
pack: small
event: e
schema:
  id: id
  time: { field: ts, max_lateness: 5s }
  fields: { id: text, ts: timestamp(ms) }
rules:
  - { id: R1, when: ts IS NOT NULL, then: { action: review, score: 10 } }
policy: { order: [review, approve] }
";

    #[test]
    fn what_delivery_says_reaches_the_worker() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("p.yaml"), PACK).unwrap();
        std::fs::write(dir.path().join("in.ndjson"), "").unwrap();
        let text = "name: a\npack: p.yaml\nsource: { file: { path: in.ndjson } }\nsinks: { decisions: stdout }\n\
                    delivery: { commit_every: 3ms, commit_records: 7, merge_wait: 5ms }\n";
        let checked = config::check(
            "pipeline.yaml",
            text,
            dir.path(),
            &config::System {
                allow_insecure_perms: false,
            },
        );
        let pack = rules::definition::PackSource::alone("pack.yaml", PACK);
        let rules = Arc::new(rules::compile::compile(&pack).unwrap());
        let parts = build(
            &checked.config.unwrap(),
            rules,
            &SystemClock::shared(),
            None,
        )
        .unwrap();
        let wanted = Delivery {
            commit_every: Duration::from_millis(3),
            commit_records: 7,
        };
        assert_eq!((parts.delivery, parts.limits.wait_micros), (wanted, 5_000));
        assert_eq!(parts.limits.step_rows, 7, "no step is more than a commit");
    }
}
