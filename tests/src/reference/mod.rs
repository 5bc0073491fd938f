//! The naive reference: every event is kept in a list, and every feature is computed from its definition by a scan.
//!
//! The idea: it is too simple to be wrong in the way the incremental code can be. It shares the plan's types with the
//! code under test and nothing else: own values, own arithmetic ([`number`]), no windows that move. [`stream`] makes
//! random plans and events for both.

pub mod number;
pub mod stream;

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
            Datum::Null | Datum::Text(_) => Fraction::whole(0),
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
                answers.extend(value(feature, &types, &events));
            } else {
                let members = feature.aggregate.result(&types).unwrap_or_default().len();
                answers.extend(vec![Datum::Null; members]);
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
        let t = event.time;
        let mut events: Vec<&Event> = self
            .taken
            .iter()
            .chain(current.then_some(event))
            .filter(|x| x.key == event.key)
            .filter(|x| feature.filter.is_none_or(|f| x.filters[f] == Some(true)))
            .filter(|x| x.time <= t)
            .filter(|x| match feature.window {
                Window::Sliding { from, to } => x.time > t - from.0 && x.time <= t - to.0,
                Window::Last { .. } | Window::Forever => true,
            })
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
fn value(feature: &FeaturePlan, types: &[Type], events: &[&Event]) -> Vec<Datum> {
    let args = &feature.args;
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
        Aggregate::StddevPop => deviation(&values, scale, values.len()),
        Aggregate::StddevSamp => deviation(&values, scale, values.len().saturating_sub(1)),
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

/// The root of the mean square distance from the mean, the variance rounded once before.
fn deviation(values: &[&Datum], scale: i64, divisor: usize) -> Datum {
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
    let variance = squares.over(divisor).over(scale).over(scale);
    Datum::Float(variance.nearest().sqrt()).cleaned()
}
