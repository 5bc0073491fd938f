//! Collects what is wrong while a file is read, so that one run reports everything.
//!
//! The idea: checking never stops at a finding; it notes it and goes on with what is still known. The invariant:
//! however bad the text, at most [`FINDINGS_MAX`] findings are kept, and suggestions are made only for the first
//! [`SUGGESTIONS_MAX`], so a hostile pack cannot make the report itself expensive.

use std::ops::Range;

use super::{Code, Diagnostic, Severity, suggest};

/// As many findings as anybody reads.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// How many "did you mean" are looked for.
const SUGGESTIONS_MAX: usize = 200;

/// The findings about one file.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
    suggestions: usize,
    errors: usize,
    /// Takes the findings beyond the limit; read by nobody.
    overflow: Option<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Findings<'a> {
        Findings {
            file,
            text,
            found: Vec::new(),
            suggestions: 0,
            errors: 0,
            overflow: None,
        }
    }

    /// The text the spans point into.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Notes an error; what it returns takes a label and a help.
    pub(crate) fn error(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Note<'_> {
        self.note(code, Severity::Error, span, message.into())
    }

    /// Notes a warning; what it returns takes a label and a help.
    pub(crate) fn warning(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Note<'_> {
        self.note(code, Severity::Warning, span, message.into())
    }

    /// Takes a finding about another file.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.found.len() < FINDINGS_MAX {
            self.found.push(diagnostic);
        }
    }

    /// "did you mean" among these, while there are not too many already.
    pub(crate) fn did_you_mean<'b>(
        &mut self,
        wrong: &str,
        known: impl IntoIterator<Item = &'b str>,
    ) -> Option<String> {
        if self.suggestions >= SUGGESTIONS_MAX {
            return None;
        }
        self.suggestions += 1;
        suggest::nearest(wrong, known).map(|near| format!("did you mean `{near}`?"))
    }

    /// Whether a pack with these findings must not run.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are so far, those beyond the limit included.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// All findings in the order of the text, none twice.
    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let (file, mut found) = (self.file, self.found);
        found.sort_by(|a, b| {
            let place = |d: &Diagnostic| {
                (
                    d.file != file,
                    d.file.clone(),
                    d.span.start,
                    d.span.end,
                    d.code,
                )
            };
            place(a)
                .cmp(&place(b))
                .then_with(|| a.message.cmp(&b.message))
        });
        found.dedup();
        found
    }

    fn note(
        &mut self,
        code: Code,
        severity: Severity,
        span: Range<usize>,
        message: String,
    ) -> Note<'_> {
        self.errors += usize::from(severity == Severity::Error);
        let end = span.end.min(self.text.len());
        let diagnostic = Diagnostic {
            code,
            severity,
            file: self.file.to_owned(),
            span: span.start.min(end)..end,
            message,
            label: String::new(),
            help: None,
        };
        if self.found.len() < FINDINGS_MAX {
            self.found.push(diagnostic);
            Note(self.found.last_mut())
        } else {
            Note(Some(self.overflow.insert(diagnostic)))
        }
    }
}

/// The finding just noted.
pub(crate) struct Note<'a>(Option<&'a mut Diagnostic>);

impl Note<'_> {
    /// What the caret points at.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(diagnostic) = &mut self.0 {
            diagnostic.label = label.into();
        }
        self
    }

    /// What to do about it, if anything is known.
    pub(crate) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        if let Some(diagnostic) = &mut self.0 {
            diagnostic.help = help.into();
        }
        self
    }
}
