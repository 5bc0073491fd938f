//! Audits that go on beside what they look at: what comes late, what never comes, what is told once.

use super::*;

/// What is done to an audit, in order.
enum Do {
    /// Takes these records.
    Records(&'static [usize]),
    /// Says that all below was committed, and looks again at what did not fit.
    Committed(i64),
    /// Takes decisions.
    Decisions(std::ops::Range<i64>),
    /// Takes alerts.
    Alerts(&'static [i64]),
    /// The end of a pass, with or without a judgement of what was held.
    Pass(bool),
}
use Do::{Alerts, Committed, Decisions, Pass, Records};

/// What each pass tells, and how many commits it settled.
fn told(it: &Installation, exact: bool, all: &[Do]) -> Vec<(Vec<(&'static str, u64)>, usize)> {
    let mut audit = Audit::begin("app", &[Begin::Joined], exact);
    let mut passes = Vec::new();
    for one in all {
        match one {
            Records(numbers) => numbers.iter().for_each(|number| {
                audit.record(0, &it.control[*number], true);
            }),
            Committed(to) => audit.committed(&[(0, *to)]),
            Decisions(offsets) => {
                let offsets = offsets.clone();
                offsets.for_each(|offset| take(&mut audit, Stream::Decisions, offset));
            }
            Alerts(offsets) => {
                let offsets = offsets.iter();
                offsets.for_each(|offset| take(&mut audit, Stream::Alerts, *offset));
            }
            Pass(judge) => {
                audit.settle(&topics(), *judge);
                audit.hold();
                let report = audit.report();
                passes.push((counts(&report), report.commits));
            }
        }
    }
    passes
}

/// Nothing wrong, and so many commits settled.
fn fine(commits: usize) -> (Vec<(&'static str, u64)>, usize) {
    (Vec::new(), commits)
}

fn wrong(faults: &[(&'static str, u64)], commits: usize) -> (Vec<(&'static str, u64)>, usize) {
    (faults.to_vec(), commits)
}

#[test]
fn commits_are_settled_as_they_are_complete() {
    let all = [
        Records(&[0, 1]),
        Committed(0),
        Decisions(0..8),
        Alerts(&[0, 5]),
        Pass(false),
        Records(&[2]),
        Committed(0),
        Decisions(8..15),
        Alerts(&[10]),
        Pass(true),
    ];
    assert_eq!(told(&Installation::new(), true, &all), [fine(1), fine(2)]);
}

#[test]
fn what_comes_a_pass_later_is_no_fault() {
    // The record of one before its outputs, the outputs of another before their record.
    let all = [
        Records(&[0]),
        Committed(0),
        Decisions(0..8),
        Pass(false),
        Records(&[1]),
        Committed(0),
        Decisions(8..10),
        Alerts(&[0, 5]),
        Pass(true),
    ];
    assert_eq!(told(&Installation::new(), true, &all), [fine(0), fine(2)]);
}

#[test]
fn what_never_comes_is_told_once() {
    let all = [
        Records(&[0, 1]),
        Committed(0),
        Decisions(0..4),
        Decisions(5..10),
        Alerts(&[0, 5]),
        Pass(false),
        Pass(true),
        Pass(true),
    ];
    let lost = wrong(&[("lost", 1), ("torn", 1)], 1);
    assert_eq!(
        told(&Installation::new(), true, &all),
        [fine(1), lost, fine(0)]
    );
    let phantom = [
        Records(&[0]),
        Committed(0),
        Decisions(0..6),
        Alerts(&[0]),
        Pass(false),
        Committed(0),
        Pass(true),
        Committed(0),
        Pass(true),
    ];
    assert_eq!(
        told(&Installation::new(), true, &phantom),
        [fine(1), wrong(&[("phantom", 1)], 0), fine(0)]
    );
}

#[test]
fn nothing_is_judged_that_was_not_held() {
    let all = [
        Records(&[0]),
        Committed(0),
        Decisions(0..7),
        Pass(true),
        Decisions(7..10),
        Records(&[1]),
        Committed(0),
        Alerts(&[0, 5]),
        Pass(true),
    ];
    assert_eq!(told(&Installation::new(), true, &all), [fine(0), fine(2)]);
}

#[test]
fn a_copy_is_a_fault_before_and_behind_the_settling() {
    let all = [
        Records(&[1, 2]),
        Committed(0),
        Decisions(5..10),
        Decisions(7..8),
        Alerts(&[5, 5]),
        Pass(false),
        Decisions(9..10),
        Alerts(&[5]),
        // Of a commit before anybody was reading.
        Decisions(3..4),
        Pass(false),
        Decisions(10..15),
        Alerts(&[10]),
        Pass(true),
    ];
    let copies = |count, commits| wrong(&[("duplicated", count)], commits);
    assert_eq!(
        told(&Installation::new(), true, &all),
        [copies(2, 1), copies(3, 0), fine(1)]
    );
}

#[test]
fn other_faults_have_their_names() {
    let order = [
        Records(&[0]),
        Committed(0),
        Decisions(0..2),
        Decisions(3..5),
        Decisions(2..3),
        Alerts(&[0]),
        Pass(false),
    ];
    let whole = Installation::new();
    assert_eq!(
        told(&whole, true, &order),
        [wrong(&[("out of order", 1)], 1)]
    );
    let missing = [Records(&[0, 2]), Committed(0), Pass(false)];
    assert_eq!(
        told(&whole, true, &missing),
        [wrong(&[("chain break", 2)], 0)]
    );
    let mut damaged = Installation::new();
    damaged.control[1] = b"{\"v\":".to_vec();
    assert_eq!(
        told(&damaged, true, &[Records(&[1]), Pass(false)]),
        [wrong(&[("chain break", 1)], 0)]
    );
    let mut audit = Audit::begin("app", &[Begin::Joined], true);
    audit.stranger(Stream::Decisions, (OUT, 0, 7), "no JSON");
    assert_eq!(counts(&audit.report()), [("phantom", 1)]);
}

#[test]
fn what_is_not_compared_is_neither_lost_nor_phantom() {
    let it = Installation::new();
    let mut audit = Audit::begin("app", &[Begin::Joined], true);
    audit.record(0, &it.control[0], false);
    take(&mut audit, Stream::Decisions, 4);
    for judge in [false, true] {
        audit.settle(&topics(), judge);
        audit.hold();
    }
    let report = audit.report();
    assert_eq!((counts(&report), report.commits), fine(1));
}

/// Repeats are no fault, and neither is a record of a commit that never came to be.
#[test]
fn at_least_once_the_committed_offsets_say_which_records_count() {
    let it = Installation::new();
    let mut forked = Installation::new();
    // A process that was replaced wrote another commit 1, which nobody continued.
    let text = String::from_utf8(it.control[1].clone()).unwrap();
    let other = text.replace("[[0,10]]", "[[0,7]]");
    assert_ne!(text, other);
    forked.control.insert(1, other.into_bytes());
    let all = [
        Records(&[0]),
        Committed(5),
        Decisions(0..5),
        Alerts(&[0]),
        Pass(false),
        Records(&[1]),
        Committed(5),
        Decisions(5..9),
        Alerts(&[5]),
        Pass(true),
        Records(&[2, 3]),
        Committed(10),
        Decisions(5..10),
        Alerts(&[5]),
        Pass(true),
        Committed(15),
        Decisions(10..14),
        Alerts(&[10]),
        Decisions(0..2),
        Pass(true),
        Pass(true),
    ];
    let lost = wrong(&[("lost", 1), ("torn", 1)], 1);
    assert_eq!(
        told(&forked, false, &all),
        [fine(1), fine(0), fine(1), fine(0), lost]
    );
    let broken = [
        Records(&[0]),
        Committed(5),
        Pass(false),
        Records(&[2]),
        Committed(15),
        Pass(false),
    ];
    assert_eq!(
        told(&it, false, &broken),
        [fine(0), wrong(&[("chain break", 2)], 0)]
    );
}

/// Several journals: each output belongs to that of its partition.
#[test]
fn an_output_goes_to_the_journal_of_its_partition() {
    let record = |partition: u32, sequence: u64, decisions: &[Vec<u8>]| {
        let mut digests = Digests::default();
        decisions
            .iter()
            .for_each(|json| digests.decisions.add(json));
        let end = i64::try_from(decisions.len()).unwrap();
        ControlRecord {
            from: vec![(partition, 0)],
            entries: vec![vec![(partition, end)]],
            decisions: decisions.len() as u64,
            alerts: 0,
            digests,
            ..plain(sequence)
        }
        .encode()
    };
    let mut audit = Audit::begin("app", &[Begin::Whole; 2], true);
    audit.record(0, &record(0, 0, &[json(0), json(1)]), true);
    audit.record(1, &record(1, 0, &[json(0)]), true);
    let took = |audit: &mut Audit, partition, offset| {
        let found = Found {
            lies: (OUT, 0),
            of: (partition, offset),
            digest: Some(digest_of(&json(offset))),
            id: None,
        };
        audit.take(Stream::Decisions, &found);
    };
    for (partition, offset) in [(0, 0), (1, 0), (0, 1)] {
        took(&mut audit, partition, offset);
    }
    audit.settle(&topics(), false);
    let report = audit.report();
    assert_eq!((counts(&report), report.commits), fine(2));
    took(&mut audit, 1, 0);
    took(&mut audit, 2, 0);
    audit.hold();
    audit.settle(&topics(), true);
    let report = audit.report();
    assert_eq!(counts(&report), [("duplicated", 1), ("phantom", 1)]);
}
