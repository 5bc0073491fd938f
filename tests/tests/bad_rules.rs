//! The rows of the table of bad input that concern a pack's text, each under its number: R1 to R5, R7 to R10, R13,
//! R14, C12. What a rule that was accepted does with its events is in `bad_rules_run.rs`.
//!
//! The idea: an author can be mistaken, hurried or hostile, and each gets findings with a place, never a panic, a hang or a
//! pack that runs. The invariant: checking any text of at most a mebibyte comes to an end, with findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use packs_common::{SMALL, codes, complaints, source, spoiled};
use rules::compile::compile;
use rules::definition::{PACK_BYTES_MAX, PackSource, SourceFile};
use rules::diagnostic::Code;

const WHEN: &str = "cnt >= :n AND mean > 10";

/// The codes found when the small rule has this condition, without the warning that its param is not used.
fn when(condition: &str) -> Vec<&'static str> {
    let quoted = condition.replace('\\', "\\\\").replace('"', "\\\"");
    let mut found = codes(&spoiled(WHEN, &format!("\"{quoted}\"")));
    found.retain(|code| *code != "E0404");
    found
}

#[test]
fn r1_syntax_names_functions_and_types() {
    for (condition, code) in [
        ("amount > ", "E0201"),
        ("amount > > 5", "E0201"),
        ("(amount > 5", "E0201"),
        ("amuont > 5", "E0202"),
        ("now() > ts", "E0205"),
        ("frobnicate(amount) > 1", "E0203"),
        ("amount > 'ten'", "E0204"),
        ("card > 5", "E0204"),
        ("amount", "E0204"),
        ("amount > :limit", "E0208"),
        ("starts_with(card)", "E0209"),
    ] {
        assert_eq!(when(condition), [code], "{condition}");
    }
}

#[test]
fn r2_windows_of_no_time_less_or_too_much() {
    for (over, code) in [
        ("0s", "E0302"),
        ("-5m", "E0108"),
        ("5 parsecs", "E0108"),
        ("9999999999d", "E0108"),
        ("3661d", "E0302"),
        ("{ from: 7d, to: 7d }", "E0302"),
        ("{ from: 7d, to: 14d }", "E0302"),
        ("{ last: 0 }", "E0103"),
        ("{ last: 99999999999999999999 }", "E0103"),
        ("{ last: 5, from: 1d }", "E0302"),
        ("{ from: 7d }", "E0104"),
        ("[10m]", "E0103"),
        ("\"\"", "E0108"),
    ] {
        let text = spoiled("count(), over: 10m", &format!("count(), over: {over}"));
        assert_eq!(codes(&text), [code], "{over}");
    }
}

#[test]
fn r3_patterns_that_explode() {
    for pattern in ["(a{1000}){1000}", "(", &"a".repeat(2_000), "(?=a)b"] {
        let condition = format!("regexp_like(card, '{pattern}')");
        assert_eq!(when(&condition), ["E0207"], "{pattern:.40}");
    }
}

#[test]
fn r4_depth_length_and_size() {
    let deep = format!("{}amount{} > 5", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(when(&deep), ["E0206"]);
    let nots = format!("{} amount > 5", "NOT ".repeat(5_000));
    assert_eq!(when(&nots), ["E0206"]);
    let long = vec!["amount = 1"; 4_000].join(" OR ");
    let found = when(&long);
    assert!(
        !found.is_empty() && found.iter().all(|code| ["E0206", "E0211"].contains(code)),
        "{found:?}"
    );
    let endless = vec!["a=1"; 100_000].join(" OR ");
    let found = when(&endless);
    assert!(
        !found.is_empty() && found.iter().all(|code| ["E0206", "E0211"].contains(code)),
        "{found:?}"
    );
    let big = format!("{SMALL}#{}", "x".repeat(10_000_000));
    assert_eq!(codes(&big), ["E0105"]);
}

#[test]
fn r5_what_is_beyond_the_cost_budget_is_told_its_estimate() {
    let patterns = |count: usize| vec!["regexp_like(card, 'x')"; count].join(" OR ");
    // One and the same pattern is looked for once, whatever the number of times it is written.
    assert_eq!(when(&patterns(40)), Vec::<&str>::new());
    let costly = |from: usize, to: usize| {
        let each = |n: usize| format!("regexp_like(card, 'x{n}')");
        (from..to).map(each).collect::<Vec<_>>().join(" OR ")
    };
    let refused = |text: &str, wanted: &[&str]| {
        let said = complaints(text);
        let told = ["E0211", "budget is 10000 ns"].iter().chain(wanted);
        for wanted in told {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    };
    let rule = format!("cnt >= :n AND mean > 1 AND ({})", costly(0, 60));
    refused(
        &spoiled(WHEN, &rule),
        &["[R1]", "this rule is estimated at 12", "`when` takes 12"],
    );
    let half = spoiled(
        "mean: total / cnt",
        &format!("mean: total / cnt\n      found: {}", costly(0, 30)),
    );
    assert_eq!(codes(&half), ["E0404"], "half of it is allowed");
    let both = half.replace(WHEN, &format!("{WHEN} AND (found OR {})", costly(30, 60)));
    refused(&both, &["this rule is estimated at 12"]);
    let filter = format!("over: 10m, where: \"{}\" }}\n  total", costly(0, 60));
    refused(
        &spoiled("over: 10m }\n  total", &filter),
        &["[cnt]", "this feature is estimated at 12", "`where` takes"],
    );
    let sentence = "{mean} ".repeat(120);
    refused(
        &spoiled("{cnt} of {mean}", &sentence),
        &["`explain` takes 13"],
    );
    let repeated = "regexp_like(card, '[0-7](.{20}[a-f].{20}){9}z')";
    assert_eq!(when(repeated), ["E0211"], "{repeated}");
}

#[test]
fn r6_what_happens_on_an_error_can_be_said_and_not_changed() {
    let with = |on: &str| codes(&format!("{SMALL}policy:\n  on_error: {on}\n"));
    for (on, wanted) in [
        ("{ rule: skip_and_count }", vec![]),
        ("{ budget_exceeded: approve_and_flag }", vec![]),
        ("{ rule: decline }", vec!["E0103"]),
        ("{ budget_exceeded: approve }", vec!["E0103"]),
        ("{ event: skip }", vec!["E0102"]),
    ] {
        assert_eq!(with(on), wanted, "{on}");
    }
}

#[test]
fn r7_ids_and_labels() {
    for id in [
        "../../etc/passwd",
        "\"a\\nb\"",
        "\"\\u0007\"",
        "\"\"",
        "\"a b\"",
        "é",
        &"x".repeat(65),
    ] {
        assert_eq!(
            codes(&spoiled("- id: R1", &format!("- id: {id}"))),
            ["E0107"],
            "{id}"
        );
    }
    let label = "y".repeat(200);
    for key in ["name", "owner", "tags"] {
        let text = spoiled("    params:", &format!("    {key}: {label}\n    params:"));
        assert_eq!(codes(&text), ["E0107"], "{key}");
    }
    assert_eq!(
        codes(&spoiled("score: 10", "score: 10, reason: \"a\\r\\nb\"")),
        ["E0107"]
    );
    let twice = format!("{SMALL}  - id: R1\n    when: cnt > 3\n    then: {{ action: alert }}\n");
    assert_eq!(codes(&twice), ["E0106"]);
}

#[test]
fn r8_a_live_rule_that_hits_on_everything() {
    assert_eq!(when("true"), ["E0405"]);
    assert_eq!(when("1 = 1"), ["E0405"]);
    let hits = |mode: &str| {
        let text = spoiled(WHEN, &format!("1 = 1\n    mode: {mode}"));
        compile(&PackSource::alone("p", text)).is_ok()
    };
    assert_eq!(
        (hits("live"), hits("shadow"), hits("off")),
        (false, true, true)
    );
}

#[test]
fn r8_a_limit_of_alerts_that_is_none() {
    for (limit, wanted) in [
        ("100 per hour", vec!["E0103"]),
        ("100", vec!["E0103"]),
        ("0/1h", vec!["E0103"]),
        ("1000000/1h", vec!["E0103"]),
        ("5/0s", vec!["E0103"]),
        ("5/h", vec!["E0108"]),
        ("-1/5", vec!["E0103", "E0108"]),
        ("5 / 1h", vec![]),
    ] {
        let text = spoiled("score: 10", &format!("score: 10, at_most: {limit}"));
        assert_eq!(codes(&text), wanted, "{limit}");
    }
}

#[test]
fn r9_a_key_without_bound_is_warned_of() {
    for key in ["id", "ts", "[card, id]"] {
        let text = spoiled("by: card, agg: count", &format!("by: {key}, agg: count"));
        assert_eq!(codes(&text), ["E0304"], "{key}");
        assert!(compile(&PackSource::alone("p", text)).is_ok());
    }
}

#[test]
fn r10_a_sensitive_field_is_never_shown() {
    let sensitive = SMALL.replace(
        "    card: text",
        "    card: { type: text, sensitive: true }",
    );
    assert_eq!(
        codes(&sensitive),
        Vec::<&str>::new(),
        "as a key it may be used"
    );
    for (from, to) in [
        ("{mean}", "{mean} {card}"),
        ("{mean}", "{ card } {mean}"),
        ("sum(amount)", "last(card)"),
        ("sum(amount)", "max(upper(card))"),
        ("  id: id", "  id: card"),
    ] {
        assert!(sensitive.contains(from));
        let found = codes(&sensitive.replace(from, to));
        assert!(found.contains(&"E0403"), "{to}: {found:?}");
    }
    let derived = sensitive
        .replace("      mean:", "      part: substr(card, 1, 6)\n      mean:")
        .replace("{mean}", "{mean} {part}");
    assert_eq!(codes(&derived), ["E0403"]);
}

#[test]
fn r13_sql_that_is_no_scalar_expression() {
    for condition in [
        "DROP TABLE cards",
        "amount > 5; DROP TABLE cards",
        "COPY cards TO '/tmp/x'",
        "amount > (SELECT 1)",
        "card IN (SELECT card FROM cards)",
        "EXISTS (SELECT 1)",
        "sum(amount) > 5",
        "count(*) > 5",
        "row_number() OVER () > 5",
        "read_csv('/etc/passwd') = 1",
        "INSERT INTO cards VALUES (1)",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    ] {
        let found = when(condition);
        assert!(!found.is_empty(), "{condition}");
        assert!(
            found
                .iter()
                .all(|code| ["E0201", "E0202", "E0203", "E0205"].contains(code)),
            "{condition}: {found:?}"
        );
    }
}

#[test]
fn r14_a_half_written_pack_is_refused_or_whole() {
    let whole = source("card-core");
    let text = &whole.pack.text;
    let full = compile(&whole).unwrap();
    let step = text.len() / 97;
    for end in (0..text.len()).step_by(step.max(1)) {
        let Some(half) = text.get(..end) else {
            continue;
        };
        let half = PackSource {
            pack: SourceFile::new("pack.yaml", half),
            lists: whole.lists.clone(),
        };
        match compile(&half) {
            Ok(rules) => assert!(rules.version != full.version, "cut at {end}"),
            Err(findings) => {
                assert!(!findings.is_empty());
                for found in findings {
                    assert!(found.span.end <= end && half.pack.text.get(found.span).is_some());
                }
            }
        }
    }
}

#[test]
fn c12_what_is_no_text_of_a_pack() {
    let refused = |bytes: Vec<u8>| {
        SourceFile::from_bytes("pack.yaml", bytes, PACK_BYTES_MAX)
            .unwrap_err()
            .code
    };
    assert_eq!(refused(vec![b'a'; 100_000_000]), Code::TooLarge);
    assert_eq!(refused(b"pack: \xc3\x28".to_vec()), Code::YamlSyntax);
    assert_eq!(refused("\u{feff}pack: x".into()), Code::YamlSyntax);
    let mut bomb = "lists: &a0 { a: b }\n".to_owned();
    for level in 1..40 {
        bomb.push_str(&format!(
            "x{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n",
            level - 1
        ));
    }
    assert_eq!(codes(&bomb), ["E0105"]);
    for opening in [
        "[", "{a: ", "- ", "? ", "\"", "&a ", "!a ", "a: |\n ", "\t", "'", "#", "a:\n",
    ] {
        let text = opening.repeat(PACK_BYTES_MAX / opening.len());
        assert!(!codes(&text).is_empty(), "{opening:?}");
    }
}
