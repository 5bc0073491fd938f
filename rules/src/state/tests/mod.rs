//! What a group's state promises, in small streams: each line is an event, each answer stands beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod budget;
mod memory;
mod saved;
mod windows;

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Decimal128Array, StringArray};
use arrow::util::display::array_value_to_string;

use super::*;
use crate::state::seed::HashSeed;
use crate::time::Span;

/// `count()` over a window.
fn count(window: Window, scope: Scope) -> FeaturePlan {
    FeaturePlan {
        aggregate: Aggregate::Count,
        args: vec![],
        filter: None,
        window,
        scope,
    }
}

fn of(aggregate: Aggregate, args: &[usize], window: Window) -> FeaturePlan {
    FeaturePlan {
        aggregate,
        args: args.to_vec(),
        filter: None,
        window,
        scope: Scope::WithCurrent,
    }
}

fn sliding(from: i64) -> Window {
    Window::Sliding {
        from: Span(from),
        to: Span::ZERO,
    }
}

fn group(features: Vec<FeaturePlan>) -> GroupState {
    GroupState::new(
        GroupPlan {
            key: vec![Type::Text],
            inputs: vec![Type::Decimal(2)],
            filters: 0,
            features,
            max_lateness: Span(5),
            limits: Limits::default(),
        },
        HashSeed::FIXED,
    )
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Added,
    Late,
    Duplicate,
}
use Fate::{Added, Duplicate, Late};

/// One event: key, time, amount, fate, horizon.
type Line = (&'static str, i64, i128, Fate, i64);

/// Takes the events one step each and writes the answers, `~` behind approximate ones.
fn answers(state: &mut GroupState, lines: &[Line]) -> String {
    let mut text = String::new();
    for (key, time, amount, fate, horizon) in lines {
        let key = (*key != "-").then_some(*key);
        let keys: ArrayRef = Arc::new(StringArray::from(vec![key]));
        let amounts = Decimal128Array::from(vec![*amount]).with_data_type(Type::Decimal(2).arrow());
        let inputs: ArrayRef = Arc::new(amounts);
        let step = GroupStep {
            keys: &[keys],
            inputs: &[inputs],
            filters: &[],
            times: &[EventTime(*time)],
            added: &[*fate == Added],
            duplicate: &[*fate == Duplicate],
            horizon: &[EventTime(*horizon)],
        };
        let mut out = Vec::new();
        state.step(&step, &mut out);
        for array in &out {
            write!(text, "{} ", array_value_to_string(array, 0).unwrap()).unwrap();
        }
        let flag = if state.approximate()[0] { "~" } else { "" };
        text = text.trim_end().to_owned() + flag + "|";
    }
    text.trim_end_matches('|').to_owned()
}

#[track_caller]
fn check(features: Vec<FeaturePlan>, lines: &[Line], want: &str) {
    assert_eq!(answers(&mut group(features), lines), want);
}

#[test]
fn an_event_exactly_as_old_as_the_window_has_left() {
    check(
        vec![count(sliding(10), Scope::WithCurrent)],
        &[
            ("a", 0, 1, Added, -5),
            ("a", 9, 1, Added, 4),
            ("a", 10, 1, Added, 5),
        ],
        "1|2|2",
    );
}

#[test]
fn events_of_one_time_see_each_other_in_the_order_taken() {
    check(
        vec![
            count(sliding(10), Scope::Prior),
            of(Aggregate::Last, &[0], sliding(10)),
            of(Aggregate::First, &[0], sliding(10)),
        ],
        &[
            ("a", 0, 1, Added, -5),
            ("a", 0, 2, Added, -5),
            ("a", 0, 3, Added, -5),
        ],
        "0 0.01 0.01|1 0.02 0.01|2 0.03 0.01",
    );
}

#[test]
fn an_event_out_of_order_has_the_window_of_its_own_time_and_then_its_place() {
    check(
        vec![
            count(sliding(10), Scope::WithCurrent),
            of(Aggregate::Max, &[0], sliding(10)),
        ],
        &[
            ("a", 9, 5, Added, 4),
            ("a", 6, 7, Added, 4),
            ("a", 15, 1, Added, 10),
            ("a", 16, 2, Added, 11),
        ],
        "1 0.05|1 0.07|3 0.07|3 0.05",
    );
}

#[test]
fn a_late_event_counts_itself_and_is_not_kept_and_a_duplicate_counts_once() {
    check(
        vec![
            count(sliding(10), Scope::WithCurrent),
            count(sliding(10), Scope::Prior),
        ],
        &[
            ("a", 10, 1, Added, 5),
            ("a", 4, 1, Late, 5),
            ("a", 4, 1, Late, 5),
            ("a", 10, 1, Duplicate, 5),
            ("a", 11, 1, Added, 6),
            ("b", 3, 1, Late, 6),
            ("b", 11, 1, Added, 6),
        ],
        "1 0|1 0|1 0|1 1|2 1|1 0|1 0",
    );
}

#[test]
fn an_event_without_a_key_has_no_features() {
    let mut state = group(vec![count(Window::Forever, Scope::WithCurrent)]);
    let lines = [
        ("-", 1, 1, Added, 0),
        ("-", 2, 1, Added, 0),
        ("a", 2, 1, Added, 0),
    ];
    assert_eq!(answers(&mut state, &lines), "||1");
    assert_eq!(state.size().keys, 1);
}

#[test]
fn a_delayed_window_takes_events_when_they_are_old_enough() {
    let window = Window::Sliding {
        from: Span(10),
        to: Span(4),
    };
    check(
        vec![of(Aggregate::Sum, &[0], window)],
        &[
            ("a", 0, 3, Added, -5),
            ("a", 3, 5, Added, -2),
            ("a", 4, 0, Added, -1),
            ("a", 9, 0, Added, 4),
            ("a", 10, 0, Added, 5),
        ],
        "0.00|0.00|0.03|0.08|0.05",
    );
}

#[test]
fn the_last_n_are_the_latest_by_time() {
    check(
        vec![of(Aggregate::Sum, &[0], Window::Last { n: 2 })],
        &[
            ("a", 10, 1, Added, 5),
            ("a", 20, 2, Added, 15),
            ("a", 15, 4, Added, 15),
            ("a", 21, 8, Added, 16),
        ],
        "0.01|0.03|0.05|0.10",
    );
}

#[test]
fn a_sum_beyond_18_digits_is_null_and_comes_back() {
    let most = 999_999_999_999_999_999;
    check(
        vec![
            of(Aggregate::Sum, &[0], sliding(10)),
            of(Aggregate::Avg, &[0], sliding(10)),
        ],
        &[
            ("a", 0, most, Added, -5),
            ("a", 1, 1, Added, -4),
            ("a", 10, 1, Added, 5),
        ],
        "9999999999999999.99 1e16| 5000000000000000.0|0.02 0.01",
    );
}

#[test]
fn what_is_forgotten_is_only_missed_by_events_before_the_horizon_and_they_say_so() {
    let mut state = group(vec![count(sliding(10), Scope::WithCurrent)]);
    let mut lines: Vec<Line> = (0..200).map(|t| ("a", t, 1, Added, t - 5)).collect();
    answers(&mut state, &lines);
    assert!(state.size().events < 40, "{:?}", state.size());
    lines = vec![
        ("a", 195, 1, Added, 195),
        ("a", 20, 1, Late, 195),
        ("b", 20, 1, Late, 195),
    ];
    assert_eq!(answers(&mut state, &lines), "11|1~|1");
}

#[test]
fn a_quiet_key_goes_and_gives_its_memory_back() {
    let mut state = group(vec![of(Aggregate::CountDistinct, &[0], sliding(10))]);
    let names: Vec<&'static str> = (0..300).map(|i| &*format!("card {i:05}").leak()).collect();
    let lines: Vec<Line> = (0..300)
        .map(|i| (names[i], i as i64, 1, Added, i as i64 - 5))
        .collect();
    answers(&mut state, &lines);
    let size = state.size();
    assert!(size.keys < 60 && size.events < 60, "{size:?}");
    let again: Vec<Line> = (300..3000)
        .map(|t| (names[t as usize % 300], t, 1, Added, t - 5))
        .collect();
    answers(&mut state, &again);
    assert!(
        state.size().bytes <= size.bytes * 3 / 2,
        "{size:?} {:?}",
        state.size()
    );
    // A key that was swept away is flagged for an event that would have seen it.
    assert_eq!(
        answers(&mut state, &[("card 00001", 20, 1, Late, 3000)]),
        "1~"
    );
    assert_eq!(
        answers(&mut state, &[("card 00001", 3000, 1, Added, 3000)]),
        "1"
    );
}

#[test]
fn forever_and_last_survive_silence() {
    let mut state = group(vec![
        count(Window::Forever, Scope::WithCurrent),
        of(Aggregate::Min, &[0], Window::Forever),
        of(Aggregate::First, &[0], Window::Forever),
        count(sliding(10), Scope::WithCurrent),
    ]);
    answers(
        &mut state,
        &[("a", 0, 3, Added, -5), ("a", 1, 2, Added, -4)],
    );
    let others: Vec<Line> = (2..500).map(|t| ("b", t, 5, Added, t - 5)).collect();
    answers(&mut state, &others);
    assert!(state.size().events < 40, "{:?}", state.size());
    assert_eq!(
        answers(&mut state, &[("a", 500, 9, Added, 495)]),
        "3 0.02 0.03 1"
    );
}

#[test]
fn a_sparse_filter_does_not_make_a_last_window_keep_everything() {
    let mut feature = count(Window::Last { n: 2 }, Scope::Prior);
    feature.filter = Some(0);
    let mut state = GroupState::new(
        GroupPlan {
            key: vec![],
            inputs: vec![],
            filters: 1,
            features: vec![feature],
            max_lateness: Span(0),
            limits: Limits::default(),
        },
        HashSeed::FIXED,
    );
    let times: Vec<EventTime> = (0..1000).map(EventTime).collect();
    let filter = BooleanArray::from_iter((0..1000).map(|t| Some(t % 400 == 0)));
    let step = GroupStep {
        keys: &[],
        inputs: &[],
        filters: &[filter],
        times: &times,
        added: &[true; 1000],
        duplicate: &[false; 1000],
        horizon: &times,
    };
    let mut out = Vec::new();
    state.step(&step, &mut out);
    assert!(state.size().events < 20, "{:?}", state.size());
    assert_eq!(array_value_to_string(&out[0], 999).unwrap(), "2");
}

#[test]
fn a_key_whose_last_word_was_a_late_event_goes_too() {
    let mut state = group(vec![count(sliding(10), Scope::WithCurrent)]);
    answers(&mut state, &[("a", 0, 1, Added, 0), ("a", 8, 1, Late, 9)]);
    let others: Vec<Line> = (9..200).map(|t| ("b", t, 1, Added, t)).collect();
    answers(&mut state, &others);
    assert_eq!(state.size().keys, 1, "only b is left");
}
