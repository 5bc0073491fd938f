//! Functions of text, and patterns.
//!
//! The semantics: positions and lengths count characters, not bytes; LIKE's `%` and `_` also match line ends, its
//! escape is `\`. Patterns are regular expressions of the `regex` crate: linear time, bounded size.

use regex::{Regex, RegexBuilder};

use super::super::Cause;
use super::super::column::Operand;
use super::{Output, TextFunction, cost, fill, known};
use crate::list::List;

/// Bytes of the longest pattern.
pub(crate) const PATTERN_BYTES_MAX: usize = 1024;

/// Bytes a compiled pattern may take, and its cache again.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Groups inside groups of a pattern.
const PATTERN_NEST_MAX: u32 = 64;

/// A pattern, compiled once.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// What the author wrote, with its kind in front: two patterns are the same if this is.
    pub(crate) source: String,
    /// What its counts ask for: see [`cost::repeats`].
    pub(super) repeats: u64,
    regex: Regex,
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatternError {
    /// More than [`PATTERN_BYTES_MAX`].
    TooLong(usize),
    /// Compiles to too much.
    TooLarge,
    /// Is no regular expression; why.
    Syntax(String),
}

impl Pattern {
    /// A regular expression, matched anywhere in the text.
    pub(crate) fn regex(pattern: &str) -> Result<Pattern, PatternError> {
        Pattern::build(format!("regex {pattern:?}"), pattern, pattern, false)
    }

    /// A LIKE pattern, matched against the whole text.
    pub(crate) fn like(
        pattern: &str,
        escape: char,
        any_case: bool,
    ) -> Result<Pattern, PatternError> {
        let mut translated = String::from("(?s)^");
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                c if c == escape => {
                    let escaped = chars.next().unwrap_or(escape);
                    translated.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
                }
                '%' => translated.push_str(".*"),
                '_' => translated.push('.'),
                c => translated.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        translated.push('$');
        let kind = if any_case { "ilike" } else { "like" };
        let source = format!("{kind} {pattern:?} {escape:?}");
        Pattern::build(source, pattern, &translated, any_case)
    }

    fn build(
        source: String,
        written: &str,
        pattern: &str,
        any_case: bool,
    ) -> Result<Pattern, PatternError> {
        if written.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong(written.len()));
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(any_case)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .nest_limit(PATTERN_NEST_MAX)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
                other => PatternError::Syntax(other.to_string()),
            })?;
        Ok(Pattern {
            source,
            repeats: cost::repeats(pattern),
            regex,
        })
    }
}

pub(super) fn matches(x: &Operand, pattern: &Pattern, rows: usize) -> Output {
    fill::truths(rows, |row| {
        (!x.is_null(row)).then(|| pattern.regex.is_match(x.text(row)))
    })
}

pub(super) fn in_list(x: &Operand, list: Option<&List>, rows: usize) -> Output {
    fill::truths(rows, |row| {
        (!x.is_null(row)).then(|| list.is_some_and(|list| list.entries.contains(x.text(row))))
    })
}

pub(super) fn run(function: TextFunction, x: &Operand, rows: usize) -> Output {
    let known = |row: usize| (!x.is_null(row)).then(|| x.text(row));
    match function {
        TextFunction::Lower => fill::texts(rows, |row| Ok(known(row).map(str::to_lowercase))),
        TextFunction::Upper => fill::texts(rows, |row| Ok(known(row).map(str::to_uppercase))),
        TextFunction::Trim => fill::texts(rows, |row| Ok(known(row).map(|x| x.trim_matches(' ')))),
        TextFunction::Length => fill::ints(rows, super::known(&[x], rows), |row| {
            i64::try_from(x.text(row).chars().count()).map_err(|_| Cause::Overflow)
        }),
    }
}

pub(super) fn substring(
    x: &Operand,
    start: &Operand,
    length: Option<&Operand>,
    rows: usize,
) -> Option<Output> {
    let mut args = vec![x, start];
    args.extend(length);
    let known = known(&args, rows);
    let starts = start.ints()?;
    let lengths = match length {
        Some(length) => Some(length.ints()?),
        None => None,
    };
    Some(fill::texts(rows, |row| {
        if known.as_ref().is_some_and(|known| known.is_null(row)) {
            return Ok(None);
        }
        let start = starts.get(row);
        let end = lengths.map_or(i64::MAX, |lengths| start.saturating_add(lengths.get(row)));
        Ok(Some(between(x.text(row), start, end)))
    }))
}

/// Characters from position `start` (the first is 1) up to, not including, `end`. Positions before the text count
/// but hold nothing, as in PostgreSQL; a negative length is an empty text.
fn between(text: &str, start: i64, end: i64) -> &str {
    let from = start.max(1);
    let at = |position: i64| {
        let skipped = usize::try_from(position - 1).unwrap_or(usize::MAX);
        text.char_indices()
            .nth(skipped)
            .map_or(text.len(), |(at, _)| at)
    };
    if end <= from {
        return "";
    }
    text.get(at(from)..at(end)).unwrap_or_default()
}

pub(super) fn starts_with(x: &Operand, prefix: &Operand, rows: usize) -> Output {
    fill::truths(rows, |row| {
        (!x.is_null(row) && !prefix.is_null(row)).then(|| x.text(row).starts_with(prefix.text(row)))
    })
}

pub(super) fn concat(args: &[&Operand], skip_nulls: bool, rows: usize) -> Output {
    fill::texts(rows, |row| {
        if !skip_nulls && args.iter().any(|arg| arg.is_null(row)) {
            return Ok(None);
        }
        let bytes: usize = args.iter().map(|arg| arg.text(row).len()).sum();
        if bytes > fill::TEXT_BYTES_MAX {
            return Err(Cause::Overflow);
        }
        let parts: Vec<&str> = args.iter().map(|arg| arg.text(row)).collect();
        Ok(Some(parts.concat()))
    })
}
