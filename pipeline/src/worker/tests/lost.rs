//! The group goes on without the worker: its commits are refused until it has polled, lost everything and joined anew.

use std::collections::BTreeSet;

use connectors::log::{CommitLog, Committed, Control, Enough, LogError, Scope};
use connectors::memory::MemorySink;

use super::*;

/// A log that is not atomic: outputs are written when they are flushed, whatever comes of the commit.
struct Loose(MemoryCommitLog);

impl CommitLog for Loose {
    fn atomic(&self) -> bool {
        false
    }

    fn fence(&mut self) -> Result<(), LogError> {
        self.0.fence()
    }

    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        self.0.committed(of, enough)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.0.begin()
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError> {
        self.0.commit(offsets, control)
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.0.abort()
    }
}

fn loose(log: &MemoryLog, faults: &Faults) -> Parts {
    let sink = |topic: &str| {
        vec![Box::new(MemorySink::new(log, topic, faults)) as Box<dyn connectors::sink::Sink>]
    };
    let mut parts = parts(log, faults);
    let renderer = Renderer::new(Arc::clone(&parts.rules), "app", "events");
    parts.output = Output::new(
        renderer,
        "events",
        sink("decisions"),
        vec![],
        sink("dead"),
        false,
    );
    parts.log = Some(Box::new(Loose(MemoryCommitLog::new(
        log,
        "app",
        faults.clone(),
    ))));
    parts
}

fn evicted(commit: u64, polls: u64) -> Faults {
    Faults {
        seed: commit,
        batch_records_max: 7,
        uneven: true,
        commits: BTreeMap::from([(commit, CommitFault::Evicted)]),
        evicted_polls: polls,
        ..Faults::default()
    }
}

/// The lines in the order of their first coming, and how often one came again.
fn once_each(lines: Vec<String>) -> (Vec<String>, usize) {
    let (mut seen, all) = (BTreeSet::new(), lines.len());
    let first: Vec<String> = lines
        .into_iter()
        .filter(|line| seen.insert(line.clone()))
        .collect();
    let repeats = all - first.len();
    (first, repeats)
}

#[test]
fn evicted_from_the_group_it_joins_anew_and_repeats_only_what_was_not_committed() {
    let expected = undisturbed();
    let mut refolded = 0;
    for (commit, polls) in [(0, 0), (3, 0), (3, 12), (9, 40)] {
        let log = filled();
        let summary = run(loose(&log, &evicted(commit, polls)), around()).unwrap();
        refolded += summary.refolded;
        let (decisions, repeats) = once_each(lines(&log, "decisions"));
        let (dead, dead_repeats) = once_each(lines(&log, "dead"));
        let case = format!("commit {commit}, told after {polls} polls");
        assert!(
            decisions == expected.0,
            "{case}: lost, changed or out of order"
        );
        assert!(dead == expected.1, "{case}");
        // Forty records a commit, and a step more.
        let repeated = repeats + dead_repeats;
        assert!(
            (1..=56).contains(&repeated),
            "{case}: {repeated} came again"
        );
    }
    assert!(
        refolded > 0,
        "nothing was restored: the test proves nothing"
    );
}

#[test]
fn what_a_commit_covers_is_written_before_it() {
    let (expected, log) = (undisturbed(), filled());
    let faults = Faults {
        commits: BTreeMap::from([(2, CommitFault::FatalAfter)]),
        ..Faults::default()
    };
    let error = run(loose(&log, &faults), around()).unwrap_err();
    assert!(
        matches!(error, RunError::Log(LogError::Fatal { .. })),
        "{error}"
    );
    run(loose(&log, &Faults::default()), around()).unwrap();
    let (decisions, dead) = (lines(&log, "decisions"), lines(&log, "dead"));
    assert_eq!((decisions, dead), expected, "lost, or written twice");
}

#[test]
fn where_the_log_is_atomic_nothing_comes_twice() {
    let expected = undisturbed();
    for commit in [0, 3, 9] {
        let log = filled();
        run(parts(&log, &evicted(commit, 0)), around()).unwrap();
        assert!(
            (lines(&log, "decisions"), lines(&log, "dead")) == expected,
            "commit {commit}"
        );
    }
}

#[test]
fn whoever_wants_to_stop_need_not_wait_for_the_group() {
    let log = filled();
    let around = around();
    let mut faults = evicted(0, u64::MAX);
    faults.batch_records_max = 0;
    let shutdown = around.shutdown.clone();
    let mut around = around;
    around.observer = Box::new(StopAfter(1, shutdown));
    let error = run(loose(&log, &faults), around).unwrap_err();
    assert!(
        matches!(error, RunError::Log(LogError::Aborted { .. })),
        "{error}"
    );
}
