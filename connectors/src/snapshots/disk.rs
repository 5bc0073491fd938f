//! The calls that decide what a directory of snapshots holds after a loss of power.
//!
//! The idea: what is written, renamed or removed is on the disk only once it is synced, and no test can pull the plug;
//! so these calls go through a [`Disk`], and a test has one that loses what was not synced. The invariant: a directory
//! of snapshots changes by these calls alone, but for bytes written to a file that is not synced yet.

use std::fs::File;
use std::io;
use std::path::Path;

/// See the module.
pub(super) trait Disk: Send + Sync {
    /// Makes all bytes of the file that is at this path durable.
    fn sync(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Gives a file another name, and takes that name away from whatever has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which names there are in a directory.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
}

/// The one of the machine.
pub(super) struct Machine;

impl Disk for Machine {
    fn sync(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}
