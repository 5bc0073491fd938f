//! What is wrong with a pack, and where: code, file, place, cause, help. One page per code in `error_code/`.
//!
//! The idea: a finding is data. It holds bytes of a file; turning those into lines, carets and colours is the work of
//! whoever shows it. The invariant: `span` lies inside the file it names, on character boundaries, when the file is
//! the one that was checked.
//!
//! [`code`] is the list of codes, [`findings`] collects them while a text is read, [`suggest`] finds what was meant.

mod code;
pub(crate) mod findings;
pub mod suggest;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use code::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pack runs; `check --strict` refuses it.
    Warning,
    /// The pack does not run.
    Error,
}

impl Severity {
    /// The word before the message.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code.
    pub code: Code,
    /// See [`Severity`].
    pub severity: Severity,
    /// The file's name as given in the source.
    pub file: String,
    /// Bytes of that file.
    pub span: Range<usize>,
    /// One lower-case line.
    pub message: String,
    /// What the caret points at; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in a text as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Position {
    /// Where the byte at `offset` of `text` stands; an offset beyond the end is the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Position {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}
