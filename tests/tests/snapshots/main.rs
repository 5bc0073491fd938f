//! Snapshots where they are kept: buckets over HTTP on loopback, and a directory on a full disk.
//!
//! Modules in reading order: the suite against our own server and against an implementation by others ([`suite`]),
//! what only a bucket has ([`bucket`]), requests that fail, hang or lose their answer ([`faults`]), the disk ([`disk`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod bucket;
mod disk;
mod faults;
mod suite;

use std::io::{Read, Write};
use std::time::Duration;

use connectors::snapshots::{
    ObjectSnapshots, Patience, SnapshotError, SnapshotStore, SnapshotWriter, section,
};
use tests::s3::S3;

/// Two parts and a bit.
const TWO_PARTS: usize = (16 << 20) + 5;

/// Enough for what works, and soon over where nothing answers.
fn patience() -> Patience {
    Patience {
        request: Duration::from_secs(2),
        attempts: 3,
        call: Duration::from_secs(4),
    }
}

fn open(server: &S3) -> ObjectSnapshots {
    ObjectSnapshots::open("s3://bucket/some/prefix", &server.options(), &patience()).unwrap()
}

fn begin(store: &dyn SnapshotStore, name: &str, length: usize) -> Box<dyn SnapshotWriter> {
    let mut writer = store.create(name).unwrap();
    writer.write_all(&vec![7; length]).unwrap();
    writer
}

fn write(store: &dyn SnapshotStore, name: &str, length: usize) -> Result<(), SnapshotError> {
    begin(store, name, length).finish()
}

fn is_whole(store: &dyn SnapshotStore, name: &str, length: usize) {
    let reader = store.open(name).unwrap();
    let mut found = Vec::new();
    section(&*reader, 0, reader.length())
        .read_to_end(&mut found)
        .unwrap();
    assert!(
        found == vec![7; length],
        "{name}: {} bytes came back",
        found.len()
    );
}
