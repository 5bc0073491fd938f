//! The state against the naive reference on random streams, value by value, floats by their bits; and the same streams
//! with the shards of the state in several hands.
//!
//! A failure prints the seed of its case; `TOLLGATE_SEED=n` runs that case alone, `TOLLGATE_CASES=n` runs so many.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rules::state::seed::HashSeed;
use rules::state::shards::{Dealt, Order};
use rules::state::{GroupPlan, GroupState, GroupStep};
use rules::value::Type;
use tests::reference::stream::{self, Columns, Stream};
use tests::reference::{Datum, Reference};

/// Cases run when nothing else is asked for.
const CASES: u64 = 2000;

/// What a run of the state gave: per row the members, and whether the row is flagged.
struct Answers {
    rows: Vec<Vec<Datum>>,
    approximate: Vec<bool>,
}

/// How a step is taken.
#[derive(Clone, Copy, PartialEq)]
enum Hands {
    One,
    /// Dealt out in so many parts, the last one run first.
    Parts(usize),
    /// In so many parts, each by a thread.
    Threads(usize),
}

/// Takes a step by these hands.
fn take(state: &mut GroupState, step: &GroupStep<'_>, hands: Hands, out: &mut Vec<ArrayRef>) {
    let parts = match hands {
        Hands::One => return state.step(step, out),
        Hands::Parts(parts) | Hands::Threads(parts) => parts,
    };
    let order = Arc::new(Order {
        times: step.times.to_vec(),
        added: step.added.to_vec(),
        duplicate: step.duplicate.to_vec(),
        horizon: step.horizon.to_vec(),
    });
    let mut dealt = state.deal(step.keys, step.inputs.to_vec(), step.filters, &order, parts);
    dealt.reverse();
    if matches!(hands, Hands::Threads(_)) {
        std::thread::scope(|scope| {
            for part in &mut dealt {
                scope.spawn(|| part.run());
            }
        });
    } else {
        dealt.iter_mut().for_each(Dealt::run);
    }
    state.join(dealt, out).unwrap();
}

/// Runs a stream cut after the rows that `cut` says; the rows `folded` are folded without answers.
fn run(
    plan: &GroupPlan,
    types: &[Type],
    stream: &Stream,
    folded: &Range<usize>,
    hands: Hands,
    mut cut: impl FnMut() -> bool,
) -> Answers {
    let mut state = GroupState::new(plan.clone(), HashSeed::FIXED);
    let mut answers = Answers {
        rows: Vec::new(),
        approximate: Vec::new(),
    };
    let mut from = 0;
    for to in 1..=stream.events.len() {
        let ends = [stream.events.len(), folded.start, folded.end];
        if !cut() && !ends.contains(&to) {
            continue;
        }
        let columns = Columns::new(plan, stream, from..to);
        let mut out = Vec::new();
        if folded.contains(&from) {
            state.fold(&columns.step());
            answers.rows.resize(to, Vec::new());
        } else {
            take(&mut state, &columns.step(), hands, &mut out);
            assert_eq!(out.len(), types.len());
            for row in 0..to - from {
                let member = |(ty, array): (&Type, _)| stream::datum_at(*ty, array, row);
                answers
                    .rows
                    .push(types.iter().zip(&out).map(member).collect());
            }
        }
        for (ty, array) in types.iter().zip(&out) {
            assert_eq!(array.data_type(), &ty.arrow());
        }
        answers.approximate.extend(state.approximate());
        from = to;
    }
    let bytes = state.size().bytes;
    assert!(state.feature_bytes().iter().sum::<usize>() <= bytes);
    answers
}

/// What the flags of a case came to.
#[derive(Default)]
struct Counts {
    rows: usize,
    approximate: usize,
}

fn check(seed: u64, counts: &mut Counts) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (plan, ticks) = stream::plan(&mut rng);
    let stream = stream::stream(&plan, ticks, &mut rng);
    let mut types = Vec::new();
    for feature in &plan.features {
        let args: Vec<Type> = feature.args.iter().map(|i| plan.inputs[*i]).collect();
        types.extend(
            feature
                .aggregate
                .result_over(feature.window, &args)
                .unwrap(),
        );
    }
    let mut reference = Reference::new(plan.clone());
    let sizes = [0.5, 0.1, 0.01];
    let odds = sizes[rng.random_range(0..sizes.len())];
    let mut other = rng.clone();
    let one = Hands::One;
    let answers = run(&plan, &types, &stream, &(0..0), one, || {
        rng.random_bool(odds)
    });
    for (row, event) in stream.events.iter().enumerate() {
        let want = reference.answer(event);
        counts.rows += 1;
        if answers.approximate[row] {
            counts.approximate += 1;
            assert!(
                event.time < stream.horizons[row],
                "seed {seed}, row {row}: flagged approximate although at or after the horizon"
            );
            continue;
        }
        assert_eq!(
            answers.rows[row], want,
            "seed {seed}, row {row}: got, want; {event:?}; {:?}",
            plan.features
        );
    }
    // Other cuts give the same values, flags included; so does a state that folded its beginning, or some rows of it.
    let end = other.random_range(0..stream.events.len());
    let folded = seed as usize % 2 * other.random_range(0..=end)..end;
    let single = stream.events.len() <= 60;
    let parts = 2 + seed as usize % 3;
    let many = match seed % 20 {
        0 => Hands::Threads(parts),
        _ => Hands::Parts(parts),
    };
    let cases = [
        (0..0, single, one),
        (folded, false, one),
        (0..0, false, many),
    ];
    for (folded, each, hands) in cases {
        let again = run(&plan, &types, &stream, &folded, hands, || {
            each || other.random_bool(0.05)
        });
        assert_eq!(again.approximate, answers.approximate, "seed {seed}");
        let Range { start, end } = folded;
        assert_eq!(again.rows[..start], answers.rows[..start], "seed {seed}");
        assert_eq!(again.rows[end..], answers.rows[end..], "seed {seed}");
    }
}

#[test]
fn the_state_agrees_with_the_naive_reference() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("TOLLGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_CASES").unwrap_or(CASES),
    };
    let mut counts = Counts::default();
    for seed in seeds.clone() {
        let mut one = || check(seed, &mut counts);
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut one)) {
            eprintln!("rerun with TOLLGATE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
    if seeds.end - seeds.start >= CASES {
        // Some rows are flagged, few are: else nothing was compared, or forgetting was not met.
        let Counts { rows, approximate } = counts;
        assert!(approximate > rows / 10_000, "{approximate} of {rows}");
        assert!(approximate < rows / 10, "{approximate} of {rows}");
    }
}
