//! `avg(x)`: the exact sum over the count, rounded once to a float. Over nothing null.

use super::cell::Heap;
use super::exact::{rounding, wide};
use super::sum::finite;

/// The average of integers, or of mantissas with this scale.
#[inline]
pub(crate) fn int(words: &[u64], scale: u8) -> Option<u64> {
    of_ints(words[0], wide::read(&words[1..3]), scale)
}

/// The average of so many integers, or mantissas with this scale, of this sum.
#[inline]
pub(crate) fn of_ints(count: u64, sum: i128, scale: u8) -> Option<u64> {
    if count == 0 {
        return None;
    }
    // 2^32 values and 18 digits fit 128 bits.
    let denominator = u128::from(count) * rounding::power_of_ten(scale);
    let size = rounding::quotient(sum.unsigned_abs(), denominator);
    finite(if sum < 0 { -size } else { size })
}

/// The average of floats.
pub(super) fn float(words: &[u64], heap: &Heap) -> Option<u64> {
    let count = words[0];
    if count == 0 {
        return None;
    }
    finite(heap.floats.get(words[1]).sum.average(count))
}
