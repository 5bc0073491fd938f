//! The crew by itself: what is left undone when a thread breaks, and that nobody waits for ever.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use arrow::array::{Array, BinaryArray, RecordBatch};
use connectors::format::{Caster, Decoder};
use connectors::record::{Batch, RawBatchBuilder};

use super::*;
use crate::clock::SystemClock;
use crate::operator::decode::Decode;

/// Cannot decode anything.
#[derive(Clone, Copy)]
struct Broken;

impl Decoder for Broken {
    #[allow(clippy::panic, reason = "a planted fault")]
    fn decode(&mut self, values: &BinaryArray) -> connectors::format::Decoded {
        panic!("{} values", values.len());
    }

    fn another(&self) -> Box<dyn Decoder> {
        Box::new(*self)
    }
}

impl Caster for Broken {
    #[allow(clippy::panic, reason = "a planted fault")]
    fn cast(&mut self, rows: &RecordBatch) -> connectors::format::Decoded {
        panic!("{} rows", rows.num_rows());
    }

    fn another(&self) -> Box<dyn Caster> {
        Box::new(*self)
    }
}

const PACK: &str = "
pack: small
schema:
  id: id
  time: { field: ts, max_lateness: 5s }
  fields: { id: text, ts: timestamp(ms) }
rules:
  - { id: R1, when: ts IS NOT NULL, then: { action: review, score: 10 } }
policy: { order: [review, approve] }
";

fn decoding() -> Decoding {
    let pack = rules::definition::PackSource::alone("pack.yaml", PACK);
    let rules = rules::compile::compile(&pack).unwrap();
    let decode = Decode::new(
        Arc::new(rules.schema),
        Some(Box::new(Broken)),
        Box::new(Broken),
    );
    Decoding {
        decode,
        batch: Batch::Raw(RawBatchBuilder::new(0).finish()),
        taken_at: 0,
        clock: SystemClock::shared(),
    }
}

#[test]
fn a_thread_that_breaks_is_told_by_name_and_cause() {
    let mut crew = Crew::new(3).unwrap();
    let ticket = crew.decode(decoding());
    // Without waiting, so that it is never this thread that decodes.
    let lost = loop {
        match crew.decoded(ticket, false) {
            Ok(decoded) => assert!(decoded.is_none()),
            Err(lost) => break lost,
        }
        std::thread::yield_now();
    };
    assert!(["worker-2", "worker-3"].contains(&lost.worker.as_str()));
    assert_eq!(lost.cause, "0 values");
}

#[test]
fn when_all_threads_have_ended_nobody_waits_for_them() {
    let mut crew = Crew::new(2).unwrap();
    let first = crew.decode(decoding());
    while crew.decoded(first, false).is_ok() {
        std::thread::yield_now();
    }
    assert!(crew.wait().is_err());
}

#[test]
fn one_worker_has_no_threads() {
    let crew = Crew::new(1).unwrap();
    assert!(crew.is_alone());
    assert_eq!(crew.count(), 1);
}
