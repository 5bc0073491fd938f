//! End to end in one thread: JSON bytes → columns → windows, rules, policy of the sample pack → decision bytes.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use connectors::format::Decoder;
use rules::decision::Renderer;
use rules::evaluate::{Engine, StepOutput};
use rules::state::seed::HashSeed;

const EVENTS: usize = 50_000;
const STEP: usize = 256;

fn end_to_end(criterion: &mut Criterion) {
    let rules = benches::card_core();
    let swipes = benches::swipes(EVENTS);
    let renderer = Renderer::new(Arc::clone(&rules), "bench", "swipes");
    let mut group = criterion.benchmark_group("end to end");
    group.sample_size(10);
    group.throughput(Throughput::Elements(EVENTS as u64));
    group.bench_function(format!("card-core, steps of {STEP}"), |bencher| {
        bencher.iter_batched_ref(
            || {
                (
                    Engine::new(Arc::clone(&rules), "bench", HashSeed::FIXED),
                    benches::decoder(&rules),
                )
            },
            |(engine, decoder)| {
                let (mut out, mut bytes) = (StepOutput::default(), Vec::new());
                for from in (0..EVENTS).step_by(STEP) {
                    let decoded = decoder.decode(&swipes.slice(from, STEP.min(EVENTS - from)));
                    let stream = benches::Stream::of(&rules, decoded.rows);
                    stream.step(engine, 0..decoded.taken.len(), &mut out);
                    bytes.clear();
                    let view = renderer.view(stream.events(), &out);
                    (0..out.decisions.len()).for_each(|row| view.write_decision(row, &mut bytes));
                    black_box(&bytes);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(all, end_to_end);
criterion_main!(all);
