//! The gate of counted instructions: what `benches/instructions.sh` lets pass and what not, without counting anything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::process::Command;

use tests::{place, process, sources};

/// Jobs and counts that are kept.
fn kept() -> Vec<(String, f64)> {
    let text = sources::text("benches/instructions.txt");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let kept = lines.map(|line| {
        let mut words = line.split_whitespace();
        let (job, count) = (words.next().unwrap(), words.next().unwrap());
        assert!(words.next().is_some(), "no reason: {line}");
        (job.to_owned(), count.parse().unwrap())
    });
    kept.collect()
}

/// Whether these counts pass, and what is said of them.
fn verdict(counts: &[(String, f64)]) -> (bool, String) {
    let scratch = process::scratch();
    let file = scratch.path().join("counts");
    let lines: String = counts
        .iter()
        .map(|(job, count)| format!("{job} {count:.0}\n"))
        .collect();
    fs::write(&file, lines).unwrap();
    let mut script = Command::new(place::root().join("benches/instructions.sh"));
    let done = script.arg("--counts").arg(&file).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    (done.status.success(), text)
}

fn times(factor: f64) -> Vec<(String, f64)> {
    let mut counts = kept();
    counts[2].1 *= factor;
    counts
}

#[test]
fn five_jobs_are_kept_and_the_program_has_them() {
    let jobs = kept();
    assert_eq!(jobs.len(), 5);
    let program = sources::text("benches/jobs.rs");
    for (job, count) in jobs {
        assert!(program.contains(&format!("(\"{job}\", ")), "{job}");
        assert!(count > 1e6, "{job}: {count}");
    }
}

#[test]
fn growth_fails_shrinking_is_told_and_less_passes() {
    let (passed, text) = verdict(&times(1.0));
    assert!(
        passed && !text.contains("GREW") && !text.contains("shrank"),
        "{text}"
    );
    let (passed, text) = verdict(&times(1.049));
    assert!(passed && !text.contains("GREW"), "{text}");
    let (passed, text) = verdict(&times(1.051));
    assert!(!passed && text.matches("GREW").count() == 1, "{text}");
    let (passed, text) = verdict(&times(0.94));
    assert!(passed && text.matches("shrank").count() == 1, "{text}");
}

#[test]
fn a_job_that_was_not_counted_or_is_not_kept_fails() {
    let (passed, text) = verdict(&kept()[1..]);
    assert!(!passed && text.contains("not counted"), "{text}");
    let more = [kept(), vec![("another".to_owned(), 1e7)]].concat();
    let (passed, text) = verdict(&more);
    assert!(!passed && text.contains("is not in"), "{text}");
}
