//! The author's own tests: events sent in virtual time, and what is expected of the rules.
//!
//! ```yaml
//! defaults: { card_id: c1, amount_usd: 20 }
//! tests:
//!   - name: five swipes in ten minutes trip the velocity rule
//!     send:   [ {at: 0s, repeat: 5, every: 100s, amount_usd: 80} ]
//!     expect: [ {rule: VEL-01, fires: [5]}, {outcome: review, at: [5]}, {feature: card_cnt_10m, at: 5, is: 5} ]
//! ```
//!
//! Sends are taken in the order written, from one partition, on a fresh engine; the clock starts at [`START`]. Send
//! number `n` (from 1, repeats counted) has the id `sn` unless one is given, and a `#` in a text becomes `n`. A rule
//! *fires* where it hits, and has *acted* where the hit is an alert. The idea: a test file is read like a pack, every
//! problem at once and in its place, and runs through the very engine that runs live. The invariant: sends are
//! bounded by [`SENDS_MAX`] per file before any is made.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

pub(crate) mod events;
mod expect;
mod read;
mod run;

pub use run::{Failure, TestResult};

use crate::definition::SourceFile;
use crate::diagnostic::Diagnostic;
use crate::ruleset::RuleSet;
use crate::time::EventTime;
use crate::value::Value;

/// When every test begins: 2026-01-01T00:00:00Z.
pub const START: EventTime = EventTime(1_767_225_600_000_000);

/// Sends of one file at most, repeats counted.
pub const SENDS_MAX: usize = 200_000;

/// The tests of one file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// In the order written.
    pub tests: Vec<Test>,
}

/// One test, checked against its pack.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// The events, one value per field of the schema.
    pub(crate) sends: Vec<Vec<Value>>,
    pub(crate) times: Vec<EventTime>,
    pub(crate) expects: Vec<Expect>,
}

/// One expectation.
#[derive(Clone, Debug)]
pub(crate) struct Expect {
    pub(crate) span: Range<usize>,
    pub(crate) what: What,
}

/// Numbers of sends, from 1.
pub(crate) type Sends = BTreeSet<usize>;

/// What is expected.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Of a rule: exactly where it fires, exactly where it has acted, and what every firing says.
    Rule {
        rule: usize,
        fires: Option<Sends>,
        acted: Option<Sends>,
        explain: Option<String>,
    },
    /// Of the decisions at these sends.
    Outcome { outcome: usize, at: Sends },
    /// Of a column's value at these sends.
    Feature { column: usize, at: Sends, is: Value },
}

/// Reads a test file against the pack it tests.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(file: &SourceFile, rules: &RuleSet) -> Result<Suite, Vec<Diagnostic>> {
    read::suite(file, rules)
}

/// Runs every test of a file.
#[must_use]
pub fn run(rules: &Arc<RuleSet>, suite: &Suite) -> Vec<TestResult> {
    suite
        .tests
        .iter()
        .map(|test| run_one(rules, test))
        .collect()
}

/// Runs one test on a fresh engine.
#[must_use]
pub fn run_one(rules: &Arc<RuleSet>, test: &Test) -> TestResult {
    run::test(rules, test)
}

#[cfg(test)]
mod tests;
