//! What the benches share: made-up swipes as bytes and as columns, and the sample pack ready to run.
//!
//! The invariant: everything follows from a fixed seed, so that two runs measure the same work. Criterion times the parts
//! (`cargo bench -p benches`); `benches/file_to_file.sh` measures the processor time of the whole; raw results with
//! command and commit are kept in `results/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "benches"
)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMicrosecondType;
use connectors::format::json::JsonDecoder;
use connectors::format::{Decoder, Limits};
use connectors::generate::{Config, Generator};
use pipeline::operator::wanted;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::time::EventTime;

/// The sample pack.
///
/// # Panics
/// When it is not there or does not check.
#[must_use]
pub fn card_core() -> Arc<RuleSet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/packs/card-core");
    let source = pipeline::pack::load(&path)
        .source
        .expect("the pack can be read");
    Arc::new(rules::compile::compile(&source).expect("the pack checks"))
}

/// So many swipes as JSON.
#[must_use]
pub fn swipes(count: usize) -> BinaryArray {
    let mut generator = Generator::new(Config::default());
    let lines: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let mut line = Vec::new();
            generator.next_event().write_json(&mut line);
            line
        })
        .collect();
    BinaryArray::from_iter_values(lines)
}

/// A decoder for the columns the pack wants.
///
/// # Panics
/// When the pack wants what no decoder gives.
#[must_use]
pub fn decoder(rules: &RuleSet) -> JsonDecoder {
    JsonDecoder::new(wanted::columns(&rules.schema), Limits::DEFAULT)
        .expect("columns that can be decoded")
}

/// Events in the columns of a pack, cut into steps.
#[derive(Debug)]
pub struct Stream {
    events: RecordBatch,
    times: Vec<EventTime>,
    partitions: Vec<u32>,
    offsets: Vec<i64>,
}

impl Stream {
    /// So many swipes for this pack.
    ///
    /// # Panics
    /// When the generator and the pack do not go together.
    #[must_use]
    pub fn new(rules: &RuleSet, count: usize) -> Self {
        let decoded = decoder(rules).decode(&swipes(count));
        assert_eq!(decoded.taken.len(), count, "{:?}", decoded.rejects.first());
        let events = concat_batches(&rules.schema.arrow(), [&decoded.rows]).expect("one schema");
        let times = events
            .column(rules.schema.time)
            .as_primitive::<TimestampMicrosecondType>();
        let offsets: Vec<i64> = (0..).take(count).collect();
        Self {
            times: times.values().iter().map(|time| EventTime(*time)).collect(),
            partitions: vec![0; count],
            offsets,
            events,
        }
    }

    /// Runs all events through an engine in steps of this size; says how many were decided.
    pub fn run(&self, engine: &mut Engine, step: usize) -> usize {
        let (mut out, mut decided) = (StepOutput::default(), 0);
        for from in (0..self.times.len()).step_by(step) {
            let length = step.min(self.times.len() - from);
            let range = from..from + length;
            engine.step(
                &Step {
                    events: &self.events.slice(from, length),
                    times: &self.times[range.clone()],
                    partitions: &self.partitions[range.clone()],
                    offsets: &self.offsets[range],
                },
                &mut out,
            );
            decided += out.decisions.len();
        }
        decided
    }
}
