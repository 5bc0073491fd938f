//! Audits of small installations, whole and damaged.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::delivery::control::CONTROL_VERSION;
use crate::delivery::digest::{Digests, link};

mod running;

const OUT: &str = "out";

/// Three commits of five events each, all decided, the first of each with an alert.
struct Installation {
    control: Vec<Vec<u8>>,
    decisions: Vec<i64>,
    alerts: Vec<i64>,
    committed: i64,
}

fn json(offset: i64) -> Vec<u8> {
    format!("{{\"position\":{offset}}}").into_bytes()
}

/// A record of a commit that did nothing.
fn plain(sequence: u64) -> ControlRecord {
    ControlRecord {
        v: CONTROL_VERSION,
        app: "app".to_owned(),
        sequence,
        previous: String::new(),
        semantics: 1,
        pack: "p@0".to_owned(),
        from: Vec::new(),
        entries: Vec::new(),
        decisions: 0,
        alerts: 0,
        dead_letters: 0,
        digests: Digests::default(),
        snapshot: None,
    }
}

/// An output of partition 0, on its topic.
fn take(audit: &mut Audit, stream: Stream, offset: i64) {
    let alert = stream == Stream::Alerts;
    let found = Found {
        lies: (if alert { "alerts" } else { OUT }, 0),
        of: (0, offset),
        digest: Some(digest_of(&json(offset))),
        id: alert.then_some(u128::from(offset.unsigned_abs())),
    };
    audit.take(stream, &found);
}

fn topics() -> [(Stream, String); 2] {
    [
        (Stream::Decisions, OUT.to_owned()),
        (Stream::Alerts, "alerts".to_owned()),
    ]
}

/// How often each fault was found.
fn counts(report: &Report) -> Vec<(&'static str, u64)> {
    let faults = report.faults.iter();
    faults
        .map(|(fault, (count, _))| (fault.name(), *count))
        .collect()
}

impl Installation {
    fn new() -> Installation {
        let mut control: Vec<Vec<u8>> = Vec::new();
        for sequence in 0..3_i64 {
            let (from, to) = (5 * sequence, 5 * sequence + 5);
            let mut digests = Digests::default();
            (from..to).for_each(|offset| digests.decisions.add(&json(offset)));
            digests.alerts = Some(digest_of(&json(from)));
            let record = ControlRecord {
                previous: control.last().map_or_else(String::new, |last| link(last)),
                from: vec![(0, from)],
                entries: vec![vec![(0, to)]],
                decisions: 5,
                alerts: 1,
                digests,
                ..plain(sequence.unsigned_abs())
            };
            control.push(record.encode());
        }
        Installation {
            control,
            decisions: (0..15).collect(),
            alerts: vec![0, 5, 10],
            committed: 15,
        }
    }

    fn audit(&self, exact: bool) -> Vec<(&'static str, u64)> {
        counts(&self.report(Begin::Whole, exact))
    }

    fn report(&self, begin: Begin, exact: bool) -> Report {
        let (committed, journals) = ([(0, self.committed)], [(begin, self.control.clone())]);
        let mut audit = Audit::of("app", &journals, &committed, exact).unwrap();
        let decisions = self.decisions.iter();
        decisions.for_each(|offset| take(&mut audit, Stream::Decisions, *offset));
        let alerts = self.alerts.iter();
        alerts.for_each(|offset| take(&mut audit, Stream::Alerts, *offset));
        audit.finish(&topics())
    }
}

#[test]
fn what_is_whole_is_clean() {
    assert_eq!(Installation::new().audit(true), []);
    assert_eq!(Installation::new().audit(false), []);
}

#[test]
fn each_damage_has_its_name() {
    let damaged = |damage: fn(&mut Installation)| {
        let mut installation = Installation::new();
        damage(&mut installation);
        installation.audit(true)
    };
    let lost = damaged(|it| {
        it.decisions.remove(7);
    });
    assert_eq!(lost, [("lost", 1), ("torn", 1)]);
    let alert = damaged(|it| {
        it.alerts.remove(1);
    });
    assert_eq!(alert, [("lost", 1), ("torn", 1)]);
    assert_eq!(damaged(|it| it.decisions.insert(8, 7)), [("duplicated", 1)]);
    assert_eq!(damaged(|it| it.alerts.push(10)), [("duplicated", 1)]);
    assert_eq!(damaged(|it| it.decisions.push(15)), [("phantom", 1)]);
    assert_eq!(damaged(|it| it.decisions.swap(2, 3)), [("out of order", 1)]);
    let missing = damaged(|it| {
        it.control.remove(1);
    });
    assert!(missing.contains(&("chain break", 2)), "{missing:?}");
    assert_eq!(damaged(|it| it.committed = 14), [("chain break", 1)]);
}

/// As of a time when no sink had alerts: their number is all that is known.
#[test]
fn alerts_that_are_not_told_are_counted() {
    let mut it = Installation::new();
    let mut previous = String::new();
    for bytes in &mut it.control {
        let mut record: ControlRecord = serde_json::from_slice(bytes).unwrap();
        (record.digests.alerts, record.previous) = (None, previous);
        *bytes = record.encode();
        previous = link(bytes);
    }
    assert_eq!(it.audit(true), []);
    it.alerts.remove(1);
    assert_eq!(it.audit(true), [("lost", 1)]);
}

#[test]
fn a_decision_that_says_something_else_is_torn() {
    let mut it = Installation::new();
    let text = String::from_utf8(it.control[2].clone()).unwrap();
    let digest = digest_of(b"other").to_string();
    let old = text.split("\"decisions\":\"").nth(1).unwrap()[..32].to_owned();
    it.control[2] = text.replace(&old, &digest).into_bytes();
    assert_eq!(it.audit(true), [("torn", 1)]);
}

/// Outside transactions repeats, and outputs beyond the last commit, are what was declared.
#[test]
fn at_least_once_repeats_are_no_fault() {
    let mut it = Installation::new();
    it.decisions.extend([12, 13, 14, 15, 16]);
    it.alerts.push(10);
    assert_eq!(it.audit(false), []);
    it.decisions.retain(|offset| *offset != 3);
    assert_eq!(it.audit(false), [("lost", 1), ("torn", 1)]);
}

/// What comes again may say something else, because partitions were merged in another order: what came last is what the
/// commit wrote, or what came first, if the other is of a process that had been replaced. One of them it must be.
#[test]
fn at_least_once_a_repeat_may_say_something_else() {
    let it = Installation::new();
    let found = |exact: bool, eleventh: &[&[u8]]| {
        let journals = [(Begin::Whole, it.control.clone())];
        let mut audit = Audit::of("app", &journals, &[(0, 15)], exact).unwrap();
        for offset in (0..15).filter(|offset| *offset != 11) {
            take(&mut audit, Stream::Decisions, offset);
        }
        for said in eleventh {
            let found = Found {
                lies: (OUT, 1),
                of: (0, 11),
                digest: Some(digest_of(said)),
                id: None,
            };
            audit.take(Stream::Decisions, &found);
        }
        let alerts = [0, 5, 10];
        alerts
            .iter()
            .for_each(|offset| take(&mut audit, Stream::Alerts, *offset));
        counts(&audit.finish(&topics()))
    };
    let right = json(11);
    let (right, other, third): (&[u8], &[u8], &[u8]) = (&right, b"other", b"third");
    for fine in [
        &[right][..],
        &[other, right],
        &[right, other],
        &[other, other, right],
        &[right, other, third],
    ] {
        assert_eq!(found(false, fine), []);
    }
    for torn in [&[other][..], &[other, other], &[other, third]] {
        assert_eq!(found(false, torn), [("torn", 1)]);
    }
    let twice = [("duplicated", 1), ("torn", 1)];
    assert_eq!(found(true, &[other, right]), twice);
    assert_eq!(found(true, &[right, other]), twice[..1]);
}

/// Where the first records were removed the chain begins with the first there is; where they were not one is missing.
#[test]
fn a_journal_that_was_cut_begins_where_it_was_cut() {
    let mut it = Installation::new();
    it.control.remove(0);
    for exact in [true, false] {
        let report = it.report(Begin::Cut, exact);
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((report.commits, report.before), (2, 6));
        let uncut = it.audit(exact);
        assert!(uncut.contains(&("chain break", 1)), "{uncut:?}");
    }
    it.decisions.remove(12);
    assert_eq!(
        counts(&it.report(Begin::Cut, true)),
        [("lost", 1), ("torn", 1)]
    );
}
