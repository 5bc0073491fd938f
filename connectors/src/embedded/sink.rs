//! The sink over a topic of the [`EmbeddedLog`]: on its own, or bound to an [`super::EmbeddedCommitLog`].
//!
//! The invariant: what a bound sink takes is in the store only by its log's commit.

use std::sync::{Arc, Mutex, PoisonError};

use super::{EmbeddedLog, Outputs};
use crate::record::OutRecord;
use crate::sink::{Payload, Sink, SinkError, Takes};

/// Most bytes gathered between two commits: a caller that never commits gets an error, not all memory.
const GATHERED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Records taken and not yet in the store.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) outputs: Outputs,
    pub(crate) bytes: usize,
}

/// [`Gathered`] by all sinks of one commit log.
pub(crate) type Shared = Arc<Mutex<Gathered>>;

/// Appends to one topic.
pub struct EmbeddedSink {
    log: EmbeddedLog,
    topic: String,
    gathered: Shared,
    bound: bool,
}

impl EmbeddedSink {
    /// A sink on its own: each flush appends what was written since the last, all or nothing. The topic must be there
    /// by the first flush.
    #[must_use]
    pub fn new(log: &EmbeddedLog, topic: &str) -> Self {
        Self {
            log: log.clone(),
            topic: topic.to_owned(),
            gathered: Shared::default(),
            bound: false,
        }
    }

    pub(crate) fn bound(log: &EmbeddedLog, topic: &str, gathered: &Shared) -> Self {
        Self {
            log: log.clone(),
            topic: topic.to_owned(),
            gathered: gathered.clone(),
            bound: true,
        }
    }

    fn error(&self, cause: String) -> SinkError {
        SinkError {
            operation: format!("append to {}", self.topic),
            cause,
            retry: false,
        }
    }
}

impl Sink for EmbeddedSink {
    fn takes(&self) -> Takes {
        Takes::Records
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Records(records) = payload else {
            return Err(self.error("this sink takes records".to_owned()));
        };
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = records.iter().map(size).sum();
        if gathered.bytes + bytes > GATHERED_BYTES_MAX {
            return Err(self.error(format!(
                "more than {GATHERED_BYTES_MAX} bytes since the last commit"
            )));
        }
        gathered.bytes += bytes;
        gathered.outputs.extend(
            records
                .iter()
                .map(|record| (self.topic.clone(), record.clone())),
        );
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.bound {
            return Ok(());
        }
        let gathered =
            std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        if gathered.outputs.is_empty() {
            return Ok(());
        }
        let records: Vec<OutRecord> = gathered
            .outputs
            .into_iter()
            .map(|(_, record)| record)
            .collect();
        let appended = self
            .log
            .append(&self.topic, &records)
            .and_then(|()| self.log.sync());
        appended.map_err(|error| self.error(error.to_string()))
    }

    fn close(&mut self) -> Result<(), SinkError> {
        self.flush()
    }
}

fn size(record: &OutRecord) -> usize {
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len))
        .sum();
    record.key.as_ref().map_or(0, Vec::len) + record.value.as_ref().map_or(0, Vec::len) + headers
}
