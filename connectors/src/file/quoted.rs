//! CSV records: lines, but for line breaks inside quotes.
//!
//! The idea: a record goes on while a quote is open. A quote that is never closed (within the limit of a record, or
//! before the file ends) would swallow all that follows; then the first line alone is the record, a bad one, and
//! reading goes on behind it. The invariant: every line of the file is in exactly one record.

use std::io;
use std::path::Path;

use super::lines::{Lines, trim};

/// Where the splitting of a record stands; the states of RFC 4180.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote inside quotes: the end of the field, or the first half of a quote that is meant.
    QuoteInQuoted,
}

/// The records of one file.
#[derive(Debug)]
pub(super) struct Quoted {
    lines: Lines,
    limit: usize,
    /// Lines that were read too far.
    pending: Vec<u8>,
}

impl Quoted {
    /// Opens a file.
    pub(super) fn open(path: &Path, limit: usize) -> io::Result<Quoted> {
        Ok(Quoted {
            lines: Lines::open(path, limit)?,
            limit,
            pending: Vec::new(),
        })
    }

    /// Appends the next record without its line break; `false` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let start = out.len();
        if !self.line(out)? {
            return Ok(false);
        }
        let first_line_end = out.len();
        let mut state = state_after(State::FieldStart, &out[start..]);
        while state == State::Quoted {
            let line = out.len();
            if line - start > self.limit || !self.line(out)? {
                self.pending.splice(0..0, out.drain(first_line_end..));
                break;
            }
            state = state_after(state, &out[line..]);
        }
        trim(out, start);
        Ok(true)
    }

    /// A line with its line break, first of those read too far.
    fn line(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.pending.is_empty() {
            return self.lines.next(out);
        }
        let end = self.pending.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(self.pending.len(), |at| at + 1);
        out.extend(self.pending.drain(..end));
        Ok(true)
    }
}

fn state_after(mut state: State, bytes: &[u8]) -> State {
    // Most lines have no quote at all.
    if state != State::Quoted && !bytes.contains(&b'"') {
        return State::FieldStart;
    }
    for byte in bytes {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (State::FieldStart | State::QuoteInQuoted, b'"') => State::Quoted,
            (_, b',' | b'\n' | b'\r') => State::FieldStart,
            (_, _) => State::Plain,
        };
    }
    state
}
