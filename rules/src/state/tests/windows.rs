//! Sessions, days and weights in small streams: what their words promise, at the edges.

use super::*;
use crate::window::calendar::Period;
use crate::window::zone::Zone;

const SESSION: Window = Window::Session { gap: Span(10) };

#[test]
fn a_silence_of_exactly_the_gap_does_not_end_a_session_a_longer_one_does() {
    check(
        vec![count(SESSION, Scope::WithCurrent)],
        &[
            ("a", 0, 1, Added, 0),
            ("a", 10, 1, Added, 0),
            ("a", 20, 1, Added, 0),
            ("a", 31, 1, Added, 0),
            ("b", 31, 1, Added, 0),
        ],
        "1|2|3|1|1",
    );
}

#[test]
fn the_silence_before_the_event_itself_counts() {
    check(
        vec![count(SESSION, Scope::Prior)],
        &[
            ("a", 0, 1, Added, 0),
            ("a", 10, 1, Added, 0),
            ("a", 21, 1, Added, 0),
            ("a", 21, 1, Added, 0),
        ],
        "0|1|0|1",
    );
}

#[test]
fn an_event_out_of_order_joins_two_sessions_and_a_late_one_does_so_for_itself() {
    check(
        vec![of(Aggregate::Sum, &[0], SESSION)],
        &[
            ("a", 0, 100, Added, 0),
            ("a", 15, 100, Added, 0),
            // Sees what is not too far behind it, and joins it to what is before it.
            ("a", 8, 100, Late, 0),
            ("a", 16, 100, Added, 0),
            ("a", 8, 100, Added, 0),
            ("a", 17, 100, Added, 0),
        ],
        "1.00|1.00|2.00|2.00|2.00|5.00",
    );
}

#[test]
fn a_session_that_goes_on_is_held_and_one_that_ended_is_not() {
    let mut state = group(vec![count(SESSION, Scope::WithCurrent)]);
    let mut want = Vec::new();
    let mut lines = Vec::new();
    for n in 0..200 {
        lines.push(("a", n * 10, 1, Added, n * 10 - 5));
        want.push((n + 1).to_string());
    }
    assert_eq!(answers(&mut state, &lines), want.join("|"));
    assert_eq!(state.size().events, 200, "all are of the session");
    let lines = [("b", 5_000, 1, Added, 5_000); 100];
    answers(&mut state, &lines);
    assert_eq!(state.size().keys, 1, "the key that fell silent is gone");
}

#[test]
fn a_filter_does_not_break_a_session() {
    let mut plan = count(SESSION, Scope::WithCurrent);
    plan.aggregate = Aggregate::Count;
    plan.args = vec![0];
    // Only the present amounts count, all events hold the session together.
    check(
        vec![plan, count(SESSION, Scope::WithCurrent)],
        &[("a", 0, 1, Added, 0), ("a", 9, 1, Added, 0)],
        "1 1|2 2",
    );
}

#[test]
fn a_day_begins_with_the_event_at_midnight() {
    let zone = Zone::find("Europe/Amsterdam").unwrap();
    let day = Window::Calendar {
        period: Period::Day,
        zone,
    };
    // 2026-03-29 there: 23 hours from 2026-03-28T23:00Z.
    let midnight = 1_774_738_800_000_000;
    let hour = 3_600_000_000;
    check(
        vec![
            count(day, Scope::WithCurrent),
            of(Aggregate::Rate, &[], day),
        ],
        &[
            ("a", midnight - 1, 1, Added, 0),
            ("a", midnight, 1, Added, 0),
            ("a", midnight + 22 * hour, 1, Added, 0),
            ("a", midnight + 23 * hour, 1, Added, 0),
        ],
        "1 0.000011574074074208033|1|2 0.000025252525252525253|1",
    );
}

#[test]
fn weighted_values_do_not_depend_on_the_order_of_arrival() {
    let half_life = Span(7);
    let decay = Window::Decay { half_life };
    let features = || {
        let mut features = [Aggregate::Count, Aggregate::Sum, Aggregate::Avg]
            .map(|aggregate| of(aggregate, &[0], decay))
            .to_vec();
        features.push(of(Aggregate::Ewma { half_life }, &[0], sliding(500)));
        features.push(of(Aggregate::Ewma { half_life }, &[0], Window::Forever));
        features
    };
    let mut events: Vec<Line> = (0..300)
        .map(|n| {
            (
                "a",
                (n * 7919) % 401,
                i128::from(n * n % 977),
                Added,
                i64::MIN,
            )
        })
        .collect();
    let last = ("a", 401, 5, Added, i64::MIN);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..6 {
        let mut state = group(features());
        events.rotate_left(round * 37);
        if round % 2 == 1 {
            events.sort_by_key(|event| event.1 * if round == 1 { 1 } else { -1 });
        }
        answers(&mut state, &events);
        seen.insert(answers(&mut state, &[last]));
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}
