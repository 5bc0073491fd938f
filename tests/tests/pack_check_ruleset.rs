//! What a right pack becomes: the packs of the project, their groups, columns and windows, fingerprints and versions.
//!
//! The idea: what runs is read off the rule set, not off the text. The invariant: a fingerprint follows the meaning of a
//! feature, a version the text of the pack and its lists.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use packs_common::{SMALL, checked, complaints, source, spoiled};
use rules::compile::compile;
use rules::definition::PackSource;
use rules::ruleset::Mode;
use rules::schema::{FuturePolicy, TimeEncoding};
use rules::time::Span;
use rules::value::Type;
use rules::window::Window;

#[test]
fn the_packs_of_the_project_are_right() {
    let names: Vec<_> = std::fs::read_dir(packs_common::packs_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in &names {
        let rules = checked(name);
        assert!(
            rules.version.starts_with(&format!("{name}@"))
                && rules.version.len() == name.len() + 17
        );
        assert!(rules.rules.len() >= 4 && rules.features.len() >= 5);
    }
}

#[test]
fn card_core_is_what_its_text_says() {
    let rules = checked("card-core");
    assert_eq!(rules.pack, "card-core");
    assert_eq!(rules.schema.max_lateness, Span::seconds(120));
    assert_eq!(rules.schema.max_future, Some(Span::seconds(30)));
    assert_eq!(rules.schema.future_policy, FuturePolicy::DeadLetter);
    assert_eq!(rules.schema.dedup_horizon, Span::seconds(86_400));
    let column = |name: &str| {
        rules
            .columns
            .iter()
            .find(|column| column.name == name)
            .unwrap()
            .ty
    };
    assert_eq!(column("amount_usd"), Type::Decimal(4));
    assert_eq!(column("card_sum_10m"), Type::Decimal(4));
    assert_eq!(column("card_prev.ts"), Type::Timestamp);
    assert_eq!(column("card_prev.lon"), Type::Float);
    // One store per key: card, device, merchant, card and device.
    assert_eq!(rules.groups.len(), 4);
    let card = &rules.groups[0];
    assert_eq!(card.features.len(), 6, "six features are by card");
    assert_eq!(
        card.inputs.len(),
        4,
        "amount_usd, ts, lat, lon are kept once"
    );
    let rule = rules.rules.iter().find(|rule| rule.id == "GEO-01").unwrap();
    let reads: Vec<_> = rule
        .reads
        .iter()
        .map(|read| rules.columns[*read].name.as_str())
        .collect();
    assert_eq!(reads, ["card_prev.ts", "card_prev.lat", "card_prev.lon"]);
    let shadow = rules.rules.iter().find(|rule| rule.id == "MER-01").unwrap();
    assert_eq!(shadow.mode, Mode::Shadow);
    let once = shadow.once_per.as_ref().unwrap();
    assert_eq!(
        (rules.schema.fields[once.key[0]].name.as_str(), once.span),
        ("merchant_id", Span::seconds(900))
    );
    assert_eq!(
        rules.policy.order,
        ["decline", "challenge", "review", "alert", "approve"]
    );
    assert!(rules.lists[0].entries.contains("fleet-0001"));
}

#[test]
fn the_other_packs_use_what_the_language_has() {
    let handbook = checked("handbook");
    let feature = |name: &str| {
        handbook
            .features
            .iter()
            .find(|feature| feature.name == name)
            .unwrap()
    };
    let days = |n: i64| Span::seconds(n * 86_400);
    let delayed = Window::Sliding {
        from: days(37),
        to: days(7),
    };
    assert_eq!(feature("term_risk_30d").window, delayed);
    assert_eq!(handbook.groups.len(), 3);
    assert!(handbook.groups.iter().any(|group| group.key.is_empty()));
    let sensors = checked("sensors");
    let time = &sensors.schema.fields[sensors.schema.time];
    assert_eq!(
        (time.encoding, time.from.as_deref()),
        (TimeEncoding::Millis, Some("time_ms"))
    );
    assert_eq!(sensors.schema.future_policy, FuturePolicy::Clamp);
    assert_eq!(sensors.policy.order.last().unwrap(), "accept");
}

#[test]
fn a_fingerprint_is_of_the_meaning_and_not_of_the_name() {
    let fingerprints = |text: &str| {
        let rules = compile(&PackSource::alone("p", text))
            .unwrap_or_else(|_| panic!("{}", complaints(text)));
        rules
            .features
            .iter()
            .map(|feature| feature.fingerprint)
            .collect::<Vec<_>>()
    };
    let base = fingerprints(SMALL);
    assert_ne!(base[0], base[1]);
    let renamed = SMALL.replace("total", "turnover");
    assert_eq!(fingerprints(&renamed), base);
    let moved = spoiled(
        "    card: text\n    amount: decimal\n",
        "    amount: decimal\n    card: text\n",
    );
    assert_eq!(
        fingerprints(&moved),
        base,
        "the order of fields means nothing"
    );
    for (from, to) in [
        ("sum(amount), over: 10m", "sum(amount), over: 11m"),
        (
            "sum(amount), over: 10m",
            "sum(amount), over: 10m, scope: prior",
        ),
        (
            "sum(amount), over: 10m",
            "sum(amount), over: 10m, where: amount > 5",
        ),
        ("sum(amount)", "sum(amount * 2)"),
        ("by: card, agg: sum", "by: country, agg: sum"),
        ("amount: decimal", "amount: decimal(2)"),
    ] {
        assert_ne!(
            fingerprints(&spoiled(from, to))[1],
            base[1],
            "{from} -> {to}"
        );
    }
}

#[test]
fn the_version_is_of_the_text_and_its_lists() {
    let one = source("card-core");
    let mut other = one.clone();
    other.lists[0].text.push_str("fleet-0003\n");
    let version = |source: &PackSource| compile(source).unwrap().version;
    assert_eq!(version(&one), version(&one.clone()));
    assert_ne!(version(&one), version(&other));
}
