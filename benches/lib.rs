//! What the benches share: made-up swipes as bytes and as columns, and the sample pack ready to run.
//!
//! The invariant: everything follows from a fixed seed, so that two runs measure the same work. Criterion times the parts
//! (`cargo bench --workspace`); `kernel.rs` times the windows alone with a million keys, `file_to_file.sh` and
//! `kafka_to_kafka.sh` measure the processor time of the whole, `latency.sh` the engine's latency, with the program
//! `measure/`; `peers/` does the same job on Flink and Kafka Streams beside it. Raw results with command and commit are
//! kept in `results/`, which [`page`] makes readable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "benches"
)]

pub mod many;
pub mod page;
pub mod twelve;

use std::ops::Range;
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

/// A pack over swipes with these features and rules, both as YAML below their key.
///
/// # Panics
/// When it does not check.
#[must_use]
pub fn pack(features: &str, rules: &str) -> Arc<RuleSet> {
    let text = format!(
        "pack: bench\nevent: swipe\nschema:\n  id: swipe_id\n  time: {{ field: ts, max_lateness: 2m }}\n  fields:\n    \
         swipe_id: text\n    ts: timestamp\n    card_id: text\n    merchant_id: text\n    device_id: text?\n    \
         amount_usd: decimal\n    lat: float?\n    lon: float?\nfeatures:\n{features}rules:{rules}\
         policy: {{ order: [review, approve] }}\n"
    );
    let source = rules::definition::PackSource::alone("bench.yaml", text);
    Arc::new(rules::compile::compile(&source).expect("the pack checks"))
}

/// A pack of a feature of each kind per card, with the windows of [`many`], and rules of different steps.
#[must_use]
pub fn all_kinds() -> Arc<RuleSet> {
    pack(ALL_KINDS, KINDS_RULES)
}

const ALL_KINDS: &str = include_str!("all_kinds.yaml");

const KINDS_RULES: &str = "\n  - { id: A, when: \"k_count > 3 AND amount_usd > 100\", then: { action: review, score: 1, reason: A } }\n  \
    - { id: B, when: \"amount_usd / 3.0 > k_avg + 2.0 * k_stddev\", then: { action: review, score: 1, reason: B } }\n  \
    - { id: C, when: \"lower(merchant_id) LIKE '%9' OR device_id IN ('a', 'b')\", then: { action: review, score: 1, reason: C } }\n";

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
        Self::of(rules, events)
    }

    /// The stream of these rows, in one partition.
    #[must_use]
    pub fn of(rules: &RuleSet, events: RecordBatch) -> Self {
        let times = events
            .column(rules.schema.time)
            .as_primitive::<TimestampMicrosecondType>();
        let count = events.num_rows();
        Self {
            times: times.values().iter().map(|time| EventTime(*time)).collect(),
            partitions: vec![0; count],
            offsets: (0..).take(count).collect(),
            events,
        }
    }

    /// The rows.
    #[must_use]
    pub fn events(&self) -> &RecordBatch {
        &self.events
    }

    /// Runs some of the events through an engine as one step.
    pub fn step(&self, engine: &mut Engine, rows: Range<usize>, out: &mut StepOutput) {
        let step = Step {
            events: &self.events.slice(rows.start, rows.len()),
            times: &self.times[rows.clone()],
            partitions: &self.partitions[rows.clone()],
            offsets: &self.offsets[rows],
        };
        engine.step(&step, out);
    }

    /// Runs all events through an engine in steps of this size; says how many were decided.
    pub fn run(&self, engine: &mut Engine, step: usize) -> usize {
        let (mut out, mut decided) = (StepOutput::default(), 0);
        for from in (0..self.times.len()).step_by(step) {
            let length = step.min(self.times.len() - from);
            self.step(engine, from..from + length, &mut out);
            decided += out.decisions.len();
        }
        decided
    }
}

/// Nanoseconds this thread has run for, as the kernel adds them up at its ticks.
///
/// # Panics
/// Where the kernel does not count.
#[must_use]
pub fn processor_time() -> u64 {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that counts");
    let ran = text.split_ascii_whitespace().next();
    ran.and_then(|ran| ran.parse().ok()).expect("a number")
}
