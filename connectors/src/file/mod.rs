//! Files: NDJSON, CSV and Parquet as bounded sources, NDJSON and Parquet as sinks.
//!
//! The one idea: all files that a path or glob names are *one* partition, in the order of their paths, and the offset
//! of a record is its running number over all of them; so a run over files is as ordered, countable and restartable as
//! one over a log. The invariant: a line is a record, also an empty or an endless one; bytes are kept as they are (but
//! for the line break, and for what lies beyond the limit), and no record hides its neighbours.
//!
//! Reading order: [`source`], how files are opened ([`open`]) and text is cut ([`lines`],
//! [`quoted`]), then the sinks ([`ndjson`], [`parquet`]).

mod lines;
mod ndjson;
mod open;
mod parquet;
mod quoted;
mod source;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::ndjson::{Envelope, Existing, NdjsonSink};
pub use self::parquet::ParquetSink;
pub use self::source::{FileOptions, FileSource};

/// What a file holds, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.ndjson`, `.jsonl`, `.json`: a JSON object per line.
    Ndjson,
    /// `.csv`: a header row, then rows.
    Csv,
    /// `.parquet`: columns.
    Parquet,
}

impl FileKind {
    /// The kind of a path; none for an ending nobody knows.
    #[must_use]
    pub fn of(path: &Path) -> Option<FileKind> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "ndjson" | "jsonl" | "json" => Some(FileKind::Ndjson),
            "csv" => Some(FileKind::Csv),
            "parquet" => Some(FileKind::Parquet),
            _ => None,
        }
    }
}
