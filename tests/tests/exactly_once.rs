//! Exactly once: an application that is killed at random moments and at named places while events come in.
//!
//! `TOLLGATE_KILLS` says how many kills (50 unless told), `TOLLGATE_SEED` where the choices begin.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::thread;
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::checker::Dump;
use tests::crash::{Feeder, Rare, Site, check};
use tests::dice::Dice;
use tests::place;
use tests::topic::Reader;

const DEADLINE: Duration = Duration::from_secs(240);

fn number(name: &str, unless_told: u64) -> u64 {
    std::env::var(name).map_or(unless_told, |text| text.parse().expect("a number"))
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
    let feeder = Feeder::start(&address, "kills-in", seed);
    let mut reader = Reader::new(&address, "kills-out");
    for kill in 0..kills {
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
            let points = pipeline::failpoint::ALL;
            let point = points[usize::try_from(kill).unwrap() % points.len()];
            let nth = if point.starts_with("in_re") {
                1
            } else {
                1 + dice.below(12)
            };
            let ended = site.start(Some(&format!("{point}:{nth}"))).wait(DEADLINE);
            assert_eq!(
                ended.code, None,
                "{point}:{nth} was not reached\n{}",
                ended.stderr
            );
            rare.read(&ended);
            rare.did(point);
        }
    }
    let appended = feeder.stop();
    let running = site.start(None);
    site.caught_up(&address, DEADLINE);
    rare.read(&site.stop(running));
    assert_eq!(site.audit().success().stdout.lines().last(), Some("clean"));
    let findings = check(&Dump::read(&address, "kills"));
    place::told(&format!("{appended} records appended; {rare}\n{findings}"));
    assert!(findings.is_clean(), "{findings}");
    assert_eq!(findings.compared + findings.dead_letters, appended);
    assert_eq!(
        rare.missing(&["replayed"]),
        [""; 0],
        "the run is invalid: {rare}"
    );
}
