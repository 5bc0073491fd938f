//! Parts of a timestamp and the time between two. Always UTC; no clock is ever read.

use super::super::column::Operand;
use super::{Output, fill, known};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// What `date_part` and `EXTRACT` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Quarter,
    Month,
    Day,
    /// 0 is Sunday.
    Dow,
    /// 1 is Monday, 7 Sunday.
    IsoDow,
    /// 1 is the first of January.
    Doy,
    Hour,
    Minute,
    /// Whole seconds of the minute.
    Second,
    /// Whole seconds since 1970.
    Epoch,
}

impl Part {
    /// All parts by name.
    pub(crate) const ALL: [(&'static str, Part); 11] = [
        ("year", Part::Year),
        ("quarter", Part::Quarter),
        ("month", Part::Month),
        ("day", Part::Day),
        ("dow", Part::Dow),
        ("isodow", Part::IsoDow),
        ("doy", Part::Doy),
        ("hour", Part::Hour),
        ("minute", Part::Minute),
        ("second", Part::Second),
        ("epoch", Part::Epoch),
    ];

    /// The part of this name, letters of either case.
    pub(crate) fn named(name: &str) -> Option<Part> {
        Part::ALL
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, part)| *part)
    }
}

pub(super) fn date_part(x: &Operand, part: Part, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    let x = x.ints()?;
    Some(fill::ints(rows, known, |row| Ok(part_of(x.get(row), part))))
}

fn part_of(micros: i64, part: Part) -> i64 {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let day = seconds.div_euclid(SECONDS_PER_DAY);
    let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    match part {
        Part::Epoch => seconds,
        Part::Hour => second_of_day / 3_600,
        Part::Minute => second_of_day / 60 % 60,
        Part::Second => second_of_day % 60,
        // 1970-01-01 was a Thursday.
        Part::Dow => (day + 4).rem_euclid(7),
        Part::IsoDow => (day + 3).rem_euclid(7) + 1,
        Part::Year => civil(day).0,
        Part::Quarter => (civil(day).1 + 2) / 3,
        Part::Month => civil(day).1,
        Part::Day => civil(day).2,
        Part::Doy => day - days_to(civil(day).0) + 1,
    }
}

/// Year, month and day of a day since 1970 in the proleptic Gregorian calendar. Source: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

/// The day since 1970 on which a year begins.
fn days_to(year: i64) -> i64 {
    let before = year - 1;
    before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 719_162
}

pub(super) fn seconds_between(from: &Operand, to: &Operand, rows: usize) -> Option<Output> {
    let known = known(&[from, to], rows);
    let (from, to) = (from.ints()?, to.ints()?);
    Some(fill::floats(rows, known, |row| {
        let micros = i128::from(to.get(row)) - i128::from(from.get(row));
        Ok(micros as f64 / MICROS_PER_SECOND as f64)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_agrees_with_jiff_over_eight_centuries() {
        for day in -150_000i64..150_000 {
            let at =
                jiff::Timestamp::from_second(day * SECONDS_PER_DAY + 3_723).unwrap_or_default();
            let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
            let micros = at.as_microsecond();
            for (part, expected) in [
                (Part::Year, i64::from(zoned.year())),
                (Part::Month, i64::from(zoned.month())),
                (Part::Day, i64::from(zoned.day())),
                (Part::Doy, i64::from(zoned.day_of_year())),
                (
                    Part::Dow,
                    i64::from(zoned.weekday().to_sunday_zero_offset()),
                ),
                (
                    Part::IsoDow,
                    i64::from(zoned.weekday().to_monday_one_offset()),
                ),
                (Part::Hour, 1),
                (Part::Minute, 2),
                (Part::Second, 3),
            ] {
                assert_eq!(part_of(micros, part), expected, "{at} {part:?}");
            }
        }
    }

    #[test]
    fn the_ends_of_time_have_parts() {
        for micros in [i64::MIN, i64::MAX] {
            for (_, part) in Part::ALL {
                let _ = part_of(micros, part);
            }
        }
        assert_eq!(part_of(-1, Part::Hour), 23);
        assert_eq!(part_of(-1, Part::Year), 1969);
    }
}
