//! Random plans and random streams for them: small numbers of everything, so that edges are met all the time.
//!
//! Times are a few ticks apart and windows a few ticks long; a tick is a microsecond, or minutes to a day where the
//! clocks of some place are set ([`super::ticks`]). Keys, texts and numbers come from small sets with the extremes of their types among them. The
//! invariant: all of it follows from one seed.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rules::ruleset::{Limits, Scope};
use rules::state::{FeaturePlan, GroupPlan, GroupStep};
use rules::time::EventTime;
use rules::value::Type;
use rules::window::Window;

use super::ticks::{Ticks, aggregate, sliding, window};
use super::{Datum, Event};

/// The types an input or a key can have.
const TYPES: [Type; 7] = [
    Type::Text,
    Type::Int,
    Type::Decimal(2),
    Type::Decimal(18),
    Type::Float,
    Type::Bool,
    Type::Timestamp,
];

/// Events with the horizon of each.
#[derive(Debug, Default)]
pub struct Stream {
    /// In the order taken.
    pub events: Vec<Event>,
    /// Per event: no event from here on that is not late has an earlier time.
    pub horizons: Vec<i64>,
}

/// A random plan, and the times its streams should have.
pub fn plan(rng: &mut ChaCha8Rng) -> (GroupPlan, Ticks) {
    let ticks = Ticks::new(rng);
    let some_types = |rng: &mut ChaCha8Rng, n: usize| -> Vec<Type> {
        (0..n).filter_map(|_| TYPES.choose(rng).copied()).collect()
    };
    let keys = [0, 1, 1, 1, 2][rng.random_range(0..5)];
    let inputs = rng.random_range(1..5);
    let filters = [0, 1, 3, 3, 0, 2, 3, 64][rng.random_range(0..8)];
    let mut plan = GroupPlan {
        key: some_types(rng, keys),
        inputs: some_types(rng, inputs),
        filters,
        features: Vec::new(),
        max_lateness: ticks.span(rng.random_range(0..20)),
        limits: Limits::default(),
    };
    let kinds = rng.random_range(1..4);
    // Where there are no others, sliding windows are moved forward instead of looked for.
    let any = if rng.random_bool(0.4) {
        sliding
    } else {
        window
    };
    let windows: Vec<Window> = (0..kinds).map(|_| any(ticks, rng)).collect();
    // Asked for nothing before it is taken, an event in order takes a shorter way.
    let prior = if rng.random() { 0.5 } else { 0.0 };
    while plan.features.len() < 1 + inputs {
        let aggregate = aggregate(ticks, rng);
        let window = windows[rng.random_range(0..windows.len())];
        let args: Vec<usize> = (0..rng.random_range(0..4))
            .map(|_| rng.random_range(0..inputs))
            .collect();
        let types: Vec<Type> = args.iter().map(|i| plan.inputs[*i]).collect();
        if aggregate.result_over(window, &types).is_none() {
            continue;
        }
        let filter = (filters > 0 && rng.random()).then(|| rng.random_range(0..filters));
        plan.features.push(FeaturePlan {
            aggregate,
            args,
            filter,
            window,
            scope: match rng.random_bool(prior) {
                true => Scope::Prior,
                false => Scope::WithCurrent,
            },
        });
    }
    (plan, ticks)
}

/// A random stream for a plan: several partitions with clocks of their own, disorder, ties, late events, duplicates,
/// nulls, keys that come and go.
pub fn stream(plan: &GroupPlan, ticks: Ticks, rng: &mut ChaCha8Rng) -> Stream {
    let rows = [20, 60, 150, 400][rng.random_range(0..4)];
    let partitions = rng.random_range(1..4);
    let lateness = ticks.count(plan.max_lateness);
    let pace = rng.random_range(1..6);
    let keys = [1, 3, 12][rng.random_range(0..3)];
    let churn = [0, 0, 9, 2][rng.random_range(0..4)];
    let extremes = rng.random_bool(0.3);
    let mut clock = rng.random_range(-30..30);
    let mut newest: Vec<Option<i64>> = vec![None; partitions];
    let mut stream = Stream::default();
    for row in 0..rows {
        let horizon = |newest: &[Option<i64>]| {
            let all: Option<Vec<i64>> = newest.iter().copied().collect();
            let least = all.and_then(|all| all.into_iter().min());
            least.map_or(i64::MIN, |least| least - lateness)
        };
        if row > 0 && rng.random_bool(0.08) {
            let mut event = stream.events[rng.random_range(0..row)].clone();
            event.duplicate = true;
            stream.events.push(event);
            stream.horizons.push(horizon(&newest));
            continue;
        }
        // Now and then everything falls silent for longer than any window.
        clock += if rng.random_bool(0.01) {
            rng.random_range(0..120)
        } else {
            rng.random_range(0..pace)
        };
        let behind = if rng.random_bool(0.4) {
            rng.random_range(0..lateness * 3 / 2 + 2)
        } else {
            0
        };
        let time = clock - behind;
        let partition = rng.random_range(0..partitions);
        let late = newest[partition].is_some_and(|newest| time < newest - lateness);
        let before = horizon(&newest);
        newest[partition] = Some(newest[partition].map_or(time, |newest| newest.max(time)));
        let number = rng.random_range(0..keys) + if churn > 0 { row as i64 / churn } else { 0 };
        let datum = |ty: &Type, rng: &mut ChaCha8Rng| datum(*ty, extremes, rng);
        stream.events.push(Event {
            key: plan.key.iter().map(|ty| key(*ty, number, rng)).collect(),
            inputs: plan.inputs.iter().map(|ty| datum(ty, rng)).collect(),
            filters: (0..plan.filters)
                .map(|_| (!rng.random_bool(0.1)).then(|| rng.random_bool(0.5)))
                .collect(),
            time,
            late,
            duplicate: false,
        });
        stream.horizons.push(match rng.random() {
            true => before,
            false => horizon(&newest),
        });
    }
    stream
        .events
        .iter_mut()
        .for_each(|event| event.time = ticks.time(event.time));
    stream
        .horizons
        .iter_mut()
        .for_each(|horizon| *horizon = ticks.time(*horizon));
    stream
}

/// A part of the key of this number, or null.
pub fn key(ty: Type, number: i64, rng: &mut ChaCha8Rng) -> Datum {
    if rng.random_bool(0.03) {
        return Datum::Null;
    }
    match ty {
        Type::Text => Datum::Text(
            ["", "k", "a longer key "][number as usize % 3].repeat(2) + &number.to_string(),
        ),
        Type::Float => Datum::Float([0.0, -0.0, f64::NAN, 1.5, -1e300][number as usize % 5]),
        Type::Bool => Datum::Whole(number % 2),
        _ => Datum::Whole(number),
    }
}

/// A value of a type, or null; with extremes those of the type come up.
pub fn datum(ty: Type, extremes: bool, rng: &mut ChaCha8Rng) -> Datum {
    if rng.random_bool(0.15) {
        return Datum::Null;
    }
    let extreme = extremes && rng.random_bool(0.3);
    let digits = 10i64.pow(18) - 1;
    match ty {
        Type::Text => {
            let texts = ["", "a", "b", "ab", "ä", "a text of some length", "z"];
            Datum::Text(texts[rng.random_range(0..texts.len())].to_owned())
        }
        Type::Int if extreme => Datum::Whole([i64::MIN, i64::MAX, -1][rng.random_range(0..3)]),
        Type::Decimal(_) if extreme => Datum::Whole([digits, -digits, 1][rng.random_range(0..3)]),
        Type::Float if extreme => {
            let floats = [
                1e308,
                -1e308,
                5e-324,
                -0.0,
                1e17,
                f64::NAN,
                f64::INFINITY,
                1e-200,
                -1e160,
                f64::MAX,
            ];
            Datum::Float(floats[rng.random_range(0..floats.len())])
        }
        Type::Float => Datum::Float(f64::from(rng.random_range(-300..300)) / 10.0),
        Type::Bool => Datum::Whole(rng.random_range(0..2)),
        Type::Int | Type::Decimal(_) | Type::Timestamp => Datum::Whole(rng.random_range(-6..30)),
    }
}

/// Columns of some events, owned.
#[derive(Debug)]
pub struct Columns {
    keys: Vec<ArrayRef>,
    inputs: Vec<ArrayRef>,
    filters: Vec<BooleanArray>,
    times: Vec<EventTime>,
    added: Vec<bool>,
    duplicate: Vec<bool>,
    horizon: Vec<EventTime>,
}

impl Columns {
    /// The columns of events `range` of a stream.
    #[must_use]
    pub fn new(plan: &GroupPlan, stream: &Stream, range: std::ops::Range<usize>) -> Columns {
        let events = &stream.events[range.clone()];
        let column = |ty: Type, get: &dyn Fn(&Event) -> Datum| {
            array(ty, &events.iter().map(get).collect::<Vec<_>>())
        };
        let types = |types: &[Type], get: &dyn Fn(&Event, usize) -> Datum| {
            let each = types.iter().enumerate();
            each.map(|(i, ty)| column(*ty, &|event| get(event, i)))
                .collect()
        };
        Columns {
            keys: types(&plan.key, &|event, i| event.key[i].clone()),
            inputs: types(&plan.inputs, &|event, i| event.inputs[i].clone()),
            filters: (0..plan.filters)
                .map(|i| events.iter().map(|event| event.filters[i]).collect())
                .collect(),
            times: events.iter().map(|event| EventTime(event.time)).collect(),
            added: events.iter().map(|e| !e.late && !e.duplicate).collect(),
            duplicate: events.iter().map(|event| event.duplicate).collect(),
            horizon: stream.horizons[range]
                .iter()
                .map(|h| EventTime(*h))
                .collect(),
        }
    }

    /// As the code under test takes them.
    #[must_use]
    pub fn step(&self) -> GroupStep<'_> {
        GroupStep {
            keys: &self.keys,
            inputs: &self.inputs,
            filters: &self.filters,
            times: &self.times,
            added: &self.added,
            duplicate: &self.duplicate,
            horizon: &self.horizon,
        }
    }
}

/// The arrow column of some values.
#[must_use]
pub fn array(ty: Type, data: &[Datum]) -> ArrayRef {
    let wholes = || {
        data.iter().map(|datum| match datum {
            Datum::Whole(x) => Some(*x),
            _ => None,
        })
    };
    match ty {
        Type::Text => Arc::new(StringArray::from_iter(data.iter().map(|d| match d {
            Datum::Text(x) => Some(x.as_str()),
            _ => None,
        }))),
        Type::Int => Arc::new(Int64Array::from_iter(wholes())),
        Type::Decimal(_) => {
            let array = Decimal128Array::from_iter(wholes().map(|x| x.map(i128::from)));
            Arc::new(array.with_data_type(ty.arrow()))
        }
        Type::Float => Arc::new(Float64Array::from_iter(data.iter().map(|d| match d {
            Datum::Float(x) => Some(*x),
            _ => None,
        }))),
        Type::Bool => Arc::new(BooleanArray::from_iter(wholes().map(|x| x.map(|x| x == 1)))),
        Type::Timestamp => {
            let array = TimestampMicrosecondArray::from_iter(wholes());
            Arc::new(array.with_data_type(ty.arrow()))
        }
    }
}

/// One value of an arrow column.
#[must_use]
pub fn datum_at(ty: Type, array: &ArrayRef, row: usize) -> Datum {
    if array.is_null(row) {
        return Datum::Null;
    }
    match ty {
        Type::Text => Datum::Text(array.as_string::<i32>().value(row).to_owned()),
        Type::Int => Datum::Whole(array.as_primitive::<Int64Type>().value(row)),
        Type::Decimal(_) => {
            let mantissa = array.as_primitive::<Decimal128Type>().value(row);
            i64::try_from(mantissa).map_or(Datum::Null, Datum::Whole)
        }
        Type::Float => Datum::Float(array.as_primitive::<Float64Type>().value(row)),
        Type::Bool => Datum::Whole(array.as_boolean().value(row).into()),
        Type::Timestamp => {
            Datum::Whole(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
    }
}
