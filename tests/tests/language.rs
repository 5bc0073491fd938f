//! A pack with every window and every aggregate, from its text to the values of the last of six events, worked out
//! by hand.
//!
//! The idea: an analyst's own test file asks for them. The invariant: no form of
//! [`Form::ALL`] and no function of [`Aggregate::ALL`] is missing here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::aggregate::Aggregate;
use rules::compile::compile;
use rules::definition::{PackSource, SourceFile};
use rules::testcase;
use rules::window::Form;

/// Each aggregate over the last hour, each window with a count; what every one is after the last event of [`TESTS`].
const FEATURES: [(&str, &str, &str); 26] = [
    ("count()", "1h", "5"),
    ("sum(amount)", "1h", "100.0000"),
    ("avg(amount)", "1h", "20"),
    ("min(amount)", "1h", "10.0000"),
    ("max(amount)", "1h", "40.0000"),
    ("var_pop(amount)", "1h", "160"),
    ("var_samp(amount)", "1h", "200"),
    ("stddev_pop(n)", "1h", "2"),
    ("stddev_samp(n)", "1h", "2.23606797749979"),
    ("quantile(amount, 0.9)", "1h", "36"),
    ("median(amount)", "1h", "10"),
    ("mode(shop)", "1h", "a"),
    ("top_k(shop, 2)", "1h", "'[\"a\",\"b\"]'"),
    ("rate(amount)", "100s", "0.4"),
    ("ewma(amount, 10m)", "1h", "22.17391304347826"),
    ("count_distinct(shop)", "1h", "3"),
    ("first(shop)", "1h", "b"),
    ("last(shop)", "1h", "a"),
    ("ratio(amount > 15)", "1h", "0.4"),
    ("count()", "{ from: 90m, to: 25m }", "2"),
    ("count()", "{ last: 4 }", "4"),
    ("count()", "forever", "6"),
    ("count()", "{ session: 10m }", "5"),
    ("count()", "{ session: 9m }", "2"),
    ("count()", "{ calendar: day, zone: Europe/Amsterdam }", "3"),
    ("sum(amount)", "{ decay: 10m }", "71.5625"),
];

/// Midnight in Amsterdam is 23:00Z, exactly; the session of ten minutes has silences of exactly ten.
const TESTS: &str = "
defaults: { card: c }
tests:
  - name: all
    send:
      - { at: 22h, amount: 1000, n: 90, shop: z }
      - { at: 22h40m, amount: 10, n: 1, shop: b }
      - { at: 22h50m, amount: 10, n: 1, shop: a }
      - { at: 23h, amount: 40, n: 6, shop: b }
      - { at: 23h10m, amount: 30, n: 1, shop: c }
      - { at: 23h10m, amount: 10, n: 1, shop: a }
    expect:
";

#[test]
fn every_window_and_every_aggregate_gives_what_its_words_say() {
    let mut text = "pack: all\nschema:\n  id: id\n  time: ts\n  fields: { id: text, ts: timestamp, card: text, \
                    shop: text, amount: decimal, n: int }\nfeatures:\n"
        .to_owned();
    let mut tests = TESTS.to_owned();
    for (at, (agg, over, value)) in FEATURES.into_iter().enumerate() {
        text += &format!("  f{at}: {{ by: card, agg: \"{agg}\", over: {over} }}\n");
        tests += &format!("      - {{ feature: f{at}, at: 6, is: {value} }}\n");
    }
    text += "rules:\n  - { id: R, when: f0 > 0, then: { action: review, score: 1 } }\n";
    let rules = compile(&PackSource::alone("pack.yaml", &text));
    let rules = Arc::new(rules.unwrap_or_else(|findings| panic!("{findings:#?}")));
    let suite = testcase::parse(&SourceFile::new("tests.yaml", &tests), &rules)
        .unwrap_or_else(|findings| panic!("{findings:#?}"));
    for result in testcase::run(&rules, &suite) {
        let failures: Vec<String> = result.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
    let functions: BTreeSet<&str> = rules.features.iter().map(|f| f.aggregate.name()).collect();
    let forms: BTreeSet<&str> = rules
        .features
        .iter()
        .map(|f| f.window.form().name)
        .collect();
    assert_eq!(functions, Aggregate::ALL.map(Aggregate::name).into());
    assert_eq!(forms, Form::ALL.map(|form| form.name).into());
}
