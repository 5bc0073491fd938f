//! Snapshots as files of a directory.
//!
//! The one idea: bytes go to `NAME.tmp`, which is synced, renamed to `NAME.snapshot`, and the directory synced; so
//! after a crash or a loss of power a file with the right name has all its bytes. The invariant: whoever opens the
//! directory has taken over from whoever had it, so what ends with `.tmp` then is removed; a process that was replaced
//! and wakes up finds its file gone, and its rename fails. Files are for their owner only: a snapshot holds events and
//! the seed of the hash tables.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Machine};
use super::{
    SUFFIX, SnapshotError, SnapshotReader, SnapshotStore, SnapshotWriter, is_name, name_in, named,
    within,
};

/// What the files of unfinished snapshots end with.
const UNFINISHED: &str = ".tmp";

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// Places on the way to a complete snapshot, for a test that has the process stop there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotPoint {
    /// All bytes are written, none need be on the disk.
    BeforeSync,
    /// They are on the disk, under the name of an unfinished one.
    BeforeRename,
    /// It has its name, which need not be on the disk.
    AfterRename,
    /// The name is on the disk, too.
    AfterSyncDirectory,
}

/// Called at each [`SnapshotPoint`].
pub type Hook = Arc<dyn Fn(SnapshotPoint) + Send + Sync>;

/// A directory of snapshots.
#[derive(Clone)]
pub struct DirectorySnapshots {
    directory: PathBuf,
    disk: Arc<dyn Disk>,
    hook: Option<Hook>,
}

impl std::fmt::Debug for DirectorySnapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("DirectorySnapshots");
        shown.field("directory", &self.directory);
        shown.finish_non_exhaustive()
    }
}

impl DirectorySnapshots {
    /// Opens a directory, making it when it is not there, and removes what a dead process left unfinished.
    ///
    /// # Errors
    /// [`SnapshotError::File`] when it cannot be made, read or cleaned.
    pub fn open(directory: &Path) -> Result<Self, SnapshotError> {
        Self::open_on(Arc::new(Machine), directory)
    }

    /// The same on a disk that may be another one than the machine's.
    pub(super) fn open_on(disk: Arc<dyn Disk>, directory: &Path) -> Result<Self, SnapshotError> {
        make(disk.as_ref(), directory)?;
        let store = Self {
            directory: directory.to_owned(),
            disk,
            hook: None,
        };
        for file in store.files()? {
            if file.strip_suffix(UNFINISHED).is_some_and(is_name) {
                let path = directory.join(file);
                let removed = store.disk.remove(&path);
                removed.map_err(failed("remove", &path))?;
            }
        }
        Ok(store)
    }

    /// Has a hook called at each point of the snapshots created from now on.
    #[must_use]
    pub fn with_hook(mut self, hook: Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.directory
    }

    fn path(&self, name: &str, suffix: &str) -> Result<PathBuf, SnapshotError> {
        Ok(self.directory.join(format!("{}{suffix}", named(name)?)))
    }

    /// Names of all entries; one that is no text is none of ours.
    fn files(&self) -> Result<Vec<String>, SnapshotError> {
        let failed = || failed("list", &self.directory);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            files.extend(name.into_string());
        }
        Ok(files)
    }
}

impl SnapshotStore for DirectorySnapshots {
    fn list(&self) -> Result<Vec<String>, SnapshotError> {
        let files = self.files()?;
        let mut names: Vec<String> = files
            .iter()
            .filter_map(|file| name_in(file))
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn SnapshotWriter>, SnapshotError> {
        let unfinished = self.path(name, UNFINISHED)?;
        // A second writer of the same name would write into the first one's file, so it is refused.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished);
        let file = file.map_err(failed("create", &unfinished))?;
        Ok(Box::new(FileWriter {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            store: self.clone(),
            complete: self.path(name, SUFFIX)?,
            unfinished,
            broken: false,
            renamed: false,
        }))
    }

    fn open(&self, name: &str) -> Result<Box<dyn SnapshotReader>, SnapshotError> {
        let path = self.path(name, SUFFIX)?;
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let operation = format!("open {}", path.display());
                return Err(SnapshotError::Missing { operation });
            }
            opened => opened.map_err(failed("open", &path))?,
        };
        let length = file.metadata().map_err(failed("open", &path))?.len();
        Ok(Box::new(FileReader { file, length, path }))
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        let path = self.path(name, SUFFIX)?;
        match self.disk.remove(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(failed("remove", &path))?,
        }
        sync_directory(self.disk.as_ref(), &self.directory)
    }
}

/// A snapshot being written.
struct FileWriter {
    file: BufWriter<File>,
    store: DirectorySnapshots,
    unfinished: PathBuf,
    complete: PathBuf,
    /// A write failed: bytes may be missing.
    broken: bool,
    renamed: bool,
}

impl FileWriter {
    fn at(&self, point: SnapshotPoint) {
        if let Some(hook) = &self.store.hook {
            hook(point);
        }
    }

    /// One operation on the file's bytes.
    fn try_to<T>(
        &mut self,
        call: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<T>,
    ) -> Result<T, SnapshotError> {
        let operation = || format!("write {}", self.unfinished.display());
        if self.broken {
            return Err(SnapshotError::Broken {
                operation: operation(),
            });
        }
        call(&mut self.file).map_err(|source| {
            self.broken = source.kind() != ErrorKind::Interrupted;
            SnapshotError::File {
                operation: operation(),
                source,
            }
        })
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(self.try_to(|file| file.write(bytes))?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(self.try_to(BufWriter::flush)?)
    }
}

impl SnapshotWriter for FileWriter {
    fn finish(mut self: Box<Self>) -> Result<(), SnapshotError> {
        self.try_to(BufWriter::flush)?;
        self.at(SnapshotPoint::BeforeSync);
        let disk = &self.store.disk;
        let synced = disk.sync(self.file.get_ref(), &self.unfinished);
        synced.map_err(failed("sync", &self.unfinished))?;
        self.at(SnapshotPoint::BeforeRename);
        let renamed = self.store.disk.rename(&self.unfinished, &self.complete);
        renamed.map_err(failed("rename", &self.unfinished))?;
        self.renamed = true;
        self.at(SnapshotPoint::AfterRename);
        sync_directory(self.store.disk.as_ref(), &self.store.directory)?;
        self.at(SnapshotPoint::AfterSyncDirectory);
        Ok(())
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if !self.renamed {
            // What stays is never listed, and the next opening tries again.
            let _ = self.store.disk.remove(&self.unfinished);
        }
    }
}

/// A snapshot being read; the open file stays the same one when another takes its name.
struct FileReader {
    file: File,
    length: u64,
    path: PathBuf,
}

impl SnapshotReader for FileReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), SnapshotError> {
        within(
            &self.path.display().to_string(),
            at,
            into.len(),
            self.length,
        )?;
        self.file
            .read_exact_at(into, at)
            .map_err(failed("read", &self.path))
    }
}

/// Makes a directory and those above it, and the names of the new ones durable.
fn make(disk: &dyn Disk, directory: &Path) -> Result<(), SnapshotError> {
    let absolute = std::path::absolute(directory).map_err(failed("find", directory))?;
    let new: Vec<&Path> = absolute
        .ancestors()
        .take_while(|path| !path.exists())
        .collect();
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    made.map_err(failed("make", directory))?;
    let parents = new.into_iter().filter_map(Path::parent);
    parents
        .into_iter()
        .try_for_each(|parent| sync_directory(disk, parent))
}

fn sync_directory(disk: &dyn Disk, directory: &Path) -> Result<(), SnapshotError> {
    let synced = disk.sync_directory(directory);
    synced.map_err(failed("sync", directory))
}

fn failed<'a>(verb: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> SnapshotError + 'a {
    move |source| SnapshotError::File {
        operation: format!("{verb} {}", path.display()),
        source,
    }
}
