//! Row E7 of the table of bad input, where the configuration says which field is the key of a record: a record with
//! another key, or without one, becomes a dead letter and touches no window.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::embedded::{Durability, EmbeddedLog, Options};
use connectors::record::OutRecord;
use serde_json::Value;
use tests::process::{self, Running};

const DEADLINE: Duration = Duration::from_secs(120);

/// Every event hits, so that every decision shows the count of its card.
const PACK: &str = "pack: small
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp(s), card: 'text?', at: float }
features:
  by_card: { by: card, agg: count(), over: 1h }
rules:
  - { id: ALL-01, when: at >= 0, then: { action: review, score: 1 }, explain: '{by_card}' }
policy: { order: [review, approve] }
";

fn directory(key: &str, listen: &str) -> tempfile::TempDir {
    let scratch = process::scratch();
    let config = format!(
        "name: keyed
pack: pack.yaml
source: {{ embedded: {{ topic: swipes{key} }} }}
sinks:
  decisions: {{ file: {{ path: out.ndjson }} }}
  dead_letters: {{ file: {{ path: dead.ndjson }} }}
delivery: at_least_once
state: {{ dir: ./state }}
http: {{ listen: \"{listen}\" }}
"
    );
    fs::write(scratch.path().join("pack.yaml"), PACK).unwrap();
    fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
    scratch
}

/// Puts records into the topic the run will read; nobody else has the log open yet.
fn fill(directory: &Path, records: &[OutRecord]) {
    let options = Options {
        application: "keyed".to_owned(),
        durability: Durability::Process,
        clock: Arc::new(|| 1_767_225_600_000_000),
    };
    let log = EmbeddedLog::open(&directory.join("state/keyed"), options).unwrap();
    log.create_topic("swipes", 1).unwrap();
    log.append("swipes", records).unwrap();
    log.sync().unwrap();
}

fn record(id: u32, key: Option<&str>, card: &str) -> OutRecord {
    let value = format!(
        r#"{{"id":"e{id}","ts":{},"at":1,"card":{card}}}"#,
        1_767_225_600 + id
    );
    OutRecord {
        key: key.map(|key| key.as_bytes().to_vec()),
        value: Some(value.into_bytes()),
        headers: Vec::new(),
    }
}

fn json_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The value of a series of the metrics page, 0 where it is not there.
fn metric(page: &str, series: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |rest| rest.trim().parse().unwrap())
}

/// What came of the records.
struct Outcome {
    /// Events decided, each with the count of its card.
    decided: Vec<(String, u64)>,
    /// Offsets of the dead, each with its code.
    dead: Vec<(i64, String)>,
    /// How many the metrics count as dead for their key.
    counted: u64,
}

/// Runs until all records are decided or dead.
fn outcome(key: &str, records: &[OutRecord]) -> Outcome {
    let listen = process::free_address();
    let scratch = directory(key, &listen);
    fill(scratch.path(), records);
    let running = Running::tollgate(scratch.path(), &["run", "pipeline.yaml"]);
    let started = Instant::now();
    let counted = loop {
        assert!(started.elapsed() < DEADLINE, "{:?}", running.lines());
        let Some((200, page)) = process::try_get(&listen, "/metrics") else {
            continue;
        };
        let dead: u64 = ["E2002", "E2011"]
            .map(|code| {
                metric(
                    &page,
                    &format!("tollgate_dead_letters_total{{code=\"{code}\"}}"),
                )
            })
            .iter()
            .sum();
        let decided = metric(&page, "tollgate_events_total{partition=\"0\"}");
        if decided + dead == u64::try_from(records.len()).unwrap() {
            break metric(&page, "tollgate_dead_letters_total{code=\"E2011\"}");
        }
    };
    running.signal("TERM");
    let _ = running.wait(DEADLINE).success();
    let decided = json_lines(&scratch.path().join("out.ndjson"));
    let dead = json_lines(&scratch.path().join("dead.ndjson"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let count = |d: &Value| d["values"]["by_card"].as_u64().unwrap_or_default();
    Outcome {
        decided: decided
            .iter()
            .map(|d| (text(&d["event_id"]), count(d)))
            .collect(),
        dead: dead
            .iter()
            .map(|d| {
                let offset = text(&d["tollgate-offset"]).parse().unwrap();
                (offset, text(&d["tollgate-code"]))
            })
            .collect(),
        counted,
    }
}

fn records() -> Vec<OutRecord> {
    let broken = OutRecord {
        value: Some(b"{\"id\":".to_vec()),
        ..record(5, Some("c1"), "null")
    };
    vec![
        record(0, Some("c1"), "\"c1\""),
        record(1, Some("c2"), "\"c1\""),
        record(2, None, "\"c1\""),
        record(3, Some("c1"), "\"c1\""),
        record(4, Some(""), "null"),
        broken,
        record(6, Some("c2"), "\"c2\""),
        record(7, Some("c1"), "\"c1\""),
    ]
}

fn pairs<T: Copy, U: ToOwned + ?Sized>(of: &[(T, &U)]) -> Vec<(T, U::Owned)> {
    of.iter().map(|(a, b)| (*a, (*b).to_owned())).collect()
}

#[test]
fn e7_a_key_that_is_missing_or_of_another_card_is_a_dead_letter_and_counted() {
    let Outcome {
        decided,
        dead,
        counted,
    } = outcome(", key: card", &records());
    let decided: Vec<_> = decided.iter().map(|(id, n)| (id.as_str(), *n)).collect();
    assert_eq!(
        decided,
        [("e0", 1), ("e3", 2), ("e6", 1), ("e7", 3)],
        "what is dead is in no window"
    );
    assert_eq!(
        dead,
        pairs(&[(1, "E2011"), (2, "E2011"), (4, "E2011"), (5, "E2002")])
    );
    assert_eq!(counted, 3);
}

#[test]
fn e7_without_a_key_in_the_configuration_any_key_is_accepted() {
    let Outcome {
        decided,
        dead,
        counted,
    } = outcome("", &records());
    let last = decided.last().map(|(id, count)| (id.as_str(), *count));
    assert_eq!((decided.len(), last), (7, Some(("e7", 5))));
    assert_eq!((dead, counted), (pairs(&[(5, "E2002")]), 0));
}

#[test]
fn e7_a_key_no_record_can_have_is_refused_at_its_place() {
    for (key, said) in [
        ("crad", "did you mean `card`?"),
        ("at", "only a field of type text or int"),
    ] {
        let scratch = directory(&format!(", key: {key}"), "127.0.0.1:9900");
        for command in ["check", "run"] {
            let done =
                process::tollgate_ends(scratch.path(), &[command, "pipeline.yaml"], DEADLINE)
                    .exited(3);
            let told = done.stdout + &done.stderr;
            for wanted in ["E1003", "pipeline.yaml:3:43", said] {
                assert!(told.contains(wanted), "{command}: no {wanted} in:\n{told}");
            }
        }
    }
}
