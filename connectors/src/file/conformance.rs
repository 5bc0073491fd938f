//! The file connectors against the contracts of sources and sinks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use tempfile::TempDir;

use super::tests::{options, read_from, record, values, write};
use super::*;
use crate::conformance::{self, Outcome, sink::SinkRig, source::Seen, source::SourceRig};
use crate::record::{Batch, OutRecord};
use crate::sink::{Payload, Sink};
use crate::source::Source;

struct Files {
    folder: TempDir,
    kind: FileKind,
    records: usize,
}

impl Files {
    fn new(kind: FileKind) -> Files {
        Files {
            folder: TempDir::new().unwrap(),
            kind,
            records: 0,
        }
    }
}

impl SourceRig for Files {
    fn create(&mut self, records: usize) -> Outcome {
        self.records = records;
        let lines =
            |from: usize, to: usize| (from..to).map(|n| format!("{n}\n")).collect::<String>();
        // Two files, so that every check crosses from one to the next.
        let half = records / 3;
        match self.kind {
            FileKind::Parquet => {
                for (name, from, to) in [("a", 0, half), ("b", half, records)] {
                    let numbers = Int64Array::from_iter_values((from..to).map(|n| n as i64));
                    let rows =
                        RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap();
                    let path = self.folder.path().join(format!("{name}.parquet"));
                    let mut sink = ParquetSink::create(&path, Some(rows.schema())).unwrap();
                    sink.write(Payload::Columns(&rows)).unwrap();
                    sink.close().unwrap();
                }
            }
            FileKind::Csv => {
                write(
                    &self.folder,
                    "a.csv",
                    format!("n\n{}", lines(0, half)).as_bytes(),
                );
                write(
                    &self.folder,
                    "b.csv",
                    format!("n\n{}", lines(half, records)).as_bytes(),
                );
            }
            FileKind::Ndjson => {
                write(&self.folder, "a.ndjson", lines(0, half).as_bytes());
                write(&self.folder, "b.ndjson", lines(half, records).as_bytes());
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        let path = format!("{}/*", self.folder.path().display());
        let source = FileSource::open(&path, options()).map_err(|error| error.to_string())?;
        Ok(Box::new(source))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        let has_bytes = self.kind != FileKind::Parquet;
        let seen = (0..self.records).map(|n| Seen {
            offset: n as i64,
            value: has_bytes.then(|| n.to_string().into_bytes()),
        });
        BTreeMap::from([(0, seen.collect())])
    }

    fn append(&mut self, _records: usize) -> Result<bool, String> {
        Ok(false)
    }
}

#[test]
fn the_sources_conform() {
    for kind in [FileKind::Ndjson, FileKind::Csv, FileKind::Parquet] {
        let failures = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
            Box::new(Files::new(kind))
        });
        assert_eq!(failures, Vec::<String>::new(), "{kind:?}");
    }
}

struct Target {
    folder: TempDir,
    columns: bool,
}

impl Target {
    fn path(&self) -> PathBuf {
        self.folder.path().join(if self.columns {
            "out.parquet"
        } else {
            "out.ndjson"
        })
    }
}

impl SinkRig for Target {
    fn open(&mut self) -> Result<Box<dyn Sink>, String> {
        let path = self.path();
        if self.columns {
            return Ok(Box::new(
                ParquetSink::create(&path, None).map_err(|e| e.to_string())?,
            ));
        }
        let sink = NdjsonSink::create(&path, Existing::Truncate, Envelope::Value);
        Ok(Box::new(sink.map_err(|e| e.to_string())?))
    }

    fn read(&mut self) -> Result<Vec<OutRecord>, String> {
        let (_, batches) = read_from(self.path().to_str().unwrap(), 0);
        if !self.columns {
            return Ok(values(&batches)
                .into_iter()
                .map(|(_, value)| record(&value))
                .collect());
        }
        let mut records = Vec::new();
        for batch in &batches {
            let Batch::Columns(columns) = batch else {
                panic!("bytes")
            };
            let numbers = columns.rows.column(0).as_primitive::<Int64Type>();
            records.extend(
                numbers
                    .values()
                    .iter()
                    .map(|n| record(n.to_string().as_bytes())),
            );
        }
        Ok(records)
    }

    fn keeps_all(&self) -> bool {
        false
    }

    fn closes_to_read(&self) -> bool {
        self.columns
    }
}

#[test]
fn the_sinks_conform() {
    for columns in [false, true] {
        let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
            Box::new(Target {
                folder: TempDir::new().unwrap(),
                columns,
            })
        });
        assert_eq!(failures, Vec::<String>::new(), "columns: {columns}");
    }
}
