//! `tollgate rule test` on the sample pack: all tests pass, and a changed threshold fails with a reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::process::{self, Finished};
use tests::{place, sources};

fn rule_test(pack: &Path, more: &[&str]) -> Finished {
    let arguments = [&["rule", "test", pack.to_str().unwrap()], more].concat();
    process::tollgate_ends(pack.parent().unwrap(), &arguments, Duration::from_secs(60))
}

/// A copy of the sample pack with its text changed.
fn changed(from: &str, to: &str) -> tempfile::TempDir {
    let scratch = process::scratch();
    let pack = scratch.path().join("card-core");
    copy(&place::root().join("rules/packs/card-core"), &pack);
    let text = fs::read_to_string(pack.join("pack.yaml")).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    fs::write(pack.join("pack.yaml"), text.replace(from, to)).unwrap();
    scratch
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn all_tests_of_the_sample_pack_pass() {
    let written = sources::text("rules/packs/card-core/tests.yaml")
        .matches("- name: ")
        .count();
    assert!(written >= 14);
    let done = rule_test(&place::root().join("rules/packs/card-core"), &[]).success();
    let shown = format!("{written} of {written}");
    assert!(
        done.stdout.contains(&shown) || done.stdout.contains(&format!("{written} passed")),
        "{}",
        done.stdout
    );
}

#[test]
fn every_pack_passes_its_own_tests_and_checks_without_a_warning() {
    let packs = place::root().join("rules/packs");
    let mut names: Vec<_> = fs::read_dir(&packs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    for pack in names {
        let _ = rule_test(&pack, &[]).success();
        let arguments = ["check", "--strict", pack.to_str().unwrap()];
        let _ = process::tollgate_ends(&packs, &arguments, Duration::from_secs(60)).success();
    }
}

#[test]
fn a_changed_threshold_fails_and_says_why() {
    let scratch = changed("card_cnt_10m >= :n", "card_cnt_10m > :n");
    let done = rule_test(&scratch.path().join("card-core"), &[]).exited(2);
    let said = done.stdout + &done.stderr;
    for wanted in [
        "VEL-01",
        "five swipes in ten minutes trip the velocity rule",
        "expected",
        "got",
    ] {
        assert!(said.contains(wanted), "no {wanted:?} in:\n{said}");
    }
}

#[test]
fn a_program_can_read_the_result() {
    let scratch = changed("card_cnt_10m >= :n", "card_cnt_10m > :n");
    let pack = scratch.path().join("card-core");
    let junit = scratch.path().join("junit.xml");
    let done = rule_test(
        &pack,
        &["--output", "json", "--junit", junit.to_str().unwrap()],
    )
    .exited(2);
    let _: serde_json::Value = serde_json::from_str(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}:\n{}", done.stdout));
    let junit = fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("<testsuite") && junit.contains("<failure"),
        "{junit}"
    );
}
