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

/// The two digits of each number below 100: half the divisions, and one store for two bytes.
pub(crate) const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

/// Decimal digits of an integer in a small buffer, so that ids and keys of integers cost no allocation.
#[derive(Debug)]
pub(crate) struct Digits {
    bytes: [u8; Digits::ROOM],
    start: usize,
}

impl Digits {
    /// Sign and the 39 digits of the greatest `u128`.
    const ROOM: usize = 40;
    const NONE: Digits = Digits {
        bytes: [b'0'; Digits::ROOM],
        start: Digits::ROOM,
    };

    /// The digits of a value.
    pub(crate) fn of(value: i128) -> Digits {
        let mut rest = value.unsigned_abs();
        let mut digits = Digits::NONE;
        // A machine word is divided ten times faster than 128 bits, and nearly every value is one.
        while rest > u128::from(u64::MAX) {
            digits.push_front(PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        digits.finish(rest as u64)
    }

    /// The digits of a machine word.
    pub(crate) fn of_word(value: u64) -> Digits {
        Digits::NONE.finish(value)
    }

    /// Puts a machine word before the digits there are.
    fn finish(mut self, mut rest: u64) -> Digits {
        while rest >= 10 {
            self.push_front(PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        if rest > 0 || self.start == Digits::ROOM {
            self.start -= 1;
            self.bytes[self.start] = b'0' + rest as u8;
        }
        self
    }

    fn push_front(&mut self, pair: [u8; 2]) {
        self.start -= 2;
        self.bytes[self.start..self.start + 2].copy_from_slice(&pair);
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

/// The same as bytes: digits need not be proven to be UTF-8, which costs more than making them.
pub(crate) fn with_key_bytes<R>(cell: Cell<'_>, with: impl FnOnce(&[u8]) -> R) -> Option<R> {
    match cell {
        Cell::Int(value) if value >= 0 => Some(with(Digits::of_word(value.unsigned_abs()).bytes())),
        cell => with_key_text(cell, |text| with(text.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_size() {
        let powers = (0..39).map(|power| 10i128.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1, power / 7 * 3]);
        let word = i128::from(u64::MAX);
        for value in edges.chain([word, word + 1, 100 * word + 99, i128::MAX, -42]) {
            assert_eq!(
                Digits::of(value).text(),
                value.unsigned_abs().to_string(),
                "{value}"
            );
            if let Ok(word) = u64::try_from(value) {
                assert_eq!(Digits::of_word(word).text(), word.to_string());
            }
        }
    }

    #[test]
    fn ids_of_integers_are_their_decimal_text() {
        let text = |cell| with_key_text(cell, str::to_owned);
        assert_eq!(text(Cell::Int(-5)).as_deref(), Some("-5"));
        assert_eq!(text(Cell::Int(0)).as_deref(), Some("0"));
        assert_eq!(text(Cell::Text("a")).as_deref(), Some("a"));
        assert_eq!(text(Cell::Null), None);
        for cell in [
            Cell::Int(-5),
            Cell::Int(1_234_567),
            Cell::Text("a"),
            Cell::Null,
        ] {
            assert_eq!(
                with_key_bytes(cell, <[u8]>::to_vec),
                text(cell).map(String::into_bytes)
            );
        }
    }
}
