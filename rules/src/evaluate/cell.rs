//! One value of a column, borrowed: what texts, ids and keys are made of.
//!
//! The idea: a column is downcast once per step, then read by row without dispatching on its Arrow type again. The
//! invariant: every column of [`crate::value::Type::arrow`] is read; one of any other type reads as unknown.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Unknown.
    Null,
    /// Text.
    Text(&'a str),
    /// Integer.
    Int(i64),
    /// Mantissa and scale.
    Decimal(i128, u8),
    /// Float.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Microseconds since the epoch.
    Timestamp(i64),
}

/// A column ready to be read by row.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// A column nobody can read: every row is unknown.
    Unknown,
    /// Text.
    Text(&'a StringArray),
    /// Integers.
    Int(&'a Int64Array),
    /// Decimals of this scale.
    Decimal(&'a Decimal128Array, u8),
    /// Floats.
    Float(&'a Float64Array),
    /// Booleans.
    Bool(&'a BooleanArray),
    /// Timestamps.
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> Cells<'a> {
    /// Downcasts a column.
    #[must_use]
    pub fn of(column: &'a ArrayRef) -> Cells<'a> {
        let cells = match column.data_type() {
            DataType::Utf8 => column.as_string_opt::<i32>().map(Cells::Text),
            DataType::Int64 => column.as_primitive_opt::<Int64Type>().map(Cells::Int),
            DataType::Float64 => column.as_primitive_opt::<Float64Type>().map(Cells::Float),
            DataType::Boolean => column.as_boolean_opt().map(Cells::Bool),
            DataType::Decimal128(_, scale) => column
                .as_primitive_opt::<Decimal128Type>()
                .map(|array| Cells::Decimal(array, scale.unsigned_abs())),
            DataType::Timestamp(TimeUnit::Microsecond, _) => column
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(Cells::Timestamp),
            _ => None,
        };
        cells.unwrap_or(Cells::Unknown)
    }

    /// The value at a row of the column; unknown beyond its end.
    #[must_use]
    #[inline]
    pub fn at(self, row: usize) -> Cell<'a> {
        match self {
            Cells::Text(a) if valid(a, row) => Cell::Text(a.value(row)),
            Cells::Int(a) if valid(a, row) => Cell::Int(a.value(row)),
            Cells::Decimal(a, scale) if valid(a, row) => Cell::Decimal(a.value(row), scale),
            Cells::Float(a) if valid(a, row) => Cell::Float(a.value(row)),
            Cells::Bool(a) if valid(a, row) => Cell::Bool(a.value(row)),
            Cells::Timestamp(a) if valid(a, row) => Cell::Timestamp(a.value(row)),
            _ => Cell::Null,
        }
    }
}

/// Not by the trait's object: every value that is written is asked for here.
#[inline]
fn valid(array: &impl Array, row: usize) -> bool {
    row < array.len() && array.is_valid(row)
}

/// Calls `with` with the text a key or an id has as this value: text itself, an integer in decimal. `None` when it
/// has none.
pub(crate) fn with_key_text<R>(cell: Cell<'_>, with: impl FnOnce(&str) -> R) -> Option<R> {
    match cell {
        Cell::Text(text) => Some(with(text)),
        Cell::Int(value) | Cell::Timestamp(value) => Some(with(itoa::Buffer::new().format(value))),
        Cell::Bool(value) => Some(with(if value { "true" } else { "false" })),
        Cell::Decimal(..) | Cell::Float(_) | Cell::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_integers_are_their_decimal_text() {
        let text = |cell| with_key_text(cell, str::to_owned);
        assert_eq!(text(Cell::Int(-5)).as_deref(), Some("-5"));
        assert_eq!(text(Cell::Int(0)).as_deref(), Some("0"));
        assert_eq!(text(Cell::Text("a")).as_deref(), Some("a"));
        assert_eq!(text(Cell::Null), None);
    }
}
