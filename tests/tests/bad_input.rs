//! Bad input, seen from outside: what a wrong configuration and strange events get from the binary. Rows that concern a
//! part alone (rule texts, decoding, Kafka) have their tests beside that part, under the same kind of name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tests::process::{self, Finished};

const DEADLINE: Duration = Duration::from_secs(120);

/// Every event hits, so that every decision shows the values.
const PACK: &str = r#"pack: small
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m, max_future: 30s }
  fields: { id: text, ts: timestamp, card: text, device: "text?" }
features:
  by_card:   { by: card, agg: count(), over: 1h }
  by_device: { by: device, agg: count(), over: 1h }
rules:
  - id: ALL-01
    name: Shows the values
    when: by_card >= 0
    then: { action: review, score: 1, reason: SHOWN }
    explain: "{by_card} {by_device}"
policy: { order: [review, approve] }
"#;

const CONFIG: &str = "name: bad
pack: pack.yaml
source: { file: { path: in.ndjson } }
sinks:
  decisions:    { file: { path: out.ndjson } }
  dead_letters: { file: { path: dead.ndjson } }
state: { dir: ./state }
";

fn directory(config: &str) -> TempDir {
    let scratch = process::scratch();
    fs::write(scratch.path().join("pack.yaml"), PACK).unwrap();
    fs::write(scratch.path().join("in.ndjson"), "").unwrap();
    fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
    scratch
}

fn check(scratch: &TempDir) -> Finished {
    process::tollgate_ends(scratch.path(), &["check", "pipeline.yaml"], DEADLINE)
}

/// The configuration is refused, and all of this is said about it.
#[track_caller]
fn refused(config: &str, wanted: &[&str]) {
    let done = check(&directory(config)).exited(3);
    let said = done.stdout + &done.stderr;
    for wanted in wanted {
        assert!(
            said.contains(wanted),
            "nothing about {wanted:?} in:\n{said}"
        );
    }
}

#[test]
fn c1_a_misspelt_key_is_refused_with_what_was_meant() {
    refused(
        &CONFIG.replace("source:", "sorce:"),
        &["E1002", "sorce", "did you mean `source`", "pipeline.yaml:3"],
    );
}

#[test]
fn c2_wrong_units_and_overflow_are_refused() {
    let with = |delivery: &str| format!("{CONFIG}delivery: {{ {delivery} }}\n");
    refused(
        &with("commit_every: 5 parsecs"),
        &["5 parsecs", "pipeline.yaml:8"],
    );
    refused(&with("commit_every: 9999999999d"), &["9999999999d"]);
    refused(
        &with("commit_records: 99999999999999999999"),
        &["99999999999999999999"],
    );
    refused(&with("commit_records: -1"), &["-1"]);
}

#[test]
fn c3_variables_and_secret_files_have_to_be_there_and_kept() {
    refused(
        &CONFIG.replace("./state", "\"${env:TOLLGATE_TEST_UNSET}\""),
        &["E1008", "TOLLGATE_TEST_UNSET"],
    );
    refused(
        &CONFIG.replace("./state", "\"${file:absent.txt}\""),
        &["E1008", "absent.txt"],
    );
    let cases: [(&[u8], u32, bool); 4] = [
        (b"./state", 0o600, true),
        (b"./state", 0o644, false),
        (b"", 0o600, false),
        (&[b'a'; 70_000], 0o600, false),
    ];
    for (content, mode, fine) in cases {
        let scratch = directory(&CONFIG.replace("./state", "\"${file:secret.txt}\""));
        let path = scratch.path().join("secret.txt");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let done = check(&scratch);
        assert_eq!(
            done.code,
            Some(if fine { 0 } else { 3 }),
            "{mode:o}, {} bytes: {}",
            content.len(),
            done.stdout + &done.stderr
        );
    }
}

#[test]
fn c4_a_secret_in_the_text_is_refused_and_never_shown() {
    let kafka = "kafka: { brokers: \"127.0.0.1:1\", topic: t, start: earliest, format: json, properties: { sasl.username: u, sasl.password: hunter2hunter2 } }";
    let config = CONFIG.replace("file: { path: in.ndjson }", kafka);
    let done = check(&directory(&config)).exited(3);
    let said = done.stdout + &done.stderr;
    assert!(
        said.contains("E1010") && said.contains("sasl.password"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "the secret is shown:\n{said}");
}

#[test]
fn c7_an_output_that_is_the_input_is_refused() {
    refused(&CONFIG.replace("out.ndjson", "in.ndjson"), &["E1013"]);
    refused(&CONFIG.replace("dead.ndjson", "in.ndjson"), &["E1013"]);
    refused(&CONFIG.replace("dead.ndjson", "out.ndjson"), &["E1014"]);
}

#[test]
fn c12_what_is_no_text_of_a_configuration_is_refused() {
    let bomb = (1..12).fold("a0: &a0 x\n".to_owned(), |text, level| {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        text + &format!("a{level}: &a{level} [{items}]\n")
    });
    let cases: [(&str, Vec<u8>); 5] = [
        ("not UTF-8", [CONFIG.as_bytes(), b"# \xff\xfe\n"].concat()),
        (
            "a byte order mark of another encoding",
            b"\xff\xfen\0a\0m\0e\0".to_vec(),
        ),
        ("aliases of aliases", bomb.into_bytes()),
        ("nested without end", vec![b'['; 100_000]),
        ("a hundred megabytes", vec![b'a'; 100 << 20]),
    ];
    for (what, bytes) in cases {
        let scratch = directory("");
        fs::write(scratch.path().join("pipeline.yaml"), bytes).unwrap();
        let done = check(&scratch);
        // A pack's text that is no YAML has code 2, a configuration's 3; which one this was nobody can tell.
        assert!(
            matches!(done.code, Some(2 | 3)),
            "{what}: {:?} {}",
            done.code,
            done.stderr
        );
    }
}

/// One event, at a minute of the first hour of 2026.
fn event(id: &str, minute: u32, card: &str, device: &str) -> String {
    let device = if device.is_empty() {
        "null".to_owned()
    } else {
        format!("\"{device}\"")
    };
    format!(
        r#"{{"id":"{id}","ts":"2026-01-01T00:{minute:02}:00Z","card":{card},"device":{device}}}"#
    )
}

fn run(lines: &[String]) -> (Vec<Value>, Vec<Value>) {
    run_in(&directory(CONFIG), lines)
}

fn run_in(scratch: &TempDir, lines: &[String]) -> (Vec<Value>, Vec<Value>) {
    fs::write(scratch.path().join("in.ndjson"), lines.join("\n") + "\n").unwrap();
    let _ = process::tollgate_ends(scratch.path(), &["run", "pipeline.yaml"], DEADLINE).success();
    (
        json_lines(&scratch.path().join("out.ndjson")),
        json_lines(&scratch.path().join("dead.ndjson")),
    )
}

fn json_lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn flags(decision: &Value) -> Vec<&str> {
    decision["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag.as_str().unwrap())
        .collect()
}

#[test]
fn e7_without_its_key_an_event_is_refused_or_scored_without_state() {
    let (decisions, dead) = run(&[
        event("a", 0, "\"c1\"", "d1"),
        event("b", 1, "null", "d1"),
        event("c", 2, "\"c1\"", ""),
        event("d", 3, "\"c1\"", "d1"),
    ]);
    let seen: Vec<_> = decisions
        .iter()
        .map(|d| {
            (
                &d["event_id"],
                &d["values"]["by_card"],
                &d["values"]["by_device"],
            )
        })
        .collect();
    assert_eq!(
        format!("{seen:?}"),
        format!(
            "{:?}",
            [("a", 1, Some(1)), ("c", 2, None), ("d", 3, Some(2))].map(|(id, card, device)| (
                Value::from(id),
                Value::from(card),
                device.map_or(Value::Null, Value::from)
            ))
        )
    );
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["tollgate-code"], "E2005");
}

#[test]
fn e11_a_late_event_is_decided_flagged_and_not_added() {
    let card = "\"c1\"";
    let (decisions, dead) = run(&[
        event("a", 0, card, "d1"),
        event("b", 10, card, "d1"),
        event("late", 7, card, "d1"),
        event("in time", 8, card, "d1"),
        event("e", 11, card, "d1"),
    ]);
    assert!(dead.is_empty());
    let late: Vec<_> = decisions
        .iter()
        .filter(|d| flags(d) == ["late"])
        .map(|d| &d["event_id"])
        .collect();
    assert_eq!(late, ["late"]);
    assert_eq!(
        decisions.last().unwrap()["values"]["by_card"],
        4,
        "a, b, in time, e"
    );
}

#[test]
fn e12_a_repeated_id_changes_nothing_and_repeats_the_decisions_id() {
    let card = "\"c1\"";
    let lines = [
        event("a", 0, card, "d1"),
        event("b", 1, card, "d1"),
        event("a", 0, card, "d1"),
        event("c", 2, card, "d1"),
    ];
    let (decisions, _) = run(&lines);
    assert_eq!(decisions.len(), 4);
    assert_eq!(decisions[0]["decision_id"], decisions[2]["decision_id"]);
    assert_eq!(flags(&decisions[2]), ["duplicate"]);
    assert_eq!(decisions[3]["values"]["by_card"], 3, "counted once");
}

/// What this shows: of 100,000 cards that come once each, a run with room for 1,000 holds 1,000, and says of each decision
/// that may have missed a card it let go. That memory is flat then is shown in `rules/src/state/tests/budget.rs`.
#[test]
fn e16_a_flood_of_new_cards_stays_within_the_budget_and_says_so() {
    const CARDS: usize = 100_000;
    const ROOM: usize = 1_000;
    let scratch = directory(CONFIG);
    let pack = format!("{PACK}limits: {{ keys: {ROOM} }}\n");
    fs::write(scratch.path().join("pack.yaml"), pack).unwrap();
    let lines: Vec<String> = (0..CARDS)
        .map(|i| event(&format!("e{i}"), 0, &format!("\"c{i}\""), "d1"))
        // The first card was let go long ago, the last one is still held.
        .chain([
            event("first", 0, "\"c0\"", "d1"),
            event("last", 0, &format!("\"c{}\"", CARDS - 1), "d1"),
        ])
        .collect();
    let (decisions, _) = run_in(&scratch, &lines);
    assert_eq!(decisions.len(), CARDS + 2);
    for (at, decision) in decisions.iter().enumerate() {
        let expected: &[&str] = if at < ROOM { &[] } else { &["approximate"] };
        assert_eq!(flags(decision), expected, "decision {at}");
    }
    let by_card = |at: usize| decisions[at]["values"]["by_card"].as_u64();
    assert_eq!((by_card(CARDS), by_card(CARDS + 1)), (Some(1), Some(2)));
}

/// What this shows: 200,000 integers with equal low bits, which a table by product or remainder puts into one place, and
/// as many long texts that differ only at their end, are told apart: every decision has the count of its own keys.
/// It shows nothing of the time that takes; that keys searched out for one seed of the table's hash do nothing against
/// another is shown in `rules/src/state/seed.rs`.
#[test]
fn e18_keys_made_to_collide_are_told_apart() {
    const KEYS: u64 = 200_000;
    let scratch = directory(CONFIG);
    let pack = PACK
        .replace("card: text", "card: int")
        .replace("by_card >= 0", "by_card >= 0 OR by_device >= 0");
    fs::write(scratch.path().join("pack.yaml"), pack).unwrap();
    let prefix = "d".repeat(100);
    let line = |id: String, card: u64, device: u64| {
        event(
            &id,
            0,
            &(card << 40).to_string(),
            &format!("{prefix}{device:06}"),
        )
    };
    // Each key once, then some cards and other devices once more, then each again: neighbours differ in their counts.
    let mut lines: Vec<String> = (0..KEYS).map(|i| line(format!("a{i}"), i, i)).collect();
    let again = (0..KEYS / 5).map(|i| line(format!("b{i}"), i * 3, i * 5));
    lines.extend(again.chain((0..KEYS).map(|i| line(format!("c{i}"), i, i))));
    fs::write(scratch.path().join("in.ndjson"), lines.join("\n")).unwrap();
    let _ = process::tollgate_ends(scratch.path(), &["run", "pipeline.yaml"], DEADLINE).success();
    let decided = fs::File::open(scratch.path().join("out.ndjson")).unwrap();
    let mut decisions = 0_u64;
    for decision in BufReader::new(decided).lines() {
        let decision: Value = serde_json::from_str(&decision.unwrap()).unwrap();
        let (round, i) = decision["event_id"].as_str().unwrap().split_at(1);
        let i: u64 = i.parse().unwrap();
        let (cards, devices) = match round {
            "a" => (1, 1),
            "b" => (2, 2),
            _ => {
                let card = i.is_multiple_of(3) && i / 3 < KEYS / 5;
                (2 + u64::from(card), 2 + u64::from(i.is_multiple_of(5)))
            }
        };
        let values = &decision["values"];
        assert_eq!(
            (values["by_card"].as_u64(), values["by_device"].as_u64()),
            (Some(cards), Some(devices)),
            "{round}{i}"
        );
        decisions += 1;
    }
    assert_eq!(decisions, 2 * KEYS + KEYS / 5);
}
