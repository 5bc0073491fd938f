//! Exact fractions of big integers and the float nearest to one, found without any cleverness.
//!
//! The idea: the nearest float is searched by bisection over all floats, comparing exactly. It shares nothing with the
//! rounding of the code under test.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;

/// A fraction; the denominator is positive.
#[derive(Clone, Debug)]
pub struct Fraction {
    /// Above the line.
    pub numerator: BigInt,
    /// Below the line.
    pub denominator: BigInt,
}

impl Fraction {
    /// A whole number.
    #[must_use]
    pub fn whole(x: impl Into<BigInt>) -> Fraction {
        Fraction {
            numerator: x.into(),
            denominator: 1.into(),
        }
    }

    /// The exact value of a finite float.
    #[must_use]
    pub fn float(x: f64) -> Fraction {
        let bits = x.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as i64;
        let fraction = bits & 0xf_ffff_ffff_ffff;
        let (mantissa, power) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction + (1 << 52), exponent - 1075),
        };
        let sign = if x < 0.0 { -1 } else { 1 };
        // As small as it can be: the sums below stay short.
        let spare = i64::from(mantissa.trailing_zeros().min(52));
        let (mantissa, power) = (mantissa >> spare, power + spare);
        let shifted = BigInt::from(mantissa) * sign;
        if power >= 0 {
            return Fraction::whole(shifted << power);
        }
        Fraction {
            numerator: shifted,
            denominator: BigInt::from(1) << -power,
        }
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(&self, other: &Fraction) -> Fraction {
        let zero = BigInt::ZERO;
        if &other.denominator % &self.denominator == zero {
            let scale = &other.denominator / &self.denominator;
            return Fraction {
                numerator: &self.numerator * scale + &other.numerator,
                denominator: other.denominator.clone(),
            };
        }
        if &self.denominator % &other.denominator == zero {
            return other.plus(self);
        }
        Fraction {
            numerator: &self.numerator * &other.denominator + &other.numerator * &self.denominator,
            denominator: &self.denominator * &other.denominator,
        }
    }

    /// The product of two.
    #[must_use]
    pub fn times(&self, other: &Fraction) -> Fraction {
        Fraction {
            numerator: &self.numerator * &other.numerator,
            denominator: &self.denominator * &other.denominator,
        }
    }

    /// This over a positive whole number.
    #[must_use]
    pub fn over(&self, divisor: impl Into<BigInt>) -> Fraction {
        Fraction {
            numerator: self.numerator.clone(),
            denominator: &self.denominator * divisor.into(),
        }
    }

    /// This over a positive fraction.
    #[must_use]
    pub fn divided(&self, divisor: &Fraction) -> Fraction {
        Fraction {
            numerator: &self.numerator * &divisor.denominator,
            denominator: &self.denominator * &divisor.numerator,
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn size(&self) -> Fraction {
        match self.numerator.sign() {
            Sign::Minus => self.times(&Fraction::whole(-1)),
            _ => self.clone(),
        }
    }

    /// How this stands to another.
    #[must_use]
    pub fn compare(&self, other: &Fraction) -> Ordering {
        // Products whose lengths are far apart need not be made.
        if self.numerator.sign() == Sign::Plus && other.numerator.sign() == Sign::Plus {
            let left = self.numerator.bits() + other.denominator.bits();
            let right = other.numerator.bits() + self.denominator.bits();
            if left.abs_diff(right) > 1 {
                return left.cmp(&right);
            }
        }
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }

    /// The nearest float, halves to the even one; infinite beyond the largest.
    #[must_use]
    pub fn nearest(&self) -> f64 {
        if self.numerator.sign() == Sign::Minus {
            let negated = Fraction {
                numerator: -&self.numerator,
                denominator: self.denominator.clone(),
            };
            return -negated.nearest();
        }
        // The greatest float not above: floats from zero up are ordered as their bits are.
        let (mut low, mut high) = self.bracket();
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.compare(&Fraction::float(f64::from_bits(middle))) {
                Ordering::Less => high = middle - 1,
                _ => low = middle,
            }
        }
        let below = Fraction::float(f64::from_bits(low));
        let above = if low == f64::MAX.to_bits() {
            Fraction::whole(BigInt::from(1) << 1024)
        } else {
            Fraction::float(f64::from_bits(low + 1))
        };
        let up = match self.compare(&below.plus(&above).over(2)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => low % 2 == 1,
        };
        f64::from_bits(low + u64::from(up))
    }

    /// Bits of floats between which the greatest one not above this is: near a rough quotient if that is right, else
    /// all of them.
    fn bracket(&self) -> (u64, u64) {
        let all = (0, f64::MAX.to_bits());
        let rough = self.numerator.to_f64().zip(self.denominator.to_f64());
        let Some(rough) = rough.map(|(a, b)| a / b).filter(|x| x.is_finite()) else {
            return all;
        };
        let low = rough.to_bits().saturating_sub(4);
        let high = (rough.to_bits() + 4).min(all.1);
        let float = |bits| Fraction::float(f64::from_bits(bits));
        let inside = self.compare(&float(low)) != Ordering::Less
            && self.compare(&float(high)) == Ordering::Less;
        if inside { (low, high) } else { all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_survive_and_halves_go_to_even() {
        for x in [0.1, -2.5, 5e-324, f64::MAX, 1e-310, 3.0] {
            assert_eq!(Fraction::float(x).nearest().to_bits(), x.to_bits());
        }
        let two53 = 1i64 << 53;
        assert_eq!(Fraction::whole(two53 + 1).nearest(), two53 as f64);
        assert_eq!(Fraction::whole(1).over(10).nearest(), 0.1);
        assert_eq!(
            Fraction::whole(BigInt::from(1) << 1024).nearest(),
            f64::INFINITY
        );
    }
}
