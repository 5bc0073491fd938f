//! The table itself: the event's id, two flags, one column per feature member, into Parquet, CSV or NDJSON.
//!
//! The invariant: writers get batches of [`BATCH_ROWS`] rows whatever the steps were, so that their pages and groups
//! fall at the same rows.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::csv::Writer as CsvWriter;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use connectors::file::{Envelope, Existing, FileKind, NdjsonSink, ParquetSink};
use connectors::format::ndjson;
use connectors::record::OutRecord;
use connectors::sink::{Payload, Sink, SinkError};
use rules::evaluate::StepOutput;
use rules::ruleset::RuleSet;

use super::FeaturesError;

/// Rows a writer is given at a time.
const BATCH_ROWS: usize = 8_192;

/// A table that is written.
pub(super) struct Table {
    schema: SchemaRef,
    id: usize,
    rows: BatchCoalescer,
    out: Out,
}

/// Where it goes.
enum Out {
    Columns(ParquetSink),
    Csv(PathBuf, Box<CsvWriter<BufWriter<File>>>),
    Lines(NdjsonSink),
}

impl Table {
    /// Begins a table; what it is, its ending says.
    pub(super) fn create(path: &Path, rules: &RuleSet) -> Result<Table, FeaturesError> {
        let schema = schema(rules);
        let out = match FileKind::of(path) {
            Some(FileKind::Parquet) => {
                Out::Columns(ParquetSink::create(path, Some(Arc::clone(&schema)))?)
            }
            Some(FileKind::Csv) => {
                let file = File::create(path).map_err(|error| failure(path, &error.to_string()))?;
                Out::Csv(
                    path.to_owned(),
                    Box::new(CsvWriter::new(BufWriter::new(file))),
                )
            }
            Some(FileKind::Ndjson) => Out::Lines(NdjsonSink::create(
                path,
                Existing::Truncate,
                Envelope::Value,
            )?),
            None => {
                return Err(
                    failure(path, "the ending must be parquet, csv, ndjson or jsonl").into(),
                );
            }
        };
        let rows = BatchCoalescer::new(Arc::clone(&schema), BATCH_ROWS);
        Ok(Table {
            schema,
            id: rules.schema.id,
            rows,
            out,
        })
    }

    /// Adds the events of a step.
    pub(super) fn push(
        &mut self,
        events: &RecordBatch,
        out: &StepOutput,
    ) -> Result<(), FeaturesError> {
        let flag = |flag: fn(&rules::evaluate::Flags) -> bool| -> ArrayRef {
            Arc::new(
                out.decisions
                    .iter()
                    .map(|d| Some(flag(&d.flags)))
                    .collect::<BooleanArray>(),
            )
        };
        let id = events.columns().get(self.id).cloned();
        let mut columns: Vec<ArrayRef> = id.into_iter().collect();
        columns.push(flag(|flags| flags.late));
        columns.push(flag(|flags| flags.duplicate));
        columns.extend(out.features.iter().cloned());
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.rows.push_batch(rows)?;
        self.drain()
    }

    /// Writes what is left and finishes the file.
    pub(super) fn close(mut self) -> Result<(), FeaturesError> {
        self.rows.finish_buffered_batch()?;
        self.drain()?;
        match self.out {
            Out::Columns(mut sink) => sink.close()?,
            Out::Lines(mut sink) => {
                sink.flush()?;
                sink.close()?;
            }
            // Dropping it would hide a full disk.
            Out::Csv(path, writer) => {
                use std::io::Write;
                writer
                    .into_inner()
                    .flush()
                    .map_err(|error| failure(&path, &error.to_string()))?;
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), FeaturesError> {
        while let Some(rows) = self.rows.next_completed_batch() {
            self.out.write(&rows)?;
        }
        Ok(())
    }
}

impl Out {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), FeaturesError> {
        match self {
            Out::Columns(sink) => sink.write(Payload::Columns(rows))?,
            Out::Csv(_, writer) => writer.write(rows)?,
            Out::Lines(sink) => sink.write(Payload::Records(&lines(rows)?))?,
        }
        Ok(())
    }
}

/// One record per row.
fn lines(rows: &RecordBatch) -> Result<Vec<OutRecord>, ArrowError> {
    let mut bytes = Vec::new();
    ndjson::write(rows, &mut bytes).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let record = |line: &[u8]| OutRecord {
        value: Some(line.to_vec()),
        ..OutRecord::default()
    };
    Ok(lines.map(record).collect())
}

pub(super) fn schema(rules: &RuleSet) -> SchemaRef {
    let fields = rules.schema.fields.len();
    let id = rules.schema.fields.get(rules.schema.id);
    let id = id.map(|field| Field::new(&field.name, field.ty.arrow(), true));
    let flag = |name: &str| Field::new(name, DataType::Boolean, false);
    let features = rules
        .columns
        .iter()
        .skip(fields)
        .map(|column| Field::new(&column.name, column.ty.arrow(), true));
    let all = id
        .into_iter()
        .chain([flag("late"), flag("duplicate")])
        .chain(features);
    Arc::new(Schema::new(all.collect::<Vec<_>>()))
}

fn failure(path: &Path, cause: &str) -> SinkError {
    SinkError {
        operation: format!("write {}", path.display()),
        cause: cause.to_owned(),
        retry: false,
    }
}
