//! What weighs less and less, from the formula: exact sums of values times `2^(-age / half-life)`, the power as the
//! machine has it. What is declared approximate must come this near.

use rules::aggregate::Aggregate;
use rules::time::Span;
use rules::value::Type;

use super::number::Fraction;
use super::{Datum, Event};

/// How far off a value may be, as a part of the sum of the sizes of what was added.
const ERROR: f64 = 1e-13;

/// What an event of this age weighs.
pub(super) fn weight(age: i64, half_life: Span) -> Fraction {
    Fraction::float((-(age as f64) / half_life.0 as f64).exp2())
}

/// A function over events with weights.
pub(super) fn value(
    aggregate: Aggregate,
    types: &[Type],
    args: &[usize],
    events: &[&Event],
    weight: impl Fn(&Event) -> Fraction,
) -> Datum {
    let zero = || Fraction::whole(0);
    let (mut weights, mut sum, mut size) = (zero(), zero(), zero());
    let mut none = true;
    for event in events {
        let value = match args {
            [] => Datum::Whole(1),
            _ => event.inputs[args[0]].clone(),
        };
        if value == Datum::Null {
            continue;
        }
        none = false;
        let weight = weight(event);
        let part = value.fraction().times(&weight);
        weights = weights.plus(&weight);
        size = size.plus(&part.size());
        sum = sum.plus(&part);
    }
    let scale = match types {
        [Type::Decimal(scale)] => 10i64.pow((*scale).into()),
        _ => 1,
    };
    let (want, size) = match aggregate {
        Aggregate::Count => (weights.clone(), weights),
        Aggregate::Sum => (sum.over(scale), size.over(scale)),
        _ if none => return Datum::Null,
        _ => (
            sum.over(scale).divided(&weights),
            size.over(scale).divided(&weights),
        ),
    };
    match want.nearest() {
        x if x.is_finite() => Datum::Near(x, size.nearest() * ERROR),
        _ => Datum::Null,
    }
}
