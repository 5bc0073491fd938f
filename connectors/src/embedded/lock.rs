//! Who has a directory: one process of one application at a time.
//!
//! The one idea: the operating system's file lock, which ends with the process however it ends, so there is never a
//! stale one to remove. The invariant: the names written into the files only explain; the lock decides.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::EmbeddedError;

/// Most bytes read of what a lock file says.
const HOLDER_BYTES: u64 = 256;

/// The lock of a directory; dropped, it is free.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the lock of a directory, making the directory when it is not there, and marks it as this application's.
    ///
    /// # Errors
    /// [`EmbeddedError::Locked`] when another process has it, [`EmbeddedError::OtherApplication`] when it belongs to
    /// another application, [`EmbeddedError::File`] when it cannot be written.
    pub fn take(directory: &Path, application: &str) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(directory).map_err(failed("make", directory))?;
        let path = directory.join("LOCK");
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = open.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read_text(&mut file).unwrap_or_else(|_| "another process".to_owned());
                return Err(EmbeddedError::Locked {
                    directory: directory.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        owned_by(directory, application)?;
        let text = format!(
            "process {} of application {application}",
            std::process::id()
        );
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.flush());
        written.map_err(failed("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    /// Gives the lock back by name: closing the file would leave it to whoever has a copy of the descriptor, and a
    /// process that is being started has one until its program runs. An error leaves what closing does.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Checks the application named in the directory, or writes it when none is.
fn owned_by(directory: &Path, application: &str) -> Result<(), EmbeddedError> {
    let path = directory.join("APPLICATION");
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim_end() == application => Ok(()),
        // An empty file is what a crash between making and writing it leaves.
        Ok(found) if !found.trim_end().is_empty() => Err(EmbeddedError::OtherApplication {
            directory: directory.to_owned(),
            found: found.trim_end().chars().take(100).collect(),
            wanted: application.to_owned(),
        }),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("read", &path)(error)),
        _ => std::fs::write(&path, format!("{application}\n")).map_err(failed("write", &path)),
    }
}

fn read_text(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HOLDER_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(if text.is_empty() {
        "another process".to_owned()
    } else {
        text
    })
}

fn failed<'a>(verb: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> EmbeddedError + 'a {
    move |source| EmbeddedError::File {
        operation: format!("{verb} {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::DirectoryLock;

    /// A process that is being started has, until its program runs, a copy of every file its parent has open.
    #[test]
    fn a_lock_given_back_is_free_while_a_copy_of_its_file_is_open() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::take(directory.path(), "app").unwrap();
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        let again = DirectoryLock::take(directory.path(), "app").map(drop);
        assert!(again.is_ok(), "{again:?}");
        drop(copy);
    }
}
