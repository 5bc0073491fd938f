//! Windows, rules and policy of the sample pack, per event, by size of the step.

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use rules::evaluate::Engine;
use rules::state::seed::HashSeed;

const EVENTS: usize = 50_000;

fn engine(criterion: &mut Criterion) {
    let rules = benches::card_core();
    let stream = benches::Stream::new(&rules, EVENTS);
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    for step in [16, 256, 4096] {
        group.bench_function(format!("card-core, steps of {step}"), |bencher| {
            bencher.iter_batched_ref(
                || Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED),
                |engine| stream.run(engine, step),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(all, engine);
criterion_main!(all);
