//! Limits of the check: many findings, many rules, many filters, and texts that are nearly right.
//!
//! The idea: what is looked at and told is bounded by the text's size. The invariant: no text makes the check panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use packs_common::{SMALL, codes, complaints, source};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rules::compile::compile;
use rules::definition::{PackSource, SourceFile};

#[test]
fn a_thousand_findings_are_enough() {
    let keys: String = (0..20_000)
        .map(|n| format!("unknown_key_{n}: 1\n"))
        .collect();
    assert_eq!(codes(&format!("{SMALL}{keys}")).len(), 1_000);
}

/// A pack of a thousand rules over two hundred features.
fn thousand() -> String {
    let mut text = SMALL.split("rules:").next().unwrap().to_owned();
    for n in 0..200 {
        text.push_str(&format!(
            "  f{n}: {{ by: card, agg: sum(amount), over: {}m, where: amount > {} }}\n",
            n + 1,
            n % 7
        ));
    }
    text.push_str("rules:\n");
    for n in 0..1_000 {
        text.push_str(&format!(
            "  - id: R{n}\n    params: {{ n: {n} }}\n    let:\n      half: f{0} / 2\n    when: half > :n AND cnt > 3 OR f{1} > 10\n    then: {{ action: review, score: 1 }}\n    explain: \"{{f{0}}} of {{half}}\"\n",
            n % 200,
            (n * 7) % 200
        ));
    }
    text
}

#[test]
fn a_thousand_rules_are_checked_and_a_thousand_mistakes_told() {
    let text = thousand();
    let rules =
        compile(&PackSource::alone("p", &text)).unwrap_or_else(|_| panic!("{}", complaints(&text)));
    assert_eq!((rules.rules.len(), rules.features.len()), (1_000, 202));
    assert_eq!(rules.groups.len(), 1, "seven filters fit one group");
    let misspelt = text.replace("cnt > 3", "cmt > 3");
    assert!(codes(&misspelt).len() >= 1_000);
}

#[test]
fn the_sixty_fifth_filter_begins_a_second_group() {
    let mut text = SMALL.split("rules:").next().unwrap().to_owned();
    for n in 0..70 {
        text.push_str(&format!(
            "  f{n}: {{ by: card, agg: count(), over: 1m, where: amount > {n} }}\n"
        ));
    }
    let rules =
        compile(&PackSource::alone("p", &text)).unwrap_or_else(|_| panic!("{}", complaints(&text)));
    let filters: Vec<_> = rules
        .groups
        .iter()
        .map(|group| group.filters.len())
        .collect();
    assert_eq!(filters, [64, 6]);
    for (index, group) in rules.groups.iter().enumerate() {
        for feature in &group.features {
            assert_eq!(rules.features[*feature].group, index);
        }
    }
}

/// Packs that are nearly right: pieces of a right one cut, doubled, moved and overwritten.
#[test]
fn no_text_makes_the_check_panic() {
    const PIECES: [&str; 24] = [
        "", " ", "\n", "\n  ", ":", ": ", "- ", "[", "]", "{", "}", "\"", "'", "#", "&a ", "*a",
        "|\n", ">\n", "?", ",", "null", "é", "\u{0}", "10m",
    ];
    let whole = source("card-core");
    let text = whole.pack.text.clone();
    let change = (0..text.len(), 0usize..40, 0..PIECES.len());
    let strategy = proptest::collection::vec(change, 1..6);
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    runner
        .run(&strategy, |changes| {
            let mut chars: Vec<char> = text.chars().collect();
            for (at, cut, piece) in changes {
                let at = at.min(chars.len());
                let end = (at + cut).min(chars.len());
                chars.splice(at..end, PIECES[piece].chars());
            }
            let mutated: String = chars.into_iter().collect();
            let spoilt = PackSource {
                pack: SourceFile::new("pack.yaml", &mutated),
                lists: whole.lists.clone(),
            };
            if let Err(findings) = compile(&spoilt) {
                prop_assert!(!findings.is_empty());
                for found in findings.iter().filter(|found| found.file == "pack.yaml") {
                    prop_assert!(mutated.get(found.span.clone()).is_some(), "{:?}", found);
                }
            }
            Ok(())
        })
        .unwrap();
}
