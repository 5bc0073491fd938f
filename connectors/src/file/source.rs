//! The bounded source over files. See the page of [`super`] for what a partition and an offset are.
//!
//! The idea: records are counted once when the source is first polled, so that it knows its end as a log does: a
//! start beyond it is refused, and progress can be shown. The invariant: memory is one batch and one block, whatever
//! the size of the files; a file that grows meanwhile is read as far as it was counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::BinaryArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::FileKind;
use super::lines;
use super::open::{Reader, count_lines, count_quoted, count_rows, files, header_of, open};
use crate::record::{Batch, ColumnBatch, NO_APPEND_TIME, RawBatch};
use crate::source::{Assignment, Source, SourceError, SourceEvent};

/// The only partition.
const PARTITION: u32 = 0;

/// How long a poll without anything to do may wait; no file wakes it.
const NAP_MAX: Duration = Duration::from_millis(10);

/// How files are read.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Records of a batch, at most.
    pub batch_records: usize,
    /// Bytes of a batch, at most, but for its last record.
    pub batch_bytes: usize,
    /// Bytes of a record; a longer one is cut one byte behind, for a decoder with the same limit to reject.
    pub record_bytes: usize,
    /// The columns of Parquet files to read, by name; all when absent.
    pub columns: Option<Vec<String>>,
}

impl Default for FileOptions {
    fn default() -> Self {
        FileOptions {
            batch_records: 4096,
            batch_bytes: 1 << 20,
            record_bytes: 1 << 20,
            columns: None,
        }
    }
}

/// Reads one file, or all that a glob names, as one partition.
#[derive(Debug)]
pub struct FileSource {
    topic: String,
    kind: FileKind,
    files: Vec<PathBuf>,
    options: FileOptions,
    header: Vec<String>,
    /// Per file the offset behind its last record; empty until they were counted.
    ends: Vec<i64>,
    /// The next offset; none before start.
    next: Option<i64>,
    reader: Option<Reader>,
    paused: bool,
    halted: bool,
    told: Told,
}

/// What was said about the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    CaughtUp,
    Finished,
}

impl FileSource {
    /// Finds the files of a path, or of a glob when there is no file of that very name.
    ///
    /// # Errors
    /// When there is none, their endings differ or are unknown, or CSV headers differ or cannot be read.
    pub fn open(path: &str, options: FileOptions) -> Result<FileSource, SourceError> {
        let failed = |cause: String| failure("open", path, cause);
        let files = files(path).map_err(failed)?;
        let mut kinds = files.iter().map(|file| FileKind::of(file));
        let kind = kinds
            .next()
            .flatten()
            .ok_or_else(|| failed(ENDINGS.to_owned()))?;
        if kinds.any(|other| other != Some(kind)) {
            return Err(failed(
                "files of several kinds; one run reads one kind".to_owned(),
            ));
        }
        let record_bytes = options.record_bytes.clamp(1, 1 << 30);
        let options = FileOptions {
            record_bytes,
            batch_records: options.batch_records.max(1),
            ..options
        };
        let mut header = Vec::new();
        if kind == FileKind::Csv {
            for file in &files {
                let names = header_of(file, record_bytes)
                    .map_err(|cause| failure("open", &file.display().to_string(), cause))?;
                if file != &files[0] && names != header {
                    return Err(failed(format!(
                        "{} has another header than {}",
                        file.display(),
                        files[0].display()
                    )));
                }
                header = names;
            }
        }
        let topic = Path::new(path)
            .file_name()
            .map_or(path.into(), |name| name.to_string_lossy().into_owned());
        Ok(FileSource {
            topic,
            kind,
            files,
            options,
            header,
            ends: Vec::new(),
            next: None,
            reader: None,
            paused: false,
            halted: false,
            told: Told::Nothing,
        })
    }

    /// What the files hold: which decoder to give the batches to.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// The names of the CSV header; empty for other kinds.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    fn end(&self) -> i64 {
        self.ends.last().copied().unwrap_or_default()
    }

    fn count(&mut self) -> Result<(), SourceError> {
        let mut end = 0;
        for file in &self.files {
            let count = match self.kind {
                FileKind::Ndjson => count_lines(file, self.options.record_bytes),
                FileKind::Csv => count_quoted(file, self.options.record_bytes),
                FileKind::Parquet => count_rows(file),
            };
            end += count.map_err(|cause| failure("count", &file.display().to_string(), cause))?;
            self.ends.push(end);
        }
        Ok(())
    }

    fn check(&self, operation: &str, partitions: &[u32]) -> Result<(), SourceError> {
        let unknown = partitions.iter().find(|partition| **partition != PARTITION);
        match unknown {
            Some(partition) => {
                Err(self.refused(operation, format!("partition {partition} is not assigned")))
            }
            None if self.ends.is_empty() => {
                Err(self.refused(operation, "no partition is assigned yet".to_owned()))
            }
            None => Ok(()),
        }
    }

    fn refused(&self, operation: &str, cause: String) -> SourceError {
        failure(operation, &self.topic, cause)
    }

    /// The next batch; the caller knows that there is one.
    fn batch(&mut self, next: i64) -> Result<SourceEvent, SourceError> {
        let file = self.ends.partition_point(|end| *end <= next);
        let path = self.files[file].clone();
        let first = file.checked_sub(1).map_or(0, |before| self.ends[before]);
        let left = usize::try_from(self.ends[file] - next).unwrap_or(usize::MAX);
        let failed = |cause: String| failure("read", &path.display().to_string(), cause);
        if self.reader.is_none() {
            let skip = usize::try_from(next - first).unwrap_or(usize::MAX);
            self.reader = Some(open(&path, self.kind, &self.options, skip).map_err(failed)?);
        }
        let batch = match &mut self.reader {
            Some(Reader::Columns(reader)) => match reader.next() {
                Some(Ok(rows)) => {
                    let rows = rows.slice(0, rows.num_rows().min(left));
                    Batch::Columns(ColumnBatch {
                        partition: PARTITION,
                        first_offset: next,
                        rows,
                    })
                }
                Some(Err(error)) => {
                    // A page that cannot be read is not skipped: the rows behind it would be decided without it.
                    self.halted = true;
                    let cause = format!("{}: {error}", path.display());
                    return Ok(SourceEvent::Halted {
                        partition: PARTITION,
                        offset: next,
                        cause,
                    });
                }
                None => return Err(failed(SHRUNK.to_owned())),
            },
            Some(Reader::Lines(lines)) => {
                let raw = raw_batch(next, left, &self.options, |out| {
                    let start = out.len();
                    let more = lines.next(out)?;
                    lines::trim(out, start);
                    Ok(more)
                });
                Batch::Raw(raw.map_err(|error| failed(error.to_string()))?)
            }
            Some(Reader::Quoted(quoted)) => {
                let raw = raw_batch(next, left, &self.options, |out| quoted.next(out));
                Batch::Raw(raw.map_err(|error| failed(error.to_string()))?)
            }
            None => unreachable!("opened above"),
        };
        let count = match &batch {
            Batch::Raw(raw) => raw.len(),
            Batch::Columns(columns) => columns.rows.num_rows(),
        };
        if count == 0 {
            return Err(failed(SHRUNK.to_owned()));
        }
        let after = next + i64::try_from(count).unwrap_or(i64::MAX);
        self.next = Some(after);
        if after == self.ends[file] {
            self.reader = None;
        }
        Ok(SourceEvent::Batch(batch))
    }
}

impl Source for FileSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, SourceError> {
        if self.ends.is_empty() {
            self.count()?;
            let assignment = Assignment {
                partition: PARTITION,
                log_start: 0,
                log_end: self.end(),
            };
            return Ok(SourceEvent::Assigned(vec![assignment]));
        }
        match (self.next, self.told) {
            (Some(_), _) if self.paused || self.halted => {}
            (Some(next), _) if next < self.end() => return self.batch(next),
            (Some(next_offset), Told::Nothing) => {
                self.told = Told::CaughtUp;
                return Ok(SourceEvent::CaughtUp {
                    partition: PARTITION,
                    next_offset,
                });
            }
            (Some(_), Told::CaughtUp) => {
                self.told = Told::Finished;
                return Ok(SourceEvent::Finished);
            }
            _ => {}
        }
        std::thread::sleep(wait.min(NAP_MAX));
        Ok(SourceEvent::Idle)
    }

    fn start(&mut self, offsets: &[(u32, i64)]) -> Result<(), SourceError> {
        let partitions: Vec<u32> = offsets.iter().map(|(partition, _)| *partition).collect();
        self.check("start", &partitions)?;
        for (_, offset) in offsets {
            if !(0..=self.end()).contains(offset) {
                let cause = format!("offset {offset} lies outside its {} records", self.end());
                return Err(self.refused("start", cause));
            }
            self.next = Some(*offset);
            self.reader = None;
            self.halted = false;
            self.told = Told::Nothing;
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.check("pause", partitions)?;
        self.paused |= !partitions.is_empty();
        Ok(())
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SourceError> {
        self.check("resume", partitions)?;
        self.paused &= partitions.is_empty();
        Ok(())
    }

    fn topic(&self) -> &str {
        &self.topic
    }
}

const ENDINGS: &str = "unknown ending; .ndjson, .jsonl, .json, .csv and .parquet are known";
const SHRUNK: &str = "the file has become shorter while it was read";

fn failure(operation: &str, what: &str, cause: String) -> SourceError {
    SourceError {
        operation: format!("{operation} {what}"),
        cause,
        retry: false,
    }
}

/// Gathers records until the batch is full, `left` are read, or there are no more.
fn raw_batch(
    first: i64,
    left: usize,
    options: &FileOptions,
    mut next: impl FnMut(&mut Vec<u8>) -> std::io::Result<bool>,
) -> std::io::Result<RawBatch> {
    let (mut bytes, mut ends) = (Vec::new(), vec![0i32]);
    while ends.len() <= left.min(options.batch_records)
        && bytes.len() < options.batch_bytes.min(1 << 30)
        && next(&mut bytes)?
    {
        // Less than two limits of 1 GiB in all.
        ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    }
    let count = ends.len() - 1;
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(RawBatch {
        partition: PARTITION,
        offsets: (first..).take(count).collect(),
        append_times: vec![NO_APPEND_TIME; count],
        keys: BinaryArray::new_null(count),
        values: BinaryArray::new(ends, Buffer::from_vec(bytes), None),
        headers: Vec::<Arc<_>>::new(),
    })
}
