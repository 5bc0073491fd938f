//! The worker over a log in memory: whatever goes wrong on the way, the decisions are those of an undisturbed run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::format::Limits;
use connectors::format::columns::ColumnCaster;
use connectors::format::json::JsonDecoder;
use connectors::memory::{CommitFault, Faults, MemoryCommitLog, MemoryLog, MemorySource};
use connectors::record::{NO_APPEND_TIME, OutRecord};
use rules::decision::Renderer;
use rules::definition::PackSource;
use rules::ruleset::RuleSet;

use super::*;
use crate::clock::SystemClock;
use crate::observe::Nobody;
use crate::operator::wanted;

mod alerts;
mod lost;
mod packed;
mod shared;
mod shelf;
mod simulation;
mod workers;

const PARTITIONS: u32 = 3;

const PACK: &str = "
pack: small
event: e
schema:
  id: id
  time: { field: ts, max_lateness: 5s }
  fields: { id: text, ts: timestamp(ms), card: text, amount: int }
features:
  card_cnt: { by: card, agg: count(), over: 10s }
  all_sum: { by: [], agg: sum(amount), over: 1m }
rules:
  - id: R1
    when: card_cnt >= 3 OR all_sum > 4000
    then: { action: review, score: 10, reason: MANY }
    explain: '{card_cnt} of {all_sum}'
  - id: R2
    when: card_cnt >= 2 AND all_sum > 100
    then: { action: review, score: 5, reason: BUSY }
    explain: '{all_sum}'
policy: { order: [review, approve] }
";

fn rules() -> Arc<RuleSet> {
    Arc::new(rules::compile::compile(&PackSource::alone("pack.yaml", PACK)).unwrap())
}

/// 600 events.
fn filled() -> MemoryLog {
    filled_with(600)
}

/// A log with events of 20 cards over three partitions, one record in twenty not JSON, two ids in 600 twice.
fn filled_with(events: u64) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("events", PARTITIONS);
    log.create_topic("decisions", 1);
    log.create_topic("dead", 1);
    let mut seed = 12_345u64;
    let mut below = |n: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    for i in 0..events {
        let (card, jitter) = (below(20), below(3_000));
        let again = matches!(i % 600, 300 | 450);
        let id = if again { i - 50 } else { i };
        let ts = 1_767_225_600_000 + i * 400 + jitter;
        let value = if below(20) == 0 {
            format!("{{\"id\":\"{id}\", oops")
        } else {
            format!(
                "{{\"id\":\"e{id}\",\"ts\":{ts},\"card\":\"c{card}\",\"amount\":{}}}",
                below(100)
            )
        };
        let record = OutRecord {
            key: Some(format!("c{card}").into_bytes()),
            value: Some(value.into_bytes()),
            headers: Vec::new(),
        };
        let partition = u32::try_from(card).unwrap() % PARTITIONS;
        log.append("events", partition, record, NO_APPEND_TIME);
    }
    log
}

fn parts(log: &MemoryLog, faults: &Faults) -> Parts {
    let rules = rules();
    let commit = MemoryCommitLog::new(log, "app", faults.clone());
    let wanted = wanted::columns(&rules.schema);
    let decoder = Box::new(JsonDecoder::new(wanted.clone(), Limits::DEFAULT).unwrap());
    let caster = Box::new(ColumnCaster::new(wanted).unwrap());
    let renderer = Renderer::new(Arc::clone(&rules), "app", "events");
    let (decisions, dead) = (commit.sink("decisions"), commit.sink("dead"));
    Parts {
        app: "app".to_owned(),
        source: Box::new(MemorySource::new(log, "events", faults.clone()).bounded()),
        begin: Begin::Earliest,
        decode: Decode::new(Arc::new(rules.schema.clone()), Some(decoder), caster),
        rules,
        output: Output::new(
            renderer,
            "events",
            vec![Box::new(decisions)],
            vec![],
            vec![Box::new(dead)],
            true,
        )
        .with_digests(true),
        log: Some(Box::new(commit)),
        delivery: Delivery {
            commit_every: Duration::from_secs(3600),
            commit_records: 40,
        },
        limits: MergeLimits {
            step_rows: 16,
            buffered_rows: 64,
            buffered_bytes: 1 << 20,
            wait_micros: 1_000_000_000,
        },
        workers: 1,
        snapshots: None,
        shared: false,
        accept_missing: false,
    }
}

fn around() -> Surroundings {
    Surroundings {
        clock: SystemClock::shared(),
        metrics: Metrics::new().unwrap(),
        health: Health::new(),
        shutdown: Shutdown::new(),
        observer: Box::new(Nobody),
    }
}

fn lines(log: &MemoryLog, topic: &str) -> Vec<String> {
    let stored = log.read(topic, 0, 0);
    stored
        .into_iter()
        .map(|s| String::from_utf8(s.record.value.unwrap_or_default()).unwrap())
        .collect()
}

/// Decisions and dead letters of a run under these faults.
fn outputs(faults: &Faults) -> (Vec<String>, Vec<String>) {
    let log = filled();
    run(parts(&log, faults), around()).unwrap();
    (lines(&log, "decisions"), lines(&log, "dead"))
}

fn undisturbed() -> (Vec<String>, Vec<String>) {
    let log = filled();
    let summary = run(parts(&log, &Faults::default()), around()).unwrap();
    let (decisions, dead) = (lines(&log, "decisions"), lines(&log, "dead"));
    assert_eq!(
        (summary.decisions + summary.dead_letters, summary.refolded),
        (600, 0)
    );
    assert_eq!(
        (decisions.len() + dead.len(), dead.is_empty()),
        (600, false)
    );
    (decisions, dead)
}

#[test]
fn every_record_is_decided_or_a_dead_letter_and_windows_hit() {
    let (decisions, dead) = undisturbed();
    assert!(
        decisions
            .iter()
            .any(|line| line.contains("\"outcome\":\"review\""))
    );
    assert!(
        decisions
            .iter()
            .any(|line| line.contains("\"flags\":[\"duplicate\"]"))
    );
    assert!(
        dead.iter().all(|line| line.contains("oops")),
        "the bytes of dead letters are untouched"
    );
}

#[test]
fn however_the_source_serves_its_partitions_the_bytes_are_the_same() {
    let expected = undisturbed();
    for seed in 0..20 {
        let faults = Faults {
            seed,
            batch_records_max: 1 + usize::try_from(seed).unwrap() % 9,
            poll_error_one_in: 7,
            idle_one_in: 5,
            caught_up_again_one_in: 4,
            uneven: seed % 2 == 0,
            write_error_one_in: 9,
            ..Faults::default()
        };
        assert_eq!(outputs(&faults), expected, "seed {seed}");
    }
}

#[test]
fn a_commit_that_aborts_or_loses_its_answer_repeats_and_loses_nothing() {
    let expected = undisturbed();
    for (number, fault) in [
        (0, CommitFault::Aborted),
        (3, CommitFault::Retry),
        (5, CommitFault::AnswerLost),
    ] {
        let faults = Faults {
            commits: BTreeMap::from([(number, fault)]),
            ..Faults::default()
        };
        assert_eq!(outputs(&faults), expected, "commit {number}: {fault:?}");
    }
}

#[test]
fn a_run_that_breaks_off_goes_on_where_it_committed_with_the_windows_it_had() {
    let expected = undisturbed();
    let mut refolded = 0;
    for seed in 0..20u64 {
        let log = filled();
        let mut breaks = 0;
        for round in 0u64.. {
            let last = round == 4;
            let faults = Faults {
                seed: seed * 10 + round,
                batch_records_max: 7,
                uneven: true,
                poll_fatal_at: (!last).then_some(20 + round * 35 + seed),
                ..Faults::default()
            };
            match run(parts(&log, &faults), around()) {
                Ok(summary) => {
                    refolded += summary.refolded;
                    break;
                }
                Err(error) => assert!(matches!(error, RunError::Source(_)), "{error}"),
            }
            breaks += 1;
        }
        assert_eq!(
            (lines(&log, "decisions"), lines(&log, "dead")),
            expected,
            "seed {seed}, {breaks} breaks"
        );
    }
    assert!(
        refolded > 0,
        "no run had anything to fold again: the test proves nothing"
    );
}

/// Wants to stop after a number of steps.
struct StopAfter(usize, Shutdown);

impl Observer for StopAfter {
    fn step(&mut self, _view: &StepView<'_>) {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            self.1.request(crate::shutdown::Reason::Terminated);
        }
    }
}

#[test]
fn a_stop_commits_what_was_decided_and_the_next_run_goes_on_behind_it() {
    let expected = undisturbed();
    let log = filled();
    let mut around = around();
    around.observer = Box::new(StopAfter(7, around.shutdown.clone()));
    let first = run(parts(&log, &Faults::default()), around).unwrap();
    assert!(first.decisions > 0 && first.decisions < 500, "{first:?}");
    assert_eq!(
        lines(&log, "decisions")[..],
        expected.0[..usize::try_from(first.decisions).unwrap()]
    );
    let second = run(parts(&log, &Faults::default()), self::around()).unwrap();
    assert_eq!(
        second.refolded, first.decisions,
        "what was decided is folded, and nothing else"
    );
    assert_eq!((lines(&log, "decisions"), lines(&log, "dead")), expected);
}

#[test]
fn a_stop_before_the_start_decides_nothing() {
    let log = filled();
    let around = around();
    around.shutdown.request(crate::shutdown::Reason::Terminated);
    let summary = run(parts(&log, &Faults::default()), around).unwrap();
    assert_eq!(
        (summary, lines(&log, "decisions").len()),
        (Summary::default(), 0)
    );
}

#[test]
fn a_partition_that_cannot_be_read_again_ends_the_restart_with_its_place() {
    let log = filled();
    let mut around = around();
    around.observer = Box::new(StopAfter(7, around.shutdown.clone()));
    run(parts(&log, &Faults::default()), around).unwrap();
    let faults = Faults {
        halt: Some((1, 3)),
        ..Faults::default()
    };
    let error = run(parts(&log, &faults), self::around()).unwrap_err();
    let halted = RecoveryError::Halted {
        partition: 1,
        offset: 3,
        cause: String::new(),
    };
    assert!(
        error.to_string().starts_with(halted.to_string().trim_end()),
        "{error}"
    );
}

#[test]
fn a_process_that_was_replaced_stops() {
    let log = filled();
    let faults = Faults {
        commits: BTreeMap::from([(2, CommitFault::Fenced)]),
        ..Faults::default()
    };
    let error = run(parts(&log, &faults), around()).unwrap_err();
    assert!(
        matches!(error, RunError::Log(LogError::Fenced { .. })),
        "{error}"
    );
}
