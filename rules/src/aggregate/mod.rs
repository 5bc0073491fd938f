//! What is computed over the events of a window. One file per function, one line in [`Aggregate::ALL`].
//!
//! The idea: a function is a running value (`cell`) that events enter and leave, and a way to read it; what has no
//! running value is a pure function over the events of the window in order of (event time, order taken). The invariant:
//! a value depends on the set of events in the window, and on their order by (event time, order taken) for `first` and
//! `last`, but never on how or in what order the window came to hold them. All are exact but the weighted ones (`decay`
//! windows and `ewma`), which are floats to about 1 part in 10^15, and `count_distinct` beyond its budget.
//!
//! Floats that are not a number or infinite count as null, and negative zero as zero.

pub(crate) mod cell;
pub(crate) mod exact;

pub(crate) mod avg;
mod count;
pub(crate) mod decay;
pub(crate) mod distinct;
pub(crate) mod edge;
pub(crate) mod ewma;
pub(crate) mod extreme;
mod held;
pub(crate) mod mode;
pub(crate) mod quantile;
mod rate;
pub(crate) mod ratio;
mod sketch;
mod stddev;
pub(crate) mod sum;
pub(crate) mod top_k;
mod variance;

use crate::time::Span;
use crate::value::Type;
use crate::window::Window;

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
    /// Variance of the population; over nothing null.
    VarPop,
    /// Variance of a sample; over fewer than two null.
    VarSamp,
    /// Standard deviation of the population; over nothing null.
    StddevPop,
    /// Standard deviation of a sample; over fewer than two null.
    StddevSamp,
    /// The value below which this part of the values lies, interpolated; over nothing null.
    Quantile {
        /// The part in millionths, 0 to 1,000,000.
        millionths: u32,
    },
    /// The quantile of one half.
    Median,
    /// The most frequent value, of equally frequent ones the least; over nothing null.
    Mode,
    /// The most frequent values as a JSON list; over nothing null.
    TopK {
        /// How many at most; at least 1.
        k: u32,
    },
    /// `rate()`: events per second of the window's length, `rate(x)`: sum of x.
    Rate,
    /// Average weighted by `2^(-age/half-life)`; over nothing null.
    Ewma {
        /// The age at which a value weighs half; greater than zero.
        half_life: Span,
    },
    /// Distinct non-null values; over nothing 0. About how many where a `forever` window has met more than its budget.
    CountDistinct,
    /// Of several columns: from the event earliest by (event time, order taken).
    First,
    /// Of several columns: from the event latest by (event time, order taken).
    Last,
    /// Share of true among the events where the argument is not null; over nothing null.
    Ratio,
}

impl Aggregate {
    /// Every function, in the order `tollgate list aggregates` shows; those with a parameter with an example of it.
    pub const ALL: [Aggregate; 19] = [
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Avg,
        Aggregate::Min,
        Aggregate::Max,
        Aggregate::VarPop,
        Aggregate::VarSamp,
        Aggregate::StddevPop,
        Aggregate::StddevSamp,
        Aggregate::Quantile {
            millionths: 950_000,
        },
        Aggregate::Median,
        Aggregate::Mode,
        Aggregate::TopK { k: 3 },
        Aggregate::Rate,
        Aggregate::Ewma {
            half_life: Span::seconds(3_600),
        },
        Aggregate::CountDistinct,
        Aggregate::First,
        Aggregate::Last,
        Aggregate::Ratio,
    ];

    /// Whether it has no running value, so that each answer walks over all events of its window.
    #[must_use]
    pub fn walks(self) -> bool {
        matches!(
            self,
            Aggregate::Quantile { .. }
                | Aggregate::Median
                | Aggregate::Mode
                | Aggregate::TopK { .. }
                | Aggregate::Ewma { .. }
        )
    }

    /// The name in a pack.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Avg => "avg",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::VarPop => "var_pop",
            Aggregate::VarSamp => "var_samp",
            Aggregate::StddevPop => "stddev_pop",
            Aggregate::StddevSamp => "stddev_samp",
            Aggregate::Quantile { .. } => "quantile",
            Aggregate::Median => "median",
            Aggregate::Mode => "mode",
            Aggregate::TopK { .. } => "top_k",
            Aggregate::Rate => "rate",
            Aggregate::Ewma { .. } => "ewma",
            Aggregate::CountDistinct => "count_distinct",
            Aggregate::First => "first",
            Aggregate::Last => "last",
            Aggregate::Ratio => "ratio",
        }
    }

    /// The types of the results for arguments of these types over a window that counts each event as one, one per
    /// member; `None` when the function does not take them. Sum keeps int and decimal, sums floats as float; averages,
    /// quantiles, variances, rates and shares are float; counts are int; `top_k` is text; min, max, mode, first and last
    /// keep the argument's type.
    #[must_use]
    pub fn result(self, args: &[Type]) -> Option<Vec<Type>> {
        use Type::{Bool, Decimal, Float, Int, Text};
        let number = |ty: Type| matches!(ty, Int | Decimal(_) | Float);
        Some(match (self, args) {
            (Aggregate::Count, [] | [_]) | (Aggregate::CountDistinct, [_]) => vec![Int],
            (Aggregate::Sum, [ty]) if number(*ty) => vec![*ty],
            (
                Aggregate::Avg
                | Aggregate::VarPop
                | Aggregate::VarSamp
                | Aggregate::StddevPop
                | Aggregate::StddevSamp
                | Aggregate::Quantile { .. }
                | Aggregate::Median
                | Aggregate::Ewma { .. }
                | Aggregate::Rate,
                [ty],
            ) if number(*ty) => vec![Float],
            (Aggregate::Rate, []) | (Aggregate::Ratio, [Bool]) => vec![Float],
            (Aggregate::Min | Aggregate::Max, [ty]) if *ty != Bool => vec![*ty],
            (Aggregate::Mode, [ty]) => vec![*ty],
            (Aggregate::TopK { .. }, [_]) => vec![Text],
            (Aggregate::First | Aggregate::Last, [_, ..]) => args.to_vec(),
            _ => return None,
        })
    }

    /// As [`Aggregate::result`], over this window: what counts parts of events is a float.
    #[must_use]
    pub fn result_over(self, window: Window, args: &[Type]) -> Option<Vec<Type>> {
        let types = self.result(args).filter(|_| self.means_over(window))?;
        Some(match window {
            Window::Decay { .. } => vec![Type::Float; types.len()],
            _ => types,
        })
    }

    /// Whether it says something over a window. Events that weigh less and less can be counted, summed and averaged;
    /// and what is divided by the length of a window needs one.
    #[must_use]
    pub fn means_over(self, window: Window) -> bool {
        match window {
            Window::Decay { .. } => matches!(
                self,
                Aggregate::Count | Aggregate::Sum | Aggregate::Avg | Aggregate::Ratio
            ),
            Window::Forever => self != Aggregate::Rate,
            _ => true,
        }
    }

    /// Whether its text is made when it is asked for, not one that some event brought.
    pub(crate) fn makes_text(self) -> bool {
        matches!(self, Aggregate::TopK { .. })
    }
}
