//! Kill −9 in the middle of commits: what is left is whole commits, and no commit that was answered is missing.
//!
//! The test starts its own executable again as the victim, which commits as fast as it can and tells each commit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rand::{Rng, SeedableRng};

use super::tests::open;
use super::{EmbeddedCommitLog, EmbeddedLog};
use crate::log::{ALL_RECORDS, CommitLog, Scope};
use crate::record::OutRecord;
use crate::sink::{Payload, Sink};

const VICTIM: &str = "TOLLGATE_TEST_EMBEDDED_VICTIM";

#[test]
fn kill_9_leaves_whole_commits() {
    if let Some(directory) = std::env::var_os(VICTIM) {
        return commit_for_ever(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    let mut before = 0;
    for round in 0..8 {
        let answered = kill_after(directory.path(), rng.random_range(1..60));
        let commits = whole_commits(directory.path());
        assert!(
            commits >= answered,
            "round {round}: commit {answered} was answered, {commits} are there"
        );
        assert!(
            commits > before,
            "round {round}: no progress since {before}"
        );
        before = commits;
    }
}

/// Starts the victim, kills it once it has told this many commits, and returns the last one it told.
fn kill_after(directory: &Path, lines: usize) -> i64 {
    let name = "embedded::crash_tests::kill_9_leaves_whole_commits";
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(VICTIM, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    let numbers = output.lines().map_while(Result::ok).filter_map(|line| {
        line.rsplit_once("commit ")
            .and_then(|(_, number)| number.trim().parse::<i64>().ok())
    });
    let answered = numbers
        .take(lines)
        .last()
        .expect("the victim told no commit");
    victim.kill().unwrap();
    victim.wait().unwrap();
    answered
}

/// Commit `n`: 3 records of topic a, 2 of topic b, offsets `n` and `2 n`, control record `n`.
fn commit_for_ever(directory: &Path) {
    let log = open(directory, "app").unwrap();
    log.create_topic("a", 2).unwrap();
    log.create_topic("b", 1).unwrap();
    let mut commits = EmbeddedCommitLog::new(&log);
    let (mut a, mut b) = (commits.sink("a"), commits.sink("b"));
    commits.fence().unwrap();
    let first = commits
        .committed(Scope::Whole, ALL_RECORDS)
        .unwrap()
        .control
        .len();
    for number in (1..).skip(first) {
        let record = |key: i64| OutRecord {
            key: Some(key.to_be_bytes().to_vec()),
            value: Some(vec![b'x'; 2_000]),
            headers: Vec::new(),
        };
        commits.begin().unwrap();
        a.write(Payload::Records(&[record(1), record(2), record(3)]))
            .unwrap();
        b.write(Payload::Records(&[record(1), record(2)])).unwrap();
        commits
            .commit(
                &[(0, number), (1, 2 * number)],
                &[(0, number.to_string().into_bytes())],
            )
            .unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "commit {number}")
            .and_then(|()| out.flush())
            .unwrap();
    }
}

/// Checks that every part of the log tells the same number of commits, and returns it.
fn whole_commits(directory: &Path) -> i64 {
    let log = open(directory, "app").unwrap();
    let mut commits = EmbeddedCommitLog::new(&log);
    commits.fence().unwrap();
    let committed = commits.committed(Scope::Whole, ALL_RECORDS).unwrap();
    let count = i64::try_from(committed.control.len()).unwrap();
    let texts: Vec<Vec<u8>> = (1..=count)
        .map(|number| number.to_string().into_bytes())
        .collect();
    assert_eq!(committed.control, texts);
    assert_eq!(committed.offsets, vec![(0, count), (1, 2 * count)]);
    assert_eq!(records(&log, "a", 0) + records(&log, "a", 1), 3 * count);
    assert_eq!(records(&log, "b", 0), 2 * count);
    count
}

fn records(log: &EmbeddedLog, topic: &str, partition: u32) -> i64 {
    let batch = log
        .read(topic, partition, 0, usize::MAX, usize::MAX)
        .unwrap();
    assert_eq!(
        log.end(topic, partition),
        Some(i64::try_from(batch.len()).unwrap())
    );
    i64::try_from(batch.len()).unwrap()
}
