//! A full disk under a directory of snapshots.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use connectors::snapshots::{DirectorySnapshots, SnapshotError, SnapshotStore};
use tests::{place, process};

use super::{is_whole, write};

/// A file system of one MiB; unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let disk = process::scratch();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(disk.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(disk))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_what_was_there() {
    let Some(disk) = SmallDisk::mount() else {
        return place::told("skipped: no file system can be mounted here, so no disk was full");
    };
    let store = DirectorySnapshots::open(disk.path()).unwrap();
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
