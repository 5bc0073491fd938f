//! Reads mappings and single values, and notes what is wrong with them without stopping.
//!
//! The idea: a [`Section`] is opened with the keys it knows; the others are noted at once with what was probably
//! meant, and each reader returns `None` after it has noted why. The invariant: nothing is passed over in silence: a
//! value is either returned or noted.

use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use rules::diagnostic::suggest::nearest;
use rules::time::Span;

use super::value::{Key, Kind, Scalar, Value};
use crate::error_code::Code;
use crate::finding::Finding;

/// As many findings as anybody reads.
const FINDINGS_MAX: usize = 1_000;

/// The findings about one file.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    pub(super) file: &'a str,
    pub(super) found: Vec<Finding>,
}

/// A mapping whose keys are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    /// Where it stands: `source.kafka`; empty for the whole.
    path: &'a str,
    span: &'a Range<usize>,
    entries: &'a [(Key, Value)],
}

impl Notes<'_> {
    pub(super) fn add(&mut self, finding: Finding) {
        if self.found.len() < FINDINGS_MAX {
            self.found.push(finding);
        }
    }

    pub(super) fn error(&mut self, code: Code, span: &Range<usize>, message: impl Into<String>) {
        self.add(Finding::error(code, self.file, span.clone(), message));
    }

    pub(super) fn error_with(
        &mut self,
        code: Code,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.add(Finding::error(code, self.file, span.clone(), message).help(help));
    }
}

/// `did you mean …?`, or else what there is.
pub(super) fn meant(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

impl<'a> Section<'a> {
    /// Opens a mapping; notes keys that are not known.
    pub(super) fn open(
        value: &'a Value,
        path: &'a str,
        known: &[&str],
        notes: &mut Notes<'_>,
    ) -> Option<Section<'a>> {
        let Kind::Map(entries) = &value.kind else {
            let what = if path.is_empty() { "the file" } else { path };
            notes.error(
                Code::WrongValue,
                &value.span,
                format!("{what} must be a mapping of keys to values"),
            );
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let shown: String = key
                    .text
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(60)
                    .collect();
                let message = if path.is_empty() {
                    format!("unknown key `{shown}`")
                } else {
                    format!("unknown key `{shown}` in {path}")
                };
                notes.error_with(
                    Code::UnknownKey,
                    &key.span,
                    message,
                    meant(&key.text, known),
                );
            }
        }
        Some(Section {
            path,
            span: &value.span,
            entries,
        })
    }

    /// The value of a key; nothing counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let found = self.entries.iter().find(|(name, _)| name.text == key);
        found
            .map(|(_, value)| value)
            .filter(|value| !matches!(value.kind, Kind::Null))
    }

    /// The value of a key that must be there.
    pub(super) fn need(&self, key: &str, notes: &mut Notes<'_>) -> Option<&'a Value> {
        self.need_with(key, None, notes)
    }

    /// The same, with what to do when it is not.
    pub(super) fn need_with(
        &self,
        key: &str,
        help: Option<&str>,
        notes: &mut Notes<'_>,
    ) -> Option<&'a Value> {
        let found = self.get(key);
        if found.is_none() {
            let at = self.entries.iter().find(|(name, _)| name.text == key);
            let message = if self.path.is_empty() {
                format!("`{key}` is missing")
            } else {
                format!("`{key}` is missing in {}", self.path)
            };
            let span = match at {
                Some((name, _)) => name.span.clone(),
                // A caret under a whole block says nothing; its first character does.
                None => self.span.start..self.span.end.min(self.span.start + 1),
            };
            notes.error_with(Code::MissingKey, &span, message, help.map(str::to_owned));
        }
        found
    }

    /// Where it stands.
    pub(super) fn span(&self) -> &'a Range<usize> {
        self.span
    }

    /// All entries, in the order written.
    pub(super) fn entries(&self) -> &'a [(Key, Value)] {
        self.entries
    }

    /// A duration within bounds, or the default.
    pub(super) fn duration(
        &self,
        key: &str,
        default: Duration,
        range: RangeInclusive<Span>,
        notes: &mut Notes<'_>,
    ) -> Option<Duration> {
        let Some(value) = self.get(key) else {
            return Some(default);
        };
        let scalar = scalar(value, key, notes)?;
        let bounds = format!(
            "write a duration from {} to {}, such as `{}`",
            range.start(),
            range.end(),
            range.end()
        );
        match Span::parse(scalar.text()) {
            Ok(span) if range.contains(&span) => Some(Duration::from_micros(span.0.unsigned_abs())),
            Ok(_) => {
                let message = format!("{key}: `{}` is out of range", scalar.quoted());
                notes.error_with(Code::OutOfRange, &value.span, message, bounds);
                None
            }
            Err(_) => {
                let message = format!("{key}: `{}` is not a duration or too long", scalar.quoted());
                notes.error_with(Code::OutOfRange, &value.span, message, bounds);
                None
            }
        }
    }

    /// A whole number within bounds, if it is there.
    pub(super) fn integer(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        notes: &mut Notes<'_>,
    ) -> Option<Option<u64>> {
        let Some(value) = self.get(key) else {
            return Some(None);
        };
        let scalar = scalar(value, key, notes)?;
        let number = scalar.text().replace('_', "").parse().ok();
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(Some(number)),
            None => {
                let message = format!(
                    "{key}: `{}` is not a whole number from {} to {}",
                    scalar.quoted(),
                    range.start(),
                    range.end()
                );
                notes.error(Code::OutOfRange, &value.span, message);
                None
            }
        }
    }

    /// A number within bounds, or the default.
    pub(super) fn number(
        &self,
        key: &str,
        default: f64,
        range: RangeInclusive<f64>,
        notes: &mut Notes<'_>,
    ) -> Option<f64> {
        let Some(value) = self.get(key) else {
            return Some(default);
        };
        let scalar = scalar(value, key, notes)?;
        let number: Option<f64> = scalar.text().parse().ok();
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let message = format!(
                    "{key}: `{}` is not a number from {} to {}",
                    scalar.quoted(),
                    range.start(),
                    range.end()
                );
                notes.error(Code::OutOfRange, &value.span, message);
                None
            }
        }
    }

    /// True or false; false when absent.
    pub(super) fn flag(&self, key: &str, notes: &mut Notes<'_>) -> bool {
        let Some(value) = self.get(key) else {
            return false;
        };
        match scalar(value, key, notes).map(Scalar::text) {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => {
                notes.error(
                    Code::WrongValue,
                    &value.span,
                    format!("{key} is `true` or `false`"),
                );
                false
            }
        }
    }

    /// One word of a list, or the first of them.
    pub(super) fn word(
        &self,
        key: &str,
        words: &[&'static str],
        notes: &mut Notes<'_>,
    ) -> Option<&'static str> {
        match self.get(key) {
            Some(value) => word(value, key, words, notes),
            None => words.first().copied(),
        }
    }

    /// Records per second: `1000/s`, `90/m`, `5/h`; absent: as fast as it goes.
    pub(super) fn rate(&self, key: &str, notes: &mut Notes<'_>) -> Option<Option<f64>> {
        let Some(value) = self.get(key) else {
            return Some(None);
        };
        let scalar = scalar(value, key, notes)?;
        match parse_rate(scalar.text()) {
            Some(rate) => Some(Some(rate)),
            None => {
                let message = format!("{key}: `{}` is not a rate", scalar.quoted());
                let help = "write a number and `/s`, `/m` or `/h`, such as `1000/s`; from 1/h to 10000000/s";
                notes.error_with(Code::OutOfRange, &value.span, message, help.to_owned());
                None
            }
        }
    }

    /// An address that only this machine can reach, if it is there.
    pub(super) fn address(&self, key: &str, notes: &mut Notes<'_>) -> Option<SocketAddr> {
        let value = self.need(key, notes)?;
        let scalar = scalar(value, key, notes)?;
        let text = scalar.text().replace("localhost:", "127.0.0.1:");
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Some(address),
            Ok(_) => {
                let message = format!(
                    "{key}: `{}` can be reached from other machines",
                    scalar.quoted()
                );
                let help = "listen on 127.0.0.1 or [::1]; TLS and tokens come later".to_owned();
                notes.error_with(Code::NotLoopback, &value.span, message, help);
                None
            }
            Err(_) => {
                let message = format!(
                    "{key}: `{}` is not an address and port, such as 127.0.0.1:9900",
                    scalar.quoted()
                );
                notes.error(Code::WrongValue, &value.span, message);
                None
            }
        }
    }
}

/// Records per second within bounds.
#[must_use]
pub fn parse_rate(text: &str) -> Option<f64> {
    const RATE_MAX: f64 = 10_000_000.0;
    let (number, unit) = text.trim().split_once('/')?;
    let number: u32 = number.trim().parse().ok()?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    let rate = f64::from(number) / seconds;
    (number >= 1 && rate <= RATE_MAX).then_some(rate)
}

/// The single value here.
pub(super) fn scalar<'a>(
    value: &'a Value,
    what: &str,
    notes: &mut Notes<'_>,
) -> Option<&'a Scalar> {
    match &value.kind {
        Kind::Scalar(scalar) => Some(scalar),
        Kind::Null => {
            notes.error(Code::MissingKey, &value.span, format!("{what} is empty"));
            None
        }
        Kind::List(_) | Kind::Map(_) => {
            notes.error(
                Code::WrongValue,
                &value.span,
                format!("{what} must be a single value"),
            );
            None
        }
    }
}

/// One of these words.
pub(super) fn word(
    value: &Value,
    key: &str,
    words: &[&'static str],
    notes: &mut Notes<'_>,
) -> Option<&'static str> {
    let scalar = scalar(value, key, notes)?;
    let found = words.iter().find(|word| **word == scalar.text());
    if found.is_none() {
        let message = format!(
            "{key}: `{}` is none of {}",
            scalar.quoted(),
            words.join(", ")
        );
        let help = nearest(scalar.text(), words.iter().copied())
            .filter(|_| !scalar.is_filled())
            .map(|near| format!("did you mean `{near}`?"));
        notes.error_with(Code::WrongValue, &value.span, message, help);
    }
    found.copied()
}
