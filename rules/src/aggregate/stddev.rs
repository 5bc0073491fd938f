//! `stddev_pop(x)` and `stddev_samp(x)`. Over nothing null; of a sample of one null.
//!
//! The root of the variance (see [`super::variance`]), which is rounded once, rounded in turn. So the deviation is within
//! one unit in the last place of the exact one, and never depends on the order of the events. A variance or a value out
//! of the range of floats is null.

use super::sum::finite;

/// The deviation whose square this is.
pub(super) fn root(variance: f64) -> Option<u64> {
    finite(variance.sqrt())
}
