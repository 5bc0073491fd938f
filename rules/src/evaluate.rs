//! The engine: a step of events in, decisions out.
//!
//! SKELETON: signatures that the pipeline calls.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};

use crate::ruleset::RuleSet;
use crate::time::EventTime;

/// The events of one step, in the order taken. All slices have one entry per row.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Columns of [`crate::schema::Schema::arrow`].
    pub events: &'a RecordBatch,
    /// The time each event counts with: its own, or the clamped one if it claimed to come from the future.
    pub times: &'a [EventTime],
    /// Which partition each came from.
    pub partitions: &'a [u32],
    /// Its offset there.
    pub offsets: &'a [i64],
}

/// What a step brought.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// One per event.
    pub decisions: Vec<Decision>,
    /// The hits of all decisions, in order; each decision names its range.
    pub hits: Vec<Hit>,
    /// Feature columns, in the order of the pack's members; one value per event.
    pub features: Vec<ArrayRef>,
}

/// One decision.
#[derive(Clone, Debug)]
pub struct Decision {}

/// One hit of a rule.
#[derive(Clone, Debug)]
pub struct Hit {}

/// State and rules of one application.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<RuleSet>,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, _application: &str) -> Engine {
        Engine { rules }
    }

    /// The pack it runs.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }
}
