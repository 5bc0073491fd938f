//! What is computed over the events of a window. One file per function, one line in [`Aggregate::ALL`].
//!
//! The idea: a function is a running value (`cell`) that events enter and leave, and a way to read it. The invariant:
//! every function here is exact: its value depends on the set of events in the window, and on their order by (event
//! time, order taken) for `first` and `last`, but never on how or in what order the window came to hold them.
//!
//! Floats that are not a number or infinite count as null, and negative zero as zero.

pub(crate) mod cell;
pub(crate) mod exact;

mod avg;
mod count;
pub(crate) mod distinct;
pub(crate) mod edge;
pub(crate) mod extreme;
mod ratio;
mod stddev;
pub(crate) mod sum;

use crate::value::Type;

/// The functions a feature may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// `count()` counts events, `count(x)` non-null x.
    Count,
    /// Exact sum; over nothing 0.
    Sum,
    /// Exact sum over count, rounded once to a float; over nothing null.
    Avg,
    /// Least; over nothing null.
    Min,
    /// Greatest; over nothing null.
    Max,
    /// Standard deviation of the population; over nothing null.
    StddevPop,
    /// Standard deviation of a sample; over fewer than two null.
    StddevSamp,
    /// Distinct non-null values; over nothing 0.
    CountDistinct,
    /// Of several columns: from the event earliest by (event time, order taken).
    First,
    /// Of several columns: from the event latest by (event time, order taken).
    Last,
    /// Share of true among the events where the argument is not null; over nothing null.
    Ratio,
}

impl Aggregate {
    /// Every function, in the order `tollgate list aggregates` shows.
    pub const ALL: [Aggregate; 11] = [
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Avg,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::StddevPop,
        Aggregate::StddevSamp,
        Aggregate::CountDistinct,
        Aggregate::First,
        Aggregate::Last,
        Aggregate::Ratio,
    ];

    /// The name in a pack.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Avg => "avg",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::StddevPop => "stddev_pop",
            Aggregate::StddevSamp => "stddev_samp",
            Aggregate::CountDistinct => "count_distinct",
            Aggregate::First => "first",
            Aggregate::Last => "last",
            Aggregate::Ratio => "ratio",
        }
    }

    /// The types of the results for arguments of these types, one per member; `None` when the function does not
    /// take them. Sum keeps int and decimal, sums floats as float; avg, deviations and ratio are float; counts are
    /// int; min, max, first and last keep the argument's type.
    #[must_use]
    pub fn result(self, args: &[Type]) -> Option<Vec<Type>> {
        use Type::{Bool, Decimal, Float, Int};
        let number = |ty: Type| matches!(ty, Int | Decimal(_) | Float);
        Some(match (self, args) {
            (Aggregate::Count, [] | [_]) | (Aggregate::CountDistinct, [_]) => vec![Int],
            (Aggregate::Sum, [ty]) if number(*ty) => vec![*ty],
            (Aggregate::Avg | Aggregate::StddevPop | Aggregate::StddevSamp, [ty])
                if number(*ty) =>
            {
                vec![Float]
            }
            (Aggregate::Min | Aggregate::Max, [ty]) if *ty != Bool => vec![*ty],
            (Aggregate::First | Aggregate::Last, [_, ..]) => args.to_vec(),
            (Aggregate::Ratio, [Bool]) => vec![Float],
            _ => return None,
        })
    }
}
