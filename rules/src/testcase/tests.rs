//! What a test file may hold, what is refused, and what a failure says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use expect_test::{Expect, expect};

use super::*;
use crate::compile::compile;
use crate::definition::PackSource;
use crate::evaluate::fixture::{self, PACK};

const CARD_CORE: &str = include_str!("../../packs/card-core/pack.yaml");
const CARD_CORE_TESTS: &str = include_str!("../../packs/card-core/tests.yaml");

fn card_core(text: &str) -> Arc<RuleSet> {
    let lists = crate::definition::list_files(&SourceFile::new("pack.yaml", text));
    let lists = lists.into_iter().map(|name| SourceFile::new(name, ""));
    let source = PackSource {
        pack: SourceFile::new("pack.yaml", text),
        lists: lists.collect(),
    };
    Arc::new(compile(&source).unwrap_or_else(|findings| panic!("{findings:#?}")))
}

fn results(rules: &Arc<RuleSet>, tests: &str) -> Vec<TestResult> {
    let file = SourceFile::new("tests.yaml", tests);
    let suite = parse(&file, rules).unwrap_or_else(|findings| panic!("{findings:#?}"));
    run(rules, &suite)
}

fn failures(results: &[TestResult]) -> String {
    let failed = results.iter().filter(|result| !result.passed());
    let texts = failed.flat_map(|result| {
        let all = result.failures.iter().map(|failure| failure.to_string());
        std::iter::once(result.name.clone())
            .chain(all)
            .collect::<Vec<_>>()
    });
    texts.map(|text| text + "\n").collect()
}

#[test]
fn the_tests_of_card_core_pass() {
    let results = results(&card_core(CARD_CORE), CARD_CORE_TESTS);
    assert_eq!(failures(&results), "");
    assert!(results.len() >= 14);
}

#[test]
fn a_changed_rule_fails_and_says_why() {
    let text = CARD_CORE.replace("card_cnt_10m >= :n", "card_cnt_10m > :n");
    let results = results(&card_core(&text), CARD_CORE_TESTS);
    expect![[r#"
        five swipes in ten minutes trip the velocity rule, the fourth does not
        expected VEL-01 fires at send 5
             got VEL-01 fires at no send
                 send 5: VEL-01 did not fire: card_cnt_10m = 5, card_sum_10m = 400.00
                 condition: card_cnt_10m > :n AND card_sum_10m > :total, where :n = 5, :total = 300
        two swipes with the same timestamp do not see each other's future
        expected VEL-01 fires at send 5
             got VEL-01 fires at no send
                 send 5: VEL-01 did not fire: card_cnt_10m = 5, card_sum_10m = 500.00
                 condition: card_cnt_10m > :n AND card_sum_10m > :total, where :n = 5, :total = 300
    "#]]
    .assert_eq(&failures(&results));
}

fn check(tests: &str, expected: &Expect) {
    let rules = fixture::rules(PACK);
    let text = format!("defaults: {{ card: c1, amount: 5 }}\ntests:\n{tests}");
    expected.assert_eq(&failures(&results(&rules, &text)));
}

#[test]
fn outcomes_features_and_alerts_can_be_expected() {
    check(
        "
  - name: all is well
    send: [ {at: 0s, repeat: 4, every: 1s}, {at: 10s, id: s4, amount: 600}, {at: 11s, card: v1, amount: 600} ]
    expect:
      - { rule: VEL, fires: [3-4], acted: [3], explain: \"worth\" }
      - { outcome: review, at: [3, 4, 5] }
      - { outcome: approve, at: 6 }
      - { feature: total, at: 4, is: 20 }
      - { feature: prev.shop, at: 2, is: null }
      - { rule: BIG, fires: [6], acted: [] }
",
        &expect![""],
    );
}

#[test]
fn each_kind_of_failure_says_what_came() {
    check(
        "
  - name: acted
    send: [ {at: 0s, repeat: 4, every: 1s} ]
    expect: [ {rule: VEL, acted: [3, 4]}, {rule: VEL, fires: [1-4]} ]
  - name: explain
    send: [ {at: 0s, repeat: 3, every: 1s} ]
    expect: [ {rule: VEL, explain: dollars}, {rule: BIG, explain: dollars} ]
  - name: outcome and feature
    send: [ {at: 0s, repeat: 2, every: 1s}, {at: 3s, card: \"c#\", amount: 600} ]
    expect: [ {outcome: review, at: [1, 3]}, {feature: cnt, at: 2, is: 7}, {feature: prev.shop, at: 2, is: s1} ]
  - name: off and duplicate
    send: [ {at: 0s}, {at: 1s, id: s1, amount: 600} ]
    expect: [ {rule: SILENT, fires: [1]}, {rule: BIG, fires: [2]} ]
",
        &expect![[r#"
            acted
            expected VEL acts at send 3-4
                 got VEL acts at send 3
                     send 4: VEL fired and did not act: cnt = 4
                     condition: cnt >= :n, where :n = 3
            expected VEL fires at send 1-4
                 got VEL fires at send 3-4
                     send 1: VEL did not fire: cnt = 1
                     send 2: VEL did not fire: cnt = 2
                     condition: cnt >= :n, where :n = 3
            explain
            expected VEL explains itself with "dollars" wherever it fires
                 got "3 worth 15.00 (limit 3)" at send 3
            expected BIG explains itself with "dollars" wherever it fires
                 got BIG fires nowhere
            outcome and feature
            expected outcome review at send 1, 3
                 got another outcome at send 1, 3
                     send 1: approve with score 0; hits: nothing
                     send 3: decline with score 70; hits: BIG (live)
            expected cnt = 7 at send 2
                 got cnt = 2
            expected prev.shop = s1 at send 2
                 got prev.shop = unknown
            off and duplicate
            expected SILENT fires at send 1
                 got SILENT fires at no send
                     send 1: SILENT did not fire: its mode is off: amount = 5.00
                     condition: amount >= 0
            expected BIG fires at send 2
                 got BIG fires at no send
                     send 2: BIG did not fire: a duplicate is not decided again: amount = 600.00, total = 5.00, twice = 1200.00
                     condition: twice > 1000
        "#]],
    );
}

#[test]
fn every_problem_of_a_file_is_found_in_its_place() {
    let text = "
defaults: { card: c1, amont: 20, amount: lots }
tests:
  - name: fields
    send: [ {at: 0s, ts: 5s}, {at: soon, amount: 1}, {repeat: 0, amount: null} ]
    expect: [ {rule: VEL, fires: []} ]
  - name: expectations
    send: [ {at: 0s, amount: 5, repeat: 2} ]
    expect:
      - { rule: VEL-1, fires: [3] }
      - { rule: VEL, fires: [2-1, x, 1-99999999999] }
      - { rule: VEL }
      - { outcome: reviev, at: 1 }
      - { feature: cnt, at: 1, is: many }
      - { feature: cnt, is: 1 }
      - { fires: [1] }
      - { rule: VEL, fires: [1], at: 3 }
  - name: nothing
    send: []
    expect: []
  - name: far
    send: [ {at: 0s, amount: 5, repeat: 200000, every: 100w}, {at: 0s, amount: 5, repeat: 200000}, {at: 0s, amount: 5} ]
    expect: [ {rule: VEL, fires: []} ]
";
    let rules = fixture::rules(PACK);
    let findings = parse(&SourceFile::new("tests.yaml", text), &rules).unwrap_err();
    let lines: String = findings
        .iter()
        .map(|finding| {
            let line = text[..finding.span.start].lines().count();
            let place = &text[finding.span.clone()];
            let help = finding.help.as_deref().unwrap_or("-");
            format!(
                "{line} {:?} `{place}` {} ({help})\n",
                finding.code, finding.message
            )
        })
        .collect();
    expect![[r#"
        2 BadTest `amont` the schema has no field `amont` (did you mean `amount`?)
        2 BadTest `lots` this is not a value of `amount`, which is decimal (-)
        5 BadTest `ts` `ts` is the event time (say when with `at`)
        5 BadDuration `soon` `soon` is not a duration; write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m` (-)
        5 MissingKey `{repeat: 0, amount: null}` a send needs `at` (-)
        5 BadTest `0` `repeat` is a whole number from 1 to 200000 (-)
        5 BadTest `null` this is not a value of `amount`, which is decimal (-)
        10 BadTest `VEL-1` the pack has no rule `VEL-1` (-)
        10 BadTest `3` there is no send 3: this test has 2 (-)
        11 BadTest `2-1` `fires` takes numbers of sends such as 5 or 30-40 (-)
        11 BadTest `x` `fires` takes numbers of sends such as 5 or 30-40 (-)
        11 BadTest `1-99999999999` there is no send 99999999999: this test has 2 (-)
        12 BadTest `{ rule: VEL }` this expects nothing of the rule (add `fires`, `acted` or `explain`)
        13 BadTest `reviev` the pack has no outcome `reviev` (did you mean `review`?)
        14 BadTest `many` this is not a value of `cnt`, which is int (-)
        15 MissingKey `{ feature: cnt, is: 1 }` this expectation needs `at` (-)
        16 BadTest `{ fires: [1] }` this expects nothing known (begin with `rule`, `outcome` or `feature`)
        17 UnknownKey `at` unknown key `at` in this expectation (it has the keys rule, fires, acted, explain)
        19 BadTest `send` this test sends nothing (-)
        20 BadTest `expect` a test that expects nothing cannot fail (-)
        22 BadTest `{at: 0s, amount: 5, repeat: 200000, every: 100w}` the last of these sends is more than 100 years off (-)
        22 BadTest `{at: 0s, amount: 5, repeat: 200000}` with these sends the file has more than 200000 (-)
    "#]].assert_eq(&lines);
}

#[test]
fn nothing_a_file_can_hold_makes_it_panic() {
    let rules = fixture::rules(PACK);
    for text in [
        "",
        "[]",
        "tests: 5",
        "tests: [5]",
        "tests: [{}]",
        "tests: [{name: [], send: {}, expect: 3}]",
        "tests: [{name: a, send: [[]], expect: [[]]}]",
        "defaults: []\ntests: [{name: a, send: [{at: {}}], expect: [{rule: {}}]}]",
        "tests: [{name: a, send: [{at: 0s, amount: 1e999}], expect: [{feature: cnt, at: {}, is: []}]}]",
        "tests: &a [*a]",
        "\u{0}",
    ] {
        assert!(
            parse(&SourceFile::new("t", text), &rules).is_err(),
            "{text}"
        );
    }
}
