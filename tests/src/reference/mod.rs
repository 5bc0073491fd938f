//! The naive reference: every event is kept in a list, and every feature is computed from its definition by a scan.
//!
//! The idea: it is too simple to be wrong in the way the incremental code can be. It shares the plan's types with the
//! code under test and nothing else: own values, own arithmetic ([`number`]), no windows that move ([`window`]), weights
//! by their formula ([`weighted`]), values counted one by one ([`frequent`]). [`stream`] makes random plans and events
//! for both.

mod frequent;
pub mod number;
pub mod stream;
pub mod ticks;
mod weighted;
mod window;

use rules::aggregate::Aggregate;
use rules::ruleset::Scope;
use rules::state::{FeaturePlan, GroupPlan};
use rules::value::Type;
use rules::window::Window;

use self::number::Fraction;

/// A value of an event or of a feature.
#[derive(Clone, Debug)]
pub enum Datum {
    /// Unknown.
    Null,
    /// An integer, the mantissa of a decimal, microseconds, or 0 and 1.
    Whole(i64),
    /// A float.
    Float(f64),
    /// Any float this near to it: what is declared approximate.
    Near(f64, f64),
    /// A text.
    Text(String),
}

impl PartialEq for Datum {
    /// Floats are equal when their bits are.
    fn eq(&self, other: &Datum) -> bool {
        match (self, other) {
            (Datum::Null, Datum::Null) => true,
            (Datum::Whole(a), Datum::Whole(b)) => a == b,
            (Datum::Float(a), Datum::Float(b)) => a.to_bits() == b.to_bits(),
            (Datum::Float(x), Datum::Near(want, error))
            | (Datum::Near(want, error), Datum::Float(x)) => (x - want).abs() <= *error,
            (Datum::Text(a), Datum::Text(b)) => a == b,
            _ => false,
        }
    }
}

impl Datum {
    /// What counts as a value: floats that are not finite are unknown, and zero has no sign.
    fn cleaned(&self) -> Datum {
        match self {
            Datum::Float(x) if !x.is_finite() => Datum::Null,
            Datum::Float(0.0) => Datum::Float(0.0),
            other => other.clone(),
        }
    }

    fn fraction(&self) -> Fraction {
        match self {
            Datum::Whole(x) => Fraction::whole(*x),
            Datum::Float(x) => Fraction::float(*x),
            Datum::Null | Datum::Text(_) | Datum::Near(..) => Fraction::whole(0),
        }
    }

    fn less(&self, other: &Datum) -> bool {
        match (self, other) {
            (Datum::Whole(a), Datum::Whole(b)) => a < b,
            (Datum::Float(a), Datum::Float(b)) => a < b,
            (Datum::Text(a), Datum::Text(b)) => a.as_bytes() < b.as_bytes(),
            _ => false,
        }
    }
}

/// An event as a group sees it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The parts of its key.
    pub key: Vec<Datum>,
    /// Its inputs.
    pub inputs: Vec<Datum>,
    /// Whether each filter holds for it; `None` is unknown.
    pub filters: Vec<Option<bool>>,
    /// Its time.
    pub time: i64,
    /// Not taken into the state.
    pub late: bool,
    /// A second copy.
    pub duplicate: bool,
}

/// All events taken so far.
#[derive(Debug)]
pub struct Reference {
    plan: GroupPlan,
    taken: Vec<Event>,
}

impl Reference {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(plan: GroupPlan) -> Reference {
        Reference {
            plan,
            taken: Vec::new(),
        }
    }

    /// The members of all features for an event, which is then taken unless it is late or a duplicate.
    pub fn answer(&mut self, event: &Event) -> Vec<Datum> {
        let mut event = event.clone();
        for datum in event.key.iter_mut().chain(&mut event.inputs) {
            *datum = datum.cleaned();
        }
        let keyed = !event.key.contains(&Datum::Null);
        let mut answers = Vec::new();
        for feature in &self.plan.features {
            let types: Vec<Type> = feature.args.iter().map(|i| self.plan.inputs[*i]).collect();
            if keyed {
                let events = self.window(feature, &event);
                answers.extend(value(feature, &types, &events, event.time));
            } else {
                let members = feature.aggregate.result(&types).unwrap_or_default();
                answers.extend(vec![Datum::Null; members.len()]);
            }
        }
        if keyed && !event.late && !event.duplicate {
            self.taken.push(event);
        }
        answers
    }

    /// The events of a feature's window, in order of (time, order taken).
    fn window<'a>(&'a self, feature: &FeaturePlan, event: &'a Event) -> Vec<&'a Event> {
        let current = feature.scope == Scope::WithCurrent && !event.duplicate;
        let of_key = |x: &&Event| x.key == event.key && x.time <= event.time;
        let times = self.taken.iter().filter(of_key).map(|x| x.time).collect();
        let begin = window::begin(feature.window, event.time, times);
        let mut events: Vec<&Event> = self
            .taken
            .iter()
            .chain(current.then_some(event))
            .filter(of_key)
            .filter(|x| feature.filter.is_none_or(|f| x.filters[f] == Some(true)))
            .filter(|x| begin < x.time && x.time <= window::end(feature.window, event.time))
            .collect();
        // Stable: those of one time stay in the order taken.
        events.sort_by_key(|x| x.time);
        if let Window::Last { n } = feature.window {
            let skip = events.len().saturating_sub(n as usize);
            events.drain(..skip);
        }
        events
    }
}

/// The members of a feature over these events.
fn value(feature: &FeaturePlan, types: &[Type], events: &[&Event], t: i64) -> Vec<Datum> {
    let args = &feature.args;
    if let Window::Decay { half_life } = feature.window {
        let weight = |x: &Event| weighted::weight(t - x.time, half_life);
        return vec![weighted::value(
            feature.aggregate,
            types,
            args,
            events,
            weight,
        )];
    }
    let values: Vec<&Datum> = match args[..] {
        [input] => events
            .iter()
            .map(|x| &x.inputs[input])
            .filter(|v| **v != Datum::Null)
            .collect(),
        _ => Vec::new(),
    };
    let scale = match types {
        [Type::Decimal(scale)] => 10i64.pow((*scale).into()),
        _ => 1,
    };
    let one = match feature.aggregate {
        Aggregate::Count if args.is_empty() => Datum::Whole(events.len() as i64),
        Aggregate::Count => Datum::Whole(values.len() as i64),
        Aggregate::CountDistinct => {
            let mut distinct: Vec<&Datum> = Vec::new();
            for value in values {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            Datum::Whole(distinct.len() as i64)
        }
        Aggregate::Sum => sum(&values, types[0]),
        Aggregate::Avg if values.is_empty() => Datum::Null,
        Aggregate::Avg => float(&total(&values).over(values.len()).over(scale)),
        Aggregate::VarPop => variance(&values, scale, values.len()),
        Aggregate::VarSamp => variance(&values, scale, values.len().saturating_sub(1)),
        Aggregate::StddevPop => root(&variance(&values, scale, values.len())),
        Aggregate::StddevSamp => root(&variance(&values, scale, values.len().saturating_sub(1))),
        Aggregate::Quantile { millionths } => quantile(&values, scale, millionths),
        Aggregate::Median => quantile(&values, scale, 500_000),
        Aggregate::Mode => frequent::mode(&values),
        Aggregate::TopK { k } => frequent::top(&values, types[0], k as usize),
        Aggregate::Rate => {
            let length = window::length(feature.window, t, events.first().map(|x| x.time));
            let sum = match args.is_empty() {
                true => Fraction::whole(events.len()),
                false => total(&values).over(scale),
            };
            match length {
                0 => Datum::Null,
                _ => float(&sum.times(&Fraction::whole(1_000_000)).over(length)),
            }
        }
        Aggregate::Ewma { half_life } => {
            let known = |x: &&&Event| x.inputs[args[0]] != Datum::Null;
            let newest = events.iter().rfind(known).map_or(0, |x| x.time);
            let young = |x: &&&Event| x.time > newest - 40 * half_life.0;
            let young: Vec<&Event> = events.iter().filter(young).copied().collect();
            let weight = |x: &Event| weighted::weight(newest - x.time, half_life);
            weighted::value(Aggregate::Avg, types, args, &young, weight)
        }
        Aggregate::Min | Aggregate::Max => {
            let max = feature.aggregate == Aggregate::Max;
            let better = |a: &Datum, b: &Datum| if max { b.less(a) } else { a.less(b) };
            let best = values
                .into_iter()
                .reduce(|best, x| if better(x, best) { x } else { best });
            best.cloned().unwrap_or(Datum::Null)
        }
        Aggregate::Ratio if values.is_empty() => Datum::Null,
        Aggregate::Ratio => {
            let hits = values.iter().filter(|v| ***v == Datum::Whole(1)).count();
            float(&Fraction::whole(hits).over(values.len()))
        }
        Aggregate::First | Aggregate::Last if args.len() == 1 => {
            let edge = match feature.aggregate {
                Aggregate::First => values.first(),
                _ => values.last(),
            };
            edge.map_or(Datum::Null, |v| (*v).clone())
        }
        Aggregate::First | Aggregate::Last => {
            let edge = match feature.aggregate {
                Aggregate::First => events.first(),
                _ => events.last(),
            };
            let part = |i: &usize| edge.map_or(Datum::Null, |x| x.inputs[*i].clone());
            return args.iter().map(part).collect();
        }
    };
    vec![one]
}

fn total(values: &[&Datum]) -> Fraction {
    let zero = Fraction::whole(0);
    values
        .iter()
        .fold(zero, |sum, value| sum.plus(&value.fraction()))
}

fn float(x: &Fraction) -> Datum {
    Datum::Float(x.nearest()).cleaned()
}

fn sum(values: &[&Datum], ty: Type) -> Datum {
    let total = total(values);
    if ty == Type::Float {
        return float(&total);
    }
    let limit = 10i64.pow(18);
    match i64::try_from(&total.numerator) {
        Ok(sum) if !matches!(ty, Type::Decimal(_)) || (-limit < sum && sum < limit) => {
            Datum::Whole(sum)
        }
        _ => Datum::Null,
    }
}

/// The mean square distance from the mean.
fn variance(values: &[&Datum], scale: i64, divisor: usize) -> Datum {
    if divisor == 0 {
        return Datum::Null;
    }
    let minus = Fraction::whole(-1);
    let mean = total(values).over(values.len());
    let mut squares = Fraction::whole(0);
    for value in values {
        let distance = value.fraction().plus(&mean.times(&minus));
        squares = squares.plus(&distance.times(&distance));
    }
    float(&squares.over(divisor).over(scale).over(scale))
}

fn root(variance: &Datum) -> Datum {
    match variance {
        Datum::Float(x) => Datum::Float(x.sqrt()).cleaned(),
        _ => Datum::Null,
    }
}

/// The value at position `p (n - 1)`, on the straight line between its neighbours.
fn quantile(values: &[&Datum], scale: i64, millionths: u32) -> Datum {
    let mut sorted: Vec<Fraction> = values.iter().map(|value| value.fraction()).collect();
    sorted.sort_by(Fraction::compare);
    let Some(last) = sorted.len().checked_sub(1) else {
        return Datum::Null;
    };
    let position = last as u64 * u64::from(millionths);
    let (below, part) = ((position / 1_000_000) as usize, position % 1_000_000);
    let (low, high) = (&sorted[below], &sorted[last.min(below + 1)]);
    let step = high.plus(&low.times(&Fraction::whole(-1)));
    let beyond = step.times(&Fraction::whole(part)).over(1_000_000);
    float(&low.plus(&beyond).over(scale))
}
