//! Exact arithmetic below the aggregates: long sums and one correct rounding at the end.

pub(crate) mod float_sum;
pub(crate) mod rounding;
pub(crate) mod wide;
