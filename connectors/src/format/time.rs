//! Times from text and from epoch integers, in microseconds.
//!
//! The idea: one strict reading. RFC 3339 with an offset, or whole units since the epoch; no local time, no leap
//! second, no year before 1970 or after 9999, so that one bad clock cannot move a watermark out of reach. Digits
//! behind the microsecond are cut off, never rounded up into the next second.

mod instant;

use super::TimeUnit;

/// First microsecond of the year 10000.
pub(crate) const END_MICROS: i64 = 253_402_300_800_000_000;

const DAY_SECONDS: i64 = 86_400;

/// Microseconds since the epoch from RFC 3339 text.
pub(crate) fn rfc3339(text: &[u8]) -> Option<i64> {
    instant::usual(text).or_else(|| strict(text))
}

/// The same by the long way, which takes all there is.
fn strict(text: &[u8]) -> Option<i64> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let number = |from: usize, to: usize| -> Option<i64> {
        date_time
            .get(from..to)?
            .iter()
            .try_fold(0i64, |value, byte| {
                byte.is_ascii_digit()
                    .then(|| value * 10 + i64::from(byte - b'0'))
            })
    };
    let separated = date_time[4] == b'-'
        && date_time[7] == b'-'
        && matches!(date_time[10], b'T' | b't' | b' ')
        && date_time[13] == b':'
        && date_time[16] == b':';
    if !separated {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let (micros, rest) = fraction(rest)?;
    let seconds =
        days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    in_range((seconds - offset(rest)?) * 1_000_000 + micros)
}

/// Microseconds since the epoch from a whole number of units.
pub(crate) fn epoch(value: i64, unit: TimeUnit) -> Option<i64> {
    let factor = match unit {
        TimeUnit::Rfc3339 => return None,
        TimeUnit::Seconds => 1_000_000,
        TimeUnit::Millis => 1_000,
        TimeUnit::Micros => 1,
    };
    in_range(value.checked_mul(factor)?)
}

/// The time itself where it lies in the years 1970 to 9999.
pub(crate) fn in_range(micros: i64) -> Option<i64> {
    (0..END_MICROS).contains(&micros).then_some(micros)
}

/// Writes `2026-01-01T00:05:00.000000Z`.
pub(crate) fn write_rfc3339(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros.div_euclid(1_000_000);
    let (days, second) = (
        seconds.div_euclid(DAY_SECONDS),
        seconds.rem_euclid(DAY_SECONDS),
    );
    let (year, month, day) = civil_from_days(days);
    for (value, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (micros.rem_euclid(1_000_000), 6, b'Z'),
    ] {
        padded(value, width, out);
        out.push(after);
    }
}

/// Pushes a number with leading zeros.
fn padded(value: i64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut rest = value.unsigned_abs();
    for byte in out[start..].iter_mut().rev() {
        *byte = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

/// Microseconds of `.123…`, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = digits.split_at_checked(length)?;
    if digits.is_empty() {
        return None;
    }
    let digit = |place: usize| digits.get(place).map_or(0, |byte| i64::from(byte - b'0'));
    Some((
        (0..6).fold(0, |value, place| value * 10 + digit(place)),
        rest,
    ))
}

/// Seconds east of Greenwich of `Z` or `+01:30`.
fn offset(rest: &[u8]) -> Option<i64> {
    match rest {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let two = |tens: &u8, ones: &u8| -> Option<i64> {
                let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
                digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            };
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the proleptic Gregorian calendar: Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day since the epoch; `civil_from_days` of the same paper.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn every_day_of_the_range_is_read_as_jiff_reads_it_and_written_back() {
        let mut out = Vec::new();
        for day in (0..END_MICROS / 86_400_000_000).step_by(11) {
            let micros = day * 86_400_000_000 + (day * 7_919_999_983) % 86_400_000_000;
            let time = jiff::Timestamp::from_microsecond(micros).unwrap();
            assert_eq!(rfc3339(time.to_string().as_bytes()), Some(micros), "{time}");
            out.clear();
            write_rfc3339(micros, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), format!("{time:.6}"));
        }
    }

    #[test]
    fn e10_only_whole_rfc3339_is_a_time() {
        let second = 1_767_225_900_000_000;
        let good = [
            ("2026-01-01T00:05:00Z", second),
            ("2026-01-01t00:05:00z", second),
            ("2026-01-01 00:05:00Z", second),
            ("2026-01-01T01:35:00+01:30", second),
            ("2025-12-31T19:05:00-05:00", second),
            ("2026-01-01T00:05:00.5Z", second + 500_000),
            ("2026-01-01T00:05:00.123456789Z", second + 123_456),
            ("1970-01-01T00:00:00Z", 0),
            ("9999-12-31T23:59:59.999999Z", END_MICROS - 1),
        ];
        for (text, expected) in good {
            assert_eq!(rfc3339(text.as_bytes()), Some(expected), "{text}");
        }
        let bad = [
            "",
            "2026-01-01",
            "2026-01-01T00:05:00",
            "2026-01-01T00:05:60Z",
            "2026-01-01T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T00:05:00.Z",
            "2026-01-01T00:05:00+0130",
            "2026-01-01T00:05:00+24:00",
            "2026-01-01T00:05:00ZZ",
            "2026-1-1T00:05:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "+2026-01-01T00:05:00Z",
            "2026-01-01T00:05:00Z\0",
            "20\u{662}6-01-01T00:05:00Z",
        ];
        for text in bad {
            assert_eq!(rfc3339(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn e10_seconds_and_milliseconds_are_not_confused_silently() {
        assert_eq!(
            epoch(1_767_225_900, TimeUnit::Seconds),
            Some(1_767_225_900_000_000)
        );
        assert_eq!(
            epoch(1_767_225_900_123, TimeUnit::Millis),
            Some(1_767_225_900_123_000)
        );
        assert_eq!(epoch(7, TimeUnit::Micros), Some(7));
        assert_eq!(
            epoch(1_767_225_900_123, TimeUnit::Seconds),
            None,
            "milliseconds given as seconds"
        );
        assert_eq!(epoch(-1, TimeUnit::Seconds), None);
        assert_eq!(epoch(i64::MAX, TimeUnit::Millis), None);
    }
}
