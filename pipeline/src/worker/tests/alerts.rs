//! Alerts whose sink comes and goes: what nobody has is not told, and a refold compares what was.

use connectors::log::{ALL_RECORDS, CommitLog, Scope};
use connectors::sink::Sink;

use super::*;
use crate::delivery::control::ControlRecord;
use crate::delivery::digest::{Digest, Digests};
use crate::operator::output::Written;

fn parts_with(log: &MemoryLog, faults: &Faults, has_sink: bool) -> Parts {
    let mut parts = parts(log, faults);
    if has_sink {
        let commit = MemoryCommitLog::new(log, "app", faults.clone());
        let renderer = Renderer::new(rules(), "app", "events");
        let decisions: Vec<Box<dyn Sink>> = vec![Box::new(commit.sink("decisions"))];
        let alerts: Vec<Box<dyn Sink>> = vec![Box::new(commit.sink("alerts"))];
        let dead: Vec<Box<dyn Sink>> = vec![Box::new(commit.sink("dead"))];
        parts.output =
            Output::new(renderer, "events", decisions, alerts, dead, true).with_digests(true);
        parts.log = Some(Box::new(commit));
    }
    parts
}

/// What each commit says of alerts: how many, and what they were if that is told.
fn said(log: &MemoryLog) -> Vec<(u64, Option<Digest>)> {
    let mut commit = MemoryCommitLog::new(log, "app", Faults::default());
    commit.fence().unwrap();
    let all = commit.committed(Scope::Whole, ALL_RECORDS).unwrap();
    let records = ControlRecord::decode_all("app", &all.control).unwrap();
    let said = records
        .into_iter()
        .map(|linked| (linked.record.alerts, linked.record.digests.alerts));
    said.collect()
}

#[test]
fn a_sink_of_alerts_comes_and_goes_and_each_refold_compares_what_was_told() {
    let log = filled();
    log.create_topic("alerts", 1);
    let (mut untold, mut told, mut refolded) = (0, Digest::default(), 0);
    for round in 0..6_u64 {
        let (has_sink, last) = (round % 2 == 1, round == 5);
        let faults = Faults {
            seed: round,
            batch_records_max: 7,
            poll_fatal_at: (!last).then_some(20 + round * 20),
            ..Faults::default()
        };
        let before = said(&log).len();
        match run(parts_with(&log, &faults, has_sink), around()) {
            Ok(summary) => refolded += summary.refolded,
            Err(error) => assert!(matches!(error, RunError::Source(_)), "{error}"),
        }
        for (count, digest) in said(&log).split_off(before) {
            assert_eq!(digest.is_some(), has_sink, "round {round}");
            match digest {
                Some(digest) => told.join(digest),
                None => untold += count,
            }
        }
    }
    let alerts = lines(&log, "alerts");
    let mut found = Digest::default();
    alerts.iter().for_each(|line| found.add(line.as_bytes()));
    assert_eq!(found, told);
    assert_eq!(lines(&log, "decisions"), undisturbed().0);
    assert!(untold > 0 && !alerts.is_empty() && refolded > 0);
}

/// The last commit told what its alerts were; that it wrote others is found without a sink, too.
#[test]
fn alerts_that_were_told_are_compared_without_a_sink() {
    let wrote = |alerts| Written {
        alerts: 1,
        digests: Digests {
            alerts,
            ..Digests::default()
        },
        ..Written::default()
    };
    let (one, other) = (Some(Digest::of(1)), Some(Digest::of(2)));
    assert!(wrote(one).is_same_as(&wrote(one)));
    assert!(wrote(None).is_same_as(&wrote(one)));
    assert!(!wrote(one).is_same_as(&wrote(other)));
    assert!(!wrote(one).is_same_as(&wrote(None)));
    let fewer = Written {
        alerts: 0,
        ..wrote(None)
    };
    assert!(!fewer.is_same_as(&wrote(None)));
}
