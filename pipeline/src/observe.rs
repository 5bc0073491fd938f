//! How something looks at a running worker without slowing it: the terminal of the demo and tests.
//!
//! The idea: the worker calls an [`Observer`] after each step, on its own thread, with borrowed views of what the step
//! brought. The invariant: an observer changes nothing, must not block, and is not called for events that are only
//! folded again after a restart.

use std::time::Duration;

use arrow::array::RecordBatch;
use rules::evaluate::StepOutput;
use rules::ruleset::RuleSet;

/// One step, decided.
#[derive(Clone, Copy, Debug)]
pub struct StepView<'a> {
    /// The pack that decided.
    pub rules: &'a RuleSet,
    /// The events: the columns of the pack's schema, one row per event.
    pub events: &'a RecordBatch,
    /// Decisions, hits and features, one entry per event.
    pub output: &'a StepOutput,
    /// From the moment the source handed the oldest event of the step over until its decision was made.
    pub latency: Duration,
}

/// Looks on.
pub trait Observer: Send {
    /// Called once per step, after its decisions were made and before they are committed.
    fn step(&mut self, view: &StepView<'_>);

    /// Called about ten times a second, also while no events come.
    fn tick(&mut self) {}
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Observer for Nobody {
    fn step(&mut self, _view: &StepView<'_>) {}
}
