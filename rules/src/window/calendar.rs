//! Calendar windows: since local midnight, since Monday, since the first of the month.
//!
//! The idea: a day begins at the first instant at which the clocks of the place show midnight or more. So a day has 23
//! or 25 hours where clocks are set, one whose midnight is skipped begins when the clocks jump past it, and where
//! midnight comes twice the first one counts. The invariant: the beginning never goes back while time goes on.
//!
//! Weeks begin on Monday (ISO 8601).

use super::zone::Zone;
use crate::time::{EventTime, MICROS_PER_SECOND, Span};

const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From midnight.
    Day,
    /// From midnight before Monday.
    Week,
    /// From midnight before the first.
    Month,
}

impl Period {
    /// All periods.
    pub const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    /// The word of a pack.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }

    /// When the period of `t` began.
    pub(super) fn begin(self, zone: Zone, t: EventTime) -> EventTime {
        let offsets = zone.offsets();
        let day = offsets.latest(t).div_euclid(MICROS_PER_DAY);
        let first = match self {
            Period::Day => day,
            // 1970-01-01 was a Thursday.
            Period::Week => day - (day + 3).rem_euclid(7),
            Period::Month => day - day_of_month(day) + 1,
        };
        offsets.first(first.saturating_mul(MICROS_PER_DAY))
    }

    /// No period is longer: a day more than it has by the calendar, as clocks are never set back by more.
    pub(super) fn longest(self) -> Span {
        Span(match self {
            Period::Day => 2 * MICROS_PER_DAY,
            Period::Week => 8 * MICROS_PER_DAY,
            Period::Month => 32 * MICROS_PER_DAY,
        })
    }
}

/// The day of the month, from 1, of a day since 1970 in the proleptic Gregorian calendar. Source: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn day_of_month(day: i64) -> i64 {
    let day_of_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month_from_march + 2) / 5 + 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn begin(period: Period, zone: &str, t: &str) -> String {
        let t: Timestamp = t.parse().unwrap();
        let begin = period.begin(Zone::find(zone).unwrap(), EventTime(t.as_microsecond()));
        Timestamp::from_microsecond(begin.0).unwrap().to_string()
    }

    #[track_caller]
    fn check(period: Period, zone: &str, t: &str, want: &str) {
        assert_eq!(begin(period, zone, t), want, "{period:?} {zone} {t}");
    }

    #[test]
    fn days_of_23_and_of_25_hours() {
        let zone = "Europe/Amsterdam";
        for (t, want) in [
            // 2026-03-29: from +01:00 to +02:00 at 01:00Z, 23 hours.
            ("2026-03-28T22:59:59.999999Z", "2026-03-27T23:00:00Z"),
            ("2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z"),
            ("2026-03-29T21:59:59Z", "2026-03-28T23:00:00Z"),
            ("2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z"),
            // 2026-10-25: back at 01:00Z, 25 hours.
            ("2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z"),
            ("2026-10-25T22:59:59.999999Z", "2026-10-24T22:00:00Z"),
            ("2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z"),
        ] {
            check(Period::Day, zone, t, want);
        }
    }

    #[test]
    fn a_day_whose_midnight_does_not_exist_begins_when_the_clocks_jump_past_it() {
        // 2018-11-04 in Brazil: 00:00 became 01:00.
        let zone = "America/Sao_Paulo";
        for (t, want) in [
            ("2018-11-04T02:59:59.999999Z", "2018-11-03T03:00:00Z"),
            ("2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"),
            ("2018-11-05T01:59:59Z", "2018-11-04T03:00:00Z"),
            ("2018-11-05T02:00:00Z", "2018-11-05T02:00:00Z"),
        ] {
            check(Period::Day, zone, t, want);
        }
    }

    #[test]
    fn a_midnight_that_comes_twice_counts_the_first_time() {
        // 2018-02-18 in Brazil: 00:00 would have come at 02:00Z, became 23:00 of the 17th, came at 03:00Z.
        let zone = "America/Sao_Paulo";
        check(
            Period::Day,
            zone,
            "2018-02-18T02:30:00Z",
            "2018-02-17T02:00:00Z",
        );
        check(
            Period::Day,
            zone,
            "2018-02-18T03:00:00Z",
            "2018-02-18T03:00:00Z",
        );
        // 2010-11-07 in Newfoundland: at 00:01 back to 23:01; midnight was shown a minute before.
        let zone = "America/St_Johns";
        let first = "2010-11-07T02:30:00Z";
        for t in [first, "2010-11-07T02:31:00Z", "2010-11-07T03:29:59Z"] {
            check(Period::Day, zone, t, first);
        }
        check(Period::Day, zone, "2010-11-07T03:30:00Z", first);
    }

    #[test]
    fn a_day_that_was_left_out() {
        // Samoa went from 2011-12-29 to 2011-12-31.
        let zone = "Pacific/Apia";
        check(
            Period::Day,
            zone,
            "2011-12-30T09:59:59Z",
            "2011-12-29T10:00:00Z",
        );
        check(
            Period::Day,
            zone,
            "2011-12-30T10:00:00Z",
            "2011-12-30T10:00:00Z",
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let zone = "Europe/Amsterdam";
        for (period, t, want) in [
            (Period::Week, "2026-01-04T12:00:00Z", "2025-12-28T23:00:00Z"),
            (Period::Week, "2026-01-04T23:00:00Z", "2026-01-04T23:00:00Z"),
            (
                Period::Month,
                "2024-02-29T22:59:59Z",
                "2024-01-31T23:00:00Z",
            ),
            (
                Period::Month,
                "2024-02-29T23:00:00Z",
                "2024-02-29T23:00:00Z",
            ),
            (
                Period::Month,
                "2026-04-01T00:00:00Z",
                "2026-03-31T22:00:00Z",
            ),
            (
                Period::Month,
                "1969-12-31T12:00:00Z",
                "1969-11-30T23:00:00Z",
            ),
        ] {
            check(period, zone, t, want);
        }
    }

    #[test]
    fn in_every_zone_a_period_begins_before_its_events_and_never_goes_back() {
        for zone in Zone::names().map(|name| Zone::find(name).unwrap()) {
            for period in Period::ALL {
                let mut last = EventTime::MIN;
                // Every ten days, at all hours, over the years with the wildest clocks.
                for hour in (-500_000..450_000).step_by(241) {
                    let t = EventTime(hour * 3_600 * MICROS_PER_SECOND);
                    let begin = period.begin(zone, t);
                    assert!(last <= begin && begin <= t, "{} {t:?}", zone.name());
                    assert!(begin > t.before(period.longest()), "{}", zone.name());
                    assert_eq!(period.begin(zone, begin), begin, "{}", zone.name());
                    last = begin;
                }
            }
        }
    }

    #[test]
    fn beyond_the_tables_the_last_offset_holds() {
        let zone = Zone::find("Europe/Amsterdam").unwrap();
        for t in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            for period in Period::ALL {
                assert!(period.begin(zone, EventTime(t)).0 <= t);
            }
        }
        check(
            Period::Day,
            "Europe/Amsterdam",
            "2250-07-01T12:00:00Z",
            "2250-06-30T23:00:00Z",
        );
    }
}
