//! Row C12 of the table of bad input, as a bound: what a check needs for a hostile file beyond what it needs for a good one.
//!
//! The idea: a child checks the file as `tollgate check` does and then asks the kernel for the greatest memory it ever
//! had, which only a process that is still alive can be asked about; so the child is this test, started once more with a
//! file. The invariant: 50 MB more than a small good pack is the most.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests; they show what they measured"
)]

mod packs_common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use packs_common::SMALL;
use pipeline::cli::check::{self, Found};
use pipeline::cli::{Io, Report};
use pipeline::config::System;
use tests::process::{self, Running};

/// What a hostile file may need more than a good one.
const MORE_KIB_MAX: u64 = 50 << 10;

const FILE: &str = "TOLLGATE_TEST_FILE";
const PEAK: &str = "TOLLGATE_TEST_PEAK";

/// The child. Without a file to check it is a test of the reading alone.
#[test]
fn the_peak_of_this_process() {
    if let Some(file) = std::env::var_os(FILE) {
        let mut found = Found::default();
        let pack = check::file_or_pack(Path::new(&file), System::default(), &mut found);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io {
            out: &mut out,
            err: &mut err,
            color: false,
        };
        check::report(&found, Report::Text, &mut io).unwrap();
        let good = pack.is_some() && found.all().is_empty();
        let peak = format!("{good} {}", peak_kib());
        std::fs::write(std::env::var_os(PEAK).unwrap(), peak).unwrap();
    }
    assert!(peak_kib() > 1_000, "a test has more than a megabyte");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

/// Whether a file is a good pack, and the peak of the child that checked it.
fn checked(name: &str, bytes: &[u8]) -> (bool, u64) {
    let scratch = process::scratch();
    let (file, peak) = (scratch.path().join(name), scratch.path().join("peak"));
    std::fs::write(&file, bytes).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "the_peak_of_this_process"])
        .env(FILE, &file)
        .env(PEAK, &peak);
    let _ = Running::start(command)
        .wait(Duration::from_secs(120))
        .success();
    let said = std::fs::read_to_string(peak).unwrap();
    let (good, peak) = said.split_once(' ').unwrap();
    (good == "true", peak.parse().unwrap())
}

#[test]
fn c12_a_hostile_file_needs_little_more_memory_than_a_good_one() {
    let (good, base) = checked("pack.yaml", SMALL.as_bytes());
    assert!(good, "the small pack is right");
    let bomb = |levels: usize| {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..levels {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{items}]\n");
        }
        text.into_bytes()
    };
    let full = |opening: &str| opening.repeat((1 << 20) / opening.len()).into_bytes();
    let rules = "  - { id: R, when: a > 1, then: { action: review } }\n".repeat(15_000);
    let condition = vec!["amount = 1"; 70_000].join(" OR ");
    let cases: [(&str, Vec<u8>); 18] = [
        ("no UTF-8", vec![0xff; 1 << 20]),
        ("a byte order mark", b"\xef\xbb\xbfname: a\n".to_vec()),
        ("a hundred megabytes", vec![b'a'; 100 << 20]),
        ("aliases of aliases", bomb(12)),
        ("as many of them as fit", bomb(4_000)),
        ("nested lists", full("[")),
        ("nested mappings", full("{a: ")),
        ("an endless list", full("- \n")),
        ("a list of nothing", full("-\n")),
        (
            "a list of letters",
            format!("a: [{}", "a,".repeat(520_000)).into_bytes(),
        ),
        (
            "a mapping of letters",
            format!("a: {{{}", "a,".repeat(520_000)).into_bytes(),
        ),
        ("lists of lists", full("[],")),
        ("empty keys", full(":\n")),
        ("keys without end", full("? ")),
        ("anchors", full("&a ")),
        ("a comment", full("#")),
        (
            "thousands of findings",
            format!("rules:\n{rules}").into_bytes(),
        ),
        (
            "an endless condition",
            SMALL
                .replace("cnt >= :n AND mean > 10", &condition)
                .into_bytes(),
        ),
    ];
    for (what, bytes) in cases {
        for name in ["pack.yaml", "pipeline.yaml"] {
            let (good, peak) = checked(name, &bytes);
            assert!(!good, "{what} as {name} is refused");
            let more = peak.saturating_sub(base);
            println!("{more:>7} KiB more than {base} KiB: {what} as {name}");
            assert!(more <= MORE_KIB_MAX, "{what} as {name}: {more} KiB more");
        }
    }
}
