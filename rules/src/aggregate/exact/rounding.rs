//! From exact numbers to the nearest float, once: round half to even, subnormals included.
//!
//! The idea: everything before this is integer arithmetic, so a result never depends on the order of events. The
//! invariant: each function here returns the float nearest to the exact value, infinite when that is out of range.

use num_bigint::BigUint;
use num_traits::ToPrimitive;

/// Bits of a quotient that are enough to round from, with one more bit for "something is left".
const QUOTIENT_BITS: u64 = 66;

/// The float nearest to `(m + r) * 2^exponent` where `0 <= r < 1`, and `r > 0` exactly when `sticky`.
/// With `sticky`, `m` must have more than 54 bits.
pub(crate) fn nearest(m: u128, sticky: bool, exponent: i64) -> f64 {
    if m == 0 {
        return 0.0;
    }
    let bits = i64::from(128 - m.leading_zeros());
    // The unit in the last place of the result is 2^unit; subnormals share the smallest one.
    let unit = (exponent + bits - 53).max(-1074);
    let shift = unit - exponent;
    let kept = if shift <= 0 {
        m << -shift
    } else if shift > 128 {
        0
    } else {
        let (kept, rest) = if shift == 128 {
            (0, m)
        } else {
            (m >> shift, m & ((1 << shift) - 1))
        };
        let half = 1u128 << (shift - 1);
        let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
        kept + u128::from(up)
    };
    if unit + 1075 >= 2047 {
        return f64::INFINITY;
    }
    // A mantissa that was rounded up to 2^53 carries into the exponent by itself; a subnormal one has exponent 1 - 1.
    let exponent_field = ((unit + 1075) as u64) << 52;
    f64::from_bits((exponent_field + kept as u64) - (1 << 52))
}

/// The powers of ten that a scale stands for.
const POWERS: [u64; 20] = {
    let (mut powers, mut scale) = ([1; 20], 1);
    while scale < powers.len() {
        powers[scale] = powers[scale - 1] * 10;
        scale += 1;
    }
    powers
};

/// What mantissas of this scale are to be divided by.
#[inline]
pub(crate) fn power_of_ten(scale: u8) -> u128 {
    match POWERS.get(usize::from(scale)) {
        Some(power) => u128::from(*power),
        None => 10u128.pow(scale.into()),
    }
}

/// The float nearest to `numerator / denominator`.
#[inline]
pub(crate) fn quotient(numerator: u128, denominator: u128) -> f64 {
    const EXACT: u128 = 1 << 53;
    if numerator <= EXACT && denominator <= EXACT {
        // Both are floats; one IEEE division rounds once.
        return numerator as u64 as f64 / denominator as u64 as f64;
    }
    long_quotient(numerator, denominator)
}

fn long_quotient(numerator: u128, denominator: u128) -> f64 {
    if numerator == 0 {
        return 0.0;
    }
    if denominator >= 1 << 62 {
        return big_quotient(&numerator.into(), &denominator.into(), 0);
    }
    let bits = |x: u128| u64::from(128 - x.leading_zeros());
    let shift = (QUOTIENT_BITS + bits(denominator)).saturating_sub(bits(numerator));
    // At most 62 + 66 bits.
    let scaled = numerator << shift;
    let (whole, rest) = (scaled / denominator, scaled % denominator);
    nearest(whole, rest != 0, -(shift as i64))
}

/// The float nearest to `numerator / denominator * 2^exponent`, for numbers of any length.
pub(crate) fn big_quotient(numerator: &BigUint, denominator: &BigUint, exponent: i64) -> f64 {
    let shift = (QUOTIENT_BITS + denominator.bits()).saturating_sub(numerator.bits());
    let scaled = numerator << shift;
    let (whole, rest) = (&scaled / denominator, &scaled % denominator);
    let excess = whole.bits().saturating_sub(128);
    let top = &whole >> excess;
    let lost = excess > 0 && (&top << excess) != whole;
    let sticky = rest != BigUint::ZERO || lost;
    let top = top.to_u128().unwrap_or(u128::MAX);
    nearest(top, sticky, exponent - shift as i64 + excess as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_round_half_to_even() {
        let two53 = 1u128 << 53;
        for (m, want) in [
            (1, 1.0),
            (two53 + 1, 9_007_199_254_740_992.0),
            (two53 + 3, 9_007_199_254_740_996.0),
            (u128::MAX, 2f64.powi(128)),
        ] {
            assert_eq!(nearest(m, false, 0), want, "{m}");
        }
        assert_eq!(nearest((1 << 65) + (1 << 12), false, 0), 2f64.powi(65));
        assert!(nearest((1 << 65) + (1 << 12), true, 0) > 2f64.powi(65));
    }

    #[test]
    fn the_edges_of_the_range() {
        assert_eq!(nearest(1, false, -1074), f64::from_bits(1));
        assert_eq!(nearest(1, false, -1075), 0.0, "half of the least, to even");
        assert_eq!(nearest(3, false, -1075), f64::from_bits(2));
        assert_eq!(nearest((1 << 53) - 1, false, 971), f64::MAX);
        assert_eq!(nearest((1 << 54) - 1, false, 970), f64::INFINITY);
        assert_eq!(nearest(1, false, 2000), f64::INFINITY);
        assert_eq!(nearest(1, false, -5000), 0.0);
    }

    #[test]
    fn what_a_division_leaves_decides_a_half() {
        for divisor in [3u128, 1 << 50] {
            let half = ((1u128 << 65) + (1 << 12)) * divisor;
            for (numerator, above) in [(half, false), (half + 1, true)] {
                let two65 = 2f64.powi(65);
                assert_eq!(quotient(numerator, divisor) > two65, above);
                let long = big_quotient(&numerator.into(), &divisor.into(), 0);
                assert_eq!(long > two65, above);
            }
        }
    }

    #[test]
    fn short_and_long_division_agree_with_each_other_and_with_ieee() {
        let mut x = 88_172_645_463_325_252u64;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        assert_eq!(quotient(0, 1 << 61), 0.0);
        assert_eq!(
            quotient(1, (1 << 62) - 1),
            1.0 / 4_611_686_018_427_387_903.0
        );
        for _ in 0..2000 {
            let a = (u128::from(next()) << 64 | u128::from(next())) >> (next() % 127);
            let b = (u128::from(next()) >> (next() % 63)).max(1);
            let long = big_quotient(&a.into(), &b.into(), 0);
            assert_eq!(quotient(a, b), long, "{a} / {b}");
            let exact = 1 << 53;
            if a < exact && b < exact {
                assert_eq!(long, a as f64 / b as f64, "{a} / {b}");
            }
        }
    }
}
