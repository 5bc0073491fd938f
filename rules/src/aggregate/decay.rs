//! Weights that halve with age: sums over a `decay` window, and what [`super::ewma`] averages.
//!
//! The idea: an event of time `t_i` weighs `2^(t_i / h)`, which does not change as time goes on; a reading at `t` divides
//! by `2^(t / h)`. A weight is a mantissa of 53 bits, computed by additions and multiplications alone, so that every
//! machine makes the same one, and an exponent. Weights and weighted values are then added exactly and rounded once. So
//! the only error is that of the mantissas, below 1 part in 10^15, and the invariant holds as for every other sum: what
//! comes out is a function of the set of events and of `t`, whatever the order in which the window came to hold them.
//!
//! Over `decay`: `count` is the sum of weights, `sum(x)` that of weighted values, `avg(x)` and `ratio(p)` are quotients
//! of the two; over nothing as without weights. All are floats and declared approximate. The form is the forward decay
//! of Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay" (ICDE 2009), with exponential weights.

use std::io;

use num_bigint::BigUint;

use super::cell::{Entry, Heap};
use super::exact::float_sum::{FloatSum, decode};
use super::sum::finite;
use crate::snapshot::{Fault, Reader, Writer};
use crate::state::slab::Item;
use crate::time::{EventTime, Span};
use crate::value::Type;

/// Weights and weighted values of some events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weighted {
    values: FloatSum,
    weights: FloatSum,
}

/// What is read of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The sum of weights.
    Count,
    /// The sum of weighted values.
    Sum,
    /// The second over the first.
    Average,
}

impl Weighted {
    /// Adds a value of a number type, or a truth, or takes it away.
    pub(crate) fn add(&mut self, word: u64, ty: Type, t: EventTime, half_life: Span, away: bool) {
        let (factor, exponent) = weight(t, half_life);
        match ty {
            Type::Float => {
                let value = f64::from_bits(word);
                self.values.add_times(value, factor, exponent, away);
            }
            _ => {
                let value = word.cast_signed();
                self.values.add_int_times(value, factor, exponent, away);
            }
        }
        self.weights.add_int_times(1, factor, exponent, away);
        if away {
            self.values.trim();
            self.weights.trim();
        }
    }

    /// The value as of `t`; not for none. `scale`: of decimal values.
    pub(crate) fn read(
        &self,
        what: Reading,
        scale: u8,
        t: EventTime,
        half_life: Span,
    ) -> Option<u64> {
        let unit = BigUint::from(10u128.pow(scale.into()));
        let (factor, exponent) = weight(t, half_life);
        finite(match what {
            Reading::Count => self.weights.over(&factor.into(), exponent),
            Reading::Sum => self.values.over(&(unit * factor), exponent),
            Reading::Average => {
                let (weights, exponent) = self.weights.integer();
                self.values.over(&(weights.into_parts().1 * unit), exponent)
            }
        })
    }

    /// Bytes allocated beside the struct.
    pub(crate) fn bytes(&self) -> usize {
        self.values.bytes() + self.weights.bytes()
    }

    /// Back from [`Item::save`].
    pub(super) fn restore(from: &mut Reader<'_>) -> Result<Weighted, Fault> {
        Ok(Weighted {
            values: FloatSum::restore(from)?,
            weights: FloatSum::restore(from)?,
        })
    }

    /// Whether they may be sums over events between two times, so that to add one more takes no more memory than it
    /// should.
    pub(super) fn is_near(&self, (first, last): (EventTime, EventTime), half_life: Span) -> bool {
        // Far from where exponents overflow.
        let exponent = |t: EventTime| {
            let half_lives = t.0.div_euclid(half_life.0.max(1));
            (half_lives.unsigned_abs() < 1 << 62).then_some(half_lives)
        };
        let (Some(first), Some(last)) = (exponent(first), exponent(last)) else {
            return false;
        };
        [&self.values, &self.weights].map(|sum| sum.is_near(first, last)) == [true; 2]
    }
}

/// Takes an event in, or out: without an input each event that enters, as one. Words: how many, and the place of the
/// sums, which are taken with the first and freed with the last.
pub(super) fn step(
    entry: &Entry<'_>,
    input: Option<usize>,
    (ty, half_life): (Type, Span),
    words: &mut [u64],
    heap: &mut Heap,
    away: bool,
) {
    let Some(word) = input.map_or(Some(1), |input| entry.value(input)) else {
        return;
    };
    words[0] = if away { words[0] - 1 } else { words[0] + 1 };
    if away && words[0] == 0 {
        heap.weighted.free(words[1]);
        return;
    }
    if !away && words[0] == 1 {
        words[1] = heap.weighted.take();
    }
    let sums = heap.weighted.get_mut(words[1]);
    sums.add(word, ty, entry.time(), half_life, away);
}

/// Reads what [`step`] keeps, as of `t`. Over nothing 0 for counts and sums, else null.
pub(super) fn read(
    what: Reading,
    scale: u8,
    t: EventTime,
    half_life: Span,
    words: &[u64],
    heap: &Heap,
) -> Option<u64> {
    match words[0] {
        0 => (what != Reading::Average).then_some(0),
        _ => heap.weighted.get(words[1]).read(what, scale, t, half_life),
    }
}

/// `2^(t / half_life)` as mantissa and exponent.
fn weight(t: EventTime, half_life: Span) -> (u64, i64) {
    let (t, unit) = (t.0, half_life.0.max(1));
    let (mantissa, exponent) = decode(power(t.rem_euclid(unit) as f64 / unit as f64));
    (mantissa, exponent + t.div_euclid(unit))
}

/// `2^x` for `0 <= x <= 1`: `sqrt(2)` times the Taylor series of `exp` for `(x - 1/2) ln 2`, whose 15th term is below
/// 10^-18.
fn power(x: f64) -> f64 {
    let y = (x - 0.5) * std::f64::consts::LN_2;
    let series = (1..=14)
        .rev()
        .fold(1.0, |sum, n| 1.0 + sum * y / f64::from(n));
    series * std::f64::consts::SQRT_2
}

impl Item for Weighted {
    fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        self.values.save(to)?;
        self.weights.save(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_right_to_the_last_bits() {
        for i in 0..=1000 {
            let x = f64::from(i) / 1000.0;
            let error = (power(x) / x.exp2() - 1.0).abs();
            assert!(error < 1e-15, "{x}: {error}");
        }
    }

    #[test]
    fn a_half_life_halves_and_a_second_one_quarters() {
        let half_life = Span(1000);
        let mut sums = Weighted::default();
        for (t, cents) in [(1_000_000_000, 400i64), (1_000_001_000, 100)] {
            let word = cents.cast_unsigned();
            sums.add(word, Type::Decimal(2), EventTime(t), half_life, false);
        }
        let read = |what, t| {
            sums.read(what, 2, EventTime(t), half_life)
                .map(f64::from_bits)
        };
        assert_eq!(read(Reading::Count, 1_000_001_000), Some(1.5));
        assert_eq!(read(Reading::Sum, 1_000_001_000), Some(3.0));
        assert_eq!(read(Reading::Sum, 1_000_002_000), Some(1.5));
        assert_eq!(read(Reading::Average, 1_000_002_000), Some(2.0));
    }

    #[test]
    fn what_left_leaves_no_trace() {
        let half_life = Span(7);
        let (mut sums, mut fresh) = (Weighted::default(), Weighted::default());
        for t in -3000..3000 {
            let word = (t as f64 / 3.0).to_bits();
            sums.add(word, Type::Float, EventTime(t), half_life, false);
            if t >= 2990 {
                fresh.add(word, Type::Float, EventTime(t), half_life, false);
            }
        }
        for t in (-3000..2990).rev() {
            let word = (t as f64 / 3.0).to_bits();
            sums.add(word, Type::Float, EventTime(t), half_life, true);
        }
        for what in [Reading::Count, Reading::Sum, Reading::Average] {
            let read = |sums: &Weighted| sums.read(what, 0, EventTime(3000), half_life);
            assert_eq!(read(&sums), read(&fresh), "{what:?}");
        }
    }
}
