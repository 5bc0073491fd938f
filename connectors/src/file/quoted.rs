//! CSV records: lines, but for line breaks inside quotes.
//!
//! The idea: a record goes on while a quote is open. A quote that is never closed properly (within the limit of a
//! record, or before the file ends) would swallow what follows; then the first line alone is the record, a bad one,
//! and reading goes on behind it. The invariant: every line of the file is in exactly one record.

use std::io;
use std::path::Path;

use super::lines::{Lines, trim};
use crate::format::csv::Quoting;

/// The records of one file.
#[derive(Debug)]
pub(super) struct Quoted {
    lines: Lines,
    limit: usize,
    /// Lines that were read too far.
    pending: Vec<u8>,
    /// How much of them was read again.
    pending_at: usize,
}

impl Quoted {
    /// Opens a file.
    pub(super) fn open(path: &Path, limit: usize) -> io::Result<Quoted> {
        Ok(Quoted {
            lines: Lines::open(path, limit)?,
            limit,
            pending: Vec::new(),
            pending_at: 0,
        })
    }

    /// Appends the next record without its line break; `false` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let start = out.len();
        if !self.line(out)? {
            return Ok(false);
        }
        let first_line_end = out.len();
        let mut quoting = Quoting::FieldStart.after(&out[start..]);
        let mut whole = true;
        while quoting == Quoting::Quoted && whole {
            let line = out.len();
            whole = line - start <= self.limit && self.line(out)?;
            quoting = quoting.after(&out[line..]);
        }
        if !whole || quoting == Quoting::Broken {
            let behind = out.split_off(first_line_end);
            self.unread(behind);
        }
        trim(out, start);
        Ok(true)
    }

    /// A line with its line break, first of those read too far.
    fn line(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let pending = &self.pending[self.pending_at..];
        if pending.is_empty() {
            return self.lines.next(out);
        }
        let end = pending.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(pending.len(), |at| at + 1);
        out.extend_from_slice(&pending[..end]);
        self.pending_at += end;
        Ok(true)
    }

    /// Puts lines back; at most about a record's limit.
    fn unread(&mut self, mut lines: Vec<u8>) {
        lines.extend_from_slice(&self.pending[self.pending_at..]);
        self.pending = lines;
        self.pending_at = 0;
    }
}
