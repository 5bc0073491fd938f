//! Events that claim to come from the future, against the time their log took them.
//!
//! The invariant: without an append time there is nothing to compare with, and the event's own time stands.

use connectors::record::NO_APPEND_TIME;
use rules::schema::FuturePolicy;
use rules::time::{EventTime, Span};

/// What was found among the rows of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Rows whose time was clamped, ascending.
    pub(super) clamped: Vec<usize>,
    /// Rows that must go, ascending, and why.
    pub(super) rejected: Vec<(usize, String)>,
}

/// Holds the times to at most `max_future` after the append time of their rows.
pub(super) fn bound(
    times: &mut [EventTime],
    appended: impl Fn(usize) -> i64,
    max_future: Span,
    policy: FuturePolicy,
) -> Found {
    let mut found = Found::default();
    for (row, time) in times.iter_mut().enumerate() {
        let appended = appended(row);
        let limit = appended.saturating_add(max_future.0);
        if appended == NO_APPEND_TIME || time.0 <= limit {
            continue;
        }
        match policy {
            FuturePolicy::Clamp => {
                *time = EventTime(limit);
                found.clamped.push(row);
            }
            FuturePolicy::DeadLetter => {
                let ahead = (time.0 - appended) / rules::time::MICROS_PER_SECOND;
                let detail = format!(
                    "event time is {ahead} s ahead of the append time (max_future {max_future})"
                );
                found.rejected.push((row, detail));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(policy: FuturePolicy) -> (Vec<i64>, Found) {
        let mut times = [10, 15, 16, 99].map(|s| EventTime(s * 1_000_000));
        let appended = |row| if row == 3 { NO_APPEND_TIME } else { 10_000_000 };
        let found = bound(&mut times, appended, Span::seconds(5), policy);
        (times.iter().map(|time| time.0 / 1_000_000).collect(), found)
    }

    #[test]
    fn a_time_beyond_the_bound_is_clamped_to_it() {
        let (times, found) = bounded(FuturePolicy::Clamp);
        assert_eq!(
            times,
            [10, 15, 15, 99],
            "the bound itself stands, and what has no append time"
        );
        assert_eq!((found.clamped, found.rejected.len()), (vec![2], 0));
    }

    #[test]
    fn or_the_row_is_rejected_and_told_why() {
        let (times, found) = bounded(FuturePolicy::DeadLetter);
        assert_eq!(times, [10, 15, 16, 99]);
        let detail = "event time is 6 s ahead of the append time (max_future 5s)".to_owned();
        assert_eq!(
            (found.clamped.len(), found.rejected),
            (0, vec![(2, detail)])
        );
    }
}
