//! Exactly once over a network that is at fault: answers and questions lost, a commit that comes when its time is over,
//! nothing at all for a while, everything slowly.
//!
//! Each scenario is valid only if the path it is for was taken, as the application itself tells, or the proxy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use tests::broker::Broker;
use tests::crash::Scene;
use tests::process::{Line, Running};
use tests::proxy::{Api, Fault};
use tests::topic;

const DEADLINE: Duration = Duration::from_secs(240);
const DELIVERY: &str = "commit_every: 20ms, commit_records: 300";

/// How often it has found out what became of a doubtful commit.
fn settled(running: &Running) -> usize {
    let settled = |line: &&Line| line.text.contains("a doubtful commit is settled");
    running.lines().iter().filter(settled).count()
}

/// It loses what was said about a commit: the answer, so that it happened and nobody knows, or the question, so that it did not.
#[test]
fn a_network_that_loses_answers_costs_nothing() {
    let Some((broker, proxy)) = Broker::behind_a_proxy() else {
        return;
    };
    let address = broker.address();
    let reached = proxy.address().to_string();
    let short = "transaction.timeout.ms: 40000";
    let mut scene = Scene::new(&address, &reached, "network", DELIVERY, short);
    let running = scene.site.start(None);
    scene.decides(200);
    // More often than it is asked again: what became of the commit is in doubt.
    for (lost, fault) in [
        ("answers", Fault::LoseResponse(Api::EndTxn)),
        ("questions", Fault::LoseRequest(Api::EndTxn)),
    ] {
        let before = settled(&running);
        match fault {
            Fault::LoseResponse(api) => proxy.lose_response(api, 1_000_000),
            _ => proxy.lose_request(Api::EndTxn, 1_000_000),
        }
        topic::until(DEADLINE, || settled(&running) > before);
        proxy.heal();
        assert!(proxy.count_of(fault) > 0, "none was lost");
        scene.rare.did(&format!("{lost} lost"));
        scene.decides(200);
    }
    for api in [
        Api::TxnOffsetCommit,
        Api::AddOffsetsToTxn,
        Api::AddPartitionsToTxn,
        Api::Produce,
    ] {
        proxy.lose_response(api, 2);
        assert!(
            proxy.wait_for(Fault::LoseResponse(api), 2, DEADLINE),
            "{api:?}"
        );
        scene.rare.did("answers of other calls lost");
        proxy.heal();
        scene.decides(200);
    }
    for _ in 0..5 {
        let _ = proxy.reset();
        scene.rare.did("connections reset");
        scene.decides(100);
    }
    proxy.delay(Duration::from_millis(50));
    scene.decides(500);
    proxy.heal();
    scene.end(
        running,
        &[
            "settled_committed",
            "settled_aborted",
            "sent_again",
            "asked_again",
        ],
    );
}

/// The question to commit is held until the client has given its connection up and has asked once more. When it comes in the end,
/// the next transaction is under way: its outputs are there, its offsets are not, and it must not be committed like that.
#[test]
fn a_commit_that_comes_too_late_is_none() {
    let Some((broker, proxy)) = Broker::behind_a_proxy() else {
        return;
    };
    let (address, reached) = (broker.address(), proxy.address().to_string());
    // When librdkafka gives a connection up: it then asks again by itself, and tells nobody.
    let short = "socket.timeout.ms: 2000";
    let mut scene = Scene::new(&address, &reached, "late", DELIVERY, short);
    for _ in 0..2 {
        let held = proxy.count_of(Fault::Hold(Api::EndTxn));
        proxy.hold_request(Api::EndTxn);
        let running = scene.site.start_frozen("after_flush:9");
        assert_eq!(proxy.count_of(Fault::Hold(Api::EndTxn)), held + 1);
        let answered = proxy.answered(Api::EndTxn);
        assert_eq!(proxy.release(), 1);
        assert!(proxy.wait_answered(Api::EndTxn, answered + 1, DEADLINE));
        scene.rare.did("commits that came late");
        scene.rare.read(&running.kill());
    }
    let running = scene.site.start(None);
    scene.decides(500);
    scene.end(running, &["replayed", "renewed"]);
}

/// Nobody answers who coordinates the group. The library waits for that without looking at the time it was given.
#[test]
fn a_call_without_an_answer_is_left_to_itself() {
    let Some((broker, proxy)) = Broker::behind_a_proxy() else {
        return;
    };
    let (address, reached) = (broker.address(), proxy.address().to_string());
    let delivery = "commit_every: 20ms, commit_records: 300, hang_after: 30s";
    let mut scene = Scene::new(&address, &reached, "coordinator", delivery, "");
    let running = scene.site.start(None);
    for round in 1..3 {
        scene.decides(500);
        proxy.hold_request(Api::FindCoordinator);
        // Behind that answer it asks who coordinates the group now.
        proxy.lose_response(Api::TxnOffsetCommit, 1);
        let held = Fault::Hold(Api::FindCoordinator);
        assert!(proxy.wait_for(held, round, DEADLINE), "nobody asked");
        scene.rare.did("coordinators not told");
        // It goes on while the question is still held.
        scene.decides(2_000);
    }
    scene.end(running, &["sent_again", "renewed"]);
    assert_eq!(proxy.release(), 2, "what was asked was given up");
}

/// Nothing comes through for longer than a transaction and the membership of the group last, and no connection ends.
#[test]
fn a_network_that_swallows_everything_for_a_while_costs_nothing() {
    let Some((broker, proxy)) = Broker::behind_a_proxy() else {
        return;
    };
    let (address, reached) = (broker.address(), proxy.address().to_string());
    let short = "session.timeout.ms: 6000, transaction.timeout.ms: 6000, socket.timeout.ms: 5000";
    let mut scene = Scene::new(&address, &reached, "swallows", DELIVERY, short);
    let mut running = scene.site.start(None);
    for _ in 0..2 {
        scene.decides(500);
        assert_eq!(topic::members(&address, "swallows").len(), 1);
        proxy.black_hole(true);
        topic::until(DEADLINE, || topic::members(&address, "swallows").is_empty());
        let committed = || topic::committed(&address, "swallows", "swallows-in");
        let before = committed();
        proxy.heal();
        scene.rare.did("given up by the group");
        // Either it joins again, or it has seen that it is too late, and ends.
        topic::until(DEADLINE, || running.has_ended() || committed() != before);
        if running.has_ended() {
            scene.rare.read(&running.wait(DEADLINE));
            scene.rare.did("ended");
            running = scene.site.start(None);
        }
    }
    assert!(
        proxy.count_of(Fault::BlackHole) > 0,
        "nothing was swallowed"
    );
    scene.decides(500);
    scene.end(running, &[]);
}

/// Each question and each answer takes as long as between continents, and more.
#[test]
fn a_slow_network_costs_nothing() {
    let Some((broker, proxy)) = Broker::behind_a_proxy() else {
        return;
    };
    let (address, reached) = (broker.address(), proxy.address().to_string());
    let mut scene = Scene::new(&address, &reached, "slow", DELIVERY, "");
    let mut running = scene.site.start(None);
    for millis in [50, 400] {
        scene.decides(200);
        proxy.delay(Duration::from_millis(millis));
        scene.decides(1_000);
        scene.rare.read(&running.kill());
        running = scene.site.start(None);
        scene.decides(1_000);
        proxy.heal();
        scene.rare.did("slow for a while");
    }
    assert!(proxy.count_of(Fault::Delay) > 0, "nothing was slow");
    scene.end(running, &["replayed"]);
}
