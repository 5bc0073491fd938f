//! Audits of small installations, whole and damaged.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::delivery::control::CONTROL_VERSION;
use crate::delivery::digest::{Digests, link};

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

impl Installation {
    fn new() -> Installation {
        let mut control: Vec<Vec<u8>> = Vec::new();
        for sequence in 0..3_i64 {
            let (from, to) = (5 * sequence, 5 * sequence + 5);
            let mut digests = Digests::default();
            (from..to).for_each(|offset| digests.decisions.add(&json(offset)));
            digests.alerts.add(&json(from));
            let record = ControlRecord {
                v: CONTROL_VERSION,
                app: "app".to_owned(),
                sequence: sequence.unsigned_abs(),
                previous: control.last().map_or_else(String::new, |last| link(last)),
                semantics: 1,
                pack: "p@0".to_owned(),
                from: vec![(0, from)],
                entries: vec![vec![(0, to)]],
                decisions: 5,
                alerts: 1,
                dead_letters: 0,
                digests,
                snapshot: None,
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
        let committed = [(0, self.committed)];
        let mut audit = Audit::new("app", &self.control, &committed, exact).unwrap();
        let mut take = |stream, offset: i64, topic| {
            let found = Found {
                lies: (topic, 0),
                of: (0, offset),
                digest: Some(digest_of(&json(offset))),
                id: (stream == Stream::Alerts).then_some(u128::from(offset.unsigned_abs())),
            };
            audit.take(stream, &found);
        };
        for offset in &self.decisions {
            take(Stream::Decisions, *offset, OUT);
        }
        for offset in &self.alerts {
            take(Stream::Alerts, *offset, "alerts");
        }
        let topics = [
            (Stream::Decisions, OUT.to_owned()),
            (Stream::Alerts, "alerts".to_owned()),
        ];
        let report = audit.finish(&topics);
        let faults = report.faults.iter();
        faults
            .map(|(fault, (count, _))| (fault.name(), *count))
            .collect()
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
