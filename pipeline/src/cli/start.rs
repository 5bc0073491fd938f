//! From a checked configuration and a checked pack to a running worker, and from its end to an exit code.

use std::sync::Arc;

use connectors::embedded::EmbeddedLog;
use connectors::log::LogError;
use rules::ruleset::RuleSet;

use super::Exit;
use crate::auditor::Auditor;
use crate::config::Config;
use crate::topology::{self, BuildError};
use crate::worker::{self, Parts, RunError, Summary};

pub(super) use crate::worker::Surroundings;

/// Why a run failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) exit: Exit,
}

/// How a run ended: one line that sums it up.
pub(super) type Ended = Result<String, Failure>;

/// Runs it on this thread; `accept_missing`: see [`Parts::accept_missing`].
pub(super) fn run(
    config: &Config,
    rules: Arc<RuleSet>,
    around: Surroundings,
    accept_missing: bool,
) -> Ended {
    let built = topology::build(config, rules, &around.clock, None);
    let built = built.map(|parts| Parts {
        accept_missing,
        ..parts
    });
    finish(config, built, around)
}

/// The same on an embedded log that is open already.
pub(super) fn run_on(
    config: &Config,
    rules: Arc<RuleSet>,
    around: Surroundings,
    log: EmbeddedLog,
) -> Ended {
    let built = topology::build(config, rules, &around.clock, Some(log));
    finish(config, built, around)
}

fn finish(config: &Config, built: Result<Parts, BuildError>, around: Surroundings) -> Ended {
    let parts = built.map_err(|error| not_built(&error))?;
    let _alive = around.health.lease();
    let store = parts.snapshots.as_ref().map(|plan| Arc::clone(&plan.store));
    let shared = (&around.clock, &around.metrics);
    let _auditor = Auditor::start(config, store, shared, &around.health);
    let summary = worker::run(parts, around).map_err(|error| failed(&error))?;
    Ok(told(&config.name, summary))
}

fn told(name: &str, summary: Summary) -> String {
    let Summary {
        decisions,
        alerts,
        dead_letters,
        refolded,
        commits,
    } = summary;
    let refolded = if refolded == 0 {
        String::new()
    } else {
        format!(", {refolded} events folded again first")
    };
    format!(
        "{name}: {decisions} decisions, {alerts} alerts, {dead_letters} dead letters in {commits} commits{refolded}"
    )
}

fn not_built(error: &BuildError) -> Failure {
    let exit = if matches!(error, BuildError::Wanted(_)) {
        Exit::Rule
    } else {
        Exit::Outside
    };
    Failure {
        message: error.to_string(),
        exit,
    }
}

fn failed(error: &RunError) -> Failure {
    let exit = match error {
        RunError::Log(LogError::Fenced { .. }) | RunError::Revoked(_) => Exit::Fenced,
        RunError::Source(error) if error.is_fenced() => Exit::Fenced,
        _ => Exit::Outside,
    };
    Failure {
        message: error.to_string(),
        exit,
    }
}
