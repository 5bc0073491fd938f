//! Several instances that share the partitions of a topic: they come, go, die and sleep, and nothing is lost or decided twice.
//!
//! `TOLLGATE_SEED` says where the choices begin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::checker::Dump;
use tests::crash::{Feeder, Pack, Rare, Site, check};
use tests::dice::Dice;
use tests::place;
use tests::process::{Line, Running};
use tests::topic::{self, Reader};

const DEADLINE: Duration = Duration::from_secs(240);
const DELIVERY: &str = "commit_every: 20ms, commit_records: 300";
/// Kills at named places, one of the instances after the other.
const KILLS: usize = 16;
/// Places that every start comes by, and often.
const POINTS: [&str; 8] = [
    "before_flush",
    "after_flush",
    "after_offsets",
    "in_commit",
    "after_commit",
    "in_recovery",
    "in_replay",
    "after_snapshot_rename",
];

fn live(line: &Line) -> bool {
    line.text.contains(" live ")
}

/// Reads until each partition of the input has had so many decisions more.
fn decides(reader: &mut Reader, count: usize) {
    let mut left = [count; 3];
    while left.iter().any(|left| *left > 0) {
        let message = reader.next(DEADLINE);
        let value = message.value.expect("a value");
        let said: serde_json::Value = serde_json::from_slice(&value).expect("JSON");
        let partition = said["position"]["partition"].as_u64().expect("a partition");
        let left = &mut left[usize::try_from(partition).expect("small")];
        *left = left.saturating_sub(1);
    }
}

/// Waits until the session of an instance is over.
fn given_up(address: &str, instance: &str) {
    let is_there = |member: &String| member.starts_with(instance);
    topic::until(DEADLINE, || {
        !topic::members(address, "shared").iter().any(is_there)
    });
}

#[test]
fn instances_come_and_go_and_each_event_is_decided_once() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let seed = std::env::var("TOLLGATE_SEED").map_or(20_261_121, |text| text.parse().unwrap());
    place::told(&format!("three instances, seed {seed}"));
    let address = broker.address();
    let sites = Site::shared(&address, "shared", DELIVERY, "session.timeout.ms: 6000", 3);
    let feeder = Feeder::at_pace(&address, "shared-in", seed, 16);
    let mut reader = Reader::new(&address, "shared-out");
    let (mut dice, mut rare) = (Dice::seeded(seed), Rare::default());

    // One has all; the second and the third get theirs.
    let first = sites[0].start(None);
    decides(&mut reader, 100);
    let mut running: Vec<Running> = vec![first];
    for site in &sites[1..] {
        let other = site.start(None);
        let _ = other.line(DEADLINE, live);
        decides(&mut reader, 100);
        running.push(other);
    }
    // One dies and does not come back before its session is over: the others have its partitions.
    rare.read(&running.remove(1).kill());
    rare.did("SIGKILL");
    given_up(&address, "shared-1-");
    decides(&mut reader, 300);
    let again = sites[1].start(None);
    let _ = again.line(DEADLINE, live);
    running.insert(1, again);
    // One sleeps for longer than that, and wakes up where others have gone on.
    running[2].signal("STOP");
    rare.did("SIGSTOP");
    given_up(&address, "shared-2-");
    decides(&mut reader, 300);
    running[2].signal("CONT");
    let _ = running[2].line(DEADLINE, |line| line.text.contains("joining it again"));
    decides(&mut reader, 100);

    // Each dies at a named place, and is started again at once.
    for kill in 0..KILLS {
        let (which, point) = (kill % 3, POINTS[kill % POINTS.len()]);
        let ended = running.remove(which).kill();
        rare.read(&ended);
        if point == "in_replay" {
            let all = sites[which].snapshots();
            all.iter()
                .for_each(|file| std::fs::remove_file(file).unwrap());
        }
        let nth = 1 + if point.starts_with("in_re") {
            0
        } else {
            dice.below(6)
        };
        let ended = sites[which]
            .start(Some(&format!("{point}:{nth}")))
            .wait(DEADLINE);
        assert_eq!(
            ended.code, None,
            "{point}:{nth} was not reached\n{}",
            ended.stderr
        );
        rare.read(&ended);
        rare.did(point);
        running.insert(which, sites[which].start(None));
        decides(&mut reader, 20);
    }

    let appended = feeder.stop();
    sites[0].caught_up(&address, DEADLINE);
    for (site, running) in sites.iter().zip(running) {
        rare.read(&site.stop(running));
    }
    assert_eq!(
        sites[0].audit().success().stdout.lines().last(),
        Some("clean")
    );
    let findings = check(&Dump::read(&address, "shared"), Pack::OneKey);
    place::told(&format!("{appended} records appended; {rare}\n{findings}"));
    assert!(findings.is_clean(), "{findings}");
    assert_eq!(findings.compared + findings.dead_letters, appended);
    let paths = [
        "replayed",
        "released",
        "joined_again",
        "snapshot_kept",
        "snapshot_restored",
    ];
    assert_eq!(rare.missing(&paths), [""; 0], "the run is invalid: {rare}");
}

/// A partition is decided in the order of its events whoever has it, so what is written again says the same.
#[test]
fn at_least_once_each_event_is_decided_and_repeats_say_the_same() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let delivery = "mode: at_least_once, commit_every: 500ms";
    let sites = Site::shared(&address, "repeats", delivery, "", 2);
    let feeder = Feeder::at_pace(&address, "repeats-in", 1, 16);
    let mut reader = Reader::new(&address, "repeats-out");
    let mut running: Vec<Running> = Vec::new();
    for site in &sites {
        running.push(site.start(None));
        let _ = running[running.len() - 1].line(DEADLINE, live);
        decides(&mut reader, 100);
    }
    for kill in 0..6 {
        let which = kill % 2;
        let _ = running.remove(which).kill();
        running.insert(which, sites[which].start(None));
        let _ = running[which].line(DEADLINE, live);
        decides(&mut reader, 200);
    }
    let appended = feeder.stop();
    sites[0].caught_up(&address, DEADLINE);
    for (site, running) in sites.iter().zip(running) {
        let _ = site.stop(running);
    }
    let audited = sites[0].audit().success().stdout;
    assert_eq!(audited.lines().last(), Some("clean"), "{audited}");

    let written = topic::read(&address, "repeats-out");
    let mut decisions: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for message in &written {
        let value = message.value.clone().unwrap();
        let decision: serde_json::Value = serde_json::from_slice(&value).unwrap();
        let id = decision["decision_id"].as_str().unwrap().to_owned();
        let first = decisions.entry(id).or_insert_with(|| value.clone());
        assert_eq!(*first, value, "it says something else");
    }
    let dead = topic::read(&address, "repeats-dead").into_iter();
    let dead: BTreeSet<_> = dead.map(|it| (it.key, it.value, it.headers)).collect();
    assert_eq!(decisions.len() + dead.len(), appended);
    let repeats = written.len() - decisions.len();
    place::told(&format!(
        "{appended} records appended, {repeats} decisions written again"
    ));
    assert!(repeats > 0, "the run is invalid: nothing was written again");
}

/// The one that runs is not disturbed.
#[test]
fn a_second_instance_is_refused_where_one_has_the_state_of_all_partitions() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let site = Site::new(&address, &address, "alone", DELIVERY, "");
    let feeder = Feeder::start(&address, "alone-in", 1);
    let mut reader = Reader::new(&address, "alone-out");
    let running = site.start(None);
    decides(&mut reader, 50);
    let second = Site::another(&address, "alone", DELIVERY, "1");
    let ended = second.start(None).wait(DEADLINE).exited(4);
    let told = "join the group alone: instance 0 is running";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    decides(&mut reader, 50);
    let appended = feeder.stop();
    site.caught_up(&address, DEADLINE);
    let ended = site.stop(running);
    assert!(!ended.stderr.contains("taken over"), "{}", ended.stderr);
    let decided = topic::read(&address, "alone-out").len();
    let dead = topic::read(&address, "alone-dead").len();
    assert_eq!(decided + dead, appended);
}

/// With journals of the one kind the other is refused, before anything is decided.
#[test]
fn shared_partitions_and_one_state_do_not_mix() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let sites = Site::shared(&address, "mixed", DELIVERY, "", 1);
    let feeder = Feeder::start(&address, "mixed-in", 1);
    let mut reader = Reader::new(&address, "mixed-out");
    let running = sites[0].start(None);
    decides(&mut reader, 10);
    sites[0].stop(running);
    feeder.stop();
    let whole = Site::another(&address, "mixed", DELIVERY, "0");
    let ended = whole.start(None).wait(DEADLINE).exited(4);
    let told = "it has 3 journals: its instances shared the partitions";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}
