//! Exact numbers from their digits.
//!
//! The idea: a decimal never passes through a binary float; its digits are read as an integer and a power of ten, and
//! rounded only where the rounding is smaller than the noise of the float that wrote them. The invariant: what is
//! accepted is the number that was written, or differs from it by less than 1e-9 · max(1, |x|).

/// Why a number is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// Not a number in digits.
    Syntax,
    /// A number that the field cannot hold exactly.
    Inexact,
}

/// Significant digits read; longer numbers are nobody's amount (a shortest double has 17).
const DIGITS_MAX: u32 = 34;

/// What an 18-digit mantissa stays below.
const MANTISSA_END: u128 = 1_000_000_000_000_000_000;

/// `(-1)^negative · mantissa · 10^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digits {
    pub(crate) negative: bool,
    pub(crate) mantissa: u128,
    pub(crate) exponent: i32,
}

/// The mantissa of a decimal with `scale` digits behind the point, less than 18 digits in all.
pub(crate) fn decimal(text: &str, scale: u8) -> Result<i64, NumberError> {
    match short_decimal(text.as_bytes(), scale) {
        Some(mantissa) => Ok(mantissa),
        None => rounded(digits(text)?, scale),
    }
}

/// An integer; `5.0` and `5e0` are the integer five.
pub(crate) fn integer(text: &str) -> Result<i64, NumberError> {
    match short_decimal(text.as_bytes(), 0) {
        Some(value) => Ok(value),
        None => exact_integer(digits(text)?),
    }
}

/// A finite float, the nearest to the digits; never minus zero.
pub(crate) fn float(text: &str) -> Result<f64, NumberError> {
    if !is_number(text.as_bytes()) {
        return Err(NumberError::Syntax);
    }
    let value: f64 = text.parse().map_err(|_| NumberError::Syntax)?;
    // Adding zero turns minus zero into zero and nothing else into anything.
    if value.is_finite() {
        Ok(value + 0.0)
    } else {
        Err(NumberError::Inexact)
    }
}

/// The decimal of a double: its shortest digits, then the rule for noise. This is what the same number written as
/// JSON by any common library would give.
pub(crate) fn decimal_of_float(value: f64, scale: u8) -> Result<i64, NumberError> {
    if !value.is_finite() {
        return Err(NumberError::Inexact);
    }
    let power = 10f64.powi(i32::from(scale));
    let scaled = (value * power).round();
    // Up to 15 digits a decimal and its double name each other, so this decimal is the shortest one.
    #[allow(
        clippy::float_cmp,
        clippy::cast_possible_truncation,
        reason = "an exact integer below 10^15"
    )]
    if scale <= 15 && scaled.abs() < 1e15 && scaled / power == value {
        return Ok(scaled as i64);
    }
    decimal(&format!("{value:e}"), scale)
}

/// The number with at most `scale` digits behind the point, where that is close enough; half away from zero.
pub(crate) fn rounded(number: Digits, scale: u8) -> Result<i64, NumberError> {
    let Digits {
        negative,
        mantissa,
        exponent,
    } = number;
    let shift = exponent.saturating_add(i32::from(scale));
    let magnitude = if mantissa == 0 {
        0
    } else if shift >= 0 {
        let power = power_of_ten(shift).ok_or(NumberError::Inexact)?;
        mantissa.checked_mul(power).ok_or(NumberError::Inexact)?
    } else {
        // Beyond 10^38 nothing is left of a mantissa of 34 digits.
        let (quotient, rest, half) = match power_of_ten(-shift) {
            Some(power) => (mantissa / power, mantissa % power, power / 2),
            None => (0, mantissa, u128::MAX),
        };
        let up = rest != 0 && rest >= half;
        let moved = match power_of_ten(-shift) {
            Some(power) if up => power - rest,
            _ => rest,
        };
        if !is_noise(moved, mantissa, exponent) {
            return Err(NumberError::Inexact);
        }
        quotient + u128::from(up)
    };
    if magnitude >= MANTISSA_END {
        return Err(NumberError::Inexact);
    }
    let magnitude = i64::try_from(magnitude).map_err(|_| NumberError::Inexact)?;
    Ok(if negative { -magnitude } else { magnitude })
}

/// Whether `moved · 10^exponent` is less than 1e-9 · max(1, mantissa · 10^exponent), in integers.
fn is_noise(moved: u128, mantissa: u128, exponent: i32) -> bool {
    if moved == 0 {
        return true;
    }
    let beside_itself = moved <= (mantissa - 1) / 1_000_000_000;
    let beside_one = match -exponent - 9 {
        places if places < 0 => false,
        places => power_of_ten(places).is_none_or(|bound| moved < bound),
    };
    beside_itself || beside_one
}

fn exact_integer(number: Digits) -> Result<i64, NumberError> {
    let Digits {
        negative,
        mut mantissa,
        mut exponent,
    } = number;
    while exponent < 0 && mantissa % 10 == 0 && mantissa != 0 {
        mantissa /= 10;
        exponent += 1;
    }
    if mantissa == 0 {
        return Ok(0);
    }
    if exponent < 0 {
        return Err(NumberError::Inexact);
    }
    let power = power_of_ten(exponent).ok_or(NumberError::Inexact)?;
    let magnitude = mantissa
        .checked_mul(power)
        .and_then(|m| i128::try_from(m).ok());
    let magnitude = magnitude.ok_or(NumberError::Inexact)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| NumberError::Inexact)
}

/// `10^places` where it fits.
fn power_of_ten(places: i32) -> Option<u128> {
    10u128.checked_pow(u32::try_from(places).ok()?)
}

/// The common case: at most 18 digits, no exponent, no more digits behind the point than the scale.
fn short_decimal(text: &[u8], scale: u8) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut point: Option<usize> = None;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa
                    .checked_mul(10)?
                    .checked_add(u64::from(byte - b'0'))?
            }
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let places = match point {
        Some(at) if at + 1 == text.len() => return None,
        Some(at) => text.len() - at - 1,
        None => 0,
    };
    let missing = usize::from(scale).checked_sub(places)?;
    let power = 10u64.checked_pow(u32::try_from(missing).ok()?)?;
    let magnitude = mantissa.checked_mul(power)?;
    if u128::from(magnitude) >= MANTISSA_END {
        return None;
    }
    let magnitude = i64::try_from(magnitude).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// Whether the text is `-?digits(.digits)?([eE][+-]?digits)?`; leading zeros are allowed.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (text, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mantissa = match text.iter().position(|b| *b == b'.') {
        Some(at) => all_digits(&text[..at]) && all_digits(&text[at + 1..]),
        None => all_digits(text),
    };
    mantissa
        && exponent.is_none_or(|part| {
            all_digits(
                part.strip_prefix(b"+")
                    .or_else(|| part.strip_prefix(b"-"))
                    .unwrap_or(part),
            )
        })
}

/// Reads the digits of a number.
fn digits(text: &str) -> Result<Digits, NumberError> {
    let bytes = text.as_bytes();
    if !is_number(bytes) {
        return Err(NumberError::Syntax);
    }
    let negative = bytes.first() == Some(&b'-');
    let end = bytes
        .iter()
        .position(|b| matches!(b, b'e' | b'E'))
        .unwrap_or(bytes.len());
    let (mut mantissa, mut exponent, mut behind, mut count) = (0u128, 0i32, false, 0u32);
    // Zeros are held back until a digit follows, so that `1.50000…` is as short as `1.5`.
    let mut zeros = 0u32;
    for byte in &bytes[usize::from(negative)..end] {
        match byte {
            b'.' => behind = true,
            byte => {
                exponent = exponent.saturating_sub(i32::from(behind));
                if *byte == b'0' {
                    zeros = zeros.saturating_add(1);
                    continue;
                }
                count = if mantissa == 0 {
                    1
                } else {
                    count.saturating_add(zeros).saturating_add(1)
                };
                if count > DIGITS_MAX {
                    return Err(NumberError::Inexact);
                }
                let shift = if mantissa == 0 {
                    1
                } else {
                    power_of_ten_u32(zeros + 1)
                };
                mantissa = mantissa * shift + u128::from(byte - b'0');
                zeros = 0;
            }
        }
    }
    let written = bytes.get(end + 1..).map_or(0, exponent_of);
    let trailing = i32::try_from(zeros).unwrap_or(i32::MAX);
    let exponent = exponent.saturating_add(trailing).saturating_add(written);
    Ok(Digits {
        negative,
        mantissa,
        exponent,
    })
}

/// `10^places` for at most [`DIGITS_MAX`] places.
fn power_of_ten_u32(places: u32) -> u128 {
    10u128.pow(places.min(DIGITS_MAX))
}

/// The value of checked exponent digits, cut to a million either way.
fn exponent_of(part: &[u8]) -> i32 {
    let negative = part.first() == Some(&b'-');
    let digits = part.iter().filter(|b| b.is_ascii_digit());
    let value = digits.fold(0i32, |v, b| (v * 10 + i32::from(b - b'0')).min(1_000_000));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests;
