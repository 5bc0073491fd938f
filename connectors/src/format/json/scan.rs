//! The words of JSON (RFC 8259), read strictly and without building anything.
//!
//! The idea: a scanner over bytes already known to be UTF-8; numbers come out as the digits written, strings as the
//! slice between the quotes. The invariant: whatever is skipped was checked as thoroughly as what is read, and
//! nesting costs one bit per level, not a stack frame.

use super::swar::plain_run;
use crate::format::row::Problem;
use crate::reject::RejectCode;

/// Levels one bit set can hold.
pub(super) const DEPTH_MAX: u32 = 128;

/// A place in one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth_max: u32,
}

/// The inside of a string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    pub(super) escaped: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, depth_max: u8) -> Self {
        Scanner {
            text,
            at: 0,
            depth_max: u32::from(depth_max).min(DEPTH_MAX),
        }
    }

    /// The same scanner, further on: at a byte where a character begins.
    pub(super) fn from(self, at: usize) -> Self {
        Scanner { at, ..self }
    }

    /// Where it stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The byte after blanks; zero at the end, which is no word of JSON.
    pub(super) fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                byte => return *byte,
            }
        }
        0
    }

    /// Whether only blanks are left.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek();
        self.at == self.text.len()
    }

    /// Steps over the byte that was peeked.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Steps over so many bytes that were looked at.
    pub(super) fn step_by(&mut self, count: usize) {
        self.at += count;
    }

    /// Steps over `word` where it stands here.
    fn step_over(&mut self, word: &[u8]) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Steps over one byte after blanks.
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Problem> {
        if self.peek() == byte {
            self.at += 1;
            return Ok(());
        }
        Err(self.problem(what))
    }

    /// Fails when one more level would be too many.
    pub(super) fn check_depth(&self, open: u32) -> Result<(), Problem> {
        if open < self.depth_max {
            return Ok(());
        }
        Err(self.problem("nested too deep"))
    }

    /// Malformed, here.
    pub(super) fn problem(&self, what: &'static str) -> Problem {
        let place = if self.at >= self.text.len() {
            ", the end"
        } else {
            ""
        };
        Problem {
            code: RejectCode::Malformed,
            detail: format!("byte {}{place}: {what}", self.at),
        }
    }

    /// A string; the scanner stands on its first quote.
    pub(super) fn string(&mut self) -> Result<Raw<'a>, Problem> {
        if self.peek() != b'"' {
            return Err(self.problem("expected a string"));
        }
        self.at += 1;
        let bytes = self.text.as_bytes();
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at += plain_run(&bytes[self.at..]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Raw { text, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.problem("control character in a string")),
                None => return Err(self.problem("a string does not end")),
            }
        }
    }

    /// Checks one escape, a surrogate pair as one, and gives the character.
    fn escape(&mut self) -> Result<char, Problem> {
        let plain = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.problem("no such escape")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Problem> {
        let half = "half a character: a surrogate without its pair";
        let first = self
            .hex()
            .ok_or_else(|| self.problem("\\u needs four hexadecimal digits"))?;
        let code = match first {
            0xd800..=0xdbff => {
                let second = self.hex().ok_or_else(|| self.problem(half))?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.problem(half));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.problem(half))
    }

    /// The value of `\uXXXX` here.
    fn hex(&mut self) -> Option<u32> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 6)?
            .strip_prefix(b"\\u")?;
        let value = digits.iter().try_fold(0, |value, byte| {
            Some(value * 16 + char::from(*byte).to_digit(16)?)
        })?;
        self.at += 6;
        Some(value)
    }

    /// The digits of a number; the scanner stands on its first character.
    pub(super) fn number(&mut self) -> Result<&'a str, Problem> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += usize::from(bytes.get(self.at) == Some(&b'-'));
        let leading_zero = bytes.get(self.at) == Some(&b'0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            return Err(self.problem("a number with a leading zero"));
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<usize, Problem> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 {
            Err(self.problem("expected a digit"))
        } else {
            Ok(count)
        }
    }

    /// `true`, `false` or `null`; the scanner stands on its first character.
    pub(super) fn word(&mut self) -> Result<Option<bool>, Problem> {
        for (word, value) in [("true", Some(true)), ("false", Some(false)), ("null", None)] {
            if self.step_over(word.as_bytes()) {
                return Ok(value);
            }
        }
        Err(self.problem("expected a value"))
    }

    /// Steps over a value, checking all of it, with `open` levels around it.
    pub(super) fn skip(&mut self, open: u32) -> Result<(), Problem> {
        // One bit per level, set for an object; the last level is the lowest bit.
        let (mut objects, mut levels) = (0u128, 0u32);
        loop {
            let first = self.peek();
            match first {
                b'{' | b'[' => {
                    self.check_depth(open + levels)?;
                    self.at += 1;
                    let object = first == b'{';
                    if self.peek() == if object { b'}' } else { b']' } {
                        self.at += 1;
                    } else {
                        objects = objects << 1 | u128::from(object);
                        levels += 1;
                        if object {
                            self.member_name()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b'-' | b'0'..=b'9' => {
                    self.number()?;
                }
                _ => {
                    self.word()?;
                }
            }
            // A value is complete; close the levels that end with it.
            loop {
                if levels == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                match (self.peek(), object) {
                    (b',', _) => {
                        self.at += 1;
                        if object {
                            self.member_name()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        objects >>= 1;
                        levels -= 1;
                    }
                    _ => {
                        return Err(
                            self.problem("expected a comma or the end of an object or array")
                        );
                    }
                }
            }
        }
    }

    /// A member's name and the colon after it.
    pub(super) fn member_name(&mut self) -> Result<Raw<'a>, Problem> {
        let name = self.string()?;
        self.expect(b':', "expected a colon")?;
        Ok(name)
    }
}

impl Raw<'_> {
    /// Writes the text meant into `out`. Escapes were checked when the string was read.
    pub(super) fn unescape(self, out: &mut String) {
        out.clear();
        let mut scanner = Scanner {
            text: self.text,
            at: 0,
            depth_max: 0,
        };
        let bytes = self.text.as_bytes();
        while scanner.at < bytes.len() {
            let run = bytes[scanner.at..]
                .iter()
                .take_while(|byte| **byte != b'\\')
                .count();
            out.push_str(&self.text[scanner.at..scanner.at + run]);
            scanner.at += run;
            if scanner.at < bytes.len() {
                match scanner.escape() {
                    Ok(character) => out.push(character),
                    Err(problem) => unreachable!("a checked escape: {}", problem.detail),
                }
            }
        }
    }
}
