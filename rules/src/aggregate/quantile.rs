//! `quantile(x, p)` and `median(x)`, its half: the value below which the part `p` of the values lies. Over nothing null.
//!
//! Definition: of `n` values in order, `x_0` to `x_(n-1)`, the one at position `p (n - 1)`, between two of them on the
//! straight line. Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50
//! (1996), definition 7; the same as SQL's `PERCENTILE_CONT` and NumPy's default. Exact: a fraction of integers that is
//! rounded once to a float, so it never depends on the order of the events.
//!
//! Nothing is kept running; a reading takes time and memory in proportion to the values.

use super::exact::float_sum::FloatSum;
use super::exact::rounding;
use super::sum::finite;
use crate::value::Type;

/// One, in the unit of `p`.
pub(crate) const WHOLE: u32 = 1_000_000;

/// The quantile of values of a number type, as the bits of a float.
pub(crate) fn read(values: impl Iterator<Item = u64>, ty: Type, millionths: u32) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    let last = values.len().checked_sub(1)?;
    let whole = u64::from(WHOLE);
    let position = last as u64 * u64::from(millionths);
    let (at, beyond) = ((position / whole) as usize, position % whole);
    let (_, low, above) = values.select_nth_unstable_by_key(at, |word| rank(*word, ty));
    let low = *low;
    let high = match beyond {
        0 => low,
        _ => above.iter().copied().min_by_key(|word| rank(*word, ty))?,
    };
    let weights = [(low, whole - beyond), (high, beyond)];
    finite(match ty {
        Type::Float => {
            let mut sum = FloatSum::default();
            for (word, weight) in weights {
                sum.add_times(f64::from_bits(word), weight, 0, false);
            }
            sum.average(whole)
        }
        _ => {
            let parts = weights.map(|(word, w)| i128::from(word.cast_signed()) * i128::from(w));
            let sum = parts.into_iter().sum::<i128>();
            let scale = match ty {
                Type::Decimal(scale) => scale,
                _ => 0,
            };
            let divisor = u128::from(whole) * 10u128.pow(scale.into());
            let size = rounding::quotient(sum.unsigned_abs(), divisor);
            if sum < 0 { -size } else { size }
        }
    })
}

/// A number that is ordered as the values are.
fn rank(word: u64, ty: Type) -> u64 {
    const SIGN: u64 = 1 << 63;
    match ty {
        // Floats below zero are ordered against their bits.
        Type::Float if word >= SIGN => !word,
        _ => word ^ SIGN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], millionths: u32, want: f64) {
        let got = read(values.iter().map(|x| x.to_bits()), Type::Float, millionths);
        assert_eq!(got.map(f64::from_bits), Some(want), "{values:?}");
        let cents = values
            .iter()
            .map(|x| (x * 100.0) as i64)
            .map(i64::cast_unsigned);
        let got = read(cents, Type::Decimal(2), millionths);
        assert_eq!(got.map(f64::from_bits), Some(want), "{values:?}, decimal");
    }

    /// NumPy: `quantile([15, 20, 35, 40, 50], [0, .3, .4, .95, 1])` is `[15, 23, 29, 48, 50]`.
    #[test]
    fn between_two_values_it_lies_on_the_straight_line() {
        let values = [35.0, 20.0, 15.0, 50.0, 40.0];
        for (p, want) in [
            (0, 15.0),
            (300_000, 23.0),
            (400_000, 29.0),
            (500_000, 35.0),
            (950_000, 48.0),
            (WHOLE, 50.0),
        ] {
            check(&values, p, want);
        }
        check(&[-1.0, -4.0], 500_000, -2.5);
        check(&[7.0], 10_000, 7.0);
        assert_eq!(read([].into_iter(), Type::Int, 0), None);
    }

    #[test]
    fn the_extremes_of_a_type_do_not_overflow() {
        let ends = [i64::MIN, i64::MAX].map(i64::cast_unsigned);
        let median = read(ends.into_iter(), Type::Int, 500_000).map(f64::from_bits);
        assert_eq!(median, Some(-0.5));
        let ends = [f64::MAX, f64::MAX].map(f64::to_bits);
        let high = read(ends.into_iter(), Type::Float, 123_456).map(f64::from_bits);
        assert_eq!(high, Some(f64::MAX));
    }
}
