//! Audits of running applications on a real broker: nothing found while nothing is wrong, a fault told once, and a
//! control topic that is cut behind the input and the snapshots.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::cell::Cell;
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::{Feeder, Site};
use tests::process::{self, Running};
use tests::topic::{self, Message, Reader, Record};

const DEADLINE: Duration = Duration::from_secs(240);
const SEED: u64 = 20_261_122;

/// An application that audits itself all the time, with events coming in.
struct Watched {
    site: Site,
    feeder: Feeder,
    broker: String,
    /// Where its metrics are.
    page: String,
}

impl Watched {
    fn new(broker: &str, app: &str, delivery: &str) -> Watched {
        let site = Site::new(broker, broker, app, delivery, "");
        let page = process::free_address();
        site.keep_state(&format!(
            "{{ dir: ./state, snapshot_every: 100ms, audit_every: 200ms }}\nhttp: {{ listen: \"{page}\" }}"
        ));
        Watched {
            feeder: Feeder::start(broker, &format!("{app}-in"), SEED),
            site,
            broker: broker.to_owned(),
            page,
        }
    }

    fn topic(&self, what: &str) -> String {
        format!("{}{what}", self.site.app)
    }

    /// A figure of the metrics page; zero while nobody answers.
    fn metric(&self, name: &str) -> f64 {
        let page = process::try_get(&self.page, "/metrics").map_or_else(String::new, |(_, it)| it);
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    fn fault(&self, fault: &str) -> f64 {
        self.metric(&format!("tollgate_audit_faults_total{{fault=\"{fault}\"}}"))
    }

    /// What was found so far, by name.
    fn faults(&self) -> [f64; 6] {
        [
            "lost",
            "duplicated",
            "phantom",
            "torn",
            "out_of_order",
            "chain_break",
        ]
        .map(|fault| self.fault(fault))
    }

    /// Waits until so many more commits were compared, and so many more audits came to their end.
    fn audits(&self, running: &Running, commits: f64, audits: f64) {
        let now = || {
            let audits = self.metric("tollgate_audits_total{result=\"ok\"}");
            (self.metric("tollgate_audited_commits_total"), audits)
        };
        let (before, seen) = (now(), Cell::new((0.0, 0.0)));
        let come = topic::within(DEADLINE, || {
            seen.set(now());
            let (so_many, audited) = seen.get();
            running.has_ended() || (so_many >= before.0 + commits && audited >= before.1 + audits)
        });
        let wrote = || {
            let lines = running.lines().into_iter();
            let lines = lines.map(|it| format!("{:?} {}\n", it.after, it.text));
            lines.collect::<String>()
        };
        let (ended, seen) = (running.has_ended(), seen.get());
        assert!(
            come && !ended,
            "commits and audits {before:?}, then {seen:?}; ended: {ended}; it wrote:\n{}\n{:?}",
            wrote(),
            process::try_get(&self.page, "/metrics"),
        );
    }

    /// Lets it catch up and stops it.
    fn stop(self, running: Running) -> Site {
        let _ = self.feeder.stop();
        self.site.caught_up(&self.broker, DEADLINE);
        let _ = self.site.stop(running);
        self.site
    }
}

fn copy(message: &Message) -> Record {
    Record {
        key: message.key.clone(),
        value: message.value.clone(),
        headers: message.headers.clone(),
        partition: Some(message.partition),
        timestamp: None,
    }
}

#[test]
fn a_copy_somebody_else_wrote_is_found_once() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let watched = Watched::new(
        &address,
        "watched",
        "commit_every: 20ms, commit_records: 300",
    );
    let running = watched.site.start(None);
    watched.audits(&running, 20.0, 5.0);
    assert_eq!(watched.faults(), [0.0; 6]);
    assert!(watched.metric("tollgate_audit_time_seconds") > 0.0);

    let out = watched.topic("-out");
    let decision = Reader::new(&address, &out).next(DEADLINE);
    topic::produce(&address, &out, [copy(&decision)]);
    topic::until(DEADLINE, || watched.fault("duplicated") > 0.0);
    let told = running.line(DEADLINE, |line| {
        line.text.contains("the audit found a fault")
    });
    assert!(told.text.contains("duplicated"), "{}", told.text);
    watched.audits(&running, 20.0, 3.0);
    assert_eq!(watched.faults(), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);

    let audited = watched.stop(running).audit().exited(1).stdout;
    assert!(audited.contains("\nduplicated: 1\n"), "{audited}");
}

/// Repeats and records without their offsets are what such a run may leave.
#[test]
fn at_least_once_a_crash_is_no_fault() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let watched = Watched::new(
        &broker.address(),
        "watched-once",
        "mode: at_least_once, commit_every: 20ms, commit_records: 300",
    );
    let running = watched.site.start(None);
    watched.audits(&running, 5.0, 2.0);
    assert_eq!(watched.faults(), [0.0; 6]);
    let _ = running.kill();
    let running = watched.site.start(None);
    watched.audits(&running, 20.0, 5.0);
    assert_eq!(watched.faults(), [0.0; 6]);
    let site = watched.stop(running);
    assert_eq!(site.audit().success().stdout.lines().last(), Some("clean"));
}

#[test]
fn the_control_topic_is_cut_behind_the_input_and_the_snapshots() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let watched = Watched::new(
        &address,
        "trimmed",
        "commit_every: 20ms, commit_records: 300",
    );
    let (input, control) = (watched.topic("-in"), watched.topic(".control"));
    let running = watched.site.start(None);
    watched.audits(&running, 20.0, 3.0);
    // A topic that grows has no end to read to.
    let mut reader = Reader::new(&address, &control);
    let first = reader.next(DEADLINE);
    assert_eq!(first.offset, 0);
    let commit = (0..20).map(|_| reader.next(DEADLINE)).last().unwrap();
    let commit: serde_json::Value = serde_json::from_slice(&commit.value.unwrap()).unwrap();
    let end = commit["entries"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    let before: Vec<(i32, i64)> = serde_json::from_value(end).unwrap();
    topic::delete_before(&address, &input, &before);
    let _ = running.line(DEADLINE, |line| {
        line.text
            .contains("removed old records of the control topic")
    });
    let first = Reader::new(&address, &control).next(DEADLINE);
    let oldest = watched.site.snapshots().swap_remove(0);
    let said: serde_json::Value = serde_json::from_slice(&first.value.unwrap()).unwrap();
    let sequence = said["sequence"].as_u64().unwrap();
    let name = oldest.file_name().unwrap().to_str().unwrap();
    assert!(first.offset > 0 && sequence > 0);
    assert!(sequence <= name[..20].parse().unwrap(), "{sequence} {name}");
    // One more round, so that all snapshots are of commits behind what was removed of the input.
    watched.audits(&running, 20.0, 5.0);
    assert_eq!(watched.faults(), [0.0; 6]);
    let _ = running.kill();

    let running = watched.site.start(None);
    let _ = running.line(DEADLINE, |line| line.text.contains("restored a snapshot"));
    watched.audits(&running, 20.0, 3.0);
    assert_eq!(watched.faults(), [0.0; 6]);
    let audited = watched.stop(running).audit().success().stdout;
    assert_eq!(audited.lines().last(), Some("clean"));
    assert!(audited.contains("before the journal"), "{audited}");
}
