//! One thing that is wrong with what a user wrote, whoever found it: a pack's diagnostic or a configuration's.
//!
//! The idea: `rules` and the configuration report in types of their own; what is shown, counted and turned into an
//! exit code is this one. The invariant: no text of a finding holds a secret; values that came from the environment
//! or a secret file are quoted as they were written, `${env:…}`.

use std::ops::Range;

pub use rules::diagnostic::Severity;

use crate::error_code::Code;

/// The code of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnyCode {
    /// Of a pack, or of YAML itself.
    Pack(rules::diagnostic::Code),
    /// Of a configuration.
    Config(Code),
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code.
    pub code: AnyCode,
    /// See [`Severity`].
    pub severity: Severity,
    /// The file, as the user named it.
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

/// A text that findings point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceText {
    /// The name findings carry.
    pub file: String,
    /// All of it.
    pub text: String,
}

impl AnyCode {
    /// What one quotes: `E0102`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            AnyCode::Pack(code) => code.id(),
            AnyCode::Config(code) => code.id(),
        }
    }

    /// The same for a program to compare.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AnyCode::Pack(code) => code.name(),
            AnyCode::Config(code) => code.name(),
        }
    }
}

impl From<rules::diagnostic::Diagnostic> for Finding {
    fn from(found: rules::diagnostic::Diagnostic) -> Finding {
        Finding {
            code: AnyCode::Pack(found.code),
            severity: found.severity,
            file: found.file,
            span: found.span,
            message: found.message,
            label: found.label,
            help: found.help,
        }
    }
}

impl Finding {
    /// An error about a configuration.
    #[must_use]
    pub fn error(
        code: Code,
        file: &str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            code: AnyCode::Config(code),
            severity: Severity::Error,
            file: file.to_owned(),
            span,
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// The same with what the caret points at.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Finding {
        self.label = label.into();
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Finding {
        self.help = help.into();
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Finding {
        self.severity = Severity::Warning;
        self
    }

    /// Line and column of its beginning in this text, both from 1, the column in characters.
    #[must_use]
    pub fn position(&self, text: &str) -> (usize, usize) {
        let mut at = self.span.start.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (
            line,
            before.get(line_start..).unwrap_or_default().chars().count() + 1,
        )
    }
}

/// Whether any of them is an error.
#[must_use]
pub fn any_error(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}
