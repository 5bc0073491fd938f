//! Lines of bytes, each at most so long.
//!
//! The invariant: a line that is longer than the limit is cut, not split: what lies beyond is skipped up to its line
//! break, so that the next line is the next line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Bytes read in one go.
const BLOCK_BYTES: usize = 256 * 1024;

/// The lines of one file.
#[derive(Debug)]
pub(super) struct Lines {
    reader: BufReader<File>,
    limit: usize,
}

impl Lines {
    /// Opens a file behind its byte order mark, if it has one. Lines are cut one byte behind `limit`, so that who
    /// applies the same limit sees that they are too long.
    pub(super) fn open(path: &Path, limit: usize) -> io::Result<Lines> {
        let mut reader = BufReader::with_capacity(BLOCK_BYTES, File::open(path)?);
        if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Lines { reader, limit })
    }

    /// Appends the next line with its line break; `false` at the end. A cut line has no line break.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let most = self.limit as u64 + 1;
        let read = self.reader.by_ref().take(most).read_until(b'\n', out)?;
        if read as u64 == most && out.last() != Some(&b'\n') {
            self.reader.skip_until(b'\n')?;
        }
        Ok(read > 0)
    }

    /// Steps over the next line; `false` at the end.
    pub(super) fn skip(&mut self) -> io::Result<bool> {
        Ok(self.reader.skip_until(b'\n')? > 0)
    }
}

/// Takes the line break off what was appended behind `start`.
pub(super) fn trim(out: &mut Vec<u8>, start: usize) {
    for byte in [b'\n', b'\r'] {
        if out.len() > start && out.last() == Some(&byte) {
            out.pop();
        } else {
            return;
        }
    }
}
