//! Splits an expression into words without understanding it: what it names, which params it uses, how much there is.
//!
//! The idea: some questions (is a param used? does this touch a broken name?) must be answered also for expressions that do
//! not compile. The invariant: text in quotes is no name, and every byte is looked at once.

use std::ops::Range;

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `amount`, `card_prev.lat`, `AND`.
    Name,
    /// `:limit`; the range is that of the name alone.
    Param,
    /// `'text'` or a number.
    Constant,
    /// Everything else, one character each.
    Symbol,
}

/// One word of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

impl Word {
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range.clone()).unwrap_or("")
    }
}

/// All words of a text, blanks left out.
pub(super) fn scan(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        let (kind, from, to) = if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        } else if letter == '\'' {
            (Kind::Constant, 0, quoted(rest, b'\''))
        } else if letter == '"' {
            let end = quoted(rest, b'"');
            (Kind::Name, 1, end)
        } else if letter.is_ascii_digit() {
            (Kind::Constant, 0, while_part(rest, true))
        } else if starts_name(rest) {
            (Kind::Name, 0, while_part(rest, true))
        } else if letter == ':' && rest.get(1..).is_some_and(starts_name) {
            let name = rest.get(1..).unwrap_or("");
            (Kind::Param, 1, 1 + while_part(name, false))
        } else {
            (Kind::Symbol, 0, letter.len_utf8())
        };
        let range = match (kind, letter) {
            (Kind::Name, '"') => at + from..(at + to).saturating_sub(1).max(at + from),
            _ => at + from..at + to,
        };
        words.push(Word { kind, range });
        at += to;
    }
    words
}

fn starts_name(text: &str) -> bool {
    text.chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Bytes of a name, a number, or names joined by points.
fn while_part(text: &str, points: bool) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_' || (points && c == '.')))
        .unwrap_or(text.len())
}

/// Bytes of a quoted text at the beginning, both quotes included; a doubled quote is one inside.
fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte == quote {
            if bytes.get(at) == Some(&quote) {
                at += 1;
            } else {
                break;
            }
        }
    }
    at
}
