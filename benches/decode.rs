//! JSON to the columns the sample pack wants, per event.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use connectors::format::Decoder;

fn decode(criterion: &mut Criterion) {
    let rules = benches::card_core();
    let swipes = benches::swipes(4096);
    let mut decoder = benches::decoder(&rules);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(4096));
    group.bench_function("json, card-core", |bencher| {
        bencher.iter(|| decoder.decode(&swipes).taken.len());
    });
    group.finish();
}

criterion_group!(all, decode);
criterion_main!(all);
