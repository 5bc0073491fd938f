//! What an analyst reads about a pack: every finding at its place, in its words, all of them in one run.
//!
//! The idea: the expected text is the interface. The invariant: one mistake gives one finding, and a mistake in a
//! declaration blames no one who uses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use expect_test::{Expect, expect};
use packs_common::{SMALL, complaints, spoiled};

fn check(from: &str, to: &str, expected: Expect) {
    expected.assert_eq(&complaints(&spoiled(from, to)));
}

#[test]
fn the_small_pack_is_right() {
    assert_eq!(complaints(SMALL), "");
}

#[test]
fn ten_planted_mistakes_give_ten_findings_each_at_its_line() {
    let text = "\
pack: ten
schema:
  id: id
  time: { field: ts, max_lateness: 5 parsecs }
  fields:
    id: text
    ts: timestamp
    card: text
    amount: decimel
    country: text?
lists:
  trusted: { key: card, from: \"kafka:trusted\" }
features:
  cnt:   { by: card, agg: count(), ovre: 10m, over: 10m }
  total: { by: card, agg: sun(amount), over: 10m }
  far:   { by: card, agg: count(), over: { from: 7d, to: 14d } }
rules:
  - id: R1
    params: { n: 5 }
    when: cnt >= :m
          AND contry = 'NL'
    then: { action: reviw, score: 10 }
  - id: R1
    when: total > 5 AND far > 3
    then: { action: decline, score: 20 }
    explain: \"{total} and {far}\"
";
    expect![[r#"
        4:36 error E0108 [5 parsecs] `5 parsecs` is not a duration
            help: write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`
        9:13 error E0103 [decimel] `decimel` is not a type
            help: did you mean `decimal`?
        12:31 error E0303 [\"kafka:trusted\"] lists from Kafka topics are not supported yet
            help: use `from: "file:lists/NAME.txt"` or `entries: [..]`
        14:36 error E0102 [ovre] unknown key `ovre` in a feature
            help: did you mean `over`?
        15:27 error E0301 [sun] unknown aggregate `sun`
            help: did you mean `sum`?
        16:42 error E0302 [{ from: 7d, to: 14d }] this window is empty: it begins `7d` ago and ends `14d` ago
            help: `from` lies further back than `to`
        20:18 error E0208 [:m] unknown parameter `:m`
            help: declare it under `params`
        21:15 error E0202 [contry] unknown name `contry`
            help: did you mean `country`?
        22:21 error E0401 [reviw] unknown action `reviw`
            help: did you mean `review`?
        23:9 error E0106 [R1] a second rule has the id `R1`
    "#]]
    .assert_eq(&complaints(text));
}

#[test]
fn keys_are_known_given_and_of_their_kind() {
    check(
        "pack: small",
        "pakc: small",
        expect![[r#"
        1:1 error E0104 [] a pack needs `pack`
        1:1 error E0102 [pakc] unknown key `pakc` in a pack
            help: did you mean `pack`?
    "#]],
    );
    check(
        "    then: { action: review, score: 10 }\n",
        "",
        expect![[r#"
            17:5 error E0104 [id: R1] a rule needs `then`
        "#]],
    );
    check(
        "params: { n: 5 }",
        "params: [5]",
        expect![[r#"
        18:13 error E0103 [[5]] `params` must be a mapping of names, this is a list
        21:18 error E0208 [:n] unknown parameter `:n`
            help: declare it under `params`
    "#]],
    );
    check(
        "when: cnt",
        "when: { a: 1 }\n    tags: [[a]]\n    owner: cnt",
        expect![[r#"
            18:15 warning E0404 [n] the param `n` is never used
            21:11 error E0103 [{ a: 1 }] `when` must be a single value, this is a mapping
                help: put quotes around a text that begins with a bracket or a brace, or holds a colon
            22:12 error E0103 [[a]] `tags` must be a single value, this is a list
                help: put quotes around a text that begins with a bracket or a brace, or holds a colon
        "#]],
    );
    check(
        "agg: count()",
        "agg: last(ts, amount)",
        expect![[r#"
            14:25 error E0301 [last(ts] `last(ts` is not an aggregate
                help: put quotes around a text that holds a comma
            14:34 error E0102 [amount)] unknown key `amount)` in a feature
                help: put quotes around a text that holds a comma
        "#]],
    );
    check(
        "score: 10",
        "score: 10, score: 11",
        expect![[r#"
        22:40 error E0106 [score] `score` is given twice here
    "#]],
    );
    check(
        "score: 10",
        "score: ten",
        expect![[r#"
        22:36 error E0103 [ten] `score` is a whole number from 0 to 1000000, not `ten`
    "#]],
    );
    check(
        "    explain:",
        "    mode: lve\n    explain:",
        expect![[r#"
            23:11 error E0103 [lve] `mode` cannot be `lve`
                help: did you mean `live`?
        "#]],
    );
    check(
        "    explain:",
        "    mode: rollout(20%)\n    explain:",
        expect![[r#"
            23:11 error E0303 [rollout(20%)] `rollout` is not supported yet
                help: use `mode: shadow` to see what it would do
        "#]],
    );
    check(
        "    explain:",
        "    expires: soon\n    explain:",
        expect![[r#"
            23:14 error E0103 [soon] `soon` is not a date
                help: write `2026-12-31` or `2026-12-31T18:00:00Z`
        "#]],
    );
}

#[test]
fn the_schema_says_what_is_wrong_with_it() {
    check(
        "  id: id",
        "  id: idd",
        expect![[r#"
        3:7 error E0202 [idd] unknown field `idd`
            help: did you mean `id`?
    "#]],
    );
    check(
        "    id: text",
        "    id: text?",
        expect![[r#"
        3:7 error E0103 [id] the id `id` may be missing
            help: take the `?` off its type; an event without an id becomes a dead letter
    "#]],
    );
    check(
        "    id: text",
        "    id: float",
        expect![[r#"
        3:7 error E0204 [id] the id is a text or an int, `id` is float
    "#]],
    );
    check(
        "    ts: timestamp",
        "    ts: timestamp?",
        expect![[r#"
        4:9 error E0204 [ts] the time is a `timestamp`, `ts` is `timestamp?`
    "#]],
    );
    check(
        "amount: decimal",
        "amount: decimal(19)",
        expect![[r#"
        9:13 error E0103 [decimal(19)] `decimal(19)` is not a type
            help: write `decimal(2)`; the scale is 0 to 18
    "#]],
    );
    check(
        "amount: decimal",
        "amount: { type: decimal(2), default: 1.234 }",
        expect![[r#"
            9:42 error E0103 [1.234] `1.234` is not a value of type decimal(2)
        "#]],
    );
    check(
        "  time: ts",
        "  time: { field: ts, on_future: drop }",
        expect![[r#"
            4:33 error E0103 [drop] `on_future` cannot be `drop`
                help: it is one of clamp, dead_letter
        "#]],
    );
}

#[test]
fn features_say_what_is_wrong_with_them() {
    check(
        "sum(amount)",
        "sum(card)",
        expect![[r#"
        15:27 error E0204 [sum(card)] `sum` takes one number, not text
    "#]],
    );
    check(
        "sum(amount)",
        "kurtosis(amount)",
        expect![[r#"
            15:27 error E0303 [kurtosis] the aggregate `kurtosis` is not supported yet
                help: supported are count, sum, avg, min, max, var_pop, var_samp, stddev_pop, stddev_samp, quantile, median, mode, top_k, rate, ewma, count_distinct, first, last, ratio
        "#]],
    );
    check(
        "sum(amount)",
        "sum(amount) / 2",
        expect![[r#"
        15:27 error E0301 [sum(amount) / 2] `sum(amount) / 2` is not an aggregate
            help: write a function and its arguments, such as `sum(amount)` or `count()`
    "#]],
    );
    check(
        "sum(amount)",
        "sum(cnt)",
        expect![[r#"
        15:31 error E0202 [cnt] `cnt` is a feature, and a feature is computed from fields of events
            help: combine features in a rule's `let` or `when`
    "#]],
    );
    check(
        "by: card, agg: sum",
        "by: [card, card], agg: sum",
        expect![[r#"
            15:23 error E0106 [card] `card` is in this key twice
        "#]],
    );
    check(
        "by: card, agg: sum",
        "by: id, agg: sum",
        expect![[r#"
        15:16 warning E0304 [id] `id` is different for every event, so is this key
            help: the feature sees one event per key and its state grows with the stream
    "#]],
    );
    check(
        "by: card, agg: sum",
        "by: crad, agg: sum",
        expect![[r#"
        15:16 error E0202 [crad] unknown field `crad`
            help: did you mean `card`?
    "#]],
    );
    check(
        "sum(amount), over: 10m",
        "sum(amount), over: { last: 0 }",
        expect![[r#"
            15:54 error E0103 [0] `last` is a whole number from 1 to 10000, not `0`
        "#]],
    );
    check(
        "sum(amount), over: 10m",
        "sum(amount), over: 10m, where: amount",
        expect![[r#"
            15:58 error E0204 [amount] `where` is true or false, this is decimal
                help: compare it with something
        "#]],
    );
    check(
        "  total: {",
        "  amount: {",
        expect![[r#"
            15:3 error E0106 [amount] `amount` is a field already
            20:13 error E0202 [total] unknown name `total`
        "#]],
    );
}

#[test]
fn rules_say_what_is_wrong_with_them() {
    check(
        "mean > 10",
        "men > 10",
        expect![[r#"
        21:25 error E0202 [men] unknown name `men`
            help: did you mean `mean`?
    "#]],
    );
    check(
        "action: review",
        "action: reviw",
        expect![[r#"
        22:21 error E0401 [reviw] unknown action `reviw`
            help: did you mean `review`?
    "#]],
    );
    check(
        "{mean}",
        "{meen}",
        expect![[r#"
        23:25 error E0402 [meen] no field, feature or `let` is called `meen`
            help: did you mean `{mean}`?
    "#]],
    );
    check(
        "cnt >= :n AND mean > 10",
        "cnt >= 5",
        expect![[r#"
        18:15 warning E0404 [n] the param `n` is never used
    "#]],
    );
    check(
        "when: cnt >= :n AND mean > 10",
        "when: mean",
        expect![[r#"
            21:11 error E0204 [mean] `when` is true or false, this is float
                help: compare it with something
        "#]],
    );
    check(
        "when: cnt >= :n AND mean > 10",
        "when: :n = 5 -- mean",
        expect![[r#"
            21:11 error E0405 [:n = 5 -- mean] this live rule hits on every event
                help: a rule that is switched off has `mode: off`, one that is tried out `mode: shadow`
        "#]],
    );
    check(
        "score: 10",
        "score: 10, once_per: \"crad, 5\"",
        expect![[r#"
            22:51 error E0202 [crad] unknown field `crad`
                help: did you mean `card`?
            22:57 error E0108 [5] `5` is not a duration
                help: write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`
        "#]],
    );
    check(
        "      mean: total",
        "      cnt: total",
        expect![[r#"
        20:7 error E0106 [cnt] `cnt` is a field or a feature already
    "#]],
    );
}
