//! Snapshots of an application on a real broker: in a bucket, and on a disk that is full or read-only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::broker::Broker;
use tests::crash::Scene;
use tests::disk::SmallDisk;
use tests::place;
use tests::process::Running;
use tests::s3::{Fault, Request, S3};
use tests::topic;

const DEADLINE: Duration = Duration::from_secs(120);
const DELIVERY: &str = "commit_every: 20ms, commit_records: 300";

const KEPT: &str = "kept a snapshot";
const FAILED: &str = "no snapshot this time";
const RESTORED: &str = "restored a snapshot";

/// Waits until it says so, from now on.
fn says(running: &Running, words: &str) {
    let last = running.lines().last().map(|line| line.after);
    let _ = running.line(DEADLINE, |line| {
        Some(line.after) > last && line.text.contains(words)
    });
}

/// Another machine has none of the first one's files.
#[test]
fn a_bucket_brings_the_state_to_another_machine() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (address, bucket) = (broker.address(), S3::start("snapshots"));
    let mut scene = Scene::new(&address, &address, "bucket", DELIVERY, "");
    let options: Vec<String> = bucket
        .options()
        .into_iter()
        .map(|(name, value)| format!("{name}: \"{value}\""))
        .collect();
    let options = options.join(", ");
    scene.site.keep_state(&format!(
        "{{ dir: ./state, snapshot_every: 100ms, snapshots: {{ bucket: \"s3://snapshots/a\", options: {{ {options} }} }} }}\n\
         allow_inline_secrets: true"
    ));
    let first = scene.site.start(None);
    says(&first, KEPT);
    says(&first, KEPT);
    // The bucket answers with errors for a while; then it does not, and nobody has noticed but the log.
    bucket.fault(Request::Put, Fault::Refuse(403), u64::MAX);
    bucket.fault(Request::Begin, Fault::Refuse(403), u64::MAX);
    says(&first, FAILED);
    bucket.heal();
    says(&first, KEPT);
    scene.decides(1_000);
    scene.rare.read(&first.kill());
    let _ = fs::remove_dir_all(scene.site.directory().join("state"));
    let second = scene.site.start(None);
    let _ = second.line(DEADLINE, |line| line.text.contains(RESTORED));
    scene.decides(1_000);
    assert!(scene.site.snapshots().is_empty(), "they are in the bucket");
    scene.end(second, &["snapshot_kept", "snapshot_restored"]);
}

#[test]
fn a_full_or_read_only_disk_costs_snapshots_and_nothing_else() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let mut scene = Scene::new(&address, &address, "disk", DELIVERY, "");
    let place = scene.site.snapshot_directory();
    fs::create_dir_all(&place).unwrap();
    let Some(disk) = SmallDisk::mount(&place, "4k") else {
        return place::told("skipped: no file system can be mounted here, so no disk was full");
    };
    let running = scene.site.start(None);
    says(&running, FAILED);
    scene.decides(500);
    disk.remount("size=64m");
    says(&running, KEPT);
    disk.remount("ro");
    says(&running, FAILED);
    scene.decides(500);
    scene.rare.read(&running.kill());
    disk.remount("rw");
    let running = scene.site.start(None);
    let _ = running.line(DEADLINE, |line| line.text.contains(RESTORED));
    scene.decides(500);
    scene.end(running, &["snapshot_kept", "snapshot_restored"]);
}

/// Where a snapshot ends, as its manifest says.
fn positions(snapshot: &Path) -> Vec<(i32, i64)> {
    let bytes = fs::read(snapshot).unwrap();
    let end = bytes.len() - 32;
    let length = u64::from_le_bytes(bytes[end..end + 8].try_into().unwrap());
    let manifest = &bytes[end - usize::try_from(length).unwrap()..end];
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    serde_json::from_value(manifest["mark"]["positions"].clone()).unwrap()
}

/// Retention may take what a snapshot makes up for; without one that is for the operator to accept.
#[test]
fn a_log_that_was_cut_wants_a_snapshot_or_a_word() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let mut scene = Scene::new(&address, &address, "cut", DELIVERY, "");
    let running = scene.site.start(None);
    says(&running, KEPT);
    says(&running, KEPT);
    scene.decides(500);
    let _ = running.kill();
    let newest = scene.site.snapshots().pop().expect("one was kept");
    topic::delete_before(&address, "cut-in", &positions(&newest));

    let running = scene.site.start(None);
    let _ = running.line(DEADLINE, |line| line.text.contains(RESTORED));
    scene.decides(500);
    let _ = running.kill();

    for snapshot in scene.site.snapshots() {
        fs::remove_file(snapshot).unwrap();
    }
    let refused = scene.site.start(None).wait(DEADLINE).exited(4);
    assert!(
        refused.stderr.contains("--accept-missing"),
        "{}",
        refused.stderr
    );
    let running = scene.site.start_with(&["--accept-missing"]);
    for words in ["no longer reaches back", "live"] {
        let _ = running.line(DEADLINE, |line| line.text.contains(words));
    }
    let _ = scene.site.stop(running);
}

/// What cannot be a place for snapshots is told before anything is decided.
#[test]
fn a_directory_that_is_none_is_refused_at_the_start() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    let scene = Scene::new(&address, &address, "no-place", DELIVERY, "");
    fs::write(scene.site.directory().join("state"), "a file").unwrap();
    let ended = scene.site.start(None).wait(DEADLINE).exited(4);
    assert!(ended.stderr.contains("snapshots"), "{}", ended.stderr);
    fs::remove_file(scene.site.directory().join("state")).unwrap();
    let running = scene.site.start(None);
    scene.end(running, &[]);
}
