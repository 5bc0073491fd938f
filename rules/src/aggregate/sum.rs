//! `sum(x)`: exact. Over nothing 0; a sum that does not fit its type is null.
//!
//! Integers and decimal mantissas are added in 128 bits (words: count of values, low, high; with squares three more),
//! floats in a long accumulator kept aside (words: count of values, its place). A float sum is rounded once, when read.

use super::cell::{Entry, Heap};
use super::exact::float_sum::FloatSum;
use super::exact::wide;

/// Decimals have at most 18 digits.
const MANTISSA_END: i128 = 10i128.pow(18);

/// The long accumulators of one window.
#[derive(Clone, Debug, Default)]
pub(crate) struct FloatSums {
    /// Of the values.
    pub(super) sum: FloatSum,
    /// Of their squares, when somebody asks.
    pub(super) squares: FloatSum,
}

impl FloatSums {
    pub(super) fn bytes(&self) -> usize {
        self.sum.bytes() + self.squares.bytes()
    }
}

/// Adds an integer or a mantissa, or takes it away.
#[inline]
pub(super) fn step(entry: &Entry<'_>, input: usize, squares: bool, words: &mut [u64], away: bool) {
    let Some(value) = entry.value(input) else {
        return;
    };
    let value = value.cast_signed();
    words[0] = if away { words[0] - 1 } else { words[0] + 1 };
    let wide = i128::from(value);
    wide::add(&mut words[1..3], if away { -wide } else { wide });
    if squares {
        wide::add_square(&mut words[3..6], value, away);
    }
}

/// Adds a float, or takes it away. The accumulator is taken with the first value and freed with the last.
pub(super) fn float_step(
    entry: &Entry<'_>,
    input: usize,
    squares: bool,
    words: &mut [u64],
    heap: &mut Heap,
    away: bool,
) {
    let Some(value) = entry.value(input) else {
        return;
    };
    let value = f64::from_bits(value);
    words[0] = if away { words[0] - 1 } else { words[0] + 1 };
    if away && words[0] == 0 {
        heap.floats.free(words[1]);
        return;
    }
    if !away && words[0] == 1 {
        words[1] = heap.floats.take();
    }
    let sums = heap.floats.get_mut(words[1]);
    sums.sum.add(value, away);
    if squares {
        sums.squares.add_square(value, away);
    }
}

/// The sum of integers.
pub(super) fn int(words: &[u64]) -> Option<u64> {
    let sum = i64::try_from(wide::read(&words[1..3])).ok()?;
    Some(sum.cast_unsigned())
}

/// The sum of decimals: a mantissa of at most 18 digits.
pub(super) fn decimal(words: &[u64]) -> Option<u64> {
    let sum = wide::read(&words[1..3]);
    (sum.abs() < MANTISSA_END).then(|| int(words)).flatten()
}

/// The sum of floats.
pub(super) fn float(words: &[u64], heap: &Heap) -> Option<u64> {
    if words[0] == 0 {
        return Some(0f64.to_bits());
    }
    finite(heap.floats.get(words[1]).sum.nearest())
}

/// The bits of a float, if it is one.
pub(super) fn finite(x: f64) -> Option<u64> {
    // A sum of exactly nothing has no sign.
    x.is_finite().then(|| (x + 0.0).to_bits())
}
