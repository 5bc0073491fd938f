//! A disk that can be full or read-only: a file system in memory.
//!
//! The invariant: it is unmounted when it is dropped. Where nobody may mount anything there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

/// See the module.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

fn mount(options: &str, place: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
    let mounted = command.arg(place).output();
    mounted.is_ok_and(|output| output.status.success())
}

impl SmallDisk {
    /// One of so many bytes (`64k`, `1m`) at a directory, if that is allowed here.
    #[must_use]
    pub fn mount(place: &Path, size: &str) -> Option<Self> {
        mount(&format!("size={size}"), place).then(|| Self(place.to_owned()))
    }

    /// The same disk with other options: `size=8m`, `ro`, `rw`.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn remount(&self, options: &str) {
        let done = mount(&format!("remount,{options}"), &self.0);
        assert!(done, "remount {} with {options}", self.0.display());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: somebody may still have a file open there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
