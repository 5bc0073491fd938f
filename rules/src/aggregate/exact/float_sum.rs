//! A sum of floats, and of squares of floats, without any rounding: added to and taken from at will.
//!
//! The idea: every finite float is an integer times a power of two, so a long enough fixed-point number holds any sum
//! exactly (Kulisch's long accumulator). Ours holds only the 64-bit limbs between the least and the greatest bit met,
//! three or four for money-like values. The invariant: `limbs` is a two's complement number in units of
//! `2^(64 * low)`; its value, not its length, is all that shows.

use std::io;

use num_bigint::{BigInt, BigUint, Sign};

use super::rounding;
use crate::snapshot::{Fault, Reader, Writer, sure};

/// Limbs that lie between that of 1 and that of any bit of a float, its square, or its product with a weight.
const LIMBS_BESIDE: i64 = 40;

/// No sum of floats has more.
const LIMBS_MAX: usize = 4 * LIMBS_BESIDE as usize;

/// An exact fixed-point number.
#[derive(Clone, Debug, Default)]
pub(crate) struct FloatSum {
    low: i64,
    limbs: Vec<u64>,
}

impl FloatSum {
    /// Adds a finite float, or takes it away.
    pub(crate) fn add(&mut self, x: f64, away: bool) {
        let (mantissa, exponent) = decode(x);
        self.accumulate(mantissa.into(), exponent, x.is_sign_negative() != away);
    }

    /// Adds the square of a finite float, or takes it away. The square of a 53-bit mantissa fits 106 bits.
    pub(crate) fn add_square(&mut self, x: f64, away: bool) {
        let (mantissa, exponent) = decode(x);
        let mantissa = u128::from(mantissa);
        self.accumulate(mantissa * mantissa, 2 * exponent, away);
    }

    /// Adds `x * factor * 2^exponent` for a finite float, or takes it away. The product has at most 117 bits.
    pub(crate) fn add_times(&mut self, x: f64, factor: u64, exponent: i64, away: bool) {
        let (mantissa, power) = decode(x);
        let product = u128::from(mantissa) * u128::from(factor);
        self.accumulate(product, power + exponent, x.is_sign_negative() != away);
    }

    /// Adds `x * factor * 2^exponent`, or takes it away.
    pub(crate) fn add_int_times(&mut self, x: i64, factor: u64, exponent: i64, away: bool) {
        let product = u128::from(x.unsigned_abs()) * u128::from(factor);
        self.accumulate(product, exponent, (x < 0) != away);
    }

    /// Lets go of limbs at the lower end that hold nothing, for sums whose values grow without end.
    pub(crate) fn trim(&mut self) {
        let empty = self.limbs.iter().take_while(|limb| **limb == 0).count();
        if empty == self.limbs.len() {
            // Nothing at all: what comes next may be of another size.
            self.limbs.clear();
            return;
        }
        self.limbs.drain(..empty);
        self.low += empty as i64;
    }

    /// The nearest float; infinite when out of range.
    pub(crate) fn nearest(&self) -> f64 {
        let (negative, magnitude) = self.magnitude();
        let float = rounding::big_quotient(&magnitude, &1u32.into(), self.exponent());
        if negative { -float } else { float }
    }

    /// The nearest float to this sum over a count; the count is not 0.
    pub(crate) fn average(&self, count: u64) -> f64 {
        self.over(&count.into(), 0)
    }

    /// The float nearest to this sum over `divisor * 2^exponent`; the divisor is not 0.
    pub(crate) fn over(&self, divisor: &BigUint, exponent: i64) -> f64 {
        let (negative, magnitude) = self.magnitude();
        let float = rounding::big_quotient(&magnitude, divisor, self.exponent() - exponent);
        if negative { -float } else { float }
    }

    /// `value / 2^exponent`, where the value is that of the number.
    pub(crate) fn integer(&self) -> (BigInt, i64) {
        let (negative, magnitude) = self.magnitude();
        let sign = if negative { Sign::Minus } else { Sign::Plus };
        (BigInt::from_biguint(sign, magnitude), self.exponent())
    }

    /// Bytes allocated beside the struct.
    pub(crate) fn bytes(&self) -> usize {
        self.limbs.capacity() * 8
    }

    pub(crate) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.low.cast_unsigned())?;
        to.word(self.limbs.len() as u64)?;
        to.words(&self.limbs)
    }

    /// Back from [`FloatSum::save`].
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<FloatSum, Fault> {
        let low = from.word()?.cast_signed();
        let limbs = from.count(1)?;
        sure(low.unsigned_abs() < 1 << 57, "a sum is beyond all numbers")?;
        Ok(FloatSum {
            low,
            limbs: from.words(limbs)?,
        })
    }

    /// Whether it may be a sum of floats or of their squares.
    pub(crate) fn is_of_floats(&self) -> bool {
        self.limbs.len() <= LIMBS_MAX && self.is_near(0, 0)
    }

    /// Whether it may be a sum of floats, each times a power of two between these. Nothing may be anything.
    pub(crate) fn is_near(&self, first: i64, last: i64) -> bool {
        let least = first.div_euclid(64) - LIMBS_BESIDE;
        let most = last.div_euclid(64) + LIMBS_BESIDE;
        self.limbs.is_empty() || (least..=most).contains(&self.low)
    }

    fn exponent(&self) -> i64 {
        self.low * 64
    }

    fn magnitude(&self) -> (bool, BigUint) {
        let negative = self.limbs.last().is_some_and(|top| top >> 63 == 1);
        let mut carry = negative;
        let mut digits = Vec::with_capacity(self.limbs.len() * 2);
        for limb in &self.limbs {
            let limb = if negative {
                let (limb, over) = (!limb).overflowing_add(carry.into());
                carry = over;
                limb
            } else {
                *limb
            };
            digits.extend([limb as u32, (limb >> 32) as u32]);
        }
        (negative, BigUint::new(digits))
    }

    fn accumulate(&mut self, mantissa: u128, exponent: i64, negative: bool) {
        if mantissa == 0 {
            return;
        }
        let limb = exponent.div_euclid(64);
        let shift = exponent.rem_euclid(64);
        self.cover(limb);
        let low = mantissa << shift;
        // What the shift pushed out above 128 bits; a shift by 128 is not one.
        let high = if shift == 0 {
            0
        } else {
            mantissa >> (128 - shift)
        };
        let parts = [low as u64, (low >> 64) as u64, high as u64];
        let at = (limb - self.low) as usize;
        let mut carry = false;
        for (i, limb) in self.limbs[at..].iter_mut().enumerate() {
            let part = parts.get(i).copied().unwrap_or(0);
            if i >= parts.len() && !carry {
                break;
            }
            let (sum, first, second);
            if negative {
                (sum, first) = limb.overflowing_sub(part);
                (*limb, second) = sum.overflowing_sub(carry.into());
            } else {
                (sum, first) = limb.overflowing_add(part);
                (*limb, second) = sum.overflowing_add(carry.into());
            }
            carry = first || second;
        }
    }

    /// Makes room for three limbs from `limb` on and one above that holds nothing but the sign, so that one addition
    /// cannot overflow.
    fn cover(&mut self, limb: i64) {
        if self.limbs.is_empty() {
            self.low = limb;
        }
        if limb < self.low {
            let missing = (self.low - limb) as usize;
            self.limbs.splice(0..0, std::iter::repeat_n(0, missing));
            self.low = limb;
        }
        loop {
            let top = self.limbs.last().copied().unwrap_or(0);
            let sign = if top >> 63 == 1 { u64::MAX } else { 0 };
            let length = (limb - self.low) as usize + 4;
            if self.limbs.len() >= length && top == sign {
                return;
            }
            self.limbs.push(sign);
        }
    }
}

/// Mantissa and exponent of a finite float: `x = ± mantissa * 2^exponent`.
pub(crate) fn decode(x: f64) -> (u64, i64) {
    let bits = x.to_bits();
    let field = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    if field == 0 {
        (fraction, -1074)
    } else {
        (fraction | 1 << 52, field - 1075)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> FloatSum {
        let mut sum = FloatSum::default();
        values.iter().for_each(|x| sum.add(*x, false));
        sum
    }

    #[test]
    fn no_order_and_no_size_loses_a_bit() {
        assert_eq!(sum(&[1e308, 1.0, -1e308]).nearest(), 1.0);
        assert_eq!(sum(&[1.0, 1e308, 5e-324, -1e308, -1.0]).nearest(), 5e-324);
        assert_eq!(sum(&[0.1; 10]).nearest(), 1.0);
        assert_eq!(sum(&[-0.5, -0.25]).nearest(), -0.75);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).nearest(), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).average(2), f64::MAX);
        assert_eq!(sum(&[]).nearest(), 0.0);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let values = [3.5, -1e300, 2e-300, 7.25, -0.125, 1e17, 5e-324];
        let mut sums = sum(&values);
        for x in values.iter().rev().skip(1) {
            sums.add(*x, true);
        }
        assert_eq!(sums.nearest(), 5e-324);
        sums.add(5e-324, true);
        assert_eq!(sums.nearest().to_bits(), 0);
    }

    #[test]
    fn a_sum_that_moves_on_stays_short() {
        let mut sum = FloatSum::default();
        for step in 0..10_000 {
            sum.add_int_times(-7, 3, step, false);
            if step >= 50 {
                sum.add_int_times(-7, 3, step - 50, true);
            }
            sum.trim();
            assert!(sum.limbs.len() <= 6);
        }
        // 50 terms, each twice the one before.
        assert_eq!(sum.over(&21u32.into(), 9_950), -(((1u64 << 50) - 1) as f64));
    }

    #[test]
    fn squares_are_exact() {
        let mut sum = FloatSum::default();
        for x in [1e154, -3.0, 1e-160] {
            sum.add_square(x, false);
        }
        sum.add_square(1e154, true);
        sum.add_square(1e-160, true);
        assert_eq!(sum.nearest(), 9.0);
    }
}
