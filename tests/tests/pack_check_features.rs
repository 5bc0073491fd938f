//! What an analyst reads about windows and aggregates with parameters: bad zones, parts, numbers and half-lives.
//!
//! The idea: the expected text is the interface. The invariant: what is right in one place is checked to be right beside
//! it, so that no form is refused by accident.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use expect_test::{Expect, expect};
use packs_common::{complaints, spoiled};

/// The small pack with another window of its sum.
fn window(over: &str, expected: Expect) {
    let over = format!("sum(amount), over: {over}");
    expected.assert_eq(&complaints(&spoiled("sum(amount), over: 10m", &over)));
}

/// The small pack with another aggregate.
fn aggregate(agg: &str, expected: Expect) {
    let agg = format!("agg: \"{agg}\"");
    expected.assert_eq(&complaints(&spoiled("agg: sum(amount)", &agg)));
}

#[test]
fn every_window_is_right_as_it_is_written_here() {
    for over in [
        "{ session: 30m }",
        "{ calendar: day, zone: Europe/Amsterdam }",
        "{ zone: UTC, calendar: week }",
        "{ calendar: month, zone: America/Argentina/Buenos_Aires }",
        "{ decay: 91d }",
        "{ decay: 1us }",
    ] {
        window(over, expect![""]);
    }
}

#[test]
fn windows_say_what_is_wrong_with_them() {
    window(
        "{ session: 0s }",
        expect![[r#"
        15:57 error E0302 [0s] a window of no time holds nothing
            help: write something from `1us` to `3660d`, or `forever`
    "#]],
    );
    window(
        "{ session: soon }",
        expect![[r#"
        15:57 error E0108 [soon] `soon` is not a duration
            help: write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`
    "#]],
    );
    window(
        "{ session: 5000d }",
        expect![[r#"
        15:57 error E0302 [5000d] `5000d` is more than the ten years a window may reach back
            help: write something from `1us` to `3660d`, or `forever`
    "#]],
    );
    window(
        "{ session: 30m, last: 5 }",
        expect![[r#"
        15:48 error E0302 [session] `session` does not go with `last`
            help: a window is `from` and `to`, `last`, `session`, `calendar` and `zone`, or `decay`
    "#]],
    );
    window(
        "{ session: 30m, zone: UTC }",
        expect![[r#"
        15:62 error E0302 [zone] `zone` does not go with `session`
            help: a window is `from` and `to`, `last`, `session`, `calendar` and `zone`, or `decay`
    "#]],
    );
    window(
        "{ calendar: day }",
        expect![[r#"
        15:40 error E0104 [over] a window needs `zone`
    "#]],
    );
    window(
        "{ zone: UTC }",
        expect![[r#"
        15:40 error E0104 [over] a window needs `calendar`
    "#]],
    );
    window(
        "{ calendar: year, zone: UTC }",
        expect![[r#"
        15:58 error E0103 [year] `calendar` cannot be `year`
            help: it is one of day, week, month
    "#]],
    );
    window(
        "{ calendar: day, zone: Europe/Amsterdm }",
        expect![[r#"
        15:69 error E0302 [Europe/Amsterdm] unknown time zone `Europe/Amsterdm`
            help: did you mean `Europe/Amsterdam`?
    "#]],
    );
    window(
        "{ calendar: hour, zone: Mars/Olympus }",
        expect![[r#"
        15:58 error E0103 [hour] `calendar` cannot be `hour`
            help: it is one of day, week, month
        15:70 error E0302 [Mars/Olympus] unknown time zone `Mars/Olympus`
            help: write a name of the IANA database, such as `Europe/Amsterdam`
    "#]],
    );
    window(
        "{ calendar: day, zone: ../etc/passwd }",
        expect![[r#"
        15:69 error E0302 [../etc/passwd] unknown time zone `../etc/passwd`
            help: write a name of the IANA database, such as `Europe/Amsterdam`
    "#]],
    );
    window(
        "{ decay: 0s }",
        expect![[r#"
        15:55 error E0302 [0s] `0s` is no half-life of a window
            help: write something from `1us` to `91d`; a window is 40 half-lives long, at most ten years
    "#]],
    );
    window(
        "{ decay: 92d }",
        expect![[r#"
        15:55 error E0302 [92d] `92d` is no half-life of a window
            help: write something from `1us` to `91d`; a window is 40 half-lives long, at most ten years
    "#]],
    );
    window(
        "{ from: 1h }",
        expect![[r#"
        15:40 error E0104 [over] a window needs `to`
    "#]],
    );
    window(
        "{ from: 1h, to: 1m, decay: 1h }",
        expect![[r#"
        15:48 error E0302 [from] `from` does not go with `decay`
            help: a window is `from` and `to`, `last`, `session`, `calendar` and `zone`, or `decay`
    "#]],
    );
}

#[test]
fn every_aggregate_is_right_as_it_is_written_here() {
    for agg in [
        "var_pop(amount)",
        "var_samp(amount)",
        "rate()",
        "rate(amount)",
    ] {
        aggregate(agg, expect![""]);
    }
}

#[test]
fn what_walks_over_the_window_is_right_and_warned_of() {
    aggregate(
        "quantile(amount, 0.95)",
        expect![[r#"
        15:27 warning E0305 [\"quantile(amount, 0.95)\"] `quantile` walks over the window for each event: up to 15 ms for a key with 1000000 of them
            help: bound it with `over: { last: … }` or `limits.events_per_key`
    "#]],
    );
    aggregate(
        "quantile(amount * 2, 1)",
        expect![[r#"
        15:27 warning E0305 [\"quantile(amount * 2, 1)\"] `quantile` walks over the window for each event: up to 15 ms for a key with 1000000 of them
            help: bound it with `over: { last: … }` or `limits.events_per_key`
    "#]],
    );
    aggregate(
        "median(amount)",
        expect![[r#"
        15:27 warning E0305 [\"median(amount)\"] `median` walks over the window for each event: up to 15 ms for a key with 1000000 of them
            help: bound it with `over: { last: … }` or `limits.events_per_key`
    "#]],
    );
    aggregate(
        "ewma(amount, 1h30m)",
        expect![[r#"
        15:27 warning E0305 [\"ewma(amount, 1h30m)\"] `ewma` walks over the window for each event: up to 15 ms for a key with 1000000 of them
            help: bound it with `over: { last: … }` or `limits.events_per_key`
    "#]],
    );
}

#[test]
fn aggregates_say_what_is_wrong_with_their_parameters() {
    aggregate(
        "quantile(amount)",
        expect![[r#"
        15:27 error E0301 [\"quantile(amount)\"] `quantile` takes a value and a constant
            help: such as `quantile(amount, 0.95)`
    "#]],
    );
    aggregate(
        "quantile(amount, 1.5)",
        expect![[r#"
        15:45 error E0301 [1.5] `1.5` is not a part from 0 to 1
            help: write at most six digits behind the point, such as `0.95`
    "#]],
    );
    aggregate(
        "quantile(amount, -0.5)",
        expect![[r#"
        15:45 error E0301 [-0.5] `-0.5` is not a part from 0 to 1
            help: write at most six digits behind the point, such as `0.95`
    "#]],
    );
    aggregate(
        "quantile(amount, 95)",
        expect![[r#"
        15:45 error E0301 [95] `95` is not a part from 0 to 1
            help: write at most six digits behind the point, such as `0.95`
    "#]],
    );
    aggregate(
        "quantile(amount, 0.1234567)",
        expect![[r#"
        15:45 error E0301 [0.1234567] `0.1234567` is not a part from 0 to 1
            help: write at most six digits behind the point, such as `0.95`
    "#]],
    );
    aggregate(
        "quantile(amount, amount)",
        expect![[r#"
        15:45 error E0301 [amount] `amount` is not a part from 0 to 1
            help: write at most six digits behind the point, such as `0.95`
    "#]],
    );
    aggregate(
        "quantile(card, 0.5)",
        expect![[r#"
        15:27 error E0204 [\"quantile(card, 0.5)\"] `quantile` takes one number, not text
    "#]],
    );
    aggregate(
        "median(amount, 0.5)",
        expect![[r#"
        15:27 error E0204 [\"median(amount, 0.5)\"] `median` takes one number, not decimal, decimal(1)
    "#]],
    );
    aggregate(
        "top_k(card, 0)",
        expect![[r#"
        15:40 error E0103 [0] `k` is a whole number from 1 to 100, not `0`
    "#]],
    );
    aggregate(
        "top_k(card, 101)",
        expect![[r#"
        15:40 error E0103 [101] `k` is a whole number from 1 to 100, not `101`
    "#]],
    );
    aggregate(
        "top_k(card)",
        expect![[r#"
        15:27 error E0301 [\"top_k(card)\"] `top_k` takes a value and a constant
            help: such as `top_k(country, 3)`
    "#]],
    );
    aggregate(
        "top_k(card, k)",
        expect![[r#"
        15:40 error E0103 [k] `k` is a whole number from 1 to 100, not `k`
    "#]],
    );
    aggregate(
        "ewma(amount, 0s)",
        expect![[r#"
        15:41 error E0301 [0s] `0s` is no half-life
            help: write something from `1us` to `3660d`
    "#]],
    );
    aggregate(
        "ewma(amount, 1 hour)",
        expect![[r#"
        15:41 error E0108 [1 hour] `1 hour` is not a duration
            help: write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`
    "#]],
    );
    aggregate(
        "ewma(card, 1h)",
        expect![[r#"
        15:27 error E0204 [\"ewma(card, 1h)\"] `ewma` takes one number, not text
    "#]],
    );
    aggregate(
        "rate(card)",
        expect![[r#"
        15:27 error E0204 [\"rate(card)\"] `rate` takes nothing or one number, not text
    "#]],
    );
    aggregate(
        "variance(amount)",
        expect![[r#"
        15:28 error E0301 [variance] unknown aggregate `variance`
            help: write `var_samp` or `var_pop`
    "#]],
    );
    aggregate(
        "percentile(amount, 0.5)",
        expect![[r#"
        15:28 error E0301 [percentile] unknown aggregate `percentile`
            help: write `quantile`
    "#]],
    );
}

#[test]
fn a_window_that_an_aggregate_means_nothing_over_is_refused() {
    for (agg, over) in [
        ("max(amount)", "{ decay: 1h }"),
        ("count_distinct(card)", "{ decay: 1h }"),
        ("\"ewma(amount, 1h)\"", "{ decay: 1h }"),
    ] {
        let text = spoiled("sum(amount), over: 10m", &format!("{agg}, over: {over}"));
        assert!(complaints(&text).contains("E0301"), "{agg} over {over}");
    }
    window("forever", expect![""]);
    let text = spoiled("sum(amount), over: 10m", "max(amount), over: { decay: 1h }");
    expect![[r#"
        15:27 error E0301 [max(amount)] `max` means nothing over a `decay` window
            help: events that weigh less and less have count, sum, avg, ratio
    "#]]
    .assert_eq(&complaints(&text));
    let text = spoiled("sum(amount), over: 10m", "rate(amount), over: forever");
    expect![[r#"
        15:27 error E0301 [rate(amount)] `rate` means nothing over a `forever` window
            help: it has no length to divide by; write one, such as `over: 30d`
    "#]]
    .assert_eq(&complaints(&text));
}

#[test]
fn what_counts_parts_of_events_is_a_float_and_a_list_is_a_text() {
    let text = spoiled("count(), over: 10m", "count(), over: { decay: 1h }");
    assert_eq!(complaints(&text), "");
    let text = spoiled("count(), over: 10m", "\"top_k(card, 3)\", over: 10m");
    assert!(
        complaints(&text).contains("E0204"),
        "compared with a number"
    );
}
