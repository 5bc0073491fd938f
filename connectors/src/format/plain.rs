//! Plain values straight into their columns: what most values are, by the shortest way that gives the same cell.
//!
//! The invariant: what is put here is the cell that [`Kind::read`](super::value::Kind::read) would have made; where
//! that is not plain to see, nothing is put and the caller takes the long way.

use super::column::Values;
use super::row::Rows;
use super::value::{Kind, Scalar};
use super::{TimeUnit, text, time};

/// A number as written, without exponent and of at most 18 digits: `(-1)^negative · mantissa / 10^places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) negative: bool,
    pub(crate) mantissa: u64,
    pub(crate) places: usize,
}

/// Bytes copied in one go.
const COPY: usize = 32;

/// What a mantissa of 18 digits stays below.
const MANTISSA_END: u64 = 1_000_000_000_000_000_000;

/// Up to here every integer is a double.
const EXACT_END: u64 = 1 << 53;

/// The powers of ten that a plain number needs.
pub(crate) const TENS: [u64; 19] = {
    let (mut powers, mut at) = ([1; 19], 1);
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The powers of ten that are doubles, as far as a plain number needs them.
const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

impl Rows {
    /// Gives the row at hand a text without escapes that begins these bytes, known to be UTF-8.
    #[inline]
    pub(crate) fn put_plain_text(
        &mut self,
        column: usize,
        bytes: &[u8],
        length: usize,
    ) -> Option<()> {
        let text = bytes.get(..length)?;
        let column = self.give(column);
        match (&mut column.values, column.kind) {
            (Values::Text { ends, bytes: all }, _) => {
                if text::is_card_number(text) {
                    return None;
                }
                ends.push(i32::try_from(all.len() + length).ok()?);
                match bytes.first_chunk::<COPY>() {
                    // A copy of fixed length is a few instructions, one of any length is a call.
                    Some(chunk) if length <= COPY => {
                        let end = all.len() + length;
                        all.extend_from_slice(chunk);
                        all.truncate(end);
                    }
                    _ => all.extend_from_slice(text),
                }
                Some(())
            }
            (Values::Int(values), Kind::Time(TimeUnit::Rfc3339)) => {
                values.push(time::rfc3339(text)?);
                Some(())
            }
            _ => {
                let text = std::str::from_utf8(text).ok()?;
                column.push(column.kind.read(Scalar::Text(text)).ok()?).ok()
            }
        }
    }

    /// Gives the row at hand a truth, where the column holds truths.
    #[inline]
    pub(crate) fn put_plain_truth(&mut self, column: usize, truth: bool) -> Option<()> {
        match &mut self.give(column).values {
            Values::Bool(values) => values.append(truth),
            _ => return None,
        }
        Some(())
    }

    /// Gives the row at hand a plain number.
    #[inline]
    pub(crate) fn put_plain_number(&mut self, column: usize, plain: Plain) -> Option<()> {
        let column = self.give(column);
        match (&mut column.values, column.kind) {
            (Values::Decimal(values), Kind::Decimal(scale)) => {
                values.push(i128::from(plain.scaled(usize::from(scale))?));
            }
            (Values::Float(values), _) => values.push(plain.float()?),
            (Values::Int(values), Kind::Int) => values.push(plain.scaled(0)?),
            _ => return None,
        }
        Some(())
    }
}

impl Plain {
    /// The mantissa with so many digits behind the point, where none are lost.
    #[inline]
    fn scaled(self, scale: usize) -> Option<i64> {
        let power = TENS.get(scale.checked_sub(self.places)?)?;
        let magnitude = self.mantissa.checked_mul(*power)?;
        if magnitude >= MANTISSA_END {
            return None;
        }
        let magnitude = i64::try_from(magnitude).ok()?;
        Some(if self.negative { -magnitude } else { magnitude })
    }

    /// The nearest double: two doubles divided are rounded once (William Clinger, "How to read floating point numbers
    /// accurately").
    #[inline]
    fn float(self) -> Option<f64> {
        if self.mantissa >= EXACT_END {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "below 2^53 nothing is lost")]
        let mantissa = self.mantissa as f64;
        let value = mantissa / POWERS.get(self.places)?;
        // Adding zero turns minus zero into zero and nothing else into anything.
        Some(if self.negative { -value + 0.0 } else { value })
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::super::number;
    use super::*;

    #[test]
    fn a_plain_number_is_what_the_long_way_makes_of_it() {
        let mantissas = [
            0,
            1,
            9,
            10,
            105,
            1383,
            EXACT_END - 1,
            EXACT_END,
            EXACT_END + 1,
            123_456_789_012_345,
            999_999_999_999_999_999,
        ];
        for mantissa in mantissas {
            for places in 0..=18usize {
                for negative in [false, true] {
                    let plain = Plain {
                        negative,
                        mantissa,
                        places,
                    };
                    let width = places + 1;
                    let mut text = format!("{mantissa:0width$}");
                    if places > 0 {
                        text.insert(text.len() + 1 - width, '.');
                    }
                    if negative {
                        text.insert(0, '-');
                    }
                    for scale in [0u8, 2, 4, 18] {
                        if let Some(got) = plain.scaled(usize::from(scale)) {
                            assert_eq!(number::decimal(&text, scale), Ok(got), "{text} {scale}");
                        }
                    }
                    if let Some(got) = plain.float() {
                        let expected = number::float(&text).unwrap();
                        assert_eq!(got.to_bits(), expected.to_bits(), "{text}");
                    }
                }
            }
        }
    }
}
