//! Packs on disk: from a path to the texts that `rules` compiles.
//!
//! The idea: `rules` is given names and texts; finding and reading the files, within limits, is done here. The
//! invariant: nothing but a regular file inside the pack's directory is read, and no more of it than its limit.

pub mod builtin;

use std::io::Read;
use std::path::{Path, PathBuf};

use rules::definition::{LIST_BYTES_MAX, PACK_BYTES_MAX, PackSource, SourceFile};
use rules::diagnostic::suggest;

use crate::error_code::Code;
use crate::finding::{Finding, SourceText};

/// The file of a pack that is a directory.
pub const PACK_FILE: &str = "pack.yaml";

/// The tests beside it.
pub const TESTS_FILE: &str = "tests.yaml";

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("{}: {}", path.display(), describe(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("{}: no regular file", .0.display())]
    NoFile(PathBuf),
    /// A directory without a pack.
    #[error("{}: a directory without {PACK_FILE}", .0.display())]
    NoPack(PathBuf),
}

/// A pack's texts, and what could not be read.
#[derive(Debug)]
pub struct Loaded {
    /// The texts; `None` when the pack itself cannot be read.
    pub source: Option<PackSource>,
    /// What is wrong with the files.
    pub findings: Vec<Finding>,
    /// All texts a finding can point into, without large lists.
    pub texts: Vec<SourceText>,
}

impl ReadError {
    /// Why, without the path, for a message that names it as the user wrote it.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            ReadError::Io { source, .. } => describe(source),
            ReadError::NoFile(_) => "no regular file".to_owned(),
            ReadError::NoPack(_) => format!("a directory without {PACK_FILE}"),
        }
    }
}

fn describe(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// The pack file at a path: the path itself, or the one in the directory.
///
/// # Errors
/// [`ReadError`] when there is none.
pub fn locate(path: &Path) -> Result<PathBuf, ReadError> {
    let meta = std::fs::metadata(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })?;
    if !meta.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(PACK_FILE);
    if file.is_file() {
        Ok(file)
    } else {
        Err(ReadError::NoPack(path.to_owned()))
    }
}

/// `did you mean` among the directories and files beside a path that is not there.
#[must_use]
pub fn nearest(path: &Path) -> Option<String> {
    const LOOKED_AT_MAX: usize = 1_000;
    let wrong = path.file_name()?.to_str()?;
    let beside = std::fs::read_dir(path.parent()?).ok()?;
    let mut names: Vec<String> = beside
        .take(LOOKED_AT_MAX)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    // The order of a directory is the file system's own.
    names.sort();
    let near = suggest::nearest(wrong, names.iter().map(String::as_str))?;
    Some(format!("did you mean `{near}`?"))
}

/// At most one byte more than `limit` of a regular file: enough to see that it is too large.
///
/// # Errors
/// [`ReadError`].
pub fn read_bytes(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let meta = std::fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return Err(ReadError::NoFile(path.to_owned()));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads a text file within a limit.
///
/// # Errors
/// A finding that names the file.
pub fn read_text(path: &Path, name: &str, limit: usize) -> Result<SourceFile, Box<Finding>> {
    let bytes = read_bytes(path, limit)
        .map_err(|error| Box::new(Finding::error(Code::Unreadable, name, 0..0, error.reason())))?;
    SourceFile::from_bytes(name, bytes, limit).map_err(|found| Box::new(found.into()))
}

/// Reads a pack and the lists it names.
#[must_use]
pub fn load(path: &Path) -> Loaded {
    let failed = |finding: Finding| Loaded {
        source: None,
        findings: vec![finding],
        texts: Vec::new(),
    };
    let file = match locate(path) {
        Ok(file) => file,
        Err(error) => {
            let name = path.display().to_string();
            let finding = Finding::error(Code::NoPack, &name, 0..0, error.reason());
            return failed(finding.help(nearest(path)));
        }
    };
    let name = file.display().to_string();
    let pack = match read_text(&file, &name, PACK_BYTES_MAX) {
        Ok(pack) => pack,
        Err(finding) => return failed(*finding),
    };
    let base = file.parent().unwrap_or(Path::new(""));
    let (mut lists, mut findings) = (Vec::new(), Vec::new());
    for wanted in rules::definition::list_files(&pack) {
        // A name that would leave the directory is not read; the pack is told that it is not there.
        let inside = Path::new(&wanted)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            continue;
        }
        match read_text(&base.join(&wanted), &wanted, LIST_BYTES_MAX) {
            Ok(list) => lists.push(list),
            // One that is not there gets its finding, with a place, from the compiler.
            Err(finding) if matches!(finding.code, crate::finding::AnyCode::Config(_)) => {}
            Err(finding) => findings.push(*finding),
        }
    }
    let texts = vec![SourceText {
        file: pack.name.clone(),
        text: pack.text.clone(),
    }];
    Loaded {
        source: Some(PackSource { pack, lists }),
        findings,
        texts,
    }
}
