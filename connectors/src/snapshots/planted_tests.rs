//! The suite must be able to fail: planted bugs, each caught by the check that asks for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write;

use super::tests::files;
use super::*;
use crate::conformance::run_all;
use crate::conformance::snapshots::{ALL, SnapshotRig};

/// A directory with a planted bug.
struct Buggy(DirectorySnapshots, Bug);

#[derive(Clone, Copy, Debug)]
enum Bug {
    ListsUnfinished,
    FinishesDropped,
    ForgetsOrder,
    TakesAnyName,
    ReadsBeyond,
    RemovesNothing,
}

/// Finishes when dropped.
struct Eager(Option<Box<dyn SnapshotWriter>>);

impl Write for Eager {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.as_mut().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl SnapshotWriter for Eager {
    fn finish(mut self: Box<Self>) -> Result<(), SnapshotError> {
        self.0.take().unwrap().finish()
    }
}

impl Drop for Eager {
    fn drop(&mut self) {
        self.0.take().map(SnapshotWriter::finish);
    }
}

/// Gives zeros where there is nothing.
struct Generous(Box<dyn SnapshotReader>);

impl SnapshotReader for Generous {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), SnapshotError> {
        self.0.read_at(at, into).or(Ok(()))
    }
}

impl SnapshotStore for Buggy {
    fn list(&self) -> Result<Vec<String>, SnapshotError> {
        let mut names = self.0.list()?;
        match self.1 {
            Bug::ForgetsOrder => names.reverse(),
            Bug::ListsUnfinished => {
                let files = files(self.0.place());
                names = files
                    .iter()
                    .filter_map(|file| Some(file.split_once('.')?.0.to_owned()))
                    .collect();
            }
            _ => {}
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn SnapshotWriter>, SnapshotError> {
        match self.1 {
            Bug::FinishesDropped => Ok(Box::new(Eager(Some(self.0.create(name)?)))),
            Bug::TakesAnyName if !is_name(name) => self.0.create("some"),
            _ => self.0.create(name),
        }
    }

    fn open(&self, name: &str) -> Result<Box<dyn SnapshotReader>, SnapshotError> {
        let reader = self.0.open(name)?;
        Ok(if matches!(self.1, Bug::ReadsBeyond) {
            Box::new(Generous(reader))
        } else {
            reader
        })
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        if matches!(self.1, Bug::RemovesNothing) {
            Ok(())
        } else {
            self.0.remove(name)
        }
    }
}

struct BuggyRig(tempfile::TempDir, Bug);

impl SnapshotRig for BuggyRig {
    fn open(&mut self) -> Result<Box<dyn SnapshotStore>, String> {
        let store = DirectorySnapshots::open(self.0.path()).map_err(|error| error.to_string())?;
        Ok(Box::new(Buggy(store, self.1)))
    }
}

#[test]
fn each_planted_bug_is_found() {
    for (bug, check) in [
        (Bug::ListsUnfinished, "an_unfinished_one_is_unseen"),
        (Bug::FinishesDropped, "a_dropped_writer_leaves_nothing"),
        (Bug::ForgetsOrder, "names_come_in_order"),
        (Bug::TakesAnyName, "what_is_no_name_is_refused"),
        (Bug::ReadsBeyond, "beyond_the_end_is_refused"),
        (Bug::RemovesNothing, "a_removed_one_is_gone"),
    ] {
        let rig = || Box::new(BuggyRig(tempfile::tempdir().unwrap(), bug)) as Box<dyn SnapshotRig>;
        let failures = run_all(ALL, rig);
        let found = failures.iter().any(|failure| failure.starts_with(check));
        assert!(found, "{bug:?} was not found by {check}: {failures:#?}");
    }
}
