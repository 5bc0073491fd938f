//! How a value reads in a sentence: money with cents, measures with four digits, the unknown as `unknown`.

use std::fmt::Write;

use crate::evaluate::cell::Cell;
use crate::value::Value;

/// A text of an event is cut behind this many characters.
pub const TEXT_CHARS_MAX: usize = 120;

/// A float from here on is written with an exponent: its digits say nothing.
const FLOAT_PLAIN_MAX: f64 = 1e15;

/// A float nearer to zero than this is written with an exponent.
const FLOAT_PLAIN_MIN: f64 = 1e-9;

/// Appends a value as a person reads it.
pub fn push_cell(out: &mut String, cell: Cell<'_>) {
    // Writing to a `String` cannot fail.
    let _ = match cell {
        Cell::Null => out.write_str("unknown"),
        Cell::Text(text) => {
            push_text(out, text);
            Ok(())
        }
        Cell::Int(value) => write!(out, "{value}"),
        Cell::Decimal(mantissa, scale) => {
            push_decimal(out, mantissa, scale);
            Ok(())
        }
        Cell::Float(value) => {
            push_float(out, value);
            Ok(())
        }
        Cell::Bool(value) => write!(out, "{value}"),
        Cell::Timestamp(micros) => match jiff::Timestamp::from_microsecond(micros) {
            Ok(time) => write!(out, "{time}"),
            Err(_) => out.write_str("unknown"),
        },
    };
}

/// A literal of the pack as a cell.
pub(crate) fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Text(text) => Cell::Text(text),
        Value::Int(value) => Cell::Int(*value),
        Value::Decimal { mantissa, scale } => Cell::Decimal(i128::from(*mantissa), *scale),
        Value::Float(value) => Cell::Float(*value),
        Value::Bool(value) => Cell::Bool(*value),
        Value::Timestamp(micros) => Cell::Timestamp(*micros),
    }
}

/// Whether a character could hide, reorder or break a line that a person reads.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_text(out: &mut String, text: &str) {
    for (count, c) in text.chars().enumerate() {
        if count == TEXT_CHARS_MAX {
            out.push('…');
            return;
        }
        if is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
}

/// All digits, less zeros at the end beyond the second place: `400.00`, `0.1234`.
fn push_decimal(out: &mut String, mantissa: i128, scale: u8) {
    const PLACES_MIN: usize = 2;
    if mantissa < 0 {
        out.push('-');
    }
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", mantissa.unsigned_abs(), width = scale + 1);
    let (whole, places) = digits.split_at(digits.len() - scale);
    let kept = places.trim_end_matches('0').len();
    let kept = kept.max(PLACES_MIN.min(scale));
    out.push_str(whole);
    if kept > 0 {
        out.push('.');
        out.push_str(&places[..kept]);
    }
}

/// Four significant digits, but every digit before the point: `5837`, `12.35`, `0.5`.
fn push_float(out: &mut String, value: f64) {
    const SIGNIFICANT: i32 = 4;
    if value == 0.0 {
        out.push('0');
        return;
    }
    let size = value.abs();
    if !value.is_finite() {
        out.push_str("unknown");
    } else if !(FLOAT_PLAIN_MIN..FLOAT_PLAIN_MAX).contains(&size) {
        let _ = write!(out, "{value:.3e}");
    } else {
        // Bounded by the plain range: between -9 and 14.
        let magnitude = size.log10().floor() as i32;
        let places = usize::try_from(SIGNIFICANT - 1 - magnitude).unwrap_or(0);
        let start = out.len();
        let _ = write!(out, "{value:.places$}");
        if places > 0 {
            let kept = out[start..]
                .trim_end_matches('0')
                .trim_end_matches('.')
                .len();
            out.truncate(start + kept);
        }
    }
}
