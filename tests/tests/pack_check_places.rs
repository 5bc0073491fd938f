//! Where findings point: into list files, into texts of several lines, and never at who uses a broken name.
//!
//! The idea: the expected text is the interface. The invariant: a mistake in a declaration is reported there and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use expect_test::{Expect, expect};
use packs_common::{codes, complaints, spoiled};
use rules::compile::compile;
use rules::definition::{PackSource, SourceFile};

fn check(from: &str, to: &str, expected: Expect) {
    expected.assert_eq(&complaints(&spoiled(from, to)));
}

#[test]
fn lists_say_what_is_wrong_with_them() {
    let entries = "entries: [c1, c2]";
    check(
        entries,
        "from: \"kafka:trusted\"",
        expect![[r#"
        12:31 error E0303 [\"kafka:trusted\"] lists from Kafka topics are not supported yet
            help: use `from: "file:lists/NAME.txt"` or `entries: [..]`
    "#]],
    );
    check(
        entries,
        "from: \"file:../secrets\"",
        expect![[r#"
        12:31 error E0502 [\"file:../secrets\"] `file:../secrets` is no place a list can come from
            help: write `file:lists/NAME.txt`, a path inside the pack's directory
    "#]],
    );
    check(
        entries,
        "from: \"file:trusted.txt\"",
        expect![[r#"
        12:31 error E0502 [\"file:trusted.txt\"] the file `trusted.txt` cannot be read
            help: it stands beside the pack; an empty file is an empty list
    "#]],
    );
    check(
        "key: card",
        "key: amount",
        expect![[r#"
        12:19 error E0204 [amount] a list is keyed by a text or an int, `amount` is decimal
    "#]],
    );
    check(
        "mean > 10",
        "in_list(card, 'trused')",
        expect![[r#"
        21:39 error E0501 [\'trused\'] unknown list `trused`
            help: did you mean 'trusted'?
    "#]],
    );
    let text = spoiled(entries, "from: \"file:trusted.txt\"");
    let with = PackSource {
        pack: SourceFile::new("pack.yaml", &text),
        lists: vec![SourceFile::new("trusted.txt", "c1\nb\u{7}d\n")],
    };
    let found = compile(&with).unwrap_err();
    assert_eq!(
        (found[0].file.as_str(), found[0].span.clone()),
        ("trusted.txt", 3..6)
    );
}

#[test]
fn a_place_is_right_in_texts_of_several_lines() {
    let folded = "when: >\n        cnt >= :n\n        AND mean > 10\n        AND amuont > 3";
    check(
        "when: cnt >= :n AND mean > 10",
        folded,
        expect![[r#"
        24:13 error E0202 [amuont] unknown name `amuont`
            help: did you mean `amount`?
    "#]],
    );
    let plain = "when: cnt >= :n\n        AND mean > 10\n        AND (amuont > 3 OR contry = 'NL')";
    check(
        "when: cnt >= :n AND mean > 10",
        plain,
        expect![[r#"
        23:14 error E0202 [amuont] unknown name `amuont`
            help: did you mean `amount`?
        23:28 error E0202 [contry] unknown name `contry`
            help: did you mean `country`?
    "#]],
    );
    let quoted = "when: \"cnt >= :n AND \\\"mean\\\" > 10 AND amuont > 3\"";
    check(
        "when: cnt >= :n AND mean > 10",
        quoted,
        expect![[r#"
        21:44 error E0202 [amuont] unknown name `amuont`
            help: did you mean `amount`?
    "#]],
    );
}

#[test]
fn who_uses_a_broken_name_is_not_blamed() {
    // Used by a feature, a let, a condition and a sentence; complained about once.
    assert_eq!(
        codes(&spoiled("amount: decimal", "amount: decimel")),
        ["E0103"]
    );
    assert_eq!(
        codes(&spoiled("mean: total / cnt", "mean: total / nct")),
        ["E0202"]
    );
    assert_eq!(
        codes(&spoiled(
            "by: card, agg: sum(amount)",
            "by: card, agg: sun(amount)"
        )),
        ["E0301"]
    );
}
