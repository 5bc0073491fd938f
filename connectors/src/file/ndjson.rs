//! The sink that writes records as lines of a file.
//!
//! The idea: lines go straight into the file, so that they can be followed while it grows; after a flush they are the
//! operating system's and survive this process, after a close they are on the disk. The invariant: a file that is
//! appended to begins with whole lines; a line that a crash cut is removed first.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::format::ndjson::write_string;
use crate::record::OutRecord;
use crate::sink::{Payload, Sink, SinkError, Takes};

/// What to do with a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Begin anew: a bounded run from the start.
    Truncate,
    /// Write on behind its last whole line: a run that goes on.
    Append,
    /// Fail.
    Refuse,
}

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// The value, which is JSON without line breaks. Keys and headers are not written, a tombstone is `null`.
    Value,
    /// A JSON object around bytes of any kind, for dead letters: each `tollgate-…` header as a member, `key` and
    /// `value` in base64 or null, the other headers as `headers`, a list of name and base64.
    Record,
}

/// Writes one line per record.
#[derive(Debug)]
pub struct NdjsonSink {
    path: PathBuf,
    out: BufWriter<File>,
    envelope: Envelope,
    /// Whether a run goes on in this file: then a flush must survive a power cut, because offsets are committed on it.
    goes_on: bool,
    line: Vec<u8>,
}

impl NdjsonSink {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be opened, or is there and must not be.
    pub fn create(
        path: &Path,
        existing: Existing,
        envelope: Envelope,
    ) -> Result<NdjsonSink, SinkError> {
        let file =
            open(path, existing).map_err(|error| failure("open", path, &error.to_string()))?;
        Ok(NdjsonSink {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 16, file),
            envelope,
            goes_on: existing == Existing::Append,
            line: Vec::new(),
        })
    }
}

impl Sink for NdjsonSink {
    fn takes(&self) -> Takes {
        Takes::Records
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Records(records) = payload else {
            return Err(failure("write", &self.path, "this sink takes records"));
        };
        for record in records {
            let line = match self.envelope {
                Envelope::Record => {
                    self.line.clear();
                    wrap(record, &mut self.line);
                    self.line.as_slice()
                }
                Envelope::Value => {
                    let value = record.value.as_deref().unwrap_or(b"null");
                    // Without an early end, so that many bytes are looked at together.
                    if value
                        .iter()
                        .fold(false, |seen, byte| seen | (*byte == b'\n'))
                    {
                        return Err(failure(
                            "write",
                            &self.path,
                            "a value with a line break in it",
                        ));
                    }
                    value
                }
            };
            self.out
                .write_all(line)
                .and_then(|()| self.out.write_all(b"\n"))
                .map_err(|error| failure("write", &self.path, &error.to_string()))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.out
            .flush()
            .and_then(|()| {
                if self.goes_on {
                    self.out.get_ref().sync_data()
                } else {
                    Ok(())
                }
            })
            .map_err(|error| failure("flush", &self.path, &error.to_string()))
    }

    fn close(&mut self) -> Result<(), SinkError> {
        self.flush()?;
        self.out
            .get_ref()
            .sync_all()
            .map_err(|error| failure("sync", &self.path, &error.to_string()))
    }
}

pub(super) fn failure(operation: &str, path: &Path, cause: &str) -> SinkError {
    SinkError {
        operation: format!("{operation} {}", path.display()),
        cause: cause.to_owned(),
        retry: false,
    }
}

fn open(path: &Path, existing: Existing) -> io::Result<File> {
    let mut options = OpenOptions::new();
    match existing {
        Existing::Truncate => options.write(true).create(true).truncate(true).open(path),
        Existing::Refuse => options.write(true).create_new(true).open(path),
        Existing::Append => {
            let mut file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            let end = end_of_last_line(&mut file)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            Ok(file)
        }
    }
}

/// Where the last whole line ends, looked for from the back.
fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    let mut block = [0; 4096];
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let length = usize::try_from(end - start).unwrap_or(block.len());
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block[..length])?;
        if let Some(at) = block[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The line of [`Envelope::Record`].
fn wrap(record: &OutRecord, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut others = Vec::new();
    for (name, value) in &record.headers {
        // A name that comes twice cannot be a member twice.
        if !name.starts_with(b"tollgate-") || seen.contains(&name.as_slice()) {
            others.push((name, value));
            continue;
        }
        seen.push(name);
        write_string(&String::from_utf8_lossy(name), out);
        out.push(b':');
        match value {
            Some(value) => write_string(&String::from_utf8_lossy(value), out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
    out.extend_from_slice(b"\"key\":");
    write_bytes(record.key.as_deref(), out);
    out.extend_from_slice(b",\"value\":");
    write_bytes(record.value.as_deref(), out);
    if !others.is_empty() {
        out.extend_from_slice(b",\"headers\":[");
        for (index, (name, value)) in others.into_iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
            write_string(&String::from_utf8_lossy(name), out);
            out.push(b',');
            write_bytes(value.as_deref(), out);
            out.push(b']');
        }
        out.push(b']');
    }
    out.push(b'}');
}

/// Bytes in base64 (RFC 4648, padded), or null.
fn write_bytes(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let sextet = (word >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() {
                ALPHABET[sextet as usize]
            } else {
                b'='
            });
        }
    }
    out.push(b'"');
}
