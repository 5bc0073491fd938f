//! The engine as a worker drives it, without source and sink: record bytes in, decision bytes out.
//!
//! The invariant: what is timed is all that lies between the two: decoding, windows, rules, policy, rendering.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryArray};
use arrow::datatypes::TimestampMicrosecondType;
use connectors::format::Decoder;
use connectors::format::json::JsonDecoder;
use rules::decision::Renderer;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

/// See the module.
pub(crate) struct Driven {
    rules: Arc<RuleSet>,
    decoder: JsonDecoder,
    engine: Engine,
    renderer: Renderer,
    out: StepOutput,
    /// The decisions of the last step, a line each.
    pub(crate) bytes: Vec<u8>,
}

impl Driven {
    /// An engine with this pack that has seen nothing.
    pub(crate) fn new(pack: &str) -> Driven {
        let source = pipeline::pack::load(Path::new(pack)).source;
        let rules = rules::compile::compile(&source.expect("the pack can be read"));
        let rules = Arc::new(rules.expect("the pack checks"));
        Driven {
            decoder: benches::decoder(&rules),
            engine: Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED),
            renderer: Renderer::new(Arc::clone(&rules), "bench", "swipes"),
            rules,
            out: StepOutput::default(),
            bytes: Vec::new(),
        }
    }

    /// Decides some records, of which the first stands at this offset.
    pub(crate) fn step(&mut self, records: &BinaryArray, first: usize) {
        let decoded = self.decoder.decode(records);
        assert_eq!(decoded.taken.len(), records.len(), "no record is rejected");
        let times = decoded.rows.column(self.rules.schema.time);
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        let times: Vec<EventTime> = times.iter().map(|time| EventTime(*time)).collect();
        let first = i64::try_from(first).unwrap();
        let step = Step {
            events: &decoded.rows,
            partitions: &vec![0; times.len()],
            offsets: &(first..).take(times.len()).collect::<Vec<i64>>(),
            times: &times,
        };
        self.engine.step(&step, &mut self.out);
        self.bytes.clear();
        let view = self.renderer.view(&decoded.rows, &self.out);
        for row in 0..times.len() {
            view.write_decision(row, &mut self.bytes);
            self.bytes.push(b'\n');
        }
    }
}

/// The lines of a file, each a record.
pub(crate) fn lines(path: &str) -> BinaryArray {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("read {path}: {error}"));
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    BinaryArray::from_iter_values(text.split(|byte| *byte == b'\n'))
}
