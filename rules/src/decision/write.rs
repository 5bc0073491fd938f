//! JSON as bytes: the pieces that decisions and alerts are written with.
//!
//! The invariant: what is written is valid UTF-8 and valid JSON whatever the value holds, and a character that could
//! hide or reorder a line (control, direction, zero width) is written as `\uXXXX`.

use std::io::Write;

use crate::evaluate::cell::Cell;
use crate::explain::is_unsafe;

/// Appends a value: text, decimals and times as strings, numbers as numbers, the unknown as `null`.
pub(super) fn push_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => push_text(out, text),
        Cell::Int(value) => push_int(out, value),
        Cell::Decimal(mantissa, scale) => {
            out.push(b'"');
            push_decimal(out, mantissa, scale);
            out.push(b'"');
        }
        Cell::Float(value) => push_float(out, value),
        Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Cell::Timestamp(micros) => push_time(out, micros),
    }
}

/// Appends a quoted text.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for c in text.chars() {
            push_char(out, c);
        }
    }
    out.push(b'"');
}

/// Whether text is written as it is. Without an early end, so that many bytes are looked at together.
fn is_plain(text: &[u8]) -> bool {
    let odd = |byte: &u8| !matches!(byte, 0x20..=0x7e) | (*byte == b'"') | (*byte == b'\\');
    !text.iter().fold(false, |seen, byte| seen | odd(byte))
}

fn push_char(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // All of them are in the basic plane: one unit of four digits.
        _ if is_unsafe(c) => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Appends an integer.
pub(super) fn push_int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a decimal with all its digits.
pub(super) fn push_decimal(out: &mut Vec<u8>, mantissa: i128, scale: u8) {
    if mantissa < 0 {
        out.push(b'-');
    }
    let scale = usize::from(scale);
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(mantissa.unsigned_abs()).as_bytes();
    // At least one digit stands before the point.
    let (whole, behind) = digits.split_at(digits.len().saturating_sub(scale));
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if scale > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', scale - behind.len()));
        out.extend_from_slice(behind);
    }
}

/// Appends the shortest digits that read back as the same float.
fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        let _ = write!(out, "{value:?}");
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends a quoted RFC 3339 time with six digits; `null` beyond the years that has.
pub(super) fn push_time(out: &mut Vec<u8>, micros: i64) {
    if (0..PLAIN_TIMES_END).contains(&micros) {
        return push_plain_time(out, micros);
    }
    let Some(time) = jiff::Timestamp::from_microsecond(micros)
        .ok()
        .map(|time| jiff::tz::Offset::UTC.to_datetime(time))
        .filter(|time| time.year() >= 0)
    else {
        out.extend_from_slice(b"null");
        return;
    };
    let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
    digits(&mut text[1..5], i32::from(time.year()));
    digits(&mut text[6..8], i32::from(time.month()));
    digits(&mut text[9..11], i32::from(time.day()));
    digits(&mut text[12..14], i32::from(time.hour()));
    digits(&mut text[15..17], i32::from(time.minute()));
    digits(&mut text[18..20], i32::from(time.second()));
    digits(&mut text[21..27], time.subsec_nanosecond() / 1_000);
    out.extend_from_slice(&text);
}

/// The two digits of each number below 100: half the divisions, and one store for two bytes.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

/// Up to here, in microseconds, a time is in the years 1970 to 9998, where no calendar has to be asked.
const PLAIN_TIMES_END: i64 = 253_370_764_800_000_000;

/// Appends a time of those years: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn push_plain_time(out: &mut Vec<u8>, micros: i64) {
    let (seconds, micro) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months are counted from March, so that a leap day is the last of its year.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year_of_era + era * 400, month + 3),
        _ => (year_of_era + era * 400 + 1, month - 9),
    };
    let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
    let mut pair = |at: usize, value: i64| {
        text[at..at + 2].copy_from_slice(&PAIRS[value as usize]);
    };
    for (at, value) in [
        (1, year / 100),
        (3, year % 100),
        (6, month),
        (9, day),
        (12, second / 3600),
        (15, second / 60 % 60),
        (18, second % 60),
        (21, micro / 10_000),
        (23, micro / 100 % 100),
        (25, micro % 100),
    ] {
        pair(at, value);
    }
    out.extend_from_slice(&text);
}

/// Fills the slice with the last digits of a value that is not negative.
fn digits(slots: &mut [u8], mut value: i32) {
    for slot in slots.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn values_are_written_exactly() {
        let cases = [
            (Cell::Null, "null"),
            (Cell::Int(i64::MIN), "-9223372036854775808"),
            (Cell::Int(0), "0"),
            (Cell::Decimal(4_000_000, 4), "\"400.0000\""),
            (Cell::Decimal(-5, 4), "\"-0.0005\""),
            (Cell::Decimal(7, 0), "\"7\""),
            (Cell::Decimal(0, 2), "\"0.00\""),
            (Cell::Float(0.1), "0.1"),
            (Cell::Float(5.0), "5.0"),
            (Cell::Float(1e300), "1e300"),
            (Cell::Float(f64::NAN), "null"),
            (Cell::Bool(false), "false"),
            (
                Cell::Timestamp(1_767_225_900_000_001),
                "\"2026-01-01T00:05:00.000001Z\"",
            ),
            (Cell::Timestamp(-1), "\"1969-12-31T23:59:59.999999Z\""),
            (Cell::Timestamp(i64::MAX), "null"),
            (Cell::Text("Zürich"), "\"Zürich\""),
            (
                Cell::Text("a\"b\\c\n\u{1}\u{202e}\u{7f}"),
                "\"a\\\"b\\\\c\\n\\u0001\\u202e\\u007f\"",
            ),
        ];
        for (cell, text) in cases {
            let mut out = Vec::new();
            push_cell(&mut out, cell);
            assert_eq!(String::from_utf8_lossy(&out), text, "{cell:?}");
        }
    }

    #[test]
    fn plain_times_are_those_of_the_calendar() {
        let step = PLAIN_TIMES_END / 40_000 + 1;
        for micros in (0..PLAIN_TIMES_END).step_by(step as usize) {
            let (mut plain, time) = (Vec::new(), jiff::Timestamp::from_microsecond(micros));
            push_time(&mut plain, micros);
            assert_eq!(
                String::from_utf8(plain).unwrap(),
                format!("\"{:.6}\"", time.unwrap())
            );
        }
        let last = PLAIN_TIMES_END - 1;
        for (micros, text) in [
            (last, "\"9998-12-31T23:59:59.999999Z\""),
            (last + 1, "\"9999-01-01T00:00:00.000000Z\""),
        ] {
            let mut out = Vec::new();
            push_time(&mut out, micros);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn every_character_reads_back() {
        let all: String = (0..0x3000)
            .chain(0x1f600..0x1f610)
            .filter_map(char::from_u32)
            .collect();
        let mut out = Vec::new();
        push_text(&mut out, &all);
        let read: String = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, all);
    }
}
