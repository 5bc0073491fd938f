//! Exactly once: an application that is killed at random moments and at named places while events come in.
//!
//! `TOLLGATE_KILLS` says how many kills (50 unless told), `TOLLGATE_SEED` where the choices begin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::checker::Dump;
use tests::crash::{Feeder, Pack, Rare, Site, check};
use tests::dice::Dice;
use tests::place;
use tests::topic::Reader;

const DEADLINE: Duration = Duration::from_secs(240);
/// With more kills than this events come more slowly.
const MANY: u64 = 100;
/// How often a process may be shut out by a join of its own that was answered too late.
const SHUT_OUT_MAX: u64 = 3;

fn number(name: &str, unless_told: u64) -> u64 {
    std::env::var(name).map_or(unless_told, |text| text.parse().expect("a number"))
}

/// Hurts the newest snapshot as a disk may; what was done.
fn damage(snapshots: &[PathBuf], dice: &mut Dice) -> &'static str {
    let Some(newest) = snapshots.last() else {
        return "no snapshot to hurt";
    };
    let mut bytes = fs::read(newest).unwrap();
    if bytes.is_empty() {
        return "snapshot hurt before";
    }
    let at = dice.below(bytes.len());
    match dice.below(4) {
        0 => bytes.truncate(at),
        1 => bytes = Vec::new(),
        2 => {
            fs::remove_file(newest).unwrap();
            return "snapshot removed";
        }
        _ => bytes[at] ^= 1 << dice.below(8),
    }
    fs::write(newest, bytes).unwrap();
    "snapshot hurt"
}

/// Kills at random moments, by signal, and at every failpoint in turn.
#[test]
fn kills_lose_and_repeat_nothing() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (kills, seed) = (
        number("TOLLGATE_KILLS", 50),
        number("TOLLGATE_SEED", 20_261_121),
    );
    place::told(&format!("{kills} kills, seed {seed}"));
    let address = broker.address();
    let site = Site::new(
        &address,
        &address,
        "kills",
        "commit_every: 20ms, commit_records: 300",
        "session.timeout.ms: 6000",
    );
    let (mut dice, mut rare) = (Dice::seeded(seed), Rare::default());
    let pace = if kills > MANY { 32 } else { 8 };
    let feeder = Feeder::at_pace(&address, "kills-in", seed, pace);
    let mut reader = Reader::new(&address, "kills-out");
    let mut points = pipeline::failpoint::ALL.iter().copied().cycle();
    let mut shut_out = 0;
    for kill in 0..kills {
        if kill > 0 && kill % 100 == 0 {
            place::told(&format!("after {kill} kills: {rare}"));
        }
        if dice.below(4) == 0 {
            rare.did(damage(&site.snapshots(), &mut dice));
        }
        if kill % 3 == 0 {
            let running = site.start(None);
            for _ in 0..1 + dice.below(400) {
                let _ = reader.next(DEADLINE);
            }
            // Anywhere between two commits, or within one.
            thread::park_timeout(Duration::from_micros(dice.roll() % 30_000));
            rare.read(&running.kill());
            rare.did("SIGKILL");
        } else {
            let point = points.next().unwrap();
            if point == "in_replay" {
                // With the newest snapshot there may be nothing to fold.
                site.remove_snapshots();
                rare.did("all snapshots removed");
            }
            // A start comes by the first of these once, and writes a snapshot every 100 ms.
            let nth = match point {
                "in_recovery" | "in_replay" => 1,
                point if point.contains("snapshot") => 1 + dice.below(2),
                _ => 1 + dice.below(12),
            };
            let armed = format!("{point}:{nth}");
            let mut ended = site.start(Some(&armed)).wait(DEADLINE);
            // The broker takes a member that asks to join again, because an answer was late, for another process.
            while ended.code == Some(75) && shut_out < SHUT_OUT_MAX {
                rare.read(&ended);
                shut_out += 1;
                ended = site.start(Some(&armed)).wait(DEADLINE);
            }
            if ended.code.is_some() {
                drop(feeder);
                let findings = check(&Dump::read(&address, "kills"), Pack::TwoKeys);
                panic!("{armed} was not reached\n{}\n{findings}", ended.stderr);
            }
            rare.read(&ended);
            rare.did(point);
        }
    }
    let appended = feeder.stop();
    let running = site.start(None);
    site.caught_up(&address, DEADLINE);
    rare.read(&site.stop(running));
    assert_eq!(site.audit().success().stdout.lines().last(), Some("clean"));
    let findings = check(&Dump::read(&address, "kills"), Pack::TwoKeys);
    place::told(&format!("{appended} records appended; {rare}\n{findings}"));
    assert!(findings.is_clean(), "{findings}");
    assert_eq!(findings.compared + findings.dead_letters, appended);
    assert_eq!(
        rare.missing(&[
            "replayed",
            "snapshot_kept",
            "snapshot_restored",
            "snapshot_refused",
            "older_snapshot"
        ]),
        [""; 0],
        "the run is invalid: {rare}"
    );
}
