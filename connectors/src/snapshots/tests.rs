//! The suite over directories, and what only a directory has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};

use super::*;
use crate::conformance::run_all;
use crate::conformance::snapshots::{ALL, SnapshotRig};

struct Rig(tempfile::TempDir);

impl SnapshotRig for Rig {
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String> {
        let store = DirectorySnapshots::open(&self.0.path().join("deep/inside"));
        store
            .map(|store| Box::new(store) as _)
            .map_err(|error| error.to_string())
    }

    fn unfinished(&mut self) -> Result<Option<usize>, String> {
        Ok(Some(files(&self.0.path().join("deep/inside")).len()))
    }
}

pub(super) fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn write(store: &dyn SnapshotStore, name: &str, content: &[u8]) {
    let mut writer = store.create(name).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_directory_passes_the_suite() {
    let failures = run_all(ALL, || {
        Box::new(Rig(tempfile::tempdir().unwrap())) as Box<dyn SnapshotRig>
    });
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn only_our_leftovers_are_removed_and_only_snapshots_are_listed() {
    let place = tempfile::tempdir().unwrap();
    for file in [
        "a.tmp",
        "b.snapshot",
        "c",
        "D.tmp",
        "E.snapshot",
        "f.snapshot.tmp",
        ".tmp",
        "LOCK",
    ] {
        fs::write(place.path().join(file), "x").unwrap();
    }
    let store = DirectorySnapshots::open(place.path()).unwrap();
    assert_eq!(store.list().unwrap(), ["b"]);
    assert_eq!(
        files(place.path()),
        [
            ".tmp",
            "D.tmp",
            "E.snapshot",
            "LOCK",
            "b.snapshot",
            "c",
            "f.snapshot.tmp"
        ]
    );
}

#[test]
fn only_the_owner_can_read_one() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("new");
    let store = DirectorySnapshots::open(&directory).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut writer = store.create("a").unwrap();
    writer.write_all(b"secret").unwrap();
    assert_eq!(mode(&directory.join("a.tmp")), 0o600);
    writer.finish().unwrap();
    assert_eq!(mode(&directory.join("a.snapshot")), 0o600);
}

#[test]
fn the_hook_sees_each_point_with_what_is_then_there() {
    let place = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (theirs, directory) = (Arc::clone(&seen), place.path().to_owned());
    let store = DirectorySnapshots::open(place.path()).unwrap();
    let store = store.with_hook(Arc::new(move |point| {
        theirs.lock().unwrap().push((point, files(&directory)))
    }));
    write(&store, "a", b"x");
    let file = |name: &str| vec![name.to_owned()];
    let wanted = [
        (SnapshotPoint::BeforeSync, file("a.tmp")),
        (SnapshotPoint::BeforeRename, file("a.tmp")),
        (SnapshotPoint::AfterRename, file("a.snapshot")),
        (SnapshotPoint::AfterSyncDirectory, file("a.snapshot")),
    ];
    assert_eq!(*seen.lock().unwrap(), wanted);
}

#[test]
fn one_name_is_written_once_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let store = DirectorySnapshots::open(place.path()).unwrap();
    let mut first = store.create("a").unwrap();
    first.write_all(b"first").unwrap();
    let second = store.create("a").map(|_| ()).unwrap_err();
    assert!(second.to_string().contains("a.tmp"), "{second}");
    first.finish().unwrap();
    write(&store, "a", b"second");
    assert_eq!(store.open("a").unwrap().length(), 6);
}

#[test]
fn an_error_names_what_was_attempted_on_which_file() {
    let place = tempfile::tempdir().unwrap();
    let check = |error: SnapshotError, expect: Expect| {
        let text = error
            .to_string()
            .replace(&place.path().display().to_string(), "DIR");
        expect.assert_eq(&text);
    };
    fs::write(place.path().join("file"), "").unwrap();
    let below = place.path().join("file/below");
    check(
        DirectorySnapshots::open(&below).unwrap_err(),
        expect!["make DIR/file/below: Not a directory (os error 20)"],
    );
    let directory = place.path().join("gone");
    let store = DirectorySnapshots::open(&directory).unwrap();
    let writer = store.create("c").unwrap();
    fs::remove_dir_all(&directory).unwrap();
    check(
        store.list().unwrap_err(),
        expect!["list DIR/gone: No such file or directory (os error 2)"],
    );
    check(
        store.create("a").map(|_| ()).unwrap_err(),
        expect!["create DIR/gone/a.tmp: No such file or directory (os error 2)"],
    );
    check(
        writer.finish().unwrap_err(),
        expect!["rename DIR/gone/c.tmp: No such file or directory (os error 2)"],
    );
    check(
        store.open("a").map(|_| ()).unwrap_err(),
        expect!["open DIR/gone/a.snapshot: there is no such snapshot"],
    );
    check(
        store.remove("A").unwrap_err(),
        expect![[r#""A" is no name of a snapshot: 1 to 200 of a to z, 0 to 9 and - are"#]],
    );
}

#[test]
fn a_file_cut_short_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let store = DirectorySnapshots::open(place.path()).unwrap();
    write(&store, "a", b"0123456789");
    let reader = store.open("a").unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(place.path().join("a.snapshot"));
    file.unwrap().set_len(5).unwrap();
    let error = reader.read_at(0, &mut [0; 10]).unwrap_err();
    assert!(error.to_string().contains("a.snapshot"), "{error}");
}
