//! `rate()` and `rate(x)`: events, or the sum of x, per second of the window's length.
//!
//! The unit is the second for every window, so that rates over different windows can be compared. A sliding window is
//! as long as it is written, a calendar window as the time since it began, and a session or the last n events as the
//! time since their first event. In a window of no length it is null; over nothing in one of some length it is 0. Over
//! `forever` and `decay`, which have no length, `check` refuses it. Exact, rounded once to a float.
//!
//! It is read from the running values of `count()` and `sum(x)`.

use num_bigint::Sign;

use super::cell::Heap;
use super::exact::{rounding, wide};
use super::sum::finite;
use crate::time::MICROS_PER_SECOND;

/// The rate of a whole number of things, or of mantissas with this scale, over so many microseconds.
pub(crate) fn of_int(sum: i128, scale: u8, micros: i64) -> Option<u64> {
    let micros = u128::try_from(micros).ok().filter(|length| *length > 0)?;
    // 96 bits of a sum and 20 of a million; 60 of a scale and 63 of a length.
    let second = u128::from(MICROS_PER_SECOND.unsigned_abs());
    let numerator = sum.unsigned_abs().saturating_mul(second);
    let size = rounding::quotient(numerator, micros * 10u128.pow(scale.into()));
    finite(if sum < 0 { -size } else { size })
}

/// From the words of a sum of integers or mantissas.
pub(super) fn int(words: &[u64], scale: u8, micros: i64) -> Option<u64> {
    of_int(wide::read(&words[1..3]), scale, micros)
}

/// From the words of a sum of floats.
pub(super) fn float(words: &[u64], heap: &Heap, micros: i64) -> Option<u64> {
    if words[0] == 0 {
        return of_int(0, 0, micros);
    }
    let length = u64::try_from(micros).ok().filter(|length| *length > 0)?;
    let (sum, exponent) = heap.floats.get(words[1]).sum.integer();
    let (sign, size) = sum.into_parts();
    let numerator = size * MICROS_PER_SECOND.unsigned_abs();
    let size = rounding::big_quotient(&numerator, &length.into(), exponent);
    finite(if sign == Sign::Minus { -size } else { size })
}
