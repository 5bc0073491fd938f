//! A budgeted group beside one without a budget: wherever their answers differ, the budgeted one says so.

use super::*;

const EVENTS: usize = 4_000;
/// Length of the longest window by time.
const LONGEST: i64 = 60;

fn by_time() -> Vec<FeaturePlan> {
    vec![
        count(sliding(LONGEST), Scope::WithCurrent),
        of(Aggregate::Sum, &[0], sliding(20)),
        of(Aggregate::Max, &[0], sliding(LONGEST)),
        of(Aggregate::CountDistinct, &[1], sliding(LONGEST)),
        of(Aggregate::First, &[0, 1], sliding(LONGEST)),
        of(Aggregate::Sum, &[0], Window::Session { gap: Span(3) }),
        of(Aggregate::Avg, &[0], Window::Decay { half_life: Span(1) }),
        of(Aggregate::TopK { k: 2 }, &[1], sliding(LONGEST)),
    ]
}

fn without_end() -> Vec<FeaturePlan> {
    let mut filtered = of(Aggregate::Sum, &[0], Window::Last { n: 6 });
    filtered.filter = Some(0);
    vec![
        filtered,
        count(sliding(LONGEST), Scope::Prior),
        of(Aggregate::CountDistinct, &[1], Window::Forever),
        of(Aggregate::Max, &[1], Window::Forever),
        of(Aggregate::Last, &[0, 1], Window::Forever),
        of(Aggregate::Sum, &[0], Window::Forever),
        of(Aggregate::Mode, &[1], Window::Forever),
        count(Window::Session { gap: Span(2) }, Scope::Prior),
    ]
}

fn limited(features: Vec<FeaturePlan>, limits: Limits) -> GroupState {
    let plan = GroupPlan {
        key: vec![Type::Text],
        inputs: vec![Type::Decimal(2), Type::Text],
        filters: 1,
        features,
        max_lateness: Span(5),
        limits,
    };
    GroupState::new(plan, HashSeed::FIXED)
}

/// What one group made of a stream: per event its answers, and whether they are flagged.
struct Told {
    answers: Vec<String>,
    flags: Vec<bool>,
    size: GroupSize,
    keys_most: usize,
}

/// A stream of `keys` keys with disorder inside the lateness, late events and duplicates.
fn tell(mut state: GroupState, keys: u64, seed: u64) -> Told {
    let mut random = seed;
    let mut draw = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % below
    };
    let (mut told, mut greatest, mut keys_most) = ((Vec::new(), Vec::new()), 0i64, 0);
    for _ in 0..EVENTS {
        let time = greatest + 1 - draw(8).cast_signed();
        let late = time < greatest - 5;
        greatest = greatest.max(time);
        let key: ArrayRef = Arc::new(StringArray::from(vec![format!("k{}", draw(keys))]));
        let amount = Decimal128Array::from(vec![i128::from(draw(50))]);
        let amount: ArrayRef = Arc::new(amount.with_data_type(Type::Decimal(2).arrow()));
        let word = (draw(5) > 0).then(|| format!("word {}", draw(9)));
        let mut out = Vec::new();
        state.step(
            &GroupStep {
                keys: &[key],
                inputs: &[amount, Arc::new(StringArray::from(vec![word]))],
                filters: &[BooleanArray::from(vec![draw(3) == 0])],
                times: &[EventTime(time)],
                added: &[!late],
                duplicate: &[false],
                horizon: &[EventTime(greatest - 5)],
            },
            &mut out,
        );
        let show = |array: &ArrayRef| array_value_to_string(array, 0).unwrap();
        told.0
            .push(out.iter().map(show).collect::<Vec<_>>().join(" "));
        told.1.push(state.approximate()[0]);
        keys_most = keys_most.max(state.size().keys);
    }
    Told {
        answers: told.0,
        flags: told.1,
        size: state.size(),
        keys_most,
    }
}

/// Runs a stream with and without the budget; how many answers differed and how many were flagged.
#[track_caller]
fn compare(features: &[FeaturePlan], limits: Limits, keys: u64, seed: u64) -> (usize, usize, Told) {
    let free = tell(limited(features.to_vec(), Limits::default()), keys, seed);
    let held = tell(limited(features.to_vec(), limits), keys, seed);
    let (mut differing, mut flagged) = (0, 0);
    for event in 0..EVENTS {
        let differs = free.answers[event] != held.answers[event];
        assert!(
            !differs || held.flags[event],
            "seed {seed}, event {event}: {} without a budget, {} with, and not flagged",
            free.answers[event],
            held.answers[event]
        );
        differing += usize::from(differs);
        flagged += usize::from(held.flags[event]);
    }
    (differing, flagged, held)
}

#[test]
fn an_answer_that_misses_an_evicted_key_says_so() {
    for seed in 0..8 {
        for features in [by_time(), without_end()] {
            let limits = Limits {
                keys: 20,
                ..Limits::default()
            };
            let (differing, flagged, held) = compare(&features, limits, 40, seed);
            assert!(held.keys_most <= 21, "{} keys", held.keys_most);
            assert!(held.size.evicted_keys > 0);
            assert!(0 < differing && differing <= flagged && flagged < EVENTS);
        }
    }
}

#[test]
fn an_answer_that_misses_an_evicted_event_says_so() {
    for seed in 0..8 {
        for features in [by_time(), without_end()] {
            let limits = Limits {
                events_per_key: 10,
                ..Limits::default()
            };
            let (differing, flagged, held) = compare(&features, limits, 4, seed);
            assert!(held.size.events <= 4 * 10, "{} events", held.size.events);
            assert!(held.size.evicted_events > 0);
            assert!(0 < differing && differing <= flagged);
        }
    }
}

#[test]
fn what_was_evicted_longer_ago_than_the_window_is_missed_no_more() {
    let limits = Limits {
        keys: 2,
        ..Limits::default()
    };
    let features = vec![count(sliding(10), Scope::WithCurrent)];
    let plan = GroupPlan {
        limits,
        ..group(features).plan
    };
    let mut state = GroupState::new(plan, HashSeed::FIXED);
    let lines = [
        ("a", 0, 1, Added, -5),
        ("b", 1, 1, Added, -4),
        ("c", 2, 1, Added, -3), // a goes
        ("c", 9, 1, Added, 4),  // made when a was gone: may have been seen before
        ("d", 10, 1, Added, 5), // b goes; its event would still be in the window
        ("d", 11, 1, Added, 6), // and here no more
    ];
    assert_eq!(answers(&mut state, &lines), "1|1|1~|2~|1~|2");
    assert_eq!(state.size().evicted_keys, 2);
}

/// A key of ten events at most: what each of 40 events in order says, and how many had to go.
fn ten_at_most(window: Window) -> (String, u64) {
    let limits = Limits {
        events_per_key: 10,
        ..Limits::default()
    };
    let plan = GroupPlan {
        limits,
        ..group(vec![count(window, Scope::WithCurrent)]).plan
    };
    let mut state = GroupState::new(plan, HashSeed::FIXED);
    let lines: Vec<Line> = (0..40).map(|t| ("a", t, 1, Added, t - 30)).collect();
    let told = answers(&mut state, &lines);
    (told, state.size().evicted_events)
}

#[test]
fn a_forever_window_misses_no_event_that_has_to_go() {
    let (told, evicted) = ten_at_most(Window::Forever);
    let counts: Vec<String> = (1..=40).map(|n| n.to_string()).collect();
    assert_eq!(told, counts.join("|"), "exact, and so not flagged");
    assert!(evicted > 0);
}

#[test]
fn events_that_no_window_can_reach_go_first_and_count_for_nothing() {
    let limits = Limits {
        events_per_key: 10,
        ..Limits::default()
    };
    let plan = GroupPlan {
        limits,
        ..group(vec![count(sliding(9), Scope::WithCurrent)]).plan
    };
    let mut state = GroupState::new(plan, HashSeed::FIXED);
    let lines: Vec<Line> = (0..40).map(|t| ("a", t, 1, Added, t)).collect();
    let _ = answers(&mut state, &lines);
    assert_eq!(state.size().evicted_events, 0);
}

/// Row E16 of the bad inputs: however many keys come, memory stays what the budget says.
#[test]
fn memory_is_flat_once_the_budget_is_reached() {
    let limits = Limits {
        keys: 1_000,
        ..Limits::default()
    };
    let plan = GroupPlan {
        limits,
        ..group(vec![count(sliding(1_000_000_000), Scope::WithCurrent)]).plan
    };
    let mut state = GroupState::new(plan, HashSeed::FIXED);
    let mut bytes = Vec::new();
    for round in 0..20i64 {
        const ROWS: usize = 5_000;
        let names = (0..ROWS).map(|i| format!("card-{round}-{i}"));
        let times: Vec<EventTime> = (0..ROWS as i64)
            .map(|i| EventTime(round * 5_000 + i))
            .collect();
        let amounts = Decimal128Array::from(vec![1; ROWS]).with_data_type(Type::Decimal(2).arrow());
        state.fold(&GroupStep {
            keys: &[Arc::new(StringArray::from_iter_values(names))],
            inputs: &[Arc::new(amounts)],
            filters: &[],
            times: &times,
            added: &[true; ROWS],
            duplicate: &[false; ROWS],
            horizon: &times,
        });
        bytes.push(state.size().bytes);
    }
    assert_eq!(state.size().keys, 1_000);
    // A name grows by a byte now and then, so a size class may still come at first.
    assert_eq!(bytes[4..], [bytes[4]; 16], "bytes after each 5,000 keys");
}

#[test]
fn what_walks_over_all_events_there_ever_were_misses_each_that_goes() {
    let limits = Limits {
        events_per_key: 10,
        ..Limits::default()
    };
    for aggregate in [Aggregate::Mode, Aggregate::TopK { k: 2 }] {
        let features = [of(aggregate, &[1], Window::Forever)];
        let (differing, flagged, _) = compare(&features, limits, 4, 1);
        assert!(0 < differing && differing <= flagged && flagged < EVENTS);
    }
}

#[test]
fn a_key_with_too_many_distinct_values_goes_on_as_a_sketch_and_says_so() {
    let run = |times: i64, kept: bool, beside: Option<FeaturePlan>| {
        let limits = Limits {
            distinct_per_key: 500,
            ..Limits::default()
        };
        let mut features = vec![of(Aggregate::CountDistinct, &[1], Window::Forever)];
        features.extend(beside);
        let mut state = limited(features, limits);
        let mut answers = Vec::new();
        for n in 0..4_000i64 {
            let key: ArrayRef = Arc::new(StringArray::from(vec!["k"]));
            let amount = Decimal128Array::from(vec![0]);
            // Every value comes so many times.
            let word = StringArray::from(vec![format!("word {}", n / times)]);
            let mut out = Vec::new();
            state.step(
                &GroupStep {
                    keys: &[key],
                    inputs: &[
                        Arc::new(amount.with_data_type(Type::Decimal(2).arrow())),
                        Arc::new(word),
                    ],
                    filters: &[BooleanArray::from(vec![true])],
                    times: &[EventTime(n)],
                    added: &[true],
                    duplicate: &[false],
                    horizon: &[EventTime(if kept { i64::MIN } else { n })],
                },
                &mut out,
            );
            let text = array_value_to_string(&out[0], 0).unwrap();
            answers.push((text.parse::<i64>().unwrap(), state.approximate()[0]));
        }
        answers
    };
    let some = || Some(count(sliding(40), Scope::WithCurrent));
    for times in [1, 2] {
        let answers = run(times, true, None);
        for (n, (count, approximate)) in answers.iter().enumerate() {
            let exact = n as i64 / times + 1;
            assert_eq!(*approximate, exact > 500, "event {n}");
            let error = (count - exact).abs();
            assert!(error == 0 || *approximate && error * 40 < exact, "{count}");
        }
        assert_eq!(run(times, false, None), answers, "none of the events held");
        assert_eq!(run(times, false, some()), answers, "some of them");
    }
}
