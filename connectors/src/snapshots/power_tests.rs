//! Losses of power: after any call of a snapshot, on a disk that keeps no more than it must.
//!
//! The idea: a disk over a directory that notes what was synced, and forgets the rest when the power goes: bytes of a file
//! that were not synced always, names that were not synced or not, as it likes. The invariant asked for: what
//! [`SnapshotWriter::finish`] said is there is there, whole, and what has the name of a snapshot is one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::disk::Disk;
use super::*;
use crate::conformance::run_all;
use crate::conformance::snapshots::{ALL, SnapshotRig};

/// A call of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Sync,
    Rename,
    Remove,
    SyncDirectory,
}

/// What becomes of names that were not synced.
#[derive(Clone, Copy, Debug)]
enum Unsynced {
    Lost,
    Kept,
}

/// A disk that loses its power.
#[derive(Default)]
struct Weak {
    /// A sync that it says is done, and does not do.
    skips: Option<Call>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<(Call, PathBuf)>,
    /// After so many calls there is no power.
    ends_after: Option<usize>,
    /// The bytes of a file that were synced, by its number, and the file, so that no other gets the number.
    synced: BTreeMap<u64, (Vec<u8>, File)>,
    /// The names of a directory that were synced, and the files that had them.
    names: BTreeMap<PathBuf, u64>,
}

/// The files of a directory by their paths.
fn numbers(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let files = entries.map(|entry| (entry.path(), entry.metadata().unwrap()));
    files
        .filter(|(_, file)| file.is_file())
        .map(|(path, file)| (path, file.ino()))
        .collect()
}

impl State {
    fn sync(&mut self, file: &File, path: &Path) {
        let number = file.metadata().unwrap().ino();
        let synced = (fs::read(path).unwrap(), file.try_clone().unwrap());
        self.synced.insert(number, synced);
    }
}

impl Weak {
    fn new(skips: Option<Call>) -> Weak {
        Weak {
            skips,
            ..Weak::default()
        }
    }

    /// Notes a call; whether it is done.
    fn takes(&self, call: Call, path: &Path) -> io::Result<bool> {
        let mut state = self.state.lock().unwrap();
        if state.ends_after == Some(state.calls.len()) {
            return Err(io::Error::other("no power"));
        }
        state.calls.push((call, path.to_owned()));
        Ok(self.skips != Some(call))
    }

    /// From now on there is power for so many calls.
    fn ends_after(&self, calls: usize) {
        let mut state = self.state.lock().unwrap();
        state.calls.clear();
        state.ends_after = Some(calls);
    }

    /// The power goes, and comes back.
    fn loses_power(&self, directory: &Path, unsynced: Unsynced) {
        let mut state = self.state.lock().unwrap();
        let names = match unsynced {
            Unsynced::Lost => state.names.clone(),
            Unsynced::Kept => numbers(directory),
        };
        let content = |number| state.synced.get(number).map(|(bytes, _)| bytes.clone());
        let left: Vec<(PathBuf, Vec<u8>)> = names
            .iter()
            .map(|(path, number)| (path.clone(), content(number).unwrap_or_default()))
            .collect();
        numbers(directory)
            .keys()
            .for_each(|path| fs::remove_file(path).unwrap());
        (state.ends_after, state.synced) = (None, BTreeMap::new());
        for (path, bytes) in left {
            fs::write(&path, bytes).unwrap();
            state.sync(&File::open(&path).unwrap(), &path);
        }
        state.names = numbers(directory);
    }
}

impl Disk for Weak {
    fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        if self.takes(Call::Sync, path)? {
            self.state.lock().unwrap().sync(file, path);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.takes(Call::Rename, to)?;
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.takes(Call::Remove, path)?;
        fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        if self.takes(Call::SyncDirectory, directory)? {
            self.state.lock().unwrap().names = numbers(directory);
        }
        Ok(())
    }
}

/// Whoever opens it again finds what a loss of power has left.
struct Rig(tempfile::TempDir, Arc<Weak>, Unsynced);

impl SnapshotRig for Rig {
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String> {
        self.1.loses_power(self.0.path(), self.2);
        let store = DirectorySnapshots::open_on(self.1.clone(), self.0.path());
        store
            .map(|store| Box::new(store) as _)
            .map_err(|error| error.to_string())
    }
}

/// The suite over a disk that loses its power at each opening; what fails.
fn suite(skips: Option<Call>, unsynced: Unsynced) -> Vec<String> {
    run_all(ALL, || {
        let (place, disk) = (tempfile::tempdir().unwrap(), Arc::new(Weak::new(skips)));
        Box::new(Rig(place, disk, unsynced)) as Box<dyn SnapshotRig>
    })
}

#[test]
fn what_is_finished_or_removed_outlives_the_power() {
    for unsynced in [Unsynced::Lost, Unsynced::Kept] {
        let failures = suite(None, unsynced);
        assert!(failures.is_empty(), "{unsynced:?}: {failures:#?}");
    }
}

const NEW: &[u8] = b"the bytes of a new one";

/// Writes a snapshot on a disk with power for so many calls; whether that was enough, and what is wrong afterwards.
fn cut(calls: usize, disk: Weak, unsynced: Unsynced) -> (bool, Option<String>) {
    let (place, disk) = (tempfile::tempdir().unwrap(), Arc::new(disk));
    let write = |store: &DirectorySnapshots, name: &str, bytes: &[u8]| {
        let mut writer = store.create(name)?;
        writer.write_all(bytes).unwrap();
        writer.finish()
    };
    let store = DirectorySnapshots::open_on(disk.clone(), place.path()).unwrap();
    write(&store, "old", b"old").unwrap();
    disk.ends_after(calls);
    let finished = write(&store, "new", NEW).is_ok();
    disk.loses_power(place.path(), unsynced);
    let store = DirectorySnapshots::open_on(disk, place.path()).unwrap();
    let names = store.list().unwrap();
    let is_there = names.iter().any(|name| name == "new");
    let whole = |name: &str| {
        let (reader, mut bytes) = (store.open(name).unwrap(), Vec::new());
        let mut section = section(&*reader, 0, reader.length());
        section.read_to_end(&mut bytes).unwrap();
        bytes == if name == "new" { NEW } else { b"old" }
    };
    let torn = names.iter().find(|name| !whole(name));
    let wrong = match torn {
        Some(name) => Some(format!("{name} is torn")),
        None if finished && !is_there => Some("a finished one is gone".to_owned()),
        None if !names.iter().any(|name| name == "old") => Some("the old one is gone".to_owned()),
        None => None,
    };
    (finished, wrong)
}

/// All that is wrong after a cut behind any call.
fn cuts(skips: Option<Call>) -> Vec<String> {
    let mut all = Vec::new();
    for unsynced in [Unsynced::Lost, Unsynced::Kept] {
        for calls in 0.. {
            let (finished, wrong) = cut(calls, Weak::new(skips), unsynced);
            all.extend(wrong.map(|wrong| format!("{calls} calls, {unsynced:?}: {wrong}")));
            if finished {
                break;
            }
        }
    }
    all
}

#[test]
fn power_lost_behind_any_call_leaves_a_whole_snapshot_or_none() {
    assert_eq!(cuts(None), [""; 0]);
}

#[test]
fn each_sync_that_is_left_out_is_found() {
    for (skipped, wrong) in [
        (Call::Sync, "is torn"),
        (Call::SyncDirectory, "a finished one is gone"),
    ] {
        let found = cuts(Some(skipped));
        assert!(
            found.iter().any(|found| found.contains(wrong)),
            "{skipped:?}: {found:#?}"
        );
        let failures = suite(Some(skipped), Unsynced::Lost);
        assert!(!failures.is_empty(), "{skipped:?}: the suite passes");
    }
}

#[test]
fn new_directories_are_synced_where_their_names_stand() {
    let (place, disk) = (tempfile::tempdir().unwrap(), Arc::new(Weak::default()));
    let deep = place.path().join("deep");
    DirectorySnapshots::open_on(disk.clone(), &deep.join("inside")).unwrap();
    let calls = std::mem::take(&mut disk.state.lock().unwrap().calls);
    let synced = |directory: &Path| (Call::SyncDirectory, directory.to_owned());
    assert_eq!(calls, [synced(&deep), synced(place.path())]);
}
