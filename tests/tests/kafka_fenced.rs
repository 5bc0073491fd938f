//! Row C8 of the table of bad input: two processes of one application and instance at a real broker.
//!
//! The broker lets one member of an instance in, the newest; the older one has to stop and say why, and what either of
//! them decides must be the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::broker::Broker;
use tests::process::{self, Running};
use tests::topic::{self, Reader, Record};

const DEADLINE: Duration = Duration::from_secs(120);
const CARDS: u64 = 10;

/// Every event hits, so that every decision shows its count.
const PACK: &str = "pack: small
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp(s), card: text }
features:
  by_card: { by: card, agg: count(), over: 1h }
rules:
  - id: ALL-01
    when: by_card >= 0
    then: { action: review, score: 1 }
    explain: '{by_card}'
policy: { order: [review, approve] }
";

/// The same application in a directory of its own, as on another machine.
fn directory(parent: &Path, name: &str, address: &str) -> PathBuf {
    directory_with(parent, name, address, "fenced", "instance: blue-2")
}

/// An application with more to say about its source.
fn directory_with(parent: &Path, name: &str, address: &str, app: &str, more: &str) -> PathBuf {
    let directory = parent.join(name);
    let config = format!(
        "name: {app}
pack: pack.yaml
source: {{ kafka: {{ brokers: \"{address}\", topic: {app}-in, start: earliest, {more} }} }}
sinks: {{ decisions: {{ kafka: {{ brokers: \"{address}\", topic: {app}-out }} }} }}
state: {{ dir: ./state }}
"
    );
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("pack.yaml"), PACK).unwrap();
    fs::write(directory.join("pipeline.yaml"), config).unwrap();
    directory
}

fn run(directory: &Path) -> Running {
    Running::tollgate(directory, &["run", "pipeline.yaml"])
}

fn produce(address: &str, app: &str, events: std::ops::Range<u64>) {
    let record = |i: u64| {
        let (card, ts) = (i % CARDS, 1_767_225_600 + i);
        Record {
            key: Some(card.to_string().into_bytes()),
            value: Some(format!("{{\"id\":\"{i}\",\"ts\":{ts},\"card\":\"{card}\"}}").into_bytes()),
            ..Record::default()
        }
    };
    topic::produce(address, &format!("{app}-in"), events.map(record));
}

/// Reads on until so many events are decided. Each must have the count of its card, and a repeat the same id.
fn follow(reader: &mut Reader, decided: &mut BTreeMap<u64, String>, events: usize) {
    while decided.len() < events {
        let message = reader.next(DEADLINE);
        let decision: Value = serde_json::from_slice(&message.value.unwrap()).unwrap();
        let event: u64 = decision["event_id"].as_str().unwrap().parse().unwrap();
        let id = decision["decision_id"].as_str().unwrap().to_owned();
        assert_eq!(
            decision["values"]["by_card"],
            event / CARDS + 1,
            "{decision}"
        );
        let before = decided.insert(event, id.clone());
        assert!(before.is_none_or(|before| before == id), "{decision}");
    }
}

#[test]
fn c8_of_two_processes_of_one_instance_the_older_ends_with_75_and_the_newer_decides_on() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "fenced-in", 2);
    topic::create(&address, "fenced-out", 2);
    let scratch = process::scratch();
    let mut reader = Reader::new(&address, "fenced-out");
    let mut decided = BTreeMap::new();

    let older = run(&directory(scratch.path(), "older", &address));
    produce(&address, "fenced", 0..200);
    follow(&mut reader, &mut decided, 200);
    let members = topic::members(&address, "fenced");
    assert!(
        matches!(members.as_slice(), [only] if only.starts_with("fenced-blue-2-")),
        "the broker knows the member by its instance: {members:?}"
    );

    let newer = run(&directory(scratch.path(), "newer", &address));
    // Some while the two change places: whoever decides them, they are decided.
    produce(&address, "fenced", 200..400);
    let ended = older.wait(DEADLINE).exited(75);
    assert!(ended.stderr.contains("has taken over"), "{}", ended.stderr);
    produce(&address, "fenced", 400..600);
    follow(&mut reader, &mut decided, 600);

    newer.signal("TERM");
    let ended = newer.wait(DEADLINE).success();
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(last.ends_with("events folded again first"), "{last}");
    let committed = topic::committed(&address, "fenced", "fenced-in");
    let ends: Vec<_> = topic::end_offsets(&address, "fenced-in")
        .into_iter()
        .map(Some)
        .collect();
    assert_eq!(committed, ends, "the newer one has committed all of it");
}

/// Row K5 of the table, as far as one process goes: it sleeps until the group has given it up, as in a long pause of a
/// virtual machine, and must not end for that. Its partitions come back, and so does what it knew of them.
#[test]
fn k5_a_process_the_group_has_given_up_joins_anew_and_decides_on() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "sleeper-in", 2);
    topic::create(&address, "sleeper-out", 2);
    let scratch = process::scratch();
    let mut reader = Reader::new(&address, "sleeper-out");
    let mut decided = BTreeMap::new();
    let soon = "properties: { session.timeout.ms: 6000, heartbeat.interval.ms: 500 }";
    let sleeper = run(&directory_with(
        scratch.path(),
        "sleeper",
        &address,
        "sleeper",
        soon,
    ));
    produce(&address, "sleeper", 0..200);
    follow(&mut reader, &mut decided, 200);

    sleeper.signal("STOP");
    assert_eq!(topic::members(&address, "sleeper").len(), 1);
    topic::until(DEADLINE, || topic::members(&address, "sleeper").is_empty());
    produce(&address, "sleeper", 200..400);
    sleeper.signal("CONT");
    follow(&mut reader, &mut decided, 400);
    let told = |line: &tests::process::Line| line.text.contains("joining it again");
    let _ = sleeper.line(DEADLINE, told);
    produce(&address, "sleeper", 400..600);
    follow(&mut reader, &mut decided, 600);

    sleeper.signal("TERM");
    let ended = sleeper.wait(DEADLINE).success();
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(last.ends_with("events folded again first"), "{last}");
    let committed = topic::committed(&address, "sleeper", "sleeper-in");
    let ends: Vec<_> = topic::end_offsets(&address, "sleeper-in")
        .into_iter()
        .map(Some)
        .collect();
    assert_eq!(committed, ends);
}
