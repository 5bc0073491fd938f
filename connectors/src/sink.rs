//! The contract of a sink: it takes records or columns in order, and after a flush they survive this process.
//!
//! A sink
//! 1. says by [`Sink::takes`] whether it wants single records (logs, NDJSON, terminals) or whole batches (Parquet);
//! 2. keeps the order of what it is given, per key at least;
//! 3. may buffer a bounded amount; [`Sink::write`] blocks when the bound is reached, it never drops;
//! 4. after [`Sink::flush`] has returned without error, holds all that was written before it durably, or, where it is
//!    part of a log's transaction, holds it ready for the commit of that log;
//! 5. reports a failed write at the latest from the next flush; after an error nothing since the last good flush may
//!    be taken as written.

use arrow::array::RecordBatch;

use crate::record::OutRecord;

/// What a sink wants to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// [`Payload::Records`].
    Records,
    /// [`Payload::Columns`].
    Columns,
}

/// What a sink is given; always of the kind it takes.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Single records.
    Records(&'a [OutRecord]),
    /// Rows as columns; the schema never changes during the life of a sink.
    Columns(&'a RecordBatch),
}

/// A failure of a sink.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct SinkError {
    /// What was attempted: `append to decisions`.
    pub operation: String,
    /// Why it failed, without secrets.
    pub cause: String,
    /// Whether the same call may succeed later.
    pub retry: bool,
}

/// Where outputs go. The contract is the module's page.
pub trait Sink: Send {
    /// What it wants.
    fn takes(&self) -> Takes;

    /// Takes rows in order.
    ///
    /// # Errors
    /// [`SinkError`] when they cannot be taken.
    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError>;

    /// Makes durable all that was written.
    ///
    /// # Errors
    /// [`SinkError`] when anything since the last flush is not durable.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// Finishes the sink after its last flush: a Parquet file gets its footer, a temporary file its name.
    ///
    /// # Errors
    /// [`SinkError`] when it cannot be finished.
    fn close(&mut self) -> Result<(), SinkError>;
}
