//! `avg(x)`: the exact sum over the count, rounded once to a float. Over nothing null.

use super::cell::Heap;
use super::exact::{rounding, wide};
use super::sum::finite;

/// The average of integers, or of mantissas with this scale.
pub(super) fn int(words: &[u64], scale: u8) -> Option<u64> {
    let count = words[0];
    if count == 0 {
        return None;
    }
    let sum = wide::read(&words[1..3]);
    // 2^32 values and 18 digits fit 128 bits.
    let denominator = u128::from(count) * 10u128.pow(scale.into());
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
