//! Checking packs of a thousand and of five thousand rules: the floors are one second and two.

use std::fmt::Write;

use criterion::{Criterion, criterion_group, criterion_main};

use rules::definition::PackSource;

/// So many rules over twenty features.
fn pack(rules: usize) -> String {
    let mut text = "pack: many
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m, max_future: 30s }
  fields: { id: text, ts: timestamp, card: text, amount: decimal }
features:
"
    .to_owned();
    for minutes in 1..=20 {
        let _ = writeln!(
            text,
            "  count_{minutes}: {{ by: card, agg: count(), over: {minutes}m }}"
        );
    }
    text += "rules:\n";
    for rule in 0..rules {
        let (first, second) = (rule % 20 + 1, rule % 19 + 1);
        let _ = writeln!(
            text,
            "  - {{ id: R-{rule}, name: Rule, when: \"count_{first} >= {rule} AND count_{second} > 3 AND amount > {rule}.50\", then: {{ action: review, score: 1, reason: R }} }}"
        );
    }
    text + "policy: { order: [review, approve] }\n"
}

fn check(criterion: &mut Criterion) {
    for (rules, name) in [(1_000, "check, 1,000 rules"), (5_000, "check, 5,000 rules")] {
        let source = PackSource::alone("pack.yaml", pack(rules));
        let checked = rules::compile::compile(&source).map(|checked| checked.rules.len());
        assert_eq!(
            checked,
            Ok(rules),
            "a pack that does not check is no measure"
        );
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| rules::compile::compile(&source).map(|checked| checked.rules.len()));
        });
    }
}

criterion_group!(all, check);
criterion_main!(all);
