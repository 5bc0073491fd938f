//! CAST, TRY_CAST and `::`, which all mean the same here: what cannot be cast is null for [`Cause::BadCast`].
//!
//! The semantics: numbers round half away from zero; text may have blanks around it; a text without an offset is UTC;
//! ints become timestamps or the reverse only through `date_part('epoch', …)`, because their unit cannot be guessed.

use super::super::Cause;
use super::super::column::{Data, Operand};
use super::super::decimal;
use super::{Output, fill, known};
use crate::value::Type;

/// Whether there is a cast between two types at all.
pub(crate) fn exists(from: Type, to: Type) -> bool {
    use Type::{Bool, Decimal, Float, Int, Text, Timestamp};
    match (from, to) {
        (Text, _) | (_, Text) => true,
        (Int | Decimal(_) | Float, Int | Decimal(_) | Float) => true,
        (Bool, Int) | (Int, Bool) => true,
        (from, to) => from == to && matches!(from, Bool | Timestamp),
    }
}

pub(super) fn run(x: &Operand, to: Type, digits: u8, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    Some(match to {
        Type::Int => fill::ints(rows, known, |row| to_int(x, row).ok_or(Cause::BadCast)),
        Type::Float => fill::floats(rows, known, |row| to_float(x, row).ok_or(Cause::BadCast)),
        Type::Decimal(scale) => fill::decimals_or(scale, rows, known, |row| {
            to_decimal(x, row, scale)
                .filter(|mantissa| decimal::fits(*mantissa, digits))
                .ok_or(Cause::BadCast)
        }),
        Type::Bool => fill::truths_or(rows, known, |row| to_bool(x, row).ok_or(Cause::BadCast)),
        Type::Timestamp => fill::timestamps(rows, known, |row| {
            to_timestamp(x, row).ok_or(Cause::BadCast)
        }),
        Type::Text => fill::texts(rows, |row| {
            if x.is_null(row) {
                return Ok(None);
            }
            to_text(x, row).map(Some).ok_or(Cause::BadCast)
        }),
    })
}

fn to_int(x: &Operand, row: usize) -> Option<i64> {
    match &x.data {
        Data::Int(_) => x.ints().map(|x| x.get(row)),
        Data::Bool(_) => x.truth(row).map(i64::from),
        Data::Text(_) => x.text(row).trim().parse().ok(),
        Data::Decimal(..) => {
            let (x, scale) = x.decimals()?;
            i64::try_from(decimal::rescale(x.get(row), scale, 0)?).ok()
        }
        Data::Float(_) => {
            let rounded = x.floats()?.get(row).round();
            // Both bounds are exact floats; the upper one itself is no i64.
            (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
                .contains(&rounded)
                .then_some(rounded as i64)
        }
        Data::Timestamp(_) => None,
    }
}

fn to_float(x: &Operand, row: usize) -> Option<f64> {
    match &x.data {
        Data::Int(_) => x.ints().map(|x| x.get(row) as f64),
        Data::Float(_) => x.floats().map(|x| x.get(row)),
        Data::Decimal(..) => x
            .decimals()
            .map(|(x, scale)| decimal::to_float(x.get(row), scale)),
        Data::Text(_) => {
            let float: f64 = x.text(row).trim().parse().ok()?;
            float.is_finite().then_some(float)
        }
        Data::Bool(_) | Data::Timestamp(_) => None,
    }
}

fn to_decimal(x: &Operand, row: usize, scale: u8) -> Option<i128> {
    match &x.data {
        Data::Int(_) => decimal::rescale(i128::from(x.ints()?.get(row)), 0, scale),
        Data::Decimal(..) => {
            let (x, from) = x.decimals()?;
            decimal::rescale(x.get(row), from, scale)
        }
        // Through the shortest text that reads back as this float: 2.675 rounds to 2.68, as its author sees it.
        Data::Float(_) => decimal::parse(&x.floats()?.get(row).to_string(), scale),
        Data::Text(_) => decimal::parse(x.text(row).trim(), scale),
        Data::Bool(_) | Data::Timestamp(_) => None,
    }
}

fn to_bool(x: &Operand, row: usize) -> Option<bool> {
    match &x.data {
        Data::Bool(_) => x.truth(row),
        Data::Int(_) => x.ints().map(|x| x.get(row) != 0),
        Data::Text(_) => match x.text(row).trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn to_timestamp(x: &Operand, row: usize) -> Option<i64> {
    match &x.data {
        Data::Timestamp(_) => x.ints().map(|x| x.get(row)),
        Data::Text(_) => parse_timestamp(x.text(row).trim()),
        _ => None,
    }
}

/// RFC 3339, or a date and time, or a date, the latter two in UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_microsecond());
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_microsecond())
}

fn to_text(x: &Operand, row: usize) -> Option<String> {
    match &x.data {
        Data::Text(_) => Some(x.text(row).to_owned()),
        Data::Int(_) => x.ints().map(|x| x.get(row).to_string()),
        Data::Float(_) => x.floats().map(|x| x.get(row).to_string()),
        Data::Decimal(..) => x
            .decimals()
            .map(|(x, scale)| decimal::write(x.get(row), scale)),
        Data::Bool(_) => x.truth(row).map(|truth| truth.to_string()),
        Data::Timestamp(_) => {
            let micros = x.ints()?.get(row);
            let instant = jiff::Timestamp::from_microsecond(micros).ok()?;
            Some(format!("{instant:.6}"))
        }
    }
}
