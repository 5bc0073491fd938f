//! The bytes per key that `check` estimates, against those a run holds: within a factor of 1.5 in every group.
//!
//! The estimate knows the plan and how many events keys hold; it does not know what is in them. Groups of few keys are
//! left out: a group has up to one empty page for each size of a small key, which is megabytes, however few they are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{Float64Array, TimestampMicrosecondArray};
use rules::compile::compile;
use rules::definition::PackSource;
use rules::evaluate::{Engine, Step, StepOutput, estimate};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;
use rules::value::Type;
use tests::{place, process};

const FACTOR: f64 = 1.5;
const EVENTS: usize = 400_000;
const STEP: usize = 1_000;
/// Groups of fewer keys are not looked at.
const KEYS_LEAST: usize = 3_000;

fn pack(name: &str) -> Arc<RuleSet> {
    let source = pipeline::pack::load(&place::root().join("rules/packs").join(name)).source;
    Arc::new(compile(&source.unwrap()).unwrap())
}

/// A pack of every way to keep a value, over keys of few, of some and of many events.
fn generated() -> Arc<RuleSet> {
    let aggregates = [
        "count()",
        "sum(d)",
        "stddev_pop(d)",
        "sum(f)",
        "var_pop(f)",
        "count_distinct(t)",
        "max(d)",
        "\"last(d, f)\"",
        "median(d)",
        "ratio(d > 0)",
    ];
    let mut features = String::new();
    for key in ["few", "some", "many"] {
        for (at, aggregate) in aggregates.iter().enumerate() {
            let over = ["1h", "1d", "30d", "{ decay: 2h }"][if at == 1 { 3 } else { at % 3 }];
            features += &format!("  {key}_{at}: {{ by: {key}, agg: {aggregate}, over: {over} }}\n");
        }
    }
    let text = format!(
        "pack: generated\nevent: e\nschema:\n  id: id\n  time: {{ field: ts, max_lateness: 1m }}\n  fields: {{ id: int, ts: \
         timestamp, few: text, some: int, many: text, d: decimal, f: float?, t: text? }}\nfeatures:\n{features}rules: []\n\
         policy: {{ order: [look, pass] }}\n"
    );
    Arc::new(compile(&PackSource::alone("pack.yaml", text)).unwrap())
}

/// SplitMix64: where the values of field `salt` of event `at` come from.
fn mixed(at: usize, salt: usize) -> u64 {
    let mut mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64) << 17;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// How many values a field has: what is a key decides how many events a key has.
fn values(name: &str) -> u64 {
    match name {
        "few" | "CUSTOMER_ID" | "card_id" | "device_id" => 100_000,
        "some" | "TERMINAL_ID" => 10_000,
        "many" | "merchant_id" => 4_000,
        _ => 3_000,
    }
}

fn events(rules: &RuleSet) -> (RecordBatch, Vec<EventTime>) {
    let schema = &rules.schema;
    // Near enough to one another that also a window of 15 minutes holds most of them.
    let micros = (0..EVENTS as i64).map(|at| 1_767_225_600_000_000 + at * 2_000);
    let columns = schema
        .fields
        .iter()
        .enumerate()
        .map(|(place, field)| -> ArrayRef {
            let number = |at: usize| mixed(at, place) % values(&field.name);
            let rows = 0..EVENTS;
            match field.ty {
                _ if place == schema.id && field.ty == Type::Int => {
                    Arc::new(Int64Array::from_iter_values(0..EVENTS as i64))
                }
                _ if place == schema.id => Arc::new(StringArray::from_iter_values(
                    rows.map(|at| format!("e{at}")),
                )),
                Type::Text => Arc::new(StringArray::from_iter_values(
                    rows.map(|at| format!("v-{:08}", number(at))),
                )),
                Type::Int => Arc::new(Int64Array::from_iter_values(
                    rows.map(|at| number(at) as i64),
                )),
                Type::Decimal(_) => {
                    let amounts = rows.map(|at| i128::from(number(at)) * 100);
                    let amounts = Decimal128Array::from_iter_values(amounts);
                    Arc::new(amounts.with_data_type(field.ty.arrow()))
                }
                Type::Float => Arc::new(Float64Array::from_iter_values(
                    rows.map(|at| number(at) as f64 / 7.0),
                )),
                Type::Bool => Arc::new(
                    rows.map(|at| Some(number(at) % 3 > 0))
                        .collect::<arrow::array::BooleanArray>(),
                ),
                Type::Timestamp => {
                    let times = TimestampMicrosecondArray::from_iter_values(micros.clone());
                    Arc::new(times.with_data_type(field.ty.arrow()))
                }
            }
        });
    let batch = RecordBatch::try_new(schema.arrow(), columns.collect()).unwrap();
    (batch, micros.clone().map(EventTime).collect())
}

/// Estimated over held, per group with enough keys.
#[track_caller]
fn ratios(rules: &Arc<RuleSet>) -> Vec<(String, f64)> {
    let (batch, times) = events(rules);
    let mut engine = Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
    let offsets: Vec<i64> = (0..EVENTS as i64).collect();
    let mut out = StepOutput::default();
    for from in (0..EVENTS).step_by(STEP) {
        let step = Step {
            events: &batch.slice(from, STEP),
            times: &times[from..from + STEP],
            partitions: &[0; STEP],
            offsets: &offsets[from..from + STEP],
        };
        engine.step(&step, &mut out);
    }
    let estimated = estimate(rules, Some(&engine.spreads()));
    let mut ratios = Vec::new();
    for (at, (size, group)) in engine
        .sizes()
        .groups
        .iter()
        .zip(&estimated.groups)
        .enumerate()
    {
        assert_eq!(group.keys, Some(size.keys as u64), "{}", group.key);
        let sampled = group.bytes.sampled.unwrap();
        let parts = rules.groups[at].features.iter();
        let parts: f64 = parts
            .map(|f| estimated.features[*f].bytes.sampled.unwrap())
            .sum();
        assert!(
            (parts - sampled).abs() < 1e-6 * sampled,
            "{parts} of {sampled}"
        );
        if size.keys < KEYS_LEAST {
            continue;
        }
        let held = size.bytes as f64 / size.keys as f64;
        println!(
            "{} by {}: {held:.0} bytes held, {sampled:.0} estimated",
            rules.pack, group.key
        );
        ratios.push((format!("{} by {}", rules.pack, group.key), sampled / held));
    }
    ratios
}

#[test]
fn estimated_bytes_are_within_a_factor_of_those_held() {
    let packs = [pack("card-core"), pack("handbook"), generated()];
    let ratios: Vec<_> = packs.iter().flat_map(ratios).collect();
    assert_eq!(ratios.len(), 4 + 2 + 3, "{ratios:?}");
    let beyond = ratios
        .iter()
        .filter(|(_, ratio)| !(1.0 / FACTOR..FACTOR).contains(ratio));
    let beyond: Vec<_> = beyond.collect();
    assert!(beyond.is_empty(), "{beyond:?}");
}

/// `tollgate check` as JSON, with these arguments behind the pack.
fn checked(pack: &str, more: &[&str]) -> serde_json::Value {
    let path = place::root().join("rules/packs").join(pack);
    let arguments = [&["check", "--output", "json", path.to_str().unwrap()], more].concat();
    let done = process::tollgate_ends(&place::root(), &arguments, Duration::from_secs(60));
    serde_json::from_str(&done.success().stdout).unwrap()
}

#[test]
fn check_tells_them_and_a_sample_says_how_full_keys_are() {
    let told = &checked("card-core", &[])["estimates"][0];
    let rows = |of: &str| told[of].as_array().unwrap().len();
    assert_eq!(
        (rows("groups"), rows("features"), rows("rules")),
        (4, 11, 6)
    );
    for feature in told["features"].as_array().unwrap() {
        let figure = |name: &str| feature[name].as_f64().unwrap();
        assert!(
            figure("bytes_quiet_key") > 0.0 && figure("ns_per_event") > 0.0,
            "{feature}"
        );
        assert!(feature["bytes_per_key_of_sample"].is_null(), "{feature}");
    }
    let scratch = process::scratch();
    let sample = scratch.path().join("sample.ndjson");
    let sample = sample.to_str().unwrap();
    let arguments = ["gen", "--out", sample, "--seed", "3", "--count", "5000"];
    let made = process::tollgate_ends(scratch.path(), &arguments, Duration::from_secs(60));
    let _ = made.success();
    let told = &checked("card-core", &["--sample", sample])["estimates"][0];
    for group in told["groups"].as_array().unwrap() {
        assert!(group["keys"].as_u64().unwrap() > 0, "{group}");
        let (quiet, sampled) = (&group["bytes_quiet_key"], &group["bytes_per_key_of_sample"]);
        assert!(
            sampled.as_f64() > quiet.as_f64(),
            "keys of several events take more: {group}"
        );
    }
}
