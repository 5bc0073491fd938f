//! A process that dies at each point on the way to a snapshot: before the rename there is none, after it it is whole.
//!
//! The test starts its own executable again as the victim, which aborts in the hook.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::{DirectorySnapshots, SnapshotPoint, SnapshotStore, section};

const DIRECTORY: &str = "TOLLGATE_TEST_SNAPSHOT_VICTIM";
const POINT: &str = "TOLLGATE_TEST_SNAPSHOT_POINT";
const POINTS: [SnapshotPoint; 4] = [
    SnapshotPoint::BeforeSync,
    SnapshotPoint::BeforeRename,
    SnapshotPoint::AfterRename,
    SnapshotPoint::AfterSyncDirectory,
];

#[test]
fn a_crash_leaves_a_whole_snapshot_or_none() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return die_while_writing(Path::new(&directory));
    }
    for point in POINTS {
        let place = tempfile::tempdir().unwrap();
        let store = DirectorySnapshots::open(place.path()).unwrap();
        store.create("before").unwrap().finish().unwrap();
        let name = "snapshots::crash_tests::a_crash_leaves_a_whole_snapshot_or_none";
        let victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, place.path())
            .env(POINT, format!("{point:?}"))
            .output()
            .unwrap();
        assert_eq!(victim.status.code(), None, "{point:?}: {victim:?}");
        after_the_crash(place.path(), point);
    }
}

fn after_the_crash(directory: &Path, point: SnapshotPoint) {
    let renamed = matches!(
        point,
        SnapshotPoint::AfterRename | SnapshotPoint::AfterSyncDirectory
    );
    let unfinished = || fs::exists(directory.join("new.tmp")).unwrap();
    assert_eq!(
        unfinished(),
        !renamed,
        "{point:?}: the victim died elsewhere"
    );
    let store = DirectorySnapshots::open(directory).unwrap();
    assert!(!unfinished(), "{point:?}: the next opening left it");
    if !renamed {
        assert_eq!(store.list().unwrap(), ["before"], "{point:?}");
        return;
    }
    assert_eq!(store.list().unwrap(), ["before", "new"], "{point:?}");
    let reader = store.open("new").unwrap();
    let mut found = Vec::new();
    section(&*reader, 0, reader.length())
        .read_to_end(&mut found)
        .unwrap();
    assert_eq!(found, content(), "{point:?}");
}

fn die_while_writing(directory: &Path) {
    let point = std::env::var(POINT).unwrap();
    let store = DirectorySnapshots::open(directory).unwrap();
    let store = store.with_hook(Arc::new(move |at| {
        if format!("{at:?}") == point {
            std::process::abort();
        }
    }));
    let mut writer = store.create("new").unwrap();
    writer.write_all(&content()).unwrap();
    writer.finish().unwrap();
}

fn content() -> Vec<u8> {
    (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect()
}
