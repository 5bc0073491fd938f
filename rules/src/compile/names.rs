//! What names may look like.
//!
//! The idea: a name that expressions use is an SQL word; one that leaves in decisions, metrics and URLs is an id; one that
//! people read is a label. The invariant: none of them can hold a control character, a path or a page of text.

use super::Checker;
use crate::definition::{PackDefinition, Text};
use crate::diagnostic::Code;

/// Characters of a name or an id at most.
const NAME_MAX: usize = 64;

/// Characters of a label at most.
const LABEL_MAX: usize = 128;

/// Characters of an `explain` at most.
pub(super) const EXPLAIN_MAX: usize = 1_000;

impl Checker<'_> {
    pub(super) fn pack_name(&mut self, pack: &PackDefinition) -> String {
        if let Some(event) = &pack.event {
            self.id(event, "the event's name");
        }
        match &pack.pack {
            Some(name) => {
                self.id(name, "the pack's name");
                name.text.clone()
            }
            None => String::new(),
        }
    }

    /// Letters, digits, `_`; not a digit first: what an expression can name.
    pub(super) fn word(&mut self, name: &Text, what: &str) -> bool {
        let mut bytes = name.text.bytes();
        let good = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.text.len() <= NAME_MAX;
        if !good {
            let message = format!("{} cannot name {what}", shown(&name.text));
            let help = format!(
                "a name has letters, digits and `_`, begins with no digit, and has at most {NAME_MAX} characters"
            );
            self.findings
                .error(Code::BadName, name.span.clone(), message)
                .help(help);
        }
        good
    }

    /// Letters, digits, `_`, `-`: what may stand in a URL or a series label.
    pub(super) fn id(&mut self, name: &Text, what: &str) -> bool {
        let good = (1..=NAME_MAX).contains(&name.text.len())
            && name
                .text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !good {
            let message = format!("{} cannot be {what}", shown(&name.text));
            let help = format!("write 1 to {NAME_MAX} letters, digits, `_` and `-`");
            self.findings
                .error(Code::BadName, name.span.clone(), message)
                .help(help);
        }
        good
    }

    /// Any text people read, of bounded length.
    pub(super) fn label(&mut self, label: &Text, what: &str) -> Option<String> {
        let good =
            label.text.chars().count() <= LABEL_MAX && !label.text.chars().any(char::is_control);
        if !good {
            let message = format!("{} cannot be {what}", shown(&label.text));
            let help = format!("write one line of at most {LABEL_MAX} characters");
            self.findings
                .error(Code::BadName, label.span.clone(), message)
                .help(help);
        }
        good.then(|| label.text.clone())
    }
}

/// A text as a message may show it: escaped, and no longer than fits a line.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", short.escape_debug())
}
