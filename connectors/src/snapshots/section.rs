//! A range of a snapshot as a stream of bytes.
//!
//! The one idea: a request to a bucket costs some ten milliseconds however little it asks for, so a section asks for
//! megabytes and hands them out. The invariant: it never reads outside its range.

use std::io::{self, BufRead, Read};

use super::SnapshotReader;

/// Most bytes asked for at once, and so held.
const BUFFER_BYTES: u64 = 4 << 20;

/// The bytes of a snapshot from `at` on, `length` of them. Reading fails where the snapshot ends before the section.
#[must_use]
pub fn section(reader: &dyn SnapshotReader, at: u64, length: u64) -> Section<'_> {
    Section {
        reader,
        next: at,
        left: length,
        held: Vec::new(),
        used: 0,
    }
}

/// What [`section`] gives.
pub struct Section<'a> {
    reader: &'a dyn SnapshotReader,
    /// Where the bytes after those held are.
    next: u64,
    /// How many of them belong to the section.
    left: u64,
    held: Vec<u8>,
    /// How many of the bytes held have been handed out.
    used: usize,
}

impl std::fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The bytes are of no use here, and may be secret.
        let mut shown = f.debug_struct("Section");
        shown.field("next", &self.next).field("left", &self.left);
        shown.finish_non_exhaustive()
    }
}

impl BufRead for Section<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.held.len() && self.left > 0 {
            let bytes = self.left.min(BUFFER_BYTES);
            // Held again only once they were read: after an error the same bytes are asked for again.
            self.used = 0;
            let mut held = std::mem::take(&mut self.held);
            held.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
            self.reader.read_at(self.next, &mut held)?;
            self.held = held;
            self.next += bytes;
            self.left -= bytes;
        }
        Ok(self.held.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.held.len());
    }
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut held = self.fill_buf()?;
        let read = held.read(into)?;
        self.consume(read);
        Ok(read)
    }
}
