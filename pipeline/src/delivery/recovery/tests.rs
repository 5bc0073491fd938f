//! Recovery plans: chains whole, cut back, and refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::delivery::control::CONTROL_VERSION;

fn record(sequence: u64, from: i64, ends: &[i64]) -> Vec<u8> {
    let record = ControlRecord {
        v: CONTROL_VERSION,
        app: "app".to_owned(),
        sequence,
        pack: "p@0".to_owned(),
        from: vec![(0, from)],
        entries: ends.iter().map(|end| vec![(0, *end)]).collect(),
        decisions: 0,
        alerts: 0,
        dead_letters: 0,
    };
    record.encode()
}

fn log(log_start: i64, log_end: i64) -> Vec<Assignment> {
    vec![Assignment {
        partition: 0,
        log_start,
        log_end,
    }]
}

fn try_plan(control: Vec<Vec<u8>>, next: i64, log: &[Assignment]) -> Result<Plan, RecoveryError> {
    let committed = Committed {
        offsets: vec![(0, next)],
        control,
    };
    plan("app", &committed, log, |a| a.log_start)
}

#[test]
fn nothing_committed_begins_where_it_is_told() {
    let plan = plan("app", &Committed::default(), &log(3, 9), |a| a.log_end).unwrap();
    assert_eq!(
        (plan.starts, plan.entries.len(), plan.live_from),
        (vec![(0, 9)], 0, vec![(0, 9)])
    );
}

#[test]
fn the_chain_is_folded_in_order() {
    let plan = try_plan(
        vec![record(0, 0, &[2, 5]), record(1, 5, &[7])],
        7,
        &log(0, 9),
    )
    .unwrap();
    assert_eq!(plan.entries, vec![vec![(0, 2)], vec![(0, 5)], vec![(0, 7)]]);
    assert_eq!(
        (plan.starts, plan.live_from, plan.next_sequence),
        (vec![(0, 0)], vec![(0, 7)], 2)
    );
}

#[test]
fn a_record_whose_offsets_were_never_committed_is_dropped() {
    let plan = try_plan(vec![record(0, 0, &[5]), record(1, 5, &[7])], 5, &log(0, 9)).unwrap();
    assert_eq!((plan.entries, plan.next_sequence), (vec![vec![(0, 5)]], 1));
}

#[test]
fn a_record_that_was_written_again_replaces_the_first() {
    let records = vec![
        record(0, 0, &[5]),
        record(1, 5, &[7]),
        record(1, 5, &[6, 8]),
    ];
    let plan = try_plan(records, 8, &log(0, 9)).unwrap();
    assert_eq!(plan.entries, vec![vec![(0, 5)], vec![(0, 6)], vec![(0, 8)]]);
}

#[test]
fn a_record_of_a_process_that_was_replaced_is_passed_over_wherever_it_stands() {
    let zombie = record(1, 5, &[9]);
    for at in 1..=3 {
        let mut records = vec![record(0, 0, &[5]), record(1, 5, &[7]), record(2, 7, &[8])];
        records.insert(at, zombie.clone());
        let plan = try_plan(records, 8, &log(0, 9)).unwrap();
        assert_eq!(
            plan.entries,
            vec![vec![(0, 5)], vec![(0, 7)], vec![(0, 8)]],
            "at {at}"
        );
    }
}

#[test]
fn offsets_that_are_gone_are_noticed() {
    let lost = |records| {
        let committed = Committed {
            offsets: vec![],
            control: records,
        };
        plan("app", &committed, &log(0, 9), |a| a.log_end)
    };
    let before_the_first_offsets = lost(vec![record(0, 0, &[5])]).unwrap();
    assert_eq!(before_the_first_offsets.starts, vec![(0, 9)]);
    let error = lost(vec![record(0, 0, &[5]), record(1, 5, &[7])]).unwrap_err();
    assert!(
        matches!(error, RecoveryError::OffsetsLost { commits: 1 }),
        "{error}"
    );
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let chain = || vec![record(0, 0, &[5])];
    assert!(matches!(
        try_plan(chain(), 5, &log(6, 9)),
        Err(RecoveryError::Gap {
            committed: 5,
            log_start: 6,
            ..
        })
    ));
    assert!(matches!(
        try_plan(chain(), 5, &log(0, 4)),
        Err(RecoveryError::BeyondEnd { log_end: 4, .. })
    ));
    assert!(matches!(
        try_plan(chain(), 4, &log(0, 9)),
        Err(RecoveryError::BrokenChain { .. })
    ));
    assert!(matches!(
        try_plan(vec![], 5, &log(0, 9)),
        Err(RecoveryError::BrokenChain { .. })
    ));
    let two = [
        log(0, 9),
        vec![Assignment {
            partition: 1,
            log_start: 0,
            log_end: 0,
        }],
    ]
    .concat();
    assert!(matches!(
        try_plan(chain(), 5, &two),
        Err(RecoveryError::Partitions { .. })
    ));
}

#[test]
fn a_log_cut_below_the_first_offset_says_how_much_is_missing() {
    let plan = try_plan(vec![record(0, 0, &[5])], 5, &log(3, 9)).unwrap();
    assert_eq!((plan.starts, plan.missing), (vec![(0, 3)], 3));
}
