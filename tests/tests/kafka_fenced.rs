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

/// An application in a directory of its own, as on a machine of its own.
fn directory(
    parent: &Path,
    name: &str,
    address: &str,
    (app, mode): App<'_>,
    more: &str,
) -> PathBuf {
    let directory = parent.join(name);
    let config = format!(
        "name: {app}
pack: pack.yaml
source: {{ kafka: {{ brokers: \"{address}\", topic: {app}-in, start: earliest, {more} }} }}
sinks: {{ decisions: {{ kafka: {{ topic: {app}-out }} }} }}
delivery: {mode}
state: {{ dir: ./state }}
"
    );
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("pack.yaml"), PACK).unwrap();
    fs::write(directory.join("pipeline.yaml"), config).unwrap();
    directory
}

/// Its name and what it promises.
type App<'a> = (&'a str, &'a str);

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

/// Reads on until so many events are decided. Each must have the count of its card, and a repeat the same id; exactly
/// once there is none.
fn follow(reader: &mut Reader, decided: &mut BTreeMap<u64, String>, events: usize, mode: &str) {
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
        let fine = |before| before == id && mode == "at_least_once";
        assert!(before.is_none_or(fine), "{decision}");
    }
}

#[test]
fn c8_of_two_processes_of_one_instance_the_older_ends_with_75_and_the_newer_decides_on() {
    of_two_the_older_ends(("fenced", "at_least_once"));
}

#[test]
fn c8_so_it_does_exactly_once() {
    of_two_the_older_ends(("fenced-exact", "exactly_once"));
}

fn of_two_the_older_ends(app: App<'_>) {
    let (name, mode) = app;
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, &format!("{name}-in"), 2);
    topic::create(&address, &format!("{name}-out"), 2);
    let scratch = process::scratch();
    let mut reader = Reader::new(&address, &format!("{name}-out"));
    let mut decided = BTreeMap::new();

    let older = run(&directory(
        scratch.path(),
        "older",
        &address,
        app,
        "instance: blue-2",
    ));
    produce(&address, name, 0..200);
    follow(&mut reader, &mut decided, 200, mode);
    let members = topic::members(&address, name);
    assert!(
        matches!(members.as_slice(), [only] if only.starts_with(&format!("{name}-blue-2-"))),
        "the broker knows the member by its instance: {members:?}"
    );

    let newer = run(&directory(
        scratch.path(),
        "newer",
        &address,
        app,
        "instance: blue-2",
    ));
    // Some while the two change places: whoever decides them, they are decided.
    produce(&address, name, 200..400);
    let ended = older.wait(DEADLINE).exited(75);
    assert!(ended.stderr.contains("has taken over"), "{}", ended.stderr);
    produce(&address, name, 400..600);
    follow(&mut reader, &mut decided, 600, mode);

    newer.signal("TERM");
    let ended = newer.wait(DEADLINE).success();
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(last.ends_with("events folded again first"), "{last}");
    let committed = topic::committed(&address, name, &format!("{name}-in"));
    let ends: Vec<_> = topic::end_offsets(&address, &format!("{name}-in"))
        .into_iter()
        .map(Some)
        .collect();
    assert_eq!(committed, ends, "the newer one has committed all of it");
}

/// Row K5 of the table, as far as one process goes: it sleeps until the group has given it up, as in a long pause of a
/// virtual machine, and must not end for that. Its partitions come back, and so does what it knew of them.
#[test]
fn k5_a_process_the_group_has_given_up_joins_anew_and_decides_on() {
    who_was_given_up_joins_anew(("sleeper", "at_least_once"));
}

#[test]
fn k5_so_it_does_exactly_once() {
    who_was_given_up_joins_anew(("sleeper-exact", "exactly_once"));
}

fn who_was_given_up_joins_anew(app: App<'_>) {
    let (name, mode) = app;
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, &format!("{name}-in"), 2);
    topic::create(&address, &format!("{name}-out"), 2);
    let scratch = process::scratch();
    let mut reader = Reader::new(&address, &format!("{name}-out"));
    let mut decided = BTreeMap::new();
    let soon = "properties: { session.timeout.ms: 6000, heartbeat.interval.ms: 500 }";
    let sleeper = run(&directory(scratch.path(), "sleeper", &address, app, soon));
    produce(&address, name, 0..200);
    follow(&mut reader, &mut decided, 200, mode);

    sleeper.signal("STOP");
    assert_eq!(topic::members(&address, name).len(), 1);
    topic::until(DEADLINE, || topic::members(&address, name).is_empty());
    produce(&address, name, 200..400);
    sleeper.signal("CONT");
    follow(&mut reader, &mut decided, 400, mode);
    let told = |line: &tests::process::Line| line.text.contains("joining it again");
    let _ = sleeper.line(DEADLINE, told);
    produce(&address, name, 400..600);
    follow(&mut reader, &mut decided, 600, mode);

    sleeper.signal("TERM");
    let ended = sleeper.wait(DEADLINE).success();
    let last = ended.stderr.lines().next_back().unwrap_or_default();
    assert!(last.ends_with("events folded again first"), "{last}");
    let committed = topic::committed(&address, name, &format!("{name}-in"));
    let ends: Vec<_> = topic::end_offsets(&address, &format!("{name}-in"))
        .into_iter()
        .map(Some)
        .collect();
    assert_eq!(committed, ends);
}
