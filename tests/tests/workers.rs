//! Several workers in one process: the same bytes as one, over real data and the real binary.
//!
//! The data is simulated (Fraud Detection Handbook): 1,754,155 transactions with hits, windows of up to 37 days, two keys
//! and a group of all events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::{data, place, process};

const DEADLINE: Duration = Duration::from_secs(900);

/// Runs a pack over a file with this many workers; gives decisions and alerts as bytes.
fn run(pack: &str, input: &Path, workers: u16, dir: &Path) -> [Vec<u8>; 2] {
    let pack = place::root().join("rules/packs").join(pack);
    let outputs = ["decisions", "alerts"].map(|name| dir.join(format!("{name}-{workers}.ndjson")));
    let mut config = format!(
        "name: workers\npack: {}\nsource: {{ file: {{ path: \"{}\" }} }}\nworkers: {workers}\nsinks:\n",
        pack.display(),
        input.display()
    );
    for (name, path) in ["decisions", "alerts"].iter().zip(&outputs) {
        writeln!(
            config,
            "  {name}: {{ file: {{ path: \"{}\" }} }}",
            path.display()
        )
        .unwrap();
    }
    writeln!(
        config,
        "state: {{ dir: \"{}\" }}",
        dir.join(format!("state-{workers}")).display()
    )
    .unwrap();
    let path = dir.join(format!("pipeline-{workers}.yaml"));
    fs::write(&path, config).unwrap();
    let done = process::tollgate_ends(dir, &["run", path.to_str().unwrap()], DEADLINE).success();
    println!("{workers} workers: {:?}", done.took);
    outputs.map(|path| {
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        bytes
    })
}

#[test]
fn the_bytes_of_a_real_run_do_not_depend_on_the_number_of_workers() {
    let Some(transactions) = data::file(data::TRANSACTIONS) else {
        return;
    };
    let dir = process::scratch();
    let one = run("handbook", &transactions, 1, dir.path());
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines(&one[0]), 1_754_155);
    assert!(lines(&one[1]) > 10_000);
    for workers in [2, 3, 4] {
        let many = run("handbook", &transactions, workers, dir.path());
        // Not assert_eq: nobody reads half a gigabyte.
        assert!(many == one, "{workers} workers decide otherwise");
    }
}

#[test]
fn made_up_swipes_in_json_are_decided_alike_by_any_number_of_workers() {
    let dir = process::scratch();
    let input = dir.path().join("swipes.ndjson");
    let path = input.to_str().unwrap();
    let arguments = ["gen", "--out", path, "--count", "60000", "--seed", "7"];
    let _ = process::tollgate_ends(dir.path(), &arguments, DEADLINE).success();
    let one = run("card-core", &input, 1, dir.path());
    assert!(!one[1].is_empty(), "no alert: little is compared");
    for workers in [2, 3, 4] {
        let many = run("card-core", &input, workers, dir.path());
        assert!(many == one, "{workers} workers decide otherwise");
    }
}
