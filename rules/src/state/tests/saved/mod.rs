//! Groups saved and restored: random plans and streams for them, all of which follow from a seed.
//!
//! Numbers of everything are small, so that edges are met all the time; a tick is a microsecond, or an hour where days are
//! to end.

mod damage;
mod law;

use std::ops::Range;

use arrow::array::{Float64Array, Int64Array, TimestampMicrosecondArray};

use super::*;
use crate::snapshot::dice::Dice;
use crate::snapshot::{Fault, Reader, Room, Writer};
use crate::window::calendar::Period;
use crate::window::zone::Zone;

const TYPES: [Type; 7] = [
    Type::Text,
    Type::Text,
    Type::Int,
    Type::Decimal(2),
    Type::Float,
    Type::Bool,
    Type::Timestamp,
];

/// Codes from here on stand for the extremes of their type.
const EXTREME: u64 = 1_000;

/// A plan with the length of its ticks.
#[derive(Debug)]
struct Case {
    plan: GroupPlan,
    tick: i64,
}

fn window(dice: &mut Dice, tick: i64) -> Window {
    let span = |ticks: i64| Span(ticks * tick);
    let from = 1 + dice.signed(40);
    match dice.below(12) {
        0 | 1 => Window::Forever,
        2 => Window::Last {
            n: 1 + dice.below(5) as u32,
        },
        3 => Window::Sliding {
            from: span(from),
            to: span(dice.signed(from)),
        },
        4 => Window::Session {
            gap: span(1 + dice.signed(6)),
        },
        5 => Window::Calendar {
            period: dice.of(&Period::ALL),
            zone: Zone::find("Europe/Amsterdam").unwrap(),
        },
        6 => Window::Decay {
            half_life: span(1 + dice.signed(6)),
        },
        _ => sliding(from * tick),
    }
}

fn aggregate(dice: &mut Dice) -> Aggregate {
    match dice.of(&Aggregate::ALL) {
        Aggregate::Ewma { .. } => Aggregate::Ewma { half_life: Span(7) },
        other => other,
    }
}

impl Case {
    fn new(dice: &mut Dice) -> Case {
        let tick = dice.of(&[1, 1, 3_600_000_000]);
        let inputs = 1 + dice.index(4);
        let inputs: Vec<Type> = (0..inputs).map(|_| dice.of(&TYPES)).collect();
        let keys = dice.of(&[0, 1, 1, 1, 2]);
        let key = (0..keys).map(|_| dice.of(&[Type::Text, Type::Text, Type::Int]));
        let mut plan = GroupPlan {
            key: key.collect(),
            inputs,
            filters: dice.of(&[0, 1, 3, 64]),
            features: Vec::new(),
            max_lateness: Span(dice.signed(20) * tick),
            limits: Limits {
                keys: dice.of(&[10_000_000, 10_000_000, 4, 9]),
                events_per_key: dice.of(&[1_000_000, 1_000_000, 70, 6]),
                distinct_per_key: dice.of(&[100_000, 2, 5]),
            },
        };
        // Windows that only go by time are kept in another way.
        let plain = dice.once_in(3);
        let windows = |dice: &mut Dice| match plain {
            true => sliding((1 + dice.signed(40)) * tick),
            false => window(dice, tick),
        };
        let windows: Vec<Window> = (0..1 + dice.index(4)).map(|_| windows(dice)).collect();
        while plan.features.len() < 2 + plan.inputs.len() {
            let feature = FeaturePlan {
                aggregate: aggregate(dice),
                args: (0..dice.index(4))
                    .map(|_| dice.index(plan.inputs.len()))
                    .collect(),
                filter: (plan.filters > 0 && dice.once_in(2)).then(|| dice.index(plan.filters)),
                window: dice.of(&windows),
                scope: dice.of(&[Scope::WithCurrent, Scope::Prior]),
            };
            let types: Vec<Type> = feature.args.iter().map(|i| plan.inputs[*i]).collect();
            if feature
                .aggregate
                .result_over(feature.window, &types)
                .is_some()
            {
                plan.features.push(feature);
            }
        }
        Case { plan, tick }
    }
}

/// An event; values are codes.
#[derive(Clone, Debug)]
struct Event {
    key: Vec<Option<u64>>,
    inputs: Vec<Option<u64>>,
    filters: Vec<Option<bool>>,
    time: i64,
    horizon: i64,
    fate: Fate,
}

/// Disorder, ties, late events, duplicates, nulls, keys that come and go.
fn stream(case: &Case, dice: &mut Dice, count: usize) -> Vec<Event> {
    let plan = &case.plan;
    let lateness = plan.max_lateness.0 / case.tick;
    let (pace, keys) = (1 + dice.signed(5), dice.of(&[1, 2, 5, 12]));
    // After so many rows each key gives way to another one.
    let churn = dice.of(&[u64::MAX, u64::MAX, 9, 2]);
    let extremes = dice.once_in(3);
    let (mut clock, mut newest) = (500_000i64, i64::MIN);
    let mut events: Vec<Event> = Vec::new();
    for row in 0..count {
        let horizon = newest.saturating_sub(lateness);
        if row > 0 && dice.once_in(12) {
            let mut event = events[dice.index(row)].clone();
            (event.fate, event.horizon) = (Duplicate, horizon);
            events.push(event);
            continue;
        }
        clock += match dice.below(80) {
            0 => dice.signed(120),
            _ => dice.signed(pace),
        };
        let behind = match dice.below(5) {
            0 | 1 => dice.signed(lateness * 3 / 2 + 2),
            _ => 0,
        };
        let time = clock - behind;
        let late = time < horizon;
        newest = newest.max(time);
        let number = dice.below(keys) + row as u64 / churn;
        let mut value = || match dice.below(10) {
            0 => None,
            1 if extremes => Some(EXTREME + dice.below(8)),
            _ => Some(dice.below(40)),
        };
        let inputs = plan.inputs.iter().map(|_| value()).collect();
        let key = plan
            .key
            .iter()
            .map(|_| (!dice.once_in(40)).then_some(number));
        let key = key.collect();
        let filters = 0..plan.filters;
        let filters = filters.map(|_| (!dice.once_in(10)).then(|| dice.once_in(2)));
        events.push(Event {
            key,
            inputs,
            filters: filters.collect(),
            time,
            horizon: newest.saturating_sub(lateness),
            fate: if late { Late } else { Added },
        });
    }
    for event in &mut events {
        event.time *= case.tick;
        event.horizon = event.horizon.saturating_mul(case.tick);
    }
    events
}

/// The column of some codes.
fn column(ty: Type, codes: &[Option<u64>]) -> ArrayRef {
    let codes = codes.iter().copied();
    let whole = |ends: [i64; 3]| {
        move |code: Option<u64>| {
            code.map(|code| match code.checked_sub(EXTREME) {
                Some(extreme) => ends[extreme as usize % 3],
                None => code.cast_signed() - 6,
            })
        }
    };
    let digits = 10i64.pow(18) - 1;
    match ty {
        Type::Text => {
            let front = ["", "k", "a longer text: "];
            let text = |code: u64| format!("{}{code}", front[code as usize % 3]);
            Arc::new(StringArray::from_iter(codes.map(|code| code.map(text))))
        }
        Type::Int => Arc::new(Int64Array::from_iter(codes.map(whole([
            i64::MIN,
            i64::MAX,
            1 << 33,
        ])))),
        Type::Decimal(_) => {
            let wholes = codes.map(whole([digits, -digits, 1 << 40]));
            let array = Decimal128Array::from_iter(wholes.map(|x| x.map(i128::from)));
            Arc::new(array.with_data_type(ty.arrow()))
        }
        Type::Float => {
            let ends = [1e308, -1e308, 5e-324, -0.0, f64::NAN, 1e-200, -1e160, 1e17];
            Arc::new(Float64Array::from_iter(codes.map(|code| {
                code.map(|code| match code.checked_sub(EXTREME) {
                    Some(extreme) => ends[extreme as usize % 8],
                    None => code as f64 / 8.0 - 2.0,
                })
            })))
        }
        Type::Bool => {
            let truth = codes.map(|code| code.map(|code| code % 2 == 1));
            Arc::new(BooleanArray::from_iter(truth))
        }
        Type::Timestamp => {
            let stamps = codes.map(whole([1 << 50, -(1 << 50), 0]));
            let array = TimestampMicrosecondArray::from_iter(stamps);
            Arc::new(array.with_data_type(ty.arrow()))
        }
    }
}

/// Takes some events in one step: answers and flags.
fn take(
    state: &mut GroupState,
    case: &Case,
    events: &[Event],
    range: Range<usize>,
) -> (Vec<ArrayRef>, Vec<bool>) {
    let (plan, events) = (&case.plan, &events[range]);
    let columns = |types: &[Type], of: &dyn Fn(&Event, usize) -> Option<u64>| -> Vec<ArrayRef> {
        let codes = |at| events.iter().map(|event| of(event, at)).collect::<Vec<_>>();
        let types = types.iter().enumerate();
        types.map(|(at, ty)| column(*ty, &codes(at))).collect()
    };
    let filter = |at| events.iter().map(|event| event.filters[at]).collect();
    let step = GroupStep {
        keys: &columns(&plan.key, &|event, at| event.key[at]),
        inputs: &columns(&plan.inputs, &|event, at| event.inputs[at]),
        filters: &(0..plan.filters).map(filter).collect::<Vec<_>>(),
        times: &events.iter().map(|e| EventTime(e.time)).collect::<Vec<_>>(),
        added: &events.iter().map(|e| e.fate == Added).collect::<Vec<_>>(),
        duplicate: &events
            .iter()
            .map(|e| e.fate == Duplicate)
            .collect::<Vec<_>>(),
        horizon: &events
            .iter()
            .map(|e| EventTime(e.horizon))
            .collect::<Vec<_>>(),
    };
    let mut out = Vec::new();
    state.step(&step, &mut out);
    (out, state.approximate().to_vec())
}

/// All shards of a group as bytes.
fn save(state: &mut GroupState) -> Vec<Vec<u8>> {
    state.freeze().unwrap();
    let mut shards = vec![Vec::new(); state.shards.len()];
    for (number, bytes) in shards.iter_mut().enumerate() {
        assert!(write(state, number, usize::MAX, bytes));
    }
    shards
}

/// Writes on at a shard; whether that was all of it.
fn write(state: &mut GroupState, number: usize, room: usize, to: &mut Vec<u8>) -> bool {
    let (room, to) = (&mut Room::new(room), &mut Writer::new(to));
    state.write_shard(number, room, to).unwrap()
}

fn restore(case: &Case, shards: &[Vec<u8>], taken: u64) -> Result<GroupState, Fault> {
    let mut state = GroupState::new(case.plan.clone(), HashSeed::FIXED);
    for (number, bytes) in shards.iter().enumerate() {
        let (mut bytes, length) = (bytes.as_slice(), bytes.len() as u64);
        let from = &mut Reader::new(&mut bytes, length);
        let read = GroupState::restore_shard(&case.plan, HashSeed::FIXED, from)?;
        from.end()?;
        state.put_shard(number, read);
    }
    state.went_on(taken);
    Ok(state)
}
