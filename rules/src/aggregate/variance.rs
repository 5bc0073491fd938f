//! `var_pop(x)` and `var_samp(x)`. Over nothing null; of a sample of one null.
//!
//! The variance is `(n * sum of squares - square of sum) / (n * n)`, with `n - 1` for one `n` in a sample: exact in
//! integers, rounded once to a float, so it is the float nearest to the exact one and never depends on the order of the
//! events. A variance or a value out of the range of floats is null.

use num_bigint::{BigInt, BigUint};
use num_traits::CheckedSub;

use super::cell::Heap;
use super::exact::{rounding, wide};

/// The variance of integers, or of mantissas with this scale.
pub(super) fn int(words: &[u64], scale: u8, sample: bool) -> Option<f64> {
    let count = words[0];
    let divisor = divisor(count, sample)?;
    let unit = 10u128.pow(scale.into());
    let sum = wide::read(&words[1..3]);
    let variance = short(words, unit, divisor).unwrap_or_else(|| {
        let squares = wide::big_square(&words[3..6]) * count;
        let square = BigUint::from(sum.unsigned_abs()).pow(2);
        let denominator = BigUint::from(unit).pow(2) * divisor;
        // Words of a garbled snapshot may say anything; a difference below zero is none.
        let spread = squares.checked_sub(&square).unwrap_or_default();
        rounding::big_quotient(&spread, &denominator, 0)
    });
    Some(variance)
}

/// The variance when all of it fits 128 bits, as it does for money.
fn short(words: &[u64], unit: u128, divisor: u128) -> Option<f64> {
    let squares = wide::read_square(&words[3..6])?.checked_mul(words[0].into())?;
    let square = wide::read(&words[1..3]).unsigned_abs().checked_pow(2)?;
    let denominator = unit.checked_pow(2)?.checked_mul(divisor)?;
    Some(rounding::quotient(
        squares.saturating_sub(square),
        denominator,
    ))
}

/// The variance of floats.
pub(super) fn float(words: &[u64], heap: &Heap, sample: bool) -> Option<f64> {
    let count = words[0];
    let divisor = divisor(count, sample)?;
    let sums = heap.floats.get(words[1]);
    let (sum, sum_exponent) = sums.sum.integer();
    let (squares, squares_exponent) = sums.squares.integer();
    // Both to the smaller of the two units.
    let unit = squares_exponent.min(2 * sum_exponent);
    let squares = (squares * count) << (squares_exponent - unit);
    let square: BigInt = (&sum * &sum) << (2 * sum_exponent - unit);
    let numerator = (squares - square).into_parts().1;
    Some(rounding::big_quotient(&numerator, &divisor.into(), unit))
}

/// `n * n` or `n * (n - 1)`; `None` when the variance is null.
fn divisor(count: u64, sample: bool) -> Option<u128> {
    let n = u128::from(count);
    let divisor = n * n.checked_sub(u128::from(sample))?;
    (divisor > 0).then_some(divisor)
}
