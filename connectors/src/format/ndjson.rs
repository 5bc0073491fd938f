//! Rows of columns as lines of JSON, for the six types a field can have.
//!
//! The idea: bytes pushed into one buffer, no value tree. The invariant: what is written here the decoder reads back
//! as the same values; a decimal is a number with all its digits, a null is left out.

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};

use super::time;

/// A column of a type that is not one of the six.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write column {column} as JSON: the type {data_type} is not supported")]
pub struct WriteError {
    /// The column.
    pub column: String,
    /// Its type.
    pub data_type: DataType,
}

enum Column<'a> {
    Text(&'a StringArray),
    Int(&'a Int64Array),
    Decimal(&'a Decimal128Array, usize),
    Float(&'a Float64Array),
    Bool(&'a BooleanArray),
    Time(&'a TimestampMicrosecondArray),
}

/// Appends one line per row.
///
/// # Errors
/// [`WriteError`] when a column is of another type; nothing is written then.
pub fn write(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let schema = rows.schema_ref();
    let mut columns = Vec::with_capacity(rows.num_columns());
    for (field, array) in schema.fields().iter().zip(rows.columns()) {
        let column = match array.data_type() {
            DataType::Utf8 => Column::Text(array.as_string()),
            DataType::Int64 => Column::Int(array.as_primitive()),
            DataType::Decimal128(_, scale @ 0..) => {
                Column::Decimal(array.as_primitive(), usize::from(scale.unsigned_abs()))
            }
            DataType::Float64 => Column::Float(array.as_primitive()),
            DataType::Boolean => Column::Bool(array.as_boolean()),
            DataType::Timestamp(ArrowUnit::Microsecond, _) => Column::Time(array.as_primitive()),
            other => {
                return Err(WriteError {
                    column: field.name().clone(),
                    data_type: other.clone(),
                });
            }
        };
        let mut name = Vec::new();
        write_string(field.name(), &mut name);
        name.push(b':');
        columns.push((name, column, array.logical_nulls()));
    }
    for row in 0..rows.num_rows() {
        out.push(b'{');
        let mut first = true;
        for (name, column, nulls) in &columns {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(name);
            column.write(row, out);
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(())
}

impl Column<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Column::Text(values) => write_string(values.value(row), out),
            Column::Int(values) => write_integer(i128::from(values.value(row)), out),
            Column::Decimal(values, scale) => write_decimal(values.value(row), *scale, out),
            Column::Float(values) => match values.value(row) {
                value if value.is_finite() => out.extend_from_slice(value.to_string().as_bytes()),
                _ => out.extend_from_slice(b"null"),
            },
            Column::Bool(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" })
            }
            Column::Time(values) => {
                out.push(b'"');
                time::write_rfc3339(values.value(row), out);
                out.push(b'"');
            }
        }
    }
}

/// Appends a JSON string; control characters and what can hide its neighbours are escaped.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for part in text.chars() {
        match part {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\0'..=' ' if part != ' ' => escape(part, out),
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                escape(part, out);
            }
            _ => out.extend_from_slice(part.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends an integer in digits.
pub fn write_integer(value: i128, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_digits(value.unsigned_abs(), 1, out);
}

/// Appends a decimal with exactly `scale` digits behind the point.
pub fn write_decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let start = out.len();
    write_digits(value.unsigned_abs(), scale + 1, out);
    if scale > 0 {
        let point = out.len().saturating_sub(scale).max(start);
        out.insert(point, b'.');
    }
}

/// Appends at least `width` digits.
fn write_digits(value: u128, width: usize, out: &mut Vec<u8>) {
    // 39 digits are the most a value has, 40 the widest decimal.
    let mut digits = [b'0'; 64];
    let (mut at, mut high) = (digits.len(), value);
    while high > u128::from(u64::MAX) {
        at -= 1;
        digits[at] = b'0' + u8::try_from(high % 10).unwrap_or_default();
        high /= 10;
    }
    let mut low = u64::try_from(high).unwrap_or(u64::MAX);
    while low > 0 {
        at -= 1;
        digits[at] = b'0' + u8::try_from(low % 10).unwrap_or_default();
        low /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width.min(digits.len()))..]);
}

fn escape(part: char, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{:04x}", u32::from(part)).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray};

    use super::*;
    use crate::format::json::JsonDecoder;
    use crate::format::{Decoder, Limits, TimeUnit, WantedColumn};

    fn rows() -> RecordBatch {
        let decimals = vec![Some(-5), Some(123_450), None];
        let decimals = Decimal128Array::from(decimals)
            .with_precision_and_scale(18, 4)
            .unwrap();
        let times =
            TimestampMicrosecondArray::from(vec![0, 1_767_225_900_000_001, 7]).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 6] = [
            (
                "text",
                Arc::new(StringArray::from(vec![
                    Some("a\"\\\n\u{0}\u{202e}é"),
                    Some(""),
                    None,
                ])),
            ),
            (
                "int",
                Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX])),
            ),
            ("decimal", Arc::new(decimals)),
            (
                "float",
                Arc::new(Float64Array::from(vec![0.1, -1e300, 5e-324])),
            ),
            (
                "bool",
                Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            ),
            ("time", Arc::new(times)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn lines_are_exact() {
        let mut out = Vec::new();
        write(&rows(), &mut out).unwrap();
        let lines: Vec<&str> = std::str::from_utf8(&out).unwrap().lines().collect();
        let first = concat!(
            r#"{"text":"a\"\\\n\u0000\u202eé","int":-9223372036854775808,"decimal":-0.0005,"float":0.1,"#,
            r#""bool":true,"time":"1970-01-01T00:00:00.000000Z"}"#
        );
        assert_eq!(lines[0], first);
        assert!(lines[1].contains(r#""decimal":12.3450,"#), "{}", lines[1]);
        assert!(
            lines[2].starts_with(r#"{"int":9223372036854775807,"float":"#),
            "{}",
            lines[2]
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows = rows();
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        let schema = rows.schema();
        let wanted = schema.fields().iter().map(|field| WantedColumn {
            name: field.name().clone(),
            from: field.name().clone(),
            data_type: field.data_type().clone(),
            time_unit: TimeUnit::Rfc3339,
            optional: true,
            default: None,
        });
        let mut decoder = JsonDecoder::new(wanted.collect(), Limits::DEFAULT).unwrap();
        let lines: Vec<&[u8]> = out
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let decoded = decoder.decode(&BinaryArray::from_iter_values(lines));
        assert_eq!(decoded.rejects, []);
        assert_eq!(decoded.rows.columns(), rows.columns());
    }
}
