//! Exact decimal arithmetic on `i128` mantissas: powers of ten, change of scale, reading and writing.
//!
//! The invariant: rounding is half away from zero, and what does not fit is `None`, never wrapped.

/// `10^exponent`, if it fits.
pub(crate) fn pow10(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// A mantissa divided by a positive divisor, rounded half away from zero.
pub(crate) fn divide_rounded(mantissa: i128, divisor: i128) -> i128 {
    let quotient = mantissa / divisor;
    let rest = (mantissa % divisor).unsigned_abs();
    // `2 * rest >= divisor` without the product, which might not fit.
    if rest >= divisor.unsigned_abs() - rest {
        quotient + mantissa.signum()
    } else {
        quotient
    }
}

/// The same number at another scale; rounded when digits are lost.
pub(crate) fn rescale(mantissa: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        mantissa.checked_mul(pow10(u32::from(to - from))?)
    } else {
        Some(divide_rounded(mantissa, pow10(u32::from(from - to))?))
    }
}

/// The nearest float of a decimal.
pub(crate) fn to_float(mantissa: i128, scale: u8) -> f64 {
    // Powers up to 10^18 are exact in a float, so this rounds at most twice, and once for money-sized mantissas.
    mantissa as f64 / 10f64.powi(i32::from(scale))
}

/// Whether a mantissa has at most this many digits.
pub(crate) fn fits(mantissa: i128, digits: u8) -> bool {
    pow10(u32::from(digits)).is_some_and(|limit| mantissa.unsigned_abs() < limit.unsigned_abs())
}

/// Reads `-12.345` at a scale, rounding digits beyond it.
pub(crate) fn parse(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0i128;
    for byte in whole.bytes() {
        mantissa = push_digit(mantissa, byte)?;
    }
    let kept = fraction.bytes().take(usize::from(scale));
    for byte in kept.chain(std::iter::repeat_n(
        b'0',
        usize::from(scale).saturating_sub(fraction.len()),
    )) {
        mantissa = push_digit(mantissa, byte)?;
    }
    let mut rest = fraction.bytes().skip(usize::from(scale));
    let round_up = match rest.next() {
        Some(byte) if byte.is_ascii_digit() => byte >= b'5',
        Some(_) => return None,
        None => false,
    };
    if !rest.all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mantissa = mantissa.checked_add(i128::from(round_up))?;
    Some(if negative { -mantissa } else { mantissa })
}

fn push_digit(mantissa: i128, byte: u8) -> Option<i128> {
    let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
    mantissa.checked_mul(10)?.checked_add(digit)
}

/// Writes a decimal with all digits of its scale: `400.0000`.
pub(crate) fn write(mantissa: i128, scale: u8) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let width = usize::from(scale) + 1;
    let digits = format!("{:0>width$}", mantissa.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_rounded_half_away_from_zero() {
        for (text, scale, expected) in [
            ("12.345", 3, Some(12_345)),
            ("12.345", 2, Some(1_235)),
            ("-12.345", 2, Some(-1_235)),
            ("12.344", 2, Some(1_234)),
            ("5", 4, Some(50_000)),
            (".5", 0, Some(1)),
            ("-.4", 0, Some(0)),
            ("+1.", 1, Some(10)),
            ("", 0, None),
            ("-", 0, None),
            (".", 0, None),
            ("1e3", 0, None),
            ("1.x", 0, None),
            ("1.23x", 1, None),
            ("999999999999999999999999999999999999999999", 0, None),
        ] {
            assert_eq!(parse(text, scale), expected, "{text} at {scale}");
        }
    }

    #[test]
    fn scales_change_exactly_or_not_at_all() {
        assert_eq!(rescale(12_345, 3, 1), Some(123));
        assert_eq!(rescale(-1_250, 3, 1), Some(-13));
        assert_eq!(rescale(1, 0, 18), Some(1_000_000_000_000_000_000));
        assert_eq!(rescale(i128::MAX, 0, 1), None);
        assert_eq!(divide_rounded(i128::MIN, 10), i128::MIN / 10 - 1);
        assert_eq!(write(-5, 2), "-0.05");
        assert_eq!(write(4_000_000, 4), "400.0000");
        assert_eq!(write(7, 0), "7");
        assert!(fits(999, 3) && !fits(1_000, 3) && !fits(i128::MIN, 38));
    }
}
