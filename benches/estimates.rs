//! What `tollgate check` estimates, held against what is measured: nanoseconds of processor time per event, for each
//! feature and each rule by itself, and bytes per key of each group.
//!
//! ```text
//! cargo build --release --workspace --bin estimates && target/release/estimates
//! ```
//!
//! The goal is a ratio between 1/1.5 and 1.5; the weights are in
//! `rules/src/state/estimate.rs` and `rules/src/evaluate/matching/cost.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "benches"
)]

use std::hint::black_box;
use std::sync::Arc;

use benches::{Stream, many, processor_time};
use rules::evaluate::{Engine, FeatureApart, RulesApart, StepOutput, Taken, estimate};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: usize = 100_000;
const STEP: usize = 256;
const ROUNDS: usize = 5;

/// The ratio an estimate may be off by, either way.
const BOUND: f64 = 1.5;

fn main() {
    show("card-core", &benches::card_core());
    show("every kind", &benches::all_kinds());
    show(
        "50 rules over 18 features",
        &many::pack(50, many::conjunction),
    );
}

fn show(name: &str, rules: &Arc<RuleSet>) {
    let stream = Stream::new(rules, EVENTS);
    let mut engine = Engine::new(Arc::clone(rules), "bench", HashSeed::FIXED);
    let mut out = StepOutput::default();
    let mut taken = Vec::new();
    for from in (0..EVENTS).step_by(STEP) {
        let rows = STEP.min(EVENTS - from);
        stream.step(&mut engine, from..from + rows, &mut out);
        taken.push(Taken::new(&stream.events().slice(from, rows), &out));
    }
    let estimated = estimate(rules, Some(&engine.spreads()));
    println!("\n{name}: {EVENTS} swipes, steps of {STEP}");
    line("bytes per key of", "measured", 0.0, 0.0);
    for (group, size) in estimated.groups.iter().zip(&engine.sizes().groups) {
        let bytes = size.bytes as f64 / size.keys.max(1) as f64;
        let key = format!("{} ({} keys)", group.key, size.keys);
        line(&key, "", bytes, group.bytes.sampled.unwrap_or_default());
    }
    line("ns of feature", "measured", 0.0, 0.0);
    let mut ratios = Vec::new();
    for (at, feature) in rules.features.iter().enumerate() {
        let ns = mean(
            || FeatureApart::new(rules, at, HashSeed::FIXED).unwrap(),
            |apart| taken.iter().for_each(|step| apart.run(step)),
        );
        line(&feature.name, "", ns, estimated.features[at].ns);
        ratios.push(estimated.features[at].ns / ns);
    }
    within(ratios);
    line("ns of rule", "measured", 0.0, 0.0);
    let of = |some: Vec<usize>| {
        let run = |apart: &mut RulesApart| {
            // Ten times, because the conditions of one rule take less than a tick of the kernel.
            for _ in 0..10 {
                black_box(taken.iter().map(|step| apart.run(step)).sum::<usize>());
            }
        };
        mean(|| RulesApart::new(rules, some.clone()), run) / 10.0
    };
    let none = of(Vec::new());
    let mut ratios = Vec::new();
    for (at, rule) in rules.rules.iter().enumerate().take(12) {
        let ns = of(vec![at]) - none;
        line(&rule.id, "", ns, estimated.rules[at]);
        ratios.push(estimated.rules[at] / ns);
    }
    within(ratios);
}

/// Says how many estimates are good, and how many were if this machine were at the pace of the one they were fitted on:
/// where others use the same cores it is not.
fn within(mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    let pace = ratios[ratios.len() / 2];
    let good = |ratio: &&f64| (1.0 / BOUND..=BOUND).contains(*ratio);
    let as_they_are = ratios.iter().filter(good).count();
    let at_pace: Vec<f64> = ratios.iter().map(|ratio| ratio / pace).collect();
    println!(
        "within {BOUND}: {as_they_are} of {}; with all divided by their median, {pace:.2}: {}",
        ratios.len(),
        at_pace.iter().filter(good).count()
    );
}

/// Nanoseconds per event, a mean over rounds that each begin anew: time is told in ticks of milliseconds, which a
/// single round is too short for.
fn mean<T>(make: impl Fn() -> T, run: impl Fn(&mut T)) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let mut made = make();
        let begun = processor_time();
        run(&mut made);
        processor_time() - begun
    });
    rounds.sum::<u64>() as f64 / (ROUNDS * EVENTS) as f64
}

fn line(name: &str, head: &str, measured: f64, estimated: f64) {
    if !head.is_empty() {
        println!("{name:36} {head:>10} {:>10} {:>7}", "estimate", "ratio");
        return;
    }
    let ratio = estimated / measured;
    println!("{name:36} {measured:>10.1} {estimated:>10.1} {ratio:>7.2}");
}
