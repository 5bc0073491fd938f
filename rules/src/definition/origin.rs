//! From a place in a text as YAML means it to the bytes of the file it was written with.
//!
//! The idea: the written and the meant text differ only in quotes, escapes, indentation and folded line ends, so one walk
//! over both side by side finds the place. The invariant: the result lies inside the scalar's span, whatever the text;
//! where the walk loses its way, it points at the scalar's beginning.

use std::ops::Range;

use serde_saphyr::granit_parser::ScalarStyle;

use super::tree::Text;

impl Text {
    /// The bytes of `source` that hold the given bytes of this text.
    pub(crate) fn place(&self, source: &str, part: &Range<usize>) -> Range<usize> {
        let raw = source.get(self.span.clone()).unwrap_or("");
        let mut walk = Walk::new(raw, self);
        let found = walk
            .start(part.start)
            .and_then(|start| Some((start, walk.to(part.end.max(part.start))?)));
        match found {
            Some((start, end)) => self.span.start + start..self.span.start + end.max(start),
            None => self.span.clone(),
        }
    }
}

/// Two cursors over the same characters.
struct Walk<'a> {
    raw: &'a str,
    meant: &'a str,
    style: ScalarStyle,
    at_raw: usize,
    at_meant: usize,
    /// Where the last character read from `raw` ended: the end of a part does not include what follows it.
    last_end: usize,
}

impl<'a> Walk<'a> {
    fn new(raw: &'a str, text: &'a Text) -> Walk<'a> {
        let at_raw = match text.style {
            // The parser's place of a block is that of its content, without the `|` or `>`.
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => 0,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        };
        let mut walk = Walk {
            raw,
            meant: &text.text,
            style: text.style,
            at_raw,
            at_meant: 0,
            last_end: at_raw,
        };
        if walk.is_block() {
            walk.at_raw += blank(walk.rest_raw());
            walk.at_meant += blank(walk.rest_meant());
            walk.last_end = walk.at_raw;
        }
        walk
    }

    /// Goes on to where the character at a place of the meant text begins.
    fn start(&mut self, place: usize) -> Option<usize> {
        let at = self.to(place)?;
        let broken = |rest: &str| rest.starts_with("\\\n") || rest.starts_with("\\\r");
        if self.style == ScalarStyle::DoubleQuoted && self.raw.get(at..).is_some_and(broken) {
            self.step()?;
            return Some(self.at_raw);
        }
        Some(at)
    }

    /// Goes on to where the characters before a place of the meant text end; `None` when the two texts do not go together.
    fn to(&mut self, place: usize) -> Option<usize> {
        if place <= self.at_meant {
            return Some(if place < self.at_meant {
                self.last_end
            } else {
                self.at_raw
            })
            .filter(|at| *at <= self.raw.len());
        }
        while self.at_meant < place && !self.rest_meant().is_empty() {
            self.step()?;
        }
        Some(self.last_end)
    }

    fn step(&mut self) -> Option<()> {
        let letter = self.rest_raw().chars().next()?;
        let meant = self.rest_meant().chars().next()?;
        if self.style == ScalarStyle::DoubleQuoted && letter == '\\' {
            return self.escape(meant);
        }
        if letter.is_whitespace() {
            return self.space(meant);
        }
        if letter != meant {
            return None;
        }
        let doubled = self.style == ScalarStyle::SingleQuoted && letter == '\'';
        self.advance(letter.len_utf8() + usize::from(doubled), meant.len_utf8());
        Some(())
    }

    /// A run of blanks: alone it stands for itself, with a line end in it for a blank or some line ends.
    fn space(&mut self, meant: char) -> Option<()> {
        let run = blank(self.rest_raw());
        let lines = self.rest_raw().get(..run)?.matches('\n').count();
        if lines == 0 {
            let width = self.rest_raw().chars().next()?.len_utf8();
            if !meant.is_whitespace() {
                return None;
            }
            self.advance(width, meant.len_utf8());
            return Some(());
        }
        let blanks = if self.is_block() {
            blank(self.rest_meant())
        } else if lines == 1 {
            1
        } else {
            lines - 1
        };
        self.at_meant += blanks.min(blank(self.rest_meant()));
        self.at_raw += run;
        self.last_end = self.at_raw;
        Some(())
    }

    fn escape(&mut self, meant: char) -> Option<()> {
        let kind = self.rest_raw().chars().nth(1)?;
        if kind == '\n' || kind == '\r' {
            // An escaped line end stands for nothing.
            self.at_raw += 1;
            self.at_raw += blank(self.rest_raw());
            return Some(());
        }
        let width = match kind {
            'x' => 4,
            'u' => 6,
            'U' => 10,
            other => 1 + other.len_utf8(),
        };
        self.advance(width, meant.len_utf8());
        Some(())
    }

    fn advance(&mut self, raw: usize, meant: usize) {
        self.at_raw += raw;
        self.at_meant += meant;
        self.last_end = self.at_raw;
    }

    fn is_block(&self) -> bool {
        matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    fn rest_raw(&self) -> &'a str {
        self.raw.get(self.at_raw..).unwrap_or("")
    }

    fn rest_meant(&self) -> &'a str {
        self.meant.get(self.at_meant..).unwrap_or("")
    }
}

/// Bytes of whitespace at the beginning.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
