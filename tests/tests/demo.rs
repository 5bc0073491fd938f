//! The demo, as somebody sees it who has just built it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use tests::process::{self, Running};
use tests::sources;

/// The ids of the rules of the sample pack.
fn rules() -> Vec<String> {
    let pack = sources::text("rules/packs/card-core/pack.yaml");
    let ids = pack
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- id: "));
    ids.map(|id| id.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn it_shows_alerts_of_five_rules_the_first_within_five_seconds_and_ends() {
    let rules = rules();
    assert!(rules.len() >= 6);
    let scratch = process::scratch();
    let listen = process::free_address();
    let demo = Running::tollgate(
        scratch.path(),
        &["demo", "--for", "20s", "--plain", "--listen", &listen],
    );
    let names = |text: &str| {
        rules
            .iter()
            .filter(|rule| text.contains(rule.as_str()))
            .cloned()
            .collect::<Vec<_>>()
    };
    let first = demo.line(Duration::from_secs(60), |line| {
        !names(&line.text).is_empty()
    });
    println!("first alert after {:?}: {}", first.after, first.text);
    assert!(
        first.after <= Duration::from_secs(5),
        "the first alert came after {:?}",
        first.after
    );
    let (status, metrics) = process::get(&listen, "/metrics");
    assert!(
        status == 200 && metrics.contains("\ntollgate_decisions_total{"),
        "{metrics}"
    );
    assert_eq!(process::get(&listen, "/healthz").0, 200);
    let done = demo.wait(Duration::from_secs(120)).success();
    assert!(
        done.took >= Duration::from_secs(15),
        "it runs for about the time given: {:?}",
        done.took
    );
    let seen: BTreeSet<String> = done.stdout.lines().flat_map(names).collect();
    assert!(seen.len() >= 5, "only {seen:?}\n{}", done.stdout);
    assert!(
        !done.stdout.contains('\u{1b}'),
        "--plain writes no escape sequences"
    );
}
