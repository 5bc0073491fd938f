//! Exactly once, when it is not the process that dies: one that is frozen and wakes up, a call that hangs, and a broker that
//! goes away.
//!
//! Each scenario is valid only if the path it is for was taken, as the application itself tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use tests::broker::Broker;
use tests::crash::Scene;
use tests::topic;

const DEADLINE: Duration = Duration::from_secs(240);

/// The broker gives a transaction up whose process sleeps; woken, it cannot know, and must not lose it.
#[test]
fn who_sleeps_through_its_transaction_sends_it_again() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    for point in ["after_flush", "after_offsets"] {
        let address = broker.address();
        let app = format!("sleeps-{}", point.replace('_', "-"));
        let short = "transaction.timeout.ms: 2000";
        let scene = Scene::new(
            &address,
            &address,
            &app,
            "commit_every: 20ms, commit_records: 300",
            short,
        );
        let running = scene.site.start_frozen(&format!("{point}:5"));
        let output = format!("{app}-out");
        assert!(
            !topic::is_settled(&address, &output),
            "nothing is under way"
        );
        topic::until(DEADLINE, || topic::is_settled(&address, &output));
        running.signal("CONT");
        scene.end(running, &["settled_aborted", "sent_again"]);
    }
}

/// A process that was frozen in the middle of a commit wakes up when another one has long taken its place.
#[test]
fn a_zombie_commits_nothing() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let mut scene = Scene::new(
        &address,
        &address,
        "zombie",
        "commit_every: 20ms, commit_records: 300",
        "",
    );
    let zombie = scene.site.start_frozen("after_flush:5");
    // One of the last commit would leave nothing to fold.
    scene.site.remove_snapshots();
    let other = scene.site.start(None);
    scene.decides(2_000);
    zombie.signal("CONT");
    let ended = zombie.wait(DEADLINE).exited(75);
    scene.rare.read(&ended);
    scene.decides(1_000);
    scene.end(other, &["fenced", "replayed"]);
}

/// A call that hangs ends the process, and the next one goes on.
#[test]
fn a_call_that_hangs_is_ended_by_the_watchdog() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let delivery = "commit_every: 20ms, hang_after: 2s";
    let mut scene = Scene::new(&address, &address, "hangs", delivery, "");
    let ended = scene.site.start(Some("in_call:9:hang")).wait(DEADLINE);
    assert_eq!(ended.code, None, "{}", ended.stderr);
    scene.rare.read(&ended);
    // While it hung, a snapshot of its last commit may have been kept: then there is nothing to fold.
    scene.site.remove_snapshots();
    let running = scene.site.start(None);
    scene.decides(1_000);
    scene.end(running, &["watchdog", "replayed"]);
}

/// A broker that is killed and comes back, and one that is restarted in order, under a process that goes on or is started
/// again.
#[test]
fn a_broker_that_goes_and_comes_costs_nothing() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let address = broker.address();
    let mut scene = Scene::new(
        &address,
        &address,
        "bounce",
        "commit_every: 20ms, commit_records: 300",
        "",
    );
    let mut running = scene.site.start(None);
    for round in 0..4 {
        scene.decides(500);
        if round % 2 == 0 {
            broker.kill();
            scene.rare.did("broker killed");
        } else {
            broker.stop();
            scene.rare.did("broker stopped");
        }
        let committed = || topic::committed(&address, "bounce", "bounce-in");
        broker.restart();
        let before = committed();
        // It goes on, or has given up, which may take it a while.
        topic::until(DEADLINE, || running.has_ended() || committed() != before);
        if running.has_ended() {
            scene.rare.read(&running.wait(DEADLINE));
            scene.rare.did("ended");
            running = scene.site.start(None);
        }
    }
    scene.decides(500);
    scene.end(running, &[]);
}
