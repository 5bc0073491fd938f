//! One column under construction.
//!
//! The idea: cells go into the vector that becomes the Arrow array. The invariant: a column has a value for each row,
//! the places of its nulls included, and a cell that is pushed is of the column's kind.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Decimal128Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;

use super::row::Problem;
use super::value::{Cell, Fault, Kind};
use super::{WantedColumn, WantedError, text};
use crate::reject::RejectCode;

/// A column wanted, with its values so far.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) wanted: WantedColumn,
    pub(super) kind: Kind,
    pub(super) values: Values,
    /// Rows that are null; ascending.
    nulls: Vec<usize>,
}

/// The values, as the array will have them.
#[derive(Debug)]
pub(super) enum Values {
    Text { ends: Vec<i32>, bytes: Vec<u8> },
    Int(Vec<i64>),
    Decimal(Vec<i128>),
    Float(Vec<f64>),
    Bool(BooleanBufferBuilder),
}

impl Column {
    /// An empty column, its default checked.
    pub(super) fn new(wanted: WantedColumn) -> Result<Column, WantedError> {
        let kind = Kind::of(&wanted)?;
        if let Some(default) = &wanted.default
            && let Err(fault) = kind.read_text(default)
        {
            let cause = format!("its default: {} \"{}\"", fault.what, text::masked(default));
            return Err(WantedError {
                column: wanted.name,
                cause,
            });
        }
        Ok(Column {
            kind,
            values: Values::new(kind),
            nulls: Vec::new(),
            wanted,
        })
    }

    /// The same column without rows.
    pub(super) fn another(&self) -> Column {
        Column {
            wanted: self.wanted.clone(),
            kind: self.kind,
            values: Values::new(self.kind),
            nulls: Vec::new(),
        }
    }

    /// Rows it has a value for.
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Text { ends, .. } => ends.len() - 1,
            Values::Int(values) => values.len(),
            Values::Decimal(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Bool(values) => values.len(),
        }
    }

    /// Adds a cell.
    pub(super) fn push(&mut self, cell: Cell<'_>) -> Result<(), Problem> {
        match (&mut self.values, cell) {
            (Values::Text { .. }, Cell::Text(text)) => {
                if self.push_bytes(text.as_bytes()).is_none() {
                    let detail = format!("{}: more text than one batch can hold", self.wanted.name);
                    return Err(Problem {
                        code: RejectCode::TooLarge,
                        detail,
                    });
                }
            }
            (Values::Int(values), Cell::Int(value) | Cell::Time(value)) => values.push(value),
            (Values::Decimal(values), Cell::Decimal(value)) => values.push(i128::from(value)),
            (Values::Float(values), Cell::Float(value)) => values.push(value),
            (Values::Bool(values), Cell::Bool(value)) => values.append(value),
            (_, cell) => unreachable!("{:?} made {cell:?}", self.kind),
        }
        Ok(())
    }

    /// Adds a text known to be UTF-8, where this is a column of texts and can hold it.
    #[inline]
    pub(super) fn push_bytes(&mut self, text: &[u8]) -> Option<()> {
        let Values::Text { ends, bytes } = &mut self.values else {
            return None;
        };
        ends.push(i32::try_from(bytes.len() + text.len()).ok()?);
        bytes.extend_from_slice(text);
        Some(())
    }

    /// Gives the row at hand its default, or null where it may be missing.
    pub(super) fn fill(&mut self) -> Result<(), Problem> {
        if let Some(default) = self.wanted.default.take() {
            // Taken and put back, because the cell borrows it while the column is written.
            let pushed = self.kind.read_text(&default).map(|cell| self.push(cell));
            self.wanted.default = Some(default);
            debug_assert!(
                pushed.is_ok(),
                "the default was read when the column was made"
            );
        } else if self.wanted.optional {
            self.push_null();
        } else {
            let detail = format!("{}: missing or null", self.shown_name());
            return Err(Problem {
                code: RejectCode::MissingField,
                detail,
            });
        }
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.push(self.len());
        match &mut self.values {
            Values::Text { ends, bytes } => {
                ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX))
            }
            Values::Int(values) => values.push(0),
            Values::Decimal(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Bool(values) => values.append(false),
        }
    }

    /// Back to so many rows.
    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Text { ends, bytes } => {
                ends.truncate(len + 1);
                let end = ends.last().copied().unwrap_or_default();
                bytes.truncate(usize::try_from(end).unwrap_or_default());
            }
            Values::Int(values) => values.truncate(len),
            Values::Decimal(values) => values.truncate(len),
            Values::Float(values) => values.truncate(len),
            Values::Bool(values) => values.truncate(len),
        }
        while self.nulls.last().is_some_and(|row| *row >= len) {
            self.nulls.pop();
        }
    }

    /// The array of so many rows; none are left here.
    pub(super) fn finish(&mut self, len: usize) -> ArrayRef {
        let nulls = null_buffer(&self.nulls, len);
        self.nulls.clear();
        // The next batch will be about as large as this one.
        let values = std::mem::replace(&mut self.values, Values::with_capacity(self.kind, len));
        match values {
            Values::Text { ends, bytes } => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
                let array = StringArray::try_new(ends, Buffer::from_vec(bytes), nulls)
                    .unwrap_or_else(|error| unreachable!("texts end to end: {error}"));
                Arc::new(array)
            }
            Values::Int(values) => match &self.wanted.data_type {
                DataType::Timestamp(_, zone) => {
                    let array = TimestampMicrosecondArray::new(values.into(), nulls);
                    Arc::new(array.with_timezone_opt(zone.clone()))
                }
                _ => Arc::new(Int64Array::new(values.into(), nulls)),
            },
            Values::Decimal(values) => {
                let array = Decimal128Array::new(values.into(), nulls);
                Arc::new(array.with_data_type(self.wanted.data_type.clone()))
            }
            Values::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Bool(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
        }
    }

    /// What is wrong with a value.
    pub(super) fn problem(&self, fault: Fault, shown: &str) -> Problem {
        let detail = format!("{}: {} {shown}", self.shown_name(), fault.what);
        Problem {
            code: fault.code,
            detail,
        }
    }

    /// The name, and where the value is looked for when that differs.
    fn shown_name(&self) -> String {
        if self.wanted.from == self.wanted.name {
            self.wanted.name.clone()
        } else {
            format!("{} (from {})", self.wanted.name, self.wanted.from)
        }
    }
}

impl Values {
    fn new(kind: Kind) -> Values {
        Values::with_capacity(kind, 0)
    }

    fn with_capacity(kind: Kind, rows: usize) -> Values {
        match kind {
            Kind::Text => {
                let mut ends = Vec::with_capacity(rows + 1);
                ends.push(0);
                Values::Text {
                    ends,
                    bytes: Vec::with_capacity(rows * 16),
                }
            }
            Kind::Int | Kind::Time(_) => Values::Int(Vec::with_capacity(rows)),
            Kind::Decimal(_) => Values::Decimal(Vec::with_capacity(rows)),
            Kind::Float => Values::Float(Vec::with_capacity(rows)),
            Kind::Bool => Values::Bool(BooleanBufferBuilder::new(rows)),
        }
    }
}

fn null_buffer(nulls: &[usize], len: usize) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(len);
    valid.append_n(len, true);
    for row in nulls {
        valid.set_bit(*row, false);
    }
    Some(NullBuffer::new(valid.finish()))
}
