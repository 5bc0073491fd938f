//! The texts a pack consists of, as handed over by whoever reads files.
//!
//! The idea: this library reads nothing itself; it is given names and texts. The invariant: a [`SourceFile`] made by
//! [`SourceFile::from_bytes`] is UTF-8 without a byte order mark and no larger than its limit.

use crate::diagnostic::{Code, Diagnostic, Severity};

/// Bytes of a pack's text at most.
pub const PACK_BYTES_MAX: usize = 1 << 20;

/// Bytes of a list's text at most. Read no more than this plus one byte of any file.
pub const LIST_BYTES_MAX: usize = 64 << 20;

/// A named text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As findings shall name it; for a list, exactly what stands behind `file:` in the pack.
    pub name: String,
    /// All of it.
    pub text: String,
}

impl SourceFile {
    /// A text under a name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> SourceFile {
        SourceFile {
            name: name.into(),
            text: text.into(),
        }
    }

    /// A text from what a file holds.
    ///
    /// # Errors
    /// A finding when there is more of it than `bytes_max`, it is not UTF-8, or begins with a byte order mark.
    pub fn from_bytes(
        name: impl Into<String>,
        bytes: Vec<u8>,
        bytes_max: usize,
    ) -> Result<SourceFile, Diagnostic> {
        let name = name.into();
        if let Some(problem) = size(&name, bytes.len(), bytes_max) {
            return Err(problem);
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            refused(
                &name,
                Code::YamlSyntax,
                format!("not UTF-8: byte {at} begins no character"),
            )
        })?;
        match mark(&name, &text) {
            Some(problem) => Err(problem),
            None => Ok(SourceFile { name, text }),
        }
    }

    /// What [`SourceFile::from_bytes`] would refuse, for a text that came another way.
    pub(crate) fn problem(&self, bytes_max: usize) -> Option<Diagnostic> {
        size(&self.name, self.text.len(), bytes_max).or_else(|| mark(&self.name, &self.text))
    }
}

/// A pack's text and the lists it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackSource {
    /// `pack.yaml`.
    pub pack: SourceFile,
    /// One per name of [`super::list_files`]; one that cannot be read is left out, and the pack is told so.
    pub lists: Vec<SourceFile>,
}

impl PackSource {
    /// A pack that names no list file.
    pub fn alone(name: impl Into<String>, text: impl Into<String>) -> PackSource {
        PackSource {
            pack: SourceFile::new(name, text),
            lists: Vec::new(),
        }
    }
}

fn size(name: &str, bytes: usize, bytes_max: usize) -> Option<Diagnostic> {
    (bytes > bytes_max).then(|| {
        let message = format!("larger than {bytes_max} bytes");
        refused(name, Code::TooLarge, message)
    })
}

fn mark(name: &str, text: &str) -> Option<Diagnostic> {
    text.starts_with('\u{feff}').then(|| {
        let message = "begins with a byte order mark".to_owned();
        Diagnostic {
            help: Some("save it as UTF-8 without a byte order mark".to_owned()),
            ..refused(name, Code::YamlSyntax, message)
        }
    })
}

fn refused(name: &str, code: Code, message: String) -> Diagnostic {
    Diagnostic {
        code,
        severity: Severity::Error,
        file: name.to_owned(),
        span: 0..0,
        message,
        label: String::new(),
        help: None,
    }
}
