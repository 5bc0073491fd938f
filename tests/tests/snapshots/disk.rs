//! A full disk under a directory of snapshots.

use std::io::{ErrorKind, Write};

use connectors::snapshots::{DirectorySnapshots, SnapshotError, SnapshotStore};
use tests::disk::SmallDisk;
use tests::{place, process};

use super::{is_whole, write};

#[test]
fn a_full_disk_is_an_error_and_leaves_what_was_there() {
    let place = process::scratch();
    let Some(_disk) = SmallDisk::mount(place.path(), "1m") else {
        return place::told("skipped: no file system can be mounted here, so no disk was full");
    };
    let store = DirectorySnapshots::open(place.path()).unwrap();
    write(&store, "kept", 400_000).unwrap();
    let mut writer = store.create("large").unwrap();
    let failed = writer.write_all(&vec![7; 2 << 20]).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::StorageFull);
    assert!(failed.to_string().contains("large.tmp"), "{failed}");
    let failed = writer.finish().unwrap_err();
    assert!(matches!(failed, SnapshotError::Broken { .. }), "{failed}");
    assert_eq!(store.list().unwrap(), ["kept"]);
    is_whole(&store, "kept", 400_000);
    // What the unfinished one took is free again.
    write(&store, "second", 400_000).unwrap();
    assert_eq!(store.list().unwrap(), ["kept", "second"]);
}
