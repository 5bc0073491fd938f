//! Rules, by how many there are: what their conditions add to the windows they read.
//!
//! The idea: rules are conjunctions of three, as analysts write them: a feature beyond a threshold it rarely passes, an
//! amount, a place. They share columns and, the more there are, thresholds; few events hit any. Beside them rules that
//! share as little as rules can: one merchant each.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::AsArray;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use benches::many::{conjunction, pack, spread};
use rules::evaluate::Engine;
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

const EVENTS: usize = 50_000;

/// Conditions over a merchant each, as far as there are merchants, and an amount.
fn keyed(rules: &RuleSet) -> impl Fn(usize) -> String {
    let stream = benches::Stream::new(rules, EVENTS);
    let column = stream.events().column_by_name("merchant_id");
    let column = column.and_then(|column| column.as_string_opt::<i32>());
    let merchants: BTreeSet<String> = column
        .into_iter()
        .flatten()
        .flatten()
        .map(str::to_owned)
        .collect();
    let merchants: Vec<String> = merchants.into_iter().collect();
    move |rule| {
        let merchant = &merchants[rule % merchants.len()];
        let amount = 250 + spread(rule, 3, 500);
        format!("merchant_id = '{merchant}' AND amount_usd > {amount}")
    }
}

fn by_count(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    let mut run = |name: String, rules: &Arc<RuleSet>, step: usize| {
        let stream = benches::Stream::new(rules, EVENTS);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || Engine::new(Arc::clone(rules), "bench", HashSeed::FIXED),
                |engine| stream.run(engine, step),
                BatchSize::PerIteration,
            );
        });
    };
    for count in [50, 1_000, 5_000] {
        let rules = pack(count, conjunction);
        for step in [16, 256] {
            run(format!("{count} rules, steps of {step}"), &rules, step);
        }
    }
    let rules = pack(5_000, keyed(&pack(1, conjunction)));
    run(
        "5000 rules of a merchant each, steps of 256".to_owned(),
        &rules,
        256,
    );
    group.finish();
}

criterion_group!(all, by_count);
criterion_main!(all);
