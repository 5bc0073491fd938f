//! The columns a pack's schema wants, in the words of the connectors.
//!
//! The invariant: column `i` that is wanted is field `i` of the schema, with the Arrow type of [`rules::value::Type`].

use connectors::format::{TimeUnit, WantedColumn};
use rules::schema::{Field, Schema, TimeEncoding};
use rules::value::Value;

/// One wanted column per field.
#[must_use]
pub fn columns(schema: &Schema) -> Vec<WantedColumn> {
    schema.fields.iter().map(column).collect()
}

fn column(field: &Field) -> WantedColumn {
    WantedColumn {
        name: field.name.clone(),
        from: field.from.clone().unwrap_or_else(|| field.name.clone()),
        data_type: field.ty.arrow(),
        time_unit: match field.encoding {
            TimeEncoding::Rfc3339 => TimeUnit::Rfc3339,
            TimeEncoding::Seconds => TimeUnit::Seconds,
            TimeEncoding::Millis => TimeUnit::Millis,
            TimeEncoding::Micros => TimeUnit::Micros,
        },
        optional: field.optional,
        default: field
            .default
            .as_ref()
            .and_then(|value| text(value, field.encoding)),
    }
}

/// A default as the input would have it; a null default is none.
fn text(value: &Value, encoding: TimeEncoding) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Decimal { mantissa, scale } => decimal(*mantissa, usize::from(*scale)),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Timestamp(micros) => match encoding {
            TimeEncoding::Rfc3339 => jiff::Timestamp::from_microsecond(*micros).ok()?.to_string(),
            TimeEncoding::Seconds => micros.div_euclid(1_000_000).to_string(),
            TimeEncoding::Millis => micros.div_euclid(1_000).to_string(),
            TimeEncoding::Micros => micros.to_string(),
        },
    })
}

fn decimal(mantissa: i64, scale: usize) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_written_as_the_input_would_have_them() {
        let cases = [
            (
                Value::Decimal {
                    mantissa: -5,
                    scale: 2,
                },
                TimeEncoding::Rfc3339,
                Some("-0.05"),
            ),
            (
                Value::Decimal {
                    mantissa: 1250,
                    scale: 0,
                },
                TimeEncoding::Rfc3339,
                Some("1250"),
            ),
            (Value::Bool(true), TimeEncoding::Rfc3339, Some("true")),
            (Value::Null, TimeEncoding::Rfc3339, None),
            (
                Value::Timestamp(1_500_000),
                TimeEncoding::Millis,
                Some("1500"),
            ),
            (
                Value::Timestamp(1_500_000),
                TimeEncoding::Rfc3339,
                Some("1970-01-01T00:00:01.5Z"),
            ),
        ];
        for (value, encoding, expected) in cases {
            assert_eq!(text(&value, encoding).as_deref(), expected, "{value:?}");
        }
    }
}
