//! Bytes to columns and back. One file per format, one line in [`Format::ALL`].
//!
//! The one idea: a format only finds values; what a value may be is said once, in [`value`], for all of them. The
//! invariant: a record becomes one whole row or one [`Reject`]; never half a row, never a guess, never a panic, and
//! never through a binary float where a decimal is wanted.
//!
//! Reading order: the rules for values ([`number`], [`time`], [`text`], [`value`]), rows under
//! construction ([`row`], [`mod@column`], [`plain`]),
//! then the formats ([`json`], [`csv`], [`columns`]) and the way back ([`ndjson`]).

mod number;
mod text;
pub(crate) mod time;

mod value;

mod column;
mod plain;
mod row;
mod verdicts;

pub mod columns;
pub mod csv;
pub mod json;
pub mod ndjson;

use arrow::array::{BinaryArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::reject::Reject;

pub use text::masked;

/// The formats there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per record.
    Json,
    /// One CSV row per record; the header comes from the source.
    Csv,
    /// Columns that the source already has: Parquet.
    Columns,
}

impl Format {
    /// All of them, as `tollgate list formats` shows them.
    pub const ALL: [Format; 3] = [Format::Json, Format::Csv, Format::Columns];

    /// The name used in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Columns => "parquet",
        }
    }

    /// One line about it.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Format::Json => "one JSON object per record or line; members by name or JSON pointer",
            Format::Csv => "RFC 4180 with a header row; an empty field is missing",
            Format::Columns => "columns cast to the fields of the pack",
        }
    }
}

/// What a decoder refuses to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one value; a longer one is rejected before it is parsed.
    pub value_bytes: usize,
    /// Levels of nesting, at most 128.
    pub depth: u8,
}

impl Limits {
    /// 1 MiB and 128 levels.
    pub const DEFAULT: Limits = Limits {
        value_bytes: 1 << 20,
        depth: 128,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

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

/// Columns that cannot be decoded at all, whatever the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("decode column {column}: {cause}")]
pub struct WantedError {
    /// The column as it is named.
    pub column: String,
    /// Why.
    pub cause: String,
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

    /// Another one for the same columns: whichever of the two decodes a value, the row is the same.
    fn another(&self) -> Box<dyn Decoder>;
}

/// Casts columns a source already has to the wanted ones, by the same rules as the decoders (missing, widening,
/// float noise, time units).
pub trait Caster: Send {
    /// Casts each row; a bad one never spoils its neighbours.
    fn cast(&mut self, rows: &RecordBatch) -> Decoded;

    /// Another one for the same columns.
    fn another(&self) -> Box<dyn Caster>;
}
