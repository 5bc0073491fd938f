//! Recovery plans: chains whole, cut back, and refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::delivery::control::CONTROL_VERSION;
use crate::delivery::digest::{Digest, Digests, link};

/// A record that follows the last of these.
fn after(before: &[Vec<u8>], sequence: u64, from: i64, ends: &[i64]) -> Vec<u8> {
    naming(None, before, sequence, from, ends)
}

/// The same, and it names a snapshot.
fn naming(
    snapshot: Option<Proof>,
    before: &[Vec<u8>],
    sequence: u64,
    from: i64,
    ends: &[i64],
) -> Vec<u8> {
    let record = ControlRecord {
        v: CONTROL_VERSION,
        app: "app".to_owned(),
        sequence,
        previous: before.last().map_or_else(String::new, |last| link(last)),
        semantics: SEMANTICS,
        pack: "p@0".to_owned(),
        from: vec![(0, from)],
        entries: ends.iter().map(|end| vec![(0, *end)]).collect(),
        decisions: 0,
        alerts: 0,
        dead_letters: 0,
        digests: Digests::default(),
        snapshot,
    };
    record.encode()
}

/// The first record.
fn first(ends: &[i64]) -> Vec<u8> {
    after(&[], 0, 0, ends)
}

/// Records that follow one another, by where each begins and its journal.
fn chain_of(records: &[(i64, &[i64])]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (sequence, (from, ends)) in (0..).zip(records) {
        let next = after(&all, sequence, *from, ends);
        all.push(next);
    }
    all
}

fn log(log_start: i64, log_end: i64) -> Vec<Assignment> {
    vec![Assignment {
        partition: 0,
        log_start,
        log_end,
    }]
}

/// Where each entry of the journal ends.
fn entries(plan: &Plan) -> Vec<i64> {
    let entries = plan.commits.iter().flat_map(|commit| &commit.entries);
    entries.map(|entry| entry[0].1).collect()
}

/// A plan from the beginning.
fn plan(
    app: &str,
    pack: &str,
    committed: &Committed,
    log: &[Assignment],
    begin: impl Fn(&Assignment) -> i64,
) -> Result<Plan, RecoveryError> {
    History::read(app, committed, log)?.plan(pack, None, begin)
}

fn try_plan(control: Vec<Vec<u8>>, next: i64, log: &[Assignment]) -> Result<Plan, RecoveryError> {
    let committed = Committed {
        offsets: vec![(0, next)],
        control,
    };
    plan("app", "p@0", &committed, log, |a| a.log_start)
}

#[test]
fn nothing_committed_begins_where_it_is_told() {
    let plan = plan("app", "p@0", &Committed::default(), &log(3, 9), |a| {
        a.log_end
    })
    .unwrap();
    assert_eq!(
        (plan.starts, plan.commits.len(), plan.live_from),
        (vec![(0, 9)], 0, vec![(0, 9)])
    );
}

#[test]
fn the_chain_is_folded_in_order() {
    let records = chain_of(&[(0, &[2, 5]), (5, &[7])]);
    let name = link(&records[1]);
    let plan = try_plan(records, 7, &log(0, 9)).unwrap();
    assert_eq!(entries(&plan), [2, 5, 7]);
    assert_eq!(plan.link, name);
    assert_eq!(
        (plan.starts, plan.live_from, plan.next_sequence),
        (vec![(0, 0)], vec![(0, 7)], 2)
    );
}

#[test]
fn a_record_whose_offsets_were_never_committed_is_dropped() {
    let records = chain_of(&[(0, &[5]), (5, &[7])]);
    let plan = try_plan(records, 5, &log(0, 9)).unwrap();
    assert_eq!((entries(&plan), plan.next_sequence), (vec![5], 1));
}

#[test]
fn a_record_that_was_written_again_replaces_the_first() {
    let mut records = chain_of(&[(0, &[5]), (5, &[7])]);
    let again = after(&records[..1], 1, 5, &[6, 8]);
    records.push(again);
    let plan = try_plan(records, 8, &log(0, 9)).unwrap();
    assert_eq!(entries(&plan), [5, 6, 8]);
}

#[test]
fn a_record_of_a_process_that_was_replaced_is_passed_over_wherever_it_stands() {
    let zombie = after(&[first(&[5])], 1, 5, &[9]);
    for at in 1..=3 {
        let mut records = chain_of(&[(0, &[5]), (5, &[7]), (7, &[8])]);
        records.insert(at, zombie.clone());
        let plan = try_plan(records, 8, &log(0, 9)).unwrap();
        assert_eq!(entries(&plan), [5, 7, 8], "at {at}");
    }
}

#[test]
fn offsets_that_are_gone_are_noticed() {
    let lost = |records| {
        let committed = Committed {
            offsets: vec![],
            control: records,
        };
        plan("app", "p@0", &committed, &log(0, 9), |a| a.log_end)
    };
    let before_the_first_offsets = lost(vec![first(&[5])]).unwrap();
    assert_eq!(before_the_first_offsets.starts, vec![(0, 9)]);
    let error = lost(chain_of(&[(0, &[5]), (5, &[7])])).unwrap_err();
    assert!(
        matches!(error, RecoveryError::OffsetsLost { commits: 1 }),
        "{error}"
    );
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let chain = || vec![first(&[5])];
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
    let plan = try_plan(vec![first(&[5])], 5, &log(3, 9)).unwrap();
    assert_eq!((plan.starts, plan.missing), (vec![(0, 3)], 3));
}

/// Without a snapshot the state can only be had of what is left, where records were removed; whoever removed more than that, or
/// one in the middle, broke the chain.
#[test]
fn a_journal_cut_with_its_log_says_how_much_is_missing() {
    let cut = || chain_of(&[(0, &[3]), (3, &[5]), (5, &[7]), (7, &[8])]).split_off(2);
    let plan = try_plan(cut(), 8, &log(6, 9)).unwrap();
    assert_eq!((plan.missing, entries(&plan)), (6, vec![7, 8]));
    assert_eq!((plan.starts, plan.next_sequence), (vec![(0, 6)], 4));
    let mut torn = chain_of(&[(0, &[3]), (3, &[5]), (5, &[7])]);
    torn.remove(1);
    for (records, next, start) in [(cut(), 8, 4), (torn, 7, 6)] {
        let error = try_plan(records, next, &log(start, 9)).unwrap_err();
        let broken = matches!(error, RecoveryError::BrokenChain { .. });
        assert!(broken, "{error}");
    }
}

/// A record changed after the next one was written is no part of the chain any more.
#[test]
fn a_record_that_was_changed_breaks_the_chain() {
    let mut records = chain_of(&[(0, &[5]), (5, &[7])]);
    let text = String::from_utf8(records[0].clone()).unwrap();
    records[0] = text
        .replace("\"decisions\":0", "\"decisions\":1")
        .into_bytes();
    let error = try_plan(records, 7, &log(0, 9)).unwrap_err();
    assert!(
        matches!(error, RecoveryError::BrokenChain { .. }),
        "{error}"
    );
}

/// What was written is compared only where the same must come of it: the same pack, over a log that is whole.
#[test]
fn outputs_are_compared_where_they_must_be_the_same() {
    let compared = |pack: &str, log_start| {
        let committed = Committed {
            offsets: vec![(0, 5)],
            control: vec![first(&[5])],
        };
        let plan = plan("app", pack, &committed, &log(log_start, 9), |a| a.log_start);
        plan.unwrap().commits[0].wrote.is_some()
    };
    assert!(compared("p@0", 0));
    assert!(!compared("p@1", 0) && !compared("p@0", 3));
}

#[test]
fn another_engine_or_another_form_is_refused() {
    let with = |from: &str, to: &str| {
        let text = String::from_utf8(first(&[5])).unwrap();
        assert!(text.contains(from), "{text}");
        try_plan(vec![text.replace(from, to).into_bytes()], 5, &log(0, 9))
            .unwrap_err()
            .to_string()
    };
    let ours = format!("\"semantics\":{SEMANTICS}");
    let said = with(&ours, "\"semantics\":99");
    assert!(
        said.contains("commit 0 was decided by engine semantics 99"),
        "{said}"
    );
    let said = with("\"v\":2", "\"v\":1");
    assert!(
        said.contains("it has form 1, this program reads form 2"),
        "{said}"
    );
}

#[test]
fn a_snapshot_is_believed_as_far_as_the_chain_bears_it_out() {
    let proof = |sequence, digest| Proof {
        sequence,
        digest: Digest::of(digest),
    };
    let mut control = chain_of(&[(0, &[10]), (10, &[20]), (20, &[30])]);
    control.push(naming(Some(proof(1, 7)), &control, 3, 30, &[40]));
    let links: Vec<String> = control.iter().map(|record| link(record)).collect();
    let mark = |sequence: u64, end| Mark {
        sequence,
        link: links[usize::try_from(sequence).unwrap()].clone(),
        positions: vec![(0, end)],
        partition: None,
    };
    let committed = Committed {
        offsets: vec![(0, 40)],
        control,
    };
    let says = |log_start, mark: &Mark, digest| {
        let history = History::read("app", &committed, &log(log_start, 50)).unwrap();
        history.proves(mark, &proof(mark.sequence, digest))
    };
    // The one that is named, and those that nobody could name yet.
    for (mark, digest) in [(mark(1, 20), 7), (mark(2, 30), 1), (mark(3, 40), 1)] {
        assert_eq!(says(0, &mark, digest), Ok(()), "{mark:?}");
    }
    let of_another_past = Mark {
        link: links[0].clone(),
        ..mark(2, 30)
    };
    let ahead = Mark {
        sequence: 4,
        ..mark(3, 40)
    };
    let no_commit = "its commit is not in the chain of commits";
    for (mark, digest, log_start, why) in [
        (of_another_past, 1, 0, no_commit),
        (ahead, 1, 0, no_commit),
        (mark(2, 31), 1, 0, no_commit),
        (mark(1, 20), 8, 0, "the chain of commits names another one"),
        (mark(0, 10), 1, 0, "the chain of commits does not name it"),
        (
            mark(1, 20),
            7,
            25,
            "partition 0 begins at 25, behind its offset 20",
        ),
    ] {
        let said = says(log_start, &mark, digest);
        assert_eq!(said, Err(why.to_owned()), "{mark:?}");
    }
}
