//! The sink that writes batches as a Parquet file, compressed with zstd.
//!
//! The idea: a Parquet file is readable only once its footer is written, so it grows beside its name and gets the name
//! when it is closed. A flush therefore cannot make rows durable: after a crash the file is not there, and a run that
//! wants it begins anew. The invariant: a file of that name is whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow::datatypes::SchemaRef;

use super::ndjson::failure;
use crate::sink::{Payload, Sink, SinkError, Takes};

/// Rows of a row group, and so what is held in memory, encoded.
const GROUP_ROWS: usize = 256 * 1024;

/// Writes batches of one schema.
#[derive(Debug)]
pub struct ParquetSink {
    path: PathBuf,
    partial: PathBuf,
    schema: Option<SchemaRef>,
    writer: Option<ArrowWriter<File>>,
}

impl ParquetSink {
    /// A sink that makes this file, or replaces it, when it is closed. Without a schema the first batch has it, and
    /// without a batch there is no file then.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn create(path: &Path, schema: Option<SchemaRef>) -> Result<ParquetSink, SinkError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let mut sink = ParquetSink {
            path: path.to_owned(),
            partial: PathBuf::from(partial),
            schema: None,
            writer: None,
        };
        File::create(&sink.partial).map_err(|error| sink.failed("create", &error))?;
        if let Some(schema) = schema {
            sink.begin(&schema)?;
        }
        Ok(sink)
    }

    fn failed(&self, operation: &str, error: &dyn std::error::Error) -> SinkError {
        failure(operation, &self.path, &error.to_string())
    }

    fn begin(&mut self, schema: &SchemaRef) -> Result<&mut ArrowWriter<File>, SinkError> {
        let file = File::create(&self.partial).map_err(|error| self.failed("create", &error))?;
        let level = ZstdLevel::try_new(1).map_err(|error| self.failed("create", &error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))
            .map_err(|error| self.failed("create", &error))?;
        self.schema = Some(Arc::clone(schema));
        Ok(self.writer.insert(writer))
    }
}

impl Sink for ParquetSink {
    fn takes(&self) -> Takes {
        Takes::Columns
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Columns(rows) = payload else {
            return Err(failure("write", &self.path, "this sink takes columns"));
        };
        match &self.schema {
            None => {
                self.begin(&rows.schema())?;
            }
            Some(schema) if *schema != rows.schema() => {
                return Err(failure("write", &self.path, "the schema has changed"));
            }
            Some(_) => {}
        }
        match &mut self.writer {
            Some(writer) => writer
                .write(rows)
                .map_err(|error| failure("write", &self.path, &error.to_string())),
            None => Err(failure("write", &self.path, "the sink is closed")),
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // Ending a row group here would leave thousands of tiny ones, and nothing of it could be read anyway.
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        let Some(writer) = self.writer.take() else {
            if self.schema.is_none() && self.partial.exists() {
                std::fs::remove_file(&self.partial)
                    .map_err(|error| self.failed("remove", &error))?;
            }
            return Ok(());
        };
        let file = writer
            .into_inner()
            .map_err(|error| self.failed("close", &error))?;
        file.sync_all()
            .map_err(|error| self.failed("sync", &error))?;
        std::fs::rename(&self.partial, &self.path).map_err(|error| self.failed("rename", &error))
    }
}
