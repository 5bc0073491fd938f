//! Rules alone: conditions over fields of the event, by how many rules there are.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use rules::evaluate::Engine;
use rules::state::seed::HashSeed;

const EVENTS: usize = 20_000;
const STEP: usize = 256;

/// Conjunctions of three predicates that rarely hold together, no two alike.
fn text(count: usize) -> String {
    let rule = |i: usize| {
        let (dollars, south, west) = (400 + i, i % 60, i % 170);
        format!(
            "  - id: R-{i}\n    when: amount_usd > {dollars} AND lat < {south} AND lon < -{west}\n    \
             then: {{ action: review, score: 1, reason: BENCH }}\n"
        )
    };
    (0..count).map(rule).collect()
}

fn by_count(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    for count in [50, 1_000] {
        let rules = benches::pack(
            "  n: { by: card_id, agg: count(), over: 1m }\n",
            &format!("\n{}", text(count)),
        );
        let stream = benches::Stream::new(&rules, EVENTS);
        group.bench_function(format!("{count} rules, steps of {STEP}"), |bencher| {
            bencher.iter_batched_ref(
                || Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED),
                |engine| stream.run(engine, STEP),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(all, by_count);
criterion_main!(all);
