//! What a value may be: one rule per type, the same for every format.
//!
//! The idea: a format hands over a [`Scalar`] (what stands in the input), the [`Kind`] of the field makes a [`Cell`]
//! of it or says what is wrong. The invariant: a cell is in the range of its type; a text is never a card number.

use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};

use super::number::{self, Digits, NumberError};
use super::{TimeUnit, WantedColumn, WantedError, text, time};
use crate::reject::RejectCode;

/// What stands in the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    /// The digits as written.
    Number(&'a str),
    Text(&'a str),
    Array,
    Object,
}

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Int(i64),
    Decimal(i64),
    Float(f64),
    Bool(bool),
    Time(i64),
}

/// The type of a field, with what is needed to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Decimal(u8),
    Float,
    Bool,
    Time(TimeUnit),
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: RejectCode,
    pub(crate) what: &'static str,
}

impl Kind {
    /// The kind of a wanted column.
    pub(crate) fn of(wanted: &WantedColumn) -> Result<Kind, WantedError> {
        match &wanted.data_type {
            DataType::Utf8 => Ok(Kind::Text),
            DataType::Int64 => Ok(Kind::Int),
            DataType::Decimal128(18, scale @ 0..=18) => Ok(Kind::Decimal(scale.unsigned_abs())),
            DataType::Float64 => Ok(Kind::Float),
            DataType::Boolean => Ok(Kind::Bool),
            DataType::Timestamp(ArrowUnit::Microsecond, Some(_)) => {
                Ok(Kind::Time(wanted.time_unit))
            }
            other => Err(WantedError {
                column: wanted.name.clone(),
                cause: format!("no field has the type {other}"),
            }),
        }
    }

    /// The cell of a value that is there.
    pub(crate) fn read<'a>(self, scalar: Scalar<'a>) -> Result<Cell<'a>, Fault> {
        match (self, scalar) {
            (Kind::Text, Scalar::Text(text)) => checked_text(text),
            (Kind::Bool, Scalar::Bool(value)) => Ok(Cell::Bool(value)),
            (Kind::Time(TimeUnit::Rfc3339), Scalar::Text(text)) => time::rfc3339(text.as_bytes())
                .map(Cell::Time)
                .ok_or(self.bad_time()),
            (Kind::Time(TimeUnit::Rfc3339), _) => Err(self.wrong_type()),
            // Numbers may be quoted: many producers do that to keep their digits.
            (
                Kind::Int | Kind::Decimal(_) | Kind::Float | Kind::Time(_),
                Scalar::Number(digits) | Scalar::Text(digits),
            ) => self.read_number(digits),
            _ => Err(self.wrong_type()),
        }
    }

    /// The cell of a text where all values are text: a CSV field, or a default.
    pub(crate) fn read_text(self, text: &str) -> Result<Cell<'_>, Fault> {
        match (self, text) {
            (Kind::Bool, "true") => Ok(Cell::Bool(true)),
            (Kind::Bool, "false") => Ok(Cell::Bool(false)),
            _ => self.read(Scalar::Text(text)),
        }
    }

    /// The cell of an integer, as columns have it.
    pub(crate) fn read_int(self, value: i64) -> Result<Cell<'static>, Fault> {
        match self {
            Kind::Int => Ok(Cell::Int(value)),
            Kind::Decimal(scale) => {
                let digits = Digits {
                    negative: value < 0,
                    mantissa: u128::from(value.unsigned_abs()),
                    exponent: 0,
                };
                number::rounded(digits, scale)
                    .map(Cell::Decimal)
                    .map_err(|_| self.inexact())
            }
            Kind::Time(TimeUnit::Rfc3339) | Kind::Text | Kind::Bool => Err(self.wrong_type()),
            Kind::Time(unit) => time::epoch(value, unit)
                .map(Cell::Time)
                .ok_or(self.bad_time()),
            Kind::Float => exact_float(value).map(Cell::Float).ok_or(self.inexact()),
        }
    }

    /// The cell of a double, as columns have it.
    pub(crate) fn read_float(self, value: f64) -> Result<Cell<'static>, Fault> {
        match self {
            Kind::Float if value.is_finite() => Ok(Cell::Float(value + 0.0)),
            Kind::Decimal(scale) => number::decimal_of_float(value, scale)
                .map(Cell::Decimal)
                .map_err(|_| self.inexact()),
            Kind::Int | Kind::Time(_) if value.is_finite() && value.fract() == 0.0 => {
                let value = number::decimal_of_float(value, 0).map_err(|_| self.inexact())?;
                self.read_int(value)
            }
            Kind::Float | Kind::Int => Err(self.inexact()),
            Kind::Time(_) => Err(self.bad_time()),
            Kind::Text | Kind::Bool => Err(self.wrong_type()),
        }
    }

    /// The cell of a decimal, as columns have it.
    pub(crate) fn read_digits(self, digits: Digits) -> Result<Cell<'static>, Fault> {
        match self {
            Kind::Decimal(scale) => number::rounded(digits, scale)
                .map(Cell::Decimal)
                .map_err(|_| self.inexact()),
            Kind::Float | Kind::Int | Kind::Time(_) => {
                let sign = if digits.negative { "-" } else { "" };
                self.read_number(&format!("{sign}{}e{}", digits.mantissa, digits.exponent))
            }
            Kind::Text | Kind::Bool => Err(self.wrong_type()),
        }
    }

    fn read_number(self, digits: &str) -> Result<Cell<'static>, Fault> {
        let cell = match self {
            Kind::Int => number::integer(digits).map(Cell::Int),
            Kind::Decimal(scale) => number::decimal(digits, scale).map(Cell::Decimal),
            Kind::Float => number::float(digits).map(Cell::Float),
            Kind::Time(unit) => match number::integer(digits) {
                Ok(value) => {
                    return time::epoch(value, unit)
                        .map(Cell::Time)
                        .ok_or(self.bad_time());
                }
                Err(NumberError::Inexact) => return Err(self.bad_time()),
                Err(NumberError::Syntax) => Err(NumberError::Syntax),
            },
            Kind::Text | Kind::Bool => Err(NumberError::Syntax),
        };
        cell.map_err(|error| match error {
            NumberError::Syntax => self.wrong_type(),
            NumberError::Inexact => self.inexact(),
        })
    }

    /// Another kind of value than the field's.
    pub(crate) fn wrong_type(self) -> Fault {
        let what = match self {
            Kind::Text => "expected text, found",
            Kind::Int => "expected an integer, found",
            Kind::Decimal(_) => "expected a decimal, found",
            Kind::Float => "expected a number, found",
            Kind::Bool => "expected true or false, found",
            Kind::Time(TimeUnit::Rfc3339) => "expected a time as RFC 3339 text, found",
            Kind::Time(TimeUnit::Seconds) => "expected whole seconds since 1970, found",
            Kind::Time(TimeUnit::Millis) => "expected whole milliseconds since 1970, found",
            Kind::Time(TimeUnit::Micros) => "expected whole microseconds since 1970, found",
        };
        Fault {
            code: RejectCode::WrongType,
            what,
        }
    }

    pub(crate) fn inexact(self) -> Fault {
        let what = match self {
            Kind::Int => "an integer of 64 bits cannot hold",
            Kind::Decimal(_) => "18 digits with the scale declared cannot hold",
            _ => "a finite float cannot hold",
        };
        Fault {
            code: RejectCode::InexactNumber,
            what,
        }
    }

    pub(crate) fn bad_time(self) -> Fault {
        let what = match self {
            Kind::Time(TimeUnit::Seconds) => "not whole seconds in the years 1970 to 9999:",
            Kind::Time(TimeUnit::Millis) => "not whole milliseconds in the years 1970 to 9999:",
            Kind::Time(TimeUnit::Micros) => "not whole microseconds in the years 1970 to 9999:",
            _ => "not an RFC 3339 time with offset in the years 1970 to 9999:",
        };
        Fault {
            code: RejectCode::BadTime,
            what,
        }
    }
}

/// The text, unless it is a card number.
fn checked_text(value: &str) -> Result<Cell<'_>, Fault> {
    if text::is_card_number(value.as_bytes()) {
        let what = "looks like a card number; the digits are not shown:";
        return Err(Fault {
            code: RejectCode::SensitiveData,
            what,
        });
    }
    Ok(Cell::Text(value))
}

/// The double equal to the integer, where there is one.
fn exact_float(value: i64) -> Option<f64> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "checked by the way back"
    )]
    let (double, back) = (value as f64, value as f64 as i128);
    (back == i128::from(value)).then_some(double)
}

impl Scalar<'_> {
    /// What may be shown of it.
    pub(crate) fn shown(self) -> String {
        match self {
            Scalar::Null => "null".to_owned(),
            Scalar::Bool(value) => value.to_string(),
            Scalar::Number(digits) => text::masked(digits),
            Scalar::Text(value) => format!("\"{}\"", text::masked(value)),
            Scalar::Array => "an array".to_owned(),
            Scalar::Object => "an object".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::Scalar::{Array, Bool, Null, Number, Object, Text};
    use super::*;
    use crate::reject::RejectCode::{BadTime, InexactNumber, SensitiveData, WrongType};

    #[test]
    fn each_kind_takes_what_it_is_and_nothing_else() {
        let seconds = Kind::Time(TimeUnit::Seconds);
        let rfc3339 = Kind::Time(TimeUnit::Rfc3339);
        let table: &[(Kind, Scalar<'_>, Result<Cell<'_>, RejectCode>)] = &[
            (Kind::Text, Text("a"), Ok(Cell::Text("a"))),
            (Kind::Text, Text(""), Ok(Cell::Text(""))),
            (Kind::Text, Number("5"), Err(WrongType)),
            (Kind::Text, Bool(true), Err(WrongType)),
            (Kind::Text, Text("4111111111111111"), Err(SensitiveData)),
            (Kind::Int, Number("5"), Ok(Cell::Int(5))),
            (Kind::Int, Text("5"), Ok(Cell::Int(5))),
            (Kind::Int, Number("5.5"), Err(InexactNumber)),
            (Kind::Int, Text("five"), Err(WrongType)),
            (Kind::Int, Bool(true), Err(WrongType)),
            (Kind::Decimal(2), Number("5.25"), Ok(Cell::Decimal(525))),
            (Kind::Decimal(2), Text("5.25"), Ok(Cell::Decimal(525))),
            (Kind::Decimal(2), Text("NaN"), Err(WrongType)),
            (Kind::Decimal(2), Number("1e400"), Err(InexactNumber)),
            (Kind::Decimal(2), Object, Err(WrongType)),
            (Kind::Float, Number("-0"), Ok(Cell::Float(0.0))),
            (Kind::Float, Text("2.5"), Ok(Cell::Float(2.5))),
            (Kind::Float, Number("1e400"), Err(InexactNumber)),
            (Kind::Float, Text("inf"), Err(WrongType)),
            (Kind::Bool, Bool(false), Ok(Cell::Bool(false))),
            (Kind::Bool, Text("true"), Err(WrongType)),
            (Kind::Bool, Number("1"), Err(WrongType)),
            (
                rfc3339,
                Text("1970-01-01T00:00:01Z"),
                Ok(Cell::Time(1_000_000)),
            ),
            (rfc3339, Text("yesterday"), Err(BadTime)),
            (rfc3339, Number("1"), Err(WrongType)),
            (seconds, Number("1"), Ok(Cell::Time(1_000_000))),
            (seconds, Text("1"), Ok(Cell::Time(1_000_000))),
            (seconds, Number("1767225600000"), Err(BadTime)),
            (seconds, Number("-1"), Err(BadTime)),
            (seconds, Number("1.5"), Err(BadTime)),
            (seconds, Text("1970-01-01T00:00:01Z"), Err(WrongType)),
            (seconds, Array, Err(WrongType)),
            (seconds, Null, Err(WrongType)),
        ];
        for (kind, scalar, expected) in table {
            let got = kind.read(*scalar).map_err(|fault| fault.code);
            assert_eq!(got, *expected, "{kind:?} {scalar:?}");
        }
    }

    #[test]
    fn columns_are_read_by_the_same_rules() {
        assert_eq!(Kind::Decimal(4).read_int(-7), Ok(Cell::Decimal(-70_000)));
        assert_eq!(
            Kind::Decimal(4).read_int(i64::MIN).map_err(|f| f.code),
            Err(InexactNumber)
        );
        assert_eq!(Kind::Float.read_int(7), Ok(Cell::Float(7.0)));
        assert_eq!(
            Kind::Float.read_int(i64::MAX).map_err(|f| f.code),
            Err(InexactNumber)
        );
        assert_eq!(Kind::Text.read_int(7).map_err(|f| f.code), Err(WrongType));
        assert_eq!(Kind::Int.read_float(7.0), Ok(Cell::Int(7)));
        assert_eq!(
            Kind::Int.read_float(7.5).map_err(|f| f.code),
            Err(InexactNumber)
        );
        assert_eq!(
            Kind::Float.read_float(f64::NAN).map_err(|f| f.code),
            Err(InexactNumber)
        );
        assert_eq!(
            Kind::Time(TimeUnit::Seconds).read_float(7.0),
            Ok(Cell::Time(7_000_000))
        );
    }
}
