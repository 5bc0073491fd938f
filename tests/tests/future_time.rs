//! Row E10 of the table of bad input: a record that claims to come from the future, and those behind it in its
//! partition.
//!
//! The one idea: bytes with append times go through the decoding operator into the engine, as in a run on a log. The
//! case without a bound shows that the records behind would be late if the bound were not kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use connectors::format::Limits;
use connectors::format::columns::ColumnCaster;
use connectors::format::json::JsonDecoder;
use connectors::record::{Batch, RawBatchBuilder};
use connectors::reject::RejectCode;
use pipeline::operator::decode::{Decode, STAGE_TIME, Segment};
use pipeline::operator::wanted;
use rules::definition::PackSource;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

/// 2026-01-01T00:00:00Z.
const MIDNIGHT: i64 = 1_767_225_600;

/// Offset, seconds after midnight at which the log took the record, and the time it claims.
const RECORDS: [(i64, i64, &str); 4] = [
    (10, 0, "2026-01-01T00:00:00Z"),
    (11, 1, "9999-01-01T00:00:00Z"),
    (12, 2, "2026-01-01T00:00:02Z"),
    (13, 60, "2026-01-01T00:01:00Z"),
];

fn value(offset: i64, time: &str) -> String {
    format!("{{\"id\":\"{offset}\",\"ts\":\"{time}\",\"card\":\"c\"}}")
}

fn rules(bound: &str) -> Arc<RuleSet> {
    let pack = format!(
        "pack: small
event: swipe
schema:
  id: id
  time: {{ field: ts, max_lateness: 2m{bound} }}
  fields: {{ id: text, ts: timestamp, card: text }}
features:
  by_card: {{ by: card, agg: count(), over: 1h }}
rules:
  - id: ALL-01
    when: by_card >= 0
    then: {{ action: review, score: 1 }}
    explain: '{{by_card}}'
policy: {{ order: [review, approve] }}
"
    );
    Arc::new(rules::compile::compile(&PackSource::alone("pack.yaml", &pack)).unwrap())
}

fn decoded(rules: &RuleSet) -> Segment {
    let mut batch = RawBatchBuilder::new(0);
    for (offset, appended, time) in RECORDS {
        let appended = (MIDNIGHT + appended) * 1_000_000;
        let value = value(offset, time);
        batch.push(
            offset,
            appended,
            Some(b"c"),
            Some(value.as_bytes()),
            &Vec::new(),
        );
    }
    let wanted = wanted::columns(&rules.schema);
    let decoder = JsonDecoder::new(wanted.clone(), Limits::DEFAULT).unwrap();
    let caster = ColumnCaster::new(wanted).unwrap();
    let schema = Arc::new(rules.schema.clone());
    let mut decode = Decode::new(schema, Some(Box::new(decoder)), Box::new(caster));
    decode.run(Batch::Raw(batch.finish()), 0).unwrap()
}

/// Offset, seconds after midnight it counts with, count of the card and whether it is late, of every event decided.
fn decided(rules: &Arc<RuleSet>, segment: &Segment) -> Vec<(i64, i64, i64, bool)> {
    let mut out = StepOutput::default();
    let step = Step {
        events: &segment.rows,
        times: &segment.times,
        partitions: &vec![segment.partition; segment.times.len()],
        offsets: &segment.offsets,
    };
    Engine::new(Arc::clone(rules), "app", HashSeed::FIXED).step(&step, &mut out);
    let counts = out.features[0].as_primitive::<Int64Type>();
    let decisions = out.decisions.iter().zip(counts.values());
    decisions
        .map(|(decision, count)| {
            let time = decision.time.0 / 1_000_000 - MIDNIGHT;
            (decision.position.offset, time, *count, decision.flags.late)
        })
        .collect()
}

#[test]
fn e10_a_record_of_the_year_9999_is_clamped_and_makes_no_other_late() {
    let rules = rules(", max_future: 30s, on_future: clamp");
    let segment = decoded(&rules);
    assert!(segment.dead.is_empty());
    assert_eq!(segment.clamped, [1]);
    // It counts with its append time and 30 s: not yet at second 2, but at second 60.
    let expected = [
        (10, 0, 1, false),
        (11, 31, 2, false),
        (12, 2, 2, false),
        (13, 60, 4, false),
    ];
    assert_eq!(decided(&rules, &segment), expected);
}

#[test]
fn e10_a_record_of_the_year_9999_is_a_dead_letter_and_makes_no_other_late() {
    let rules = rules(", max_future: 30s, on_future: dead_letter");
    let segment = decoded(&rules);
    assert!(segment.clamped.is_empty());
    let dead: Vec<_> = segment
        .dead
        .iter()
        .map(|letter| {
            (
                letter.offset,
                letter.code,
                letter.stage,
                letter.value.clone(),
            )
        })
        .collect();
    let bytes = value(11, "9999-01-01T00:00:00Z").into_bytes();
    assert_eq!(
        dead,
        [(11, RejectCode::FromTheFuture, STAGE_TIME, Some(bytes))]
    );
    assert_eq!(segment.next_offset, 14);
    let expected = [(10, 0, 1, false), (12, 2, 2, false), (13, 60, 3, false)];
    assert_eq!(decided(&rules, &segment), expected);
}

#[test]
fn e10_without_a_bound_the_records_behind_it_are_late() {
    let rules = rules("");
    let segment = decoded(&rules);
    let late = decided(&rules, &segment)
        .iter()
        .map(|(offset, .., late)| (*offset, *late))
        .collect::<Vec<_>>();
    assert_eq!(late, [(10, false), (11, false), (12, true), (13, true)]);
}
