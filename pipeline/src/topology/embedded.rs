//! The embedded log of a run: opened once, shared by source, sinks and commit log.

use std::sync::Arc;

use connectors::embedded::{Durability, EmbeddedCommitLog, EmbeddedError, EmbeddedLog, Options};

use crate::clock::Clock;
use crate::config::{Config, Sink, Source};

/// Partitions of a topic that is made because it is named: one process serves them all, so one will do.
const PARTITIONS: u32 = 1;

/// The log and the commit log bound to it.
pub(super) struct Embedded {
    pub(super) log: EmbeddedLog,
    pub(super) commit: EmbeddedCommitLog,
}

impl Embedded {
    /// [`open`], with a commit log.
    pub(super) fn open_if_used(
        config: &Config,
        clock: &Arc<dyn Clock>,
        given: Option<EmbeddedLog>,
    ) -> Result<Option<Embedded>, EmbeddedError> {
        let log = open(config, clock, given)?;
        Ok(log.map(|log| Embedded {
            commit: EmbeddedCommitLog::new(&log),
            log,
        }))
    }
}

/// Opens the log in the state directory when source or sinks are in it, and makes the topics they name.
pub(super) fn open(
    config: &Config,
    clock: &Arc<dyn Clock>,
    given: Option<EmbeddedLog>,
) -> Result<Option<EmbeddedLog>, EmbeddedError> {
    let sinks = &config.sinks;
    let all = sinks
        .decisions
        .iter()
        .chain(&sinks.alerts)
        .chain(&sinks.dead_letters);
    let mut topics: Vec<&str> = all.filter_map(topic_of).collect();
    if let Source::Embedded { topic, .. } = &config.source {
        topics.push(topic);
    }
    if topics.is_empty() {
        return Ok(None);
    }
    let now = Arc::clone(clock);
    let options = || Options {
        application: config.name.clone(),
        durability: Durability::Power,
        clock: Arc::new(move || now.wall_us()),
    };
    let log = match given {
        Some(log) => log,
        None => EmbeddedLog::open(&config.state.dir, options())?,
    };
    for topic in topics {
        if log.partitions(topic).is_none() {
            log.create_topic(topic, PARTITIONS)?;
        }
    }
    Ok(Some(log))
}

fn topic_of(sink: &Sink) -> Option<&str> {
    match sink {
        Sink::Embedded { topic } => Some(topic),
        _ => None,
    }
}
