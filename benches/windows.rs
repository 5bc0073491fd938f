//! Windows alone: three keys with three exact windows each, a count and a sum per window, and no rule.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use rules::evaluate::Engine;
use rules::state::seed::HashSeed;

const EVENTS: usize = 50_000;

/// 18 values per event: key × (1 min, 10 min, 1 h) × (count, sum).
fn features() -> String {
    let mut text = String::new();
    for key in ["card_id", "merchant_id", "device_id"] {
        for over in ["1m", "10m", "1h"] {
            text += &format!("  {key}_n_{over}: {{ by: {key}, agg: count(), over: {over} }}\n");
            text += &format!(
                "  {key}_sum_{over}: {{ by: {key}, agg: sum(amount_usd), over: {over} }}\n"
            );
        }
    }
    text
}

fn windows(criterion: &mut Criterion) {
    let rules = benches::pack(&features(), " []\n");
    let stream = benches::Stream::new(&rules, EVENTS);
    let mut group = criterion.benchmark_group("windows");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    for step in [16, 256, 4096] {
        group.bench_function(
            format!("3 keys x 3 windows x 2, steps of {step}"),
            |bencher| {
                bencher.iter_batched_ref(
                    || Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED),
                    |engine| stream.run(engine, step),
                    BatchSize::PerIteration,
                );
            },
        );
    }
    group.finish();
}

criterion_group!(all, windows);
criterion_main!(all);
