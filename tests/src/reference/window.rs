//! Which events a window holds, each asked for by itself, from the words of its definition.
//!
//! The idea: the calendar is asked of jiff's own zones day by day, a session is walked over a sorted list of all times.

use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};
use rules::window::Window;
use rules::window::calendar::Period;

/// The time up to which (inclusive) events are too old for the window of `t`. `times`: of all events of the key up to `t`.
/// What a `last` window holds is the caller's to count.
pub(super) fn begin(window: Window, t: i64, mut times: Vec<i64>) -> i64 {
    match window {
        Window::Sliding { from, .. } => t - from.0,
        Window::Last { .. } | Window::Forever => i64::MIN,
        Window::Session { gap } => {
            times.push(t);
            times.sort_unstable();
            // The last silence, and what comes before it.
            let silence = times.windows(2).rfind(|pair| pair[1] - pair[0] > gap.0);
            silence.map_or(i64::MIN, |pair| pair[0])
        }
        Window::Calendar { period, zone } => start(period, zone.name(), t) - 1,
        Window::Decay { half_life } => t - 40 * half_life.0,
    }
}

/// The time up to which (inclusive) events are in the window of `t`.
pub(super) fn end(window: Window, t: i64) -> i64 {
    match window {
        Window::Sliding { to, .. } => t - to.0,
        _ => t,
    }
}

/// How long it is in microseconds.
pub(super) fn length(window: Window, t: i64, first: Option<i64>) -> i64 {
    match window {
        Window::Sliding { from, to } => from.0 - to.0,
        Window::Calendar { period, zone } => t - start(period, zone.name(), t),
        _ => first.map_or(0, |first| t - first),
    }
}

/// The last beginning of a day, week or month at a place that is not after `t`.
fn start(period: Period, zone: &str, t: i64) -> i64 {
    let zone = TimeZoneDatabase::bundled()
        .get(zone)
        .unwrap_or(TimeZone::UTC);
    let at = |t| Timestamp::from_microsecond(t).unwrap_or_default();
    let mut date = at(t).to_zoned(zone.clone()).date().saturating_add(1.day());
    loop {
        let begins = match period {
            Period::Day => true,
            Period::Week => date.weekday() == Weekday::Monday,
            Period::Month => date.day() == 1,
        };
        let noon = date.at(12, 0, 0, 0).to_zoned(zone.clone());
        let start = noon.and_then(|noon| noon.start_of_day());
        let start = start.map_or(i64::MIN, |start| start.timestamp().as_microsecond());
        if begins && start <= t {
            return start;
        }
        date = date.saturating_sub(1.day());
    }
}
