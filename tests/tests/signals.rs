//! SIGTERM and SIGINT end a run in the same way: what was taken is decided, written and committed; the exit code tells
//! which of the two it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::fs;
use std::time::{Duration, Instant};

use tests::place;
use tests::process::{self, Running};

const DEADLINE: Duration = Duration::from_secs(120);

/// Ends an endless run once it has decided something; all it says it decided must be in the file, whole.
#[track_caller]
fn ends(signal: &str, code: i32) {
    let (scratch, listen) = (process::scratch(), process::free_address());
    let pack = place::root().join("rules/packs/card-core");
    let config = format!(
        "name: stopped
pack: {}
source: {{ generate: {{ seed: 3, rate: 5000/s }} }}
sinks: {{ decisions: {{ file: {{ path: out.ndjson }} }} }}
http: {{ listen: \"{listen}\" }}
",
        pack.display()
    );
    fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
    let running = Running::tollgate(scratch.path(), &["run", "pipeline.yaml"]);
    let started = Instant::now();
    // The series stand there from the beginning, at 0.
    let counted =
        |line: &str| line.starts_with("tollgate_decisions_total{") && !line.ends_with(" 0");
    let decided = |page: &str| page.lines().any(counted);
    while !process::try_get(&listen, "/metrics").is_some_and(|(_, page)| decided(&page)) {
        assert!(started.elapsed() < DEADLINE, "{:?}", running.lines());
    }
    running.signal(signal);
    let done = running.wait(DEADLINE).exited(code);
    let last = done.stderr.lines().next_back().unwrap_or_default();
    let count = last
        .strip_prefix("stopped: ")
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or_else(|| panic!("no count in {last:?}"));
    let text = fs::read_to_string(scratch.path().join("out.ndjson")).unwrap();
    assert!(text.ends_with("}\n"), "the last line is whole");
    let lines = text.lines().count();
    assert!(
        lines > 0 && lines.to_string() == count,
        "{lines} lines; {last}"
    );
}

#[test]
fn sigterm_drains_and_exits_0() {
    ends("TERM", 0);
}

#[test]
fn sigint_drains_and_exits_130() {
    ends("INT", 130);
}
