//! The rows of the table of bad input that concern a pack while it runs: R5 and R6.
//!
//! The idea: a pack goes through the engine, over a few rows of which some are made to fail. The invariant: whatever a
//! row holds, evaluation ends, and its neighbours come out as they do without it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use packs_common::{codes, lines};
use rules::compile::compile;
use rules::definition::PackSource;
use rules::evaluate::{Engine, Hitter, Step, StepOutput};
use rules::expression::Cause;
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

/// One rule over fields that can hold anything.
fn pack(condition: &str) -> String {
    format!(
        "pack: p
schema:
  id: id
  time: ts
  fields: {{ id: text, ts: timestamp, n: int?, f: float?, t: text? }}
features:
  parts: {{ by: [], agg: sum(100 / n), over: 1h }}
rules:
  - id: R
    when: \"{condition}\"
    then: {{ action: review }}
policy: {{ order: [review, approve] }}
"
    )
}

fn rules(condition: &str) -> Arc<RuleSet> {
    let text = pack(condition);
    let compiled = compile(&PackSource::alone("pack.yaml", &text));
    Arc::new(compiled.unwrap_or_else(|found| panic!("{condition}: {}", lines(&text, &found))))
}

/// A row: an int, a float, a text.
type Row = (Option<i64>, Option<f64>, Option<String>);

/// Five rows, of which each of the last three is bad in a way of its own.
fn five() -> Vec<Row> {
    let row = |n, f, t: Option<&str>| (n, f, t.map(str::to_owned));
    vec![
        row(Some(2), Some(8.0), Some("7")),
        row(Some(5), Some(2.0), Some("1")),
        row(Some(0), Some(f64::NAN), Some("x")),
        row(None, None, None),
        row(Some(i64::MAX), Some(f64::INFINITY), Some("")),
    ]
}

/// Runs rows through a fresh engine in steps of so many.
fn run(rules: &Arc<RuleSet>, rows: &[Row], cut: usize) -> Vec<StepOutput> {
    let mut engine = Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
    let mut outputs = Vec::new();
    for (index, chunk) in rows.chunks(cut).enumerate() {
        let offsets: Vec<i64> = (index * cut..)
            .take(chunk.len())
            .map(|n| n as i64)
            .collect();
        let times = TimestampMicrosecondArray::from(offsets.clone()).with_timezone("UTC");
        let ids = offsets.iter().map(|offset| Some(offset.to_string()));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids.collect::<StringArray>()),
            Arc::new(times),
            Arc::new(chunk.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(chunk.iter().map(|row| row.1).collect::<Float64Array>()),
            Arc::new(
                chunk
                    .iter()
                    .map(|row| row.2.clone())
                    .collect::<StringArray>(),
            ),
        ];
        let events = RecordBatch::try_new(rules.schema.arrow(), columns).unwrap();
        let mut output = StepOutput::default();
        let step = Step {
            events: &events,
            times: &offsets.iter().map(|at| EventTime(*at)).collect::<Vec<_>>(),
            partitions: &vec![0; chunk.len()],
            offsets: &offsets,
        };
        engine.step(&step, &mut output);
        assert_eq!(output.decisions.len(), chunk.len());
        outputs.push(output);
    }
    outputs
}

/// The rows that hit, then what was counted: `0 1; overflow 1`.
fn told(rules: &Arc<RuleSet>, rows: &[Row], cut: usize) -> String {
    let (mut hits, mut faults) = (Vec::new(), [0; Cause::ALL.len()]);
    for (index, output) in run(rules, rows, cut).iter().enumerate() {
        let rule = output.hits.iter().filter(|hit| hit.by == Hitter::Rule(0));
        hits.extend(rule.map(|hit| (index * cut + hit.row).to_string()));
        for (sum, count) in faults.iter_mut().zip(output.counts.rules[0].faults) {
            *sum += count;
        }
    }
    let mut told = hits.join(" ");
    for (cause, count) in Cause::ALL.into_iter().zip(faults).filter(|(_, n)| *n > 0) {
        write!(told, "; {} {count}", cause.name()).unwrap();
    }
    told
}

#[test]
fn r5_the_dearest_rule_that_is_allowed_ends_on_every_event() {
    // Patterns that keep every place of the text in play, so that their automaton outgrows its cache.
    let condition = |count: usize| {
        let each = |n: usize| format!("regexp_like(t, '[0-7].{{9}}[a-f].{{9}}[{n}]z')");
        (0..count).map(each).collect::<Vec<_>>().join(" OR ")
    };
    let allowed = (1..100)
        .take_while(|count| codes(&pack(&condition(*count))).is_empty())
        .last()
        .unwrap();
    assert_eq!(codes(&pack(&condition(allowed + 1))), ["E0211"]);
    let rules = rules(&condition(allowed));
    let cost = rules.rules[0].when.cost();
    assert!((9_000..=10_000).contains(&cost), "{cost}");
    // What a text may be made of by the worst of senders, and one that hits at its very end.
    let long: String = (0..4_096u32)
        .map(|n| char::from(b"07af"[(n * n / 7) as usize % 4]))
        .collect();
    let hit = format!("{long}0123456789a1234567890z");
    let rows: Vec<Row> = (0..8)
        .map(|n| {
            (
                None,
                None,
                Some(if n == 5 { hit.clone() } else { long.clone() }),
            )
        })
        .collect();
    assert_eq!(told(&rules, &rows, 8), "5");
}

#[test]
fn r6_errors_while_a_rule_runs_are_unknown_counted_and_alone() {
    for (condition, expected) in [
        ("100 / n > 4", "0 1; division_by_zero 1"),
        ("n <> 0 AND 100 / n > 4", "0 1"),
        ("n % 0 = 1", "; division_by_zero 4"),
        ("n + 1 > 0", "0 1 2; overflow 1"),
        ("n * n >= 0", "0 1 2; overflow 1"),
        ("-n - 2 < 0", "0 1 2; overflow 1"),
        ("f > 4", "0; not_a_number 2"),
        ("f < 4", "1; not_a_number 2"),
        ("NOT (f > 4)", "1; not_a_number 2"),
        ("f = f", "0 1; not_a_number 2"),
        ("ln(f - 2) > 0", "0; not_a_number 3"),
        ("sqrt(0 - f) > 0 OR n = 5", "1; not_a_number 3"),
        ("CAST(t AS int) > 1", "0; bad_cast 2"),
        ("n > 1", "0 1 4"),
        ("NOT (n > 1)", "2"),
        ("n = NULL", ""),
        ("n <> NULL OR n = 5", "1"),
        ("n IS NULL", "3"),
        ("coalesce(100 / n, 99) > 40", "0 2 3"),
    ] {
        let rules = rules(condition);
        assert_eq!(told(&rules, &five(), 5), expected, "{condition}");
        assert_eq!(
            told(&rules, &five(), 1),
            expected,
            "{condition}, one by one"
        );
        let good = &five()[..2];
        let alone: Vec<_> = told(&rules, good, 2)
            .split(';')
            .next()
            .unwrap()
            .split(' ')
            .map(str::to_owned)
            .collect();
        let among: Vec<_> = expected
            .split(';')
            .next()
            .unwrap()
            .split(' ')
            .filter(|row| ["0", "1", ""].contains(row))
            .collect();
        assert!(
            alone == among || among.is_empty() && alone == [""],
            "{condition}: {alone:?}"
        );
    }
}

#[test]
fn r6_a_feature_leaves_out_what_cannot_be_computed() {
    for cut in [1, 5] {
        let outputs = run(&rules("parts > 0"), &five(), cut);
        let sums: Vec<i64> = outputs
            .iter()
            .flat_map(|output| {
                output.features[0]
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        assert_eq!(
            sums,
            [50, 70, 70, 70, 70],
            "100/2, 100/5, and nothing of the rest"
        );
    }
}
