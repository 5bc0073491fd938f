//! Files found, counted and opened, by their kind.
//!
//! The invariant: counting cuts a file into records exactly as reading does.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::lines::Lines;
use super::quoted::Quoted;
use super::{FileKind, FileOptions};
use crate::format::csv::header_names;

/// A file that is read.
#[derive(Debug)]
pub(super) enum Reader {
    Lines(Lines),
    Quoted(Quoted),
    Columns(ParquetRecordBatchReader),
}

/// The files a path names, in the order of their paths.
pub(super) fn files(path: &str) -> Result<Vec<PathBuf>, String> {
    if Path::new(path).is_file() {
        return Ok(vec![PathBuf::from(path)]);
    }
    let found = glob::glob(path).map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = found
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    files.retain(|file| file.is_file());
    files.sort();
    if files.is_empty() {
        Err("there is no such file".to_owned())
    } else {
        Ok(files)
    }
}

pub(super) fn header_of(path: &Path, limit: usize) -> Result<Vec<String>, String> {
    let mut row = Vec::new();
    let mut rows = Quoted::open(path, limit).map_err(|error| error.to_string())?;
    rows.next(&mut row).map_err(|error| error.to_string())?;
    header_names(&row)
}

pub(super) fn count_lines(path: &Path, limit: usize) -> Result<i64, String> {
    let mut lines = Lines::open(path, limit).map_err(|error| error.to_string())?;
    let mut count = 0;
    while lines.skip().map_err(|error| error.to_string())? {
        count += 1;
    }
    Ok(count)
}

pub(super) fn count_quoted(path: &Path, limit: usize) -> Result<i64, String> {
    let mut rows = Quoted::open(path, limit).map_err(|error| error.to_string())?;
    let mut row = Vec::new();
    // The header is no record.
    let mut count = -1;
    while rows.next(&mut row).map_err(|error| error.to_string())? {
        row.clear();
        count += 1;
    }
    Ok(count.max(0))
}

pub(super) fn count_rows(path: &Path) -> Result<i64, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    Ok(reader.metadata().file_metadata().num_rows())
}

/// A reader that stands behind `skip` records.
pub(super) fn open(
    path: &Path,
    kind: FileKind,
    options: &FileOptions,
    skip: usize,
) -> Result<Reader, String> {
    let words = |error: std::io::Error| error.to_string();
    match kind {
        FileKind::Ndjson => {
            let mut lines = Lines::open(path, options.record_bytes).map_err(words)?;
            for _ in 0..skip {
                lines.skip().map_err(words)?;
            }
            Ok(Reader::Lines(lines))
        }
        FileKind::Csv => {
            let mut rows = Quoted::open(path, options.record_bytes).map_err(words)?;
            let mut row = Vec::new();
            for _ in 0..=skip {
                rows.next(&mut row).map_err(words)?;
                row.clear();
            }
            Ok(Reader::Quoted(rows))
        }
        FileKind::Parquet => {
            let file = File::open(path).map_err(words)?;
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(|error| error.to_string())?;
            let mask = match &options.columns {
                Some(names) => ProjectionMask::columns(
                    builder.parquet_schema(),
                    names.iter().map(String::as_str),
                ),
                None => ProjectionMask::all(),
            };
            let builder = builder
                .with_projection(mask)
                .with_offset(skip)
                .with_batch_size(options.batch_records);
            Ok(Reader::Columns(
                builder.build().map_err(|error| error.to_string())?,
            ))
        }
    }
}
