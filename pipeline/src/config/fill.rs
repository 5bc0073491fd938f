//! `${env:NAME}` and `${file:PATH}`: what is filled in before anything is checked.
//!
//! The idea: one [`Lookup`] stands for the environment and the disk, so that the reading itself is pure. The
//! invariant: a value that was filled in never comes into a finding; a finding names the variable or the file only.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error_code::Code;
use crate::finding::Finding;

/// Bytes a secret file may hold.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Where values come from.
pub trait Lookup {
    /// A variable of the environment, if it is set and is text.
    fn env(&self, name: &str) -> Option<String>;

    /// The content of a secret file.
    ///
    /// # Errors
    /// [`SecretProblem`].
    fn file(&self, path: &Path) -> Result<String, SecretProblem>;
}

/// Why a secret file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It is a directory, a pipe or a device.
    #[error("it is no regular file")]
    NoFile,
    /// More than [`SECRET_BYTES_MAX`].
    #[error("it is larger than 64 KiB")]
    TooLarge,
    /// Not text.
    #[error("it is not UTF-8")]
    NotText,
    /// Everybody on the machine can read it.
    #[error("every user of this machine can read it")]
    WorldReadable,
}

/// The environment and the disk of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct System {
    /// Accept secret files that others can read.
    pub allow_insecure_perms: bool,
}

/// Fills in the scalars of one file.
pub(super) struct Fill<'a> {
    pub(super) file: &'a str,
    pub(super) base: &'a Path,
    pub(super) lookup: &'a dyn Lookup,
}

/// What became of a scalar.
pub(super) enum Filled {
    /// There was nothing to fill in.
    Unchanged,
    Text(String),
    Failed(Vec<Finding>),
}

// === impl System ===

impl Lookup for System {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> Result<String, SecretProblem> {
        use std::io::Read;
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let unreadable =
            |error: std::io::Error| SecretProblem::Unreadable(error.kind().to_string());
        // Without O_NONBLOCK a named pipe would keep the program waiting for a writer.
        const O_NONBLOCK: i32 = 0o4000;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(path)
            .map_err(unreadable)?;
        // Asked of the open file, so that it cannot be exchanged between the question and the reading.
        let meta = file.metadata().map_err(unreadable)?;
        if !meta.is_file() {
            return Err(SecretProblem::NoFile);
        }
        if meta.permissions().mode() & 0o004 != 0 && !self.allow_insecure_perms {
            return Err(SecretProblem::WorldReadable);
        }
        let mut bytes = Vec::new();
        file.take(SECRET_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SECRET_BYTES_MAX {
            return Err(SecretProblem::TooLarge);
        }
        String::from_utf8(bytes).map_err(|_| SecretProblem::NotText)
    }
}

// === impl Fill ===

impl Fill<'_> {
    /// Fills in every `${…}` of a text.
    pub(super) fn fill(&self, text: &str, span: &Range<usize>) -> Filled {
        if !text.contains("${") {
            return Filled::Unchanged;
        }
        let (mut made, mut problems, mut rest) = (String::new(), Vec::new(), text);
        while let Some((before, from)) = rest.split_once("${") {
            made.push_str(before);
            let Some((inside, behind)) = from.split_once('}') else {
                problems.push(self.problem(span, "`${` is not closed by `}`"));
                rest = "";
                break;
            };
            match self.value(inside, span) {
                Ok(value) => made.push_str(&value),
                Err(problem) => problems.push(*problem),
            }
            rest = behind;
        }
        made.push_str(rest);
        if problems.is_empty() {
            Filled::Text(made)
        } else {
            Filled::Failed(problems)
        }
    }

    fn value(&self, inside: &str, span: &Range<usize>) -> Result<String, Box<Finding>> {
        if let Some(name) = inside.strip_prefix("env:") {
            return self.variable(name, span).map_err(Box::new);
        }
        if let Some(path) = inside.strip_prefix("file:") {
            return self.secret(path, span).map_err(Box::new);
        }
        let problem = self.problem(span, "only `${env:NAME}` and `${file:PATH}` are filled in");
        Err(Box::new(problem))
    }

    fn variable(&self, name: &str, span: &Range<usize>) -> Result<String, Finding> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 128 || !name.chars().all(fits) {
            return Err(self.problem(
                span,
                "the name of a variable has letters, digits and `_` only",
            ));
        }
        match self.lookup.env(name) {
            Some(value) if !value.is_empty() => Ok(value),
            Some(_) => {
                Err(self.problem(span, format!("the environment variable `{name}` is empty")))
            }
            None => Err(self.problem(
                span,
                format!("the environment variable `{name}` is not set"),
            )),
        }
    }

    fn secret(&self, path: &str, span: &Range<usize>) -> Result<String, Finding> {
        if path.is_empty() {
            return Err(self.problem(span, "`${file:}` names no file"));
        }
        let absolute: PathBuf = self.base.join(path);
        let content = self.lookup.file(&absolute).map_err(|problem| {
            let found = self.problem(
                span,
                format!("the secret file `{path}` is refused: {problem}"),
            );
            if problem == SecretProblem::WorldReadable {
                let help =
                    format!("run `chmod o-r {path}`, or accept it with --allow-insecure-perms");
                let mut found = found.help(help);
                found.code = crate::finding::AnyCode::Config(Code::InsecureFile);
                return found;
            }
            found
        })?;
        let value = content.strip_suffix('\n').unwrap_or(&content);
        let value = value.strip_suffix('\r').unwrap_or(value);
        if value.is_empty() {
            return Err(self.problem(span, format!("the secret file `{path}` is empty")));
        }
        Ok(value.to_owned())
    }

    fn problem(&self, span: &Range<usize>, message: impl Into<String>) -> Finding {
        Finding::error(Code::Substitution, self.file, span.clone(), message)
    }
}
