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

fn valid(array: &dyn Array, row: usize) -> bool {
    row < array.len() && array.is_valid(row)
}

/// Decimal digits of an integer in a small buffer, so that ids and keys of integers cost no allocation.
#[derive(Debug)]
pub(crate) struct Digits {
    bytes: [u8; Digits::ROOM],
    start: usize,
}

impl Digits {
    /// Sign and the 39 digits of the greatest `u128`.
    const ROOM: usize = 40;

    /// The digits of a value.
    pub(crate) fn of(value: i128) -> Digits {
        let mut digits = Digits {
            bytes: [b'0'; Digits::ROOM],
            start: Digits::ROOM,
        };
        // A machine word is divided ten times faster than 128 bits, and nearly every value is one.
        match u64::try_from(value.unsigned_abs()) {
            Ok(mut rest) => {
                while rest > 0 || digits.start == Digits::ROOM {
                    digits.push_front((rest % 10) as u8);
                    rest /= 10;
                }
            }
            Err(_) => {
                let mut rest = value.unsigned_abs();
                while rest > 0 {
                    digits.push_front((rest % 10) as u8);
                    rest /= 10;
                }
            }
        }
        digits
    }

    fn push_front(&mut self, digit: u8) {
        self.start -= 1;
        self.bytes[self.start] = b'0' + digit;
    }

    /// The digits, without a sign.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The digits as text, without a sign.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

/// Calls `with` with the text a key or an id has as this value: text itself, an integer in decimal. `None` when it
/// has none.
pub(crate) fn with_key_text<R>(cell: Cell<'_>, with: impl FnOnce(&str) -> R) -> Option<R> {
    match cell {
        Cell::Text(text) => Some(with(text)),
        Cell::Int(value) if value >= 0 => Some(with(Digits::of(i128::from(value)).text())),
        Cell::Int(value) => Some(with(&value.to_string())),
        Cell::Bool(value) => Some(with(if value { "true" } else { "false" })),
        Cell::Timestamp(micros) => Some(with(&micros.to_string())),
        Cell::Decimal(..) | Cell::Float(_) | Cell::Null => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_size() {
        for value in [0i128, 7, 10, i128::from(u64::MAX), i128::MAX, -42] {
            assert_eq!(
                Digits::of(value).text(),
                value.unsigned_abs().to_string(),
                "{value}"
            );
        }
    }

    #[test]
    fn ids_of_integers_are_their_decimal_text() {
        let text = |cell| with_key_text(cell, str::to_owned);
        assert_eq!(text(Cell::Int(-5)).as_deref(), Some("-5"));
        assert_eq!(text(Cell::Int(0)).as_deref(), Some("0"));
        assert_eq!(text(Cell::Text("a")).as_deref(), Some("a"));
        assert_eq!(text(Cell::Null), None);
    }
}
