//! Bytes to columns and back. One file per format, one line in [`Format::ALL`].
//!
//! SKELETON: signatures that the pipeline calls; the bodies come.

use arrow::array::{BinaryArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::reject::Reject;

/// How a timestamp stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// RFC 3339 text.
    Rfc3339,
    /// Whole seconds since the epoch.
    Seconds,
    /// Whole milliseconds.
    Millis,
    /// Whole microseconds.
    Micros,
}

/// A column that is wanted from the input.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedColumn {
    /// Name of the column made.
    pub name: String,
    /// JSON member, CSV or Parquet column; beginning with `/` a JSON pointer.
    pub from: String,
    /// One of Utf8, Int64, Decimal128(18, s), Float64, Boolean, Timestamp(Microsecond, UTC).
    pub data_type: DataType,
    /// How a timestamp is written.
    pub time_unit: TimeUnit,
    /// Whether it may be missing or null.
    pub optional: bool,
    /// Text of the value that stands in for a missing one, in the form the field itself would have.
    pub default: Option<String>,
}

/// Rows that became columns and rows that did not.
#[derive(Debug)]
pub struct Decoded {
    /// The good rows, in order; the columns wanted, in order.
    pub rows: RecordBatch,
    /// Index in the input of each good row, ascending.
    pub taken: Vec<u32>,
    /// The others, ascending.
    pub rejects: Vec<Reject>,
}

/// Turns record values into columns.
pub trait Decoder: Send {
    /// Decodes each value; a bad one never spoils its neighbours.
    fn decode(&mut self, values: &BinaryArray) -> Decoded;
}

/// Casts columns a source already has to the wanted ones, by the same rules as the decoders (missing, widening,
/// float noise, time units).
pub trait Caster: Send {
    /// Casts each row; a bad one never spoils its neighbours.
    fn cast(&mut self, rows: &RecordBatch) -> Decoded;
}
