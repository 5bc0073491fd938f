//! From a checked configuration and a checked pack to a running worker, and from its end to an exit code.

use std::sync::Arc;

use rules::ruleset::RuleSet;

use super::Exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::console::Health;
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::shutdown::Shutdown;

/// What the worker tells the rest of the process.
pub(super) struct Surroundings {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Health,
    pub(super) shutdown: Shutdown,
    pub(super) observer: Box<dyn Observer>,
}

/// Why a run failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) exit: Exit,
}

/// How a run ended: one line that sums it up.
pub(super) type Ended = Result<String, Failure>;

/// Runs it.
pub(super) fn run(config: &Config, _rules: Arc<RuleSet>, around: Surroundings) -> Ended {
    let _ = (
        around.clock,
        around.metrics,
        around.health,
        around.shutdown,
        around.observer,
    );
    Err(Failure {
        message: format!("{}: there is no worker in this build", config.name),
        exit: Exit::Outside,
    })
}
