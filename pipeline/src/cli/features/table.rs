//! A table in a file: Parquet, CSV or NDJSON by its ending.
//!
//! The invariant: rows are gathered into chunks of one size before they are written, so that the file's bytes do not
//! depend on how the rows came; the file has its name only when it is whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::SchemaRef;
use connectors::file::ParquetSink;
use connectors::sink::{Payload, Sink};
use rules::evaluate::cell::{Cell, Cells};

use super::FeaturesError;

/// Rows written at a time.
const CHUNK_ROWS: usize = 8_192;

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableKind {
    Parquet,
    Csv,
    Ndjson,
}

impl TableKind {
    /// By the ending.
    pub(super) fn of(path: &Path) -> Option<TableKind> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "parquet" => Some(TableKind::Parquet),
            "csv" => Some(TableKind::Csv),
            "ndjson" | "jsonl" => Some(TableKind::Ndjson),
            _ => None,
        }
    }
}

/// A table under construction.
pub(super) struct Table {
    gathered: BatchCoalescer,
    to: To,
}

enum To {
    Parquet(Box<ParquetSink>),
    Lines {
        out: BufWriter<File>,
        kind: TableKind,
        partial: PathBuf,
        path: PathBuf,
        line: Vec<u8>,
    },
}

impl Table {
    /// Begins it.
    pub(super) fn create(
        path: &Path,
        kind: TableKind,
        schema: SchemaRef,
    ) -> Result<Table, FeaturesError> {
        let gathered = BatchCoalescer::new(SchemaRef::clone(&schema), CHUNK_ROWS);
        if kind == TableKind::Parquet {
            let to = To::Parquet(Box::new(ParquetSink::create(path, Some(schema))?));
            return Ok(Table { gathered, to });
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let failed = |source| FeaturesError::Write {
            path: path.display().to_string(),
            source,
        };
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&partial).map_err(failed)?);
        if kind == TableKind::Csv {
            let names: Vec<String> = schema
                .fields()
                .iter()
                .map(|field| quoted(field.name()))
                .collect();
            writeln!(out, "{}", names.join(",")).map_err(failed)?;
        }
        let to = To::Lines {
            out,
            kind,
            partial,
            path: path.to_owned(),
            line: Vec::new(),
        };
        Ok(Table { gathered, to })
    }

    /// Takes rows.
    pub(super) fn write(&mut self, rows: RecordBatch) -> Result<(), FeaturesError> {
        self.gathered.push_batch(rows)?;
        self.drain()
    }

    /// Writes what is left and gives the file its name.
    pub(super) fn close(&mut self) -> Result<(), FeaturesError> {
        self.gathered.finish_buffered_batch()?;
        self.drain()?;
        match &mut self.to {
            To::Parquet(sink) => {
                sink.flush()?;
                Ok(sink.close()?)
            }
            To::Lines {
                out, partial, path, ..
            } => {
                let closed = out
                    .flush()
                    .and_then(|()| std::fs::rename(&*partial, &*path));
                closed.map_err(|source| FeaturesError::Write {
                    path: path.display().to_string(),
                    source,
                })
            }
        }
    }

    fn drain(&mut self) -> Result<(), FeaturesError> {
        while let Some(rows) = self.gathered.next_completed_batch() {
            match &mut self.to {
                To::Parquet(sink) => sink.write(Payload::Columns(&rows))?,
                To::Lines {
                    out,
                    kind,
                    path,
                    line,
                    ..
                } => {
                    let written = lines(&rows, *kind, line).and_then(|()| out.write_all(line));
                    written.map_err(|source| FeaturesError::Write {
                        path: path.display().to_string(),
                        source,
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// The rows as text, in place of what was in `text`.
fn lines(rows: &RecordBatch, kind: TableKind, text: &mut Vec<u8>) -> io::Result<()> {
    text.clear();
    let schema = rows.schema();
    let columns: Vec<Cells<'_>> = rows.columns().iter().map(Cells::of).collect();
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| serde_json::Value::from(field.name().as_str()).to_string())
        .collect();
    for row in 0..rows.num_rows() {
        if kind == TableKind::Ndjson {
            text.push(b'{');
        }
        for (index, (column, name)) in columns.iter().zip(&names).enumerate() {
            if index > 0 {
                text.push(b',');
            }
            if kind == TableKind::Ndjson {
                write!(text, "{name}:")?;
            }
            value(column.at(row), kind, text)?;
        }
        text.extend_from_slice(if kind == TableKind::Ndjson {
            b"}\n"
        } else {
            b"\n"
        });
    }
    Ok(())
}

fn value(cell: Cell<'_>, kind: TableKind, text: &mut Vec<u8>) -> io::Result<()> {
    let json = kind == TableKind::Ndjson;
    match cell {
        Cell::Null if json => write!(text, "null"),
        Cell::Null => Ok(()),
        Cell::Text(word) if json => write!(text, "{}", serde_json::Value::from(word)),
        Cell::Text(word) => write!(text, "{}", quoted(word)),
        Cell::Int(number) => write!(text, "{number}"),
        Cell::Decimal(mantissa, scale) => write!(text, "{}", decimal(mantissa, scale)),
        Cell::Float(number) => write!(text, "{number}"),
        Cell::Bool(truth) => write!(text, "{truth}"),
        Cell::Timestamp(us) => {
            let time = jiff::Timestamp::from_microsecond(us).map_err(io::Error::other)?;
            if json {
                write!(text, "\"{time:.6}\"")
            } else {
                write!(text, "{time:.6}")
            }
        }
    }
}

/// All digits of the scale.
fn decimal(mantissa: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// A field of CSV, in quotes where it must be.
fn quoted(text: &str) -> String {
    // An empty text in quotes is a text; without, it is missing.
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_all_their_digits() {
        for (mantissa, scale, text) in [
            (4_000_000, 4, "400.0000"),
            (-5, 2, "-0.05"),
            (0, 4, "0.0000"),
            (7, 0, "7"),
        ] {
            assert_eq!(decimal(mantissa, scale), text);
        }
    }

    #[test]
    fn csv_fields_are_quoted_where_they_must_be() {
        for (text, field) in [
            ("a", "a"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
        ] {
            assert_eq!(quoted(text), field);
        }
    }
}
