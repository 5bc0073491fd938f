//! `sum(x)`: exact. Over nothing 0; a sum that does not fit its type is null.
//!
//! Integers and decimal mantissas are added in 128 bits (words: count of values, low, high; with squares three more),
//! floats in a long accumulator kept aside (words: count of values, its place). A float sum is rounded once, when read.

use std::io;

use super::cell::{Entry, Heap};
use super::exact::float_sum::FloatSum;
use super::exact::wide;
use crate::snapshot::{Fault, Reader, Writer};
use crate::state::slab::Item;

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

    /// Back from [`Item::save`].
    pub(super) fn restore(from: &mut Reader<'_>) -> Result<FloatSums, Fault> {
        Ok(FloatSums {
            sum: FloatSum::restore(from)?,
            squares: FloatSum::restore(from)?,
        })
    }

    /// Whether they may be sums of floats, so that to add one more takes no more memory than it should.
    pub(super) fn is_sound(&self) -> bool {
        [&self.sum, &self.squares].map(FloatSum::is_of_floats) == [true; 2]
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

/// Adds an integer or a mantissa to the sum in the words of a running value, or takes it away.
#[inline]
pub(crate) fn add(words: &mut [u64], value: u64, away: bool) {
    let wide = i128::from(value.cast_signed());
    wide::add(&mut words[1..3], if away { -wide } else { wide });
}

/// The sum in the words of a running value of integers.
pub(crate) fn wide_sum(words: &[u64]) -> i128 {
    wide::read(&words[1..3])
}

/// Makes the words of a running value of integers.
pub(crate) fn write(words: &mut [u64], count: u64, sum: i128) {
    words.fill(0);
    words[0] = count;
    wide::add(&mut words[1..3], sum);
}

/// Adds the squares of these values and of a past running value.
pub(crate) fn write_squares(
    words: &mut [u64],
    past: Option<&[u64]>,
    values: impl Iterator<Item = u64>,
) {
    let squares = &mut words[3..6];
    values.for_each(|value| wide::add_square(squares, value.cast_signed(), false));
    if let Some(past) = past {
        wide::add_squares(squares, &past[3..6]);
    }
}

/// Makes a running value of floats, `past` and these; its cell must drop it.
pub(crate) fn float_scan(
    values: impl Iterator<Item = u64>,
    squares: bool,
    past: Option<&[u64]>,
    words: &mut [u64],
    heap: &mut Heap,
) {
    let past = past.filter(|past| past[0] > 0);
    let mut sums = past.map_or_else(FloatSums::default, |past| heap.floats.get(past[1]).clone());
    words[0] = past.map_or(0, |past| past[0]);
    for value in values.map(f64::from_bits) {
        words[0] += 1;
        sums.sum.add(value, false);
        if squares {
            sums.squares.add_square(value, false);
        }
    }
    if words[0] > 0 {
        words[1] = heap.floats.take();
        *heap.floats.get_mut(words[1]) = sums;
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
    fits_int(wide::read(&words[1..3]))
}

/// The sum of decimals.
pub(super) fn decimal(words: &[u64]) -> Option<u64> {
    fits_decimal(wide::read(&words[1..3]))
}

/// A sum of integers, if it is one.
#[inline]
pub(crate) fn fits_int(sum: i128) -> Option<u64> {
    i64::try_from(sum).ok().map(i64::cast_unsigned)
}

/// A sum of decimals, if it is one: a mantissa of at most 18 digits.
#[inline]
pub(crate) fn fits_decimal(sum: i128) -> Option<u64> {
    fits_int(sum).filter(|_| -MANTISSA_END < sum && sum < MANTISSA_END)
}

/// The sum of floats.
pub(super) fn float(words: &[u64], heap: &Heap) -> Option<u64> {
    if words[0] == 0 {
        return Some(0f64.to_bits());
    }
    finite(heap.floats.get(words[1]).sum.nearest())
}

/// The bits of a float, if it is one.
#[inline]
pub(super) fn finite(x: f64) -> Option<u64> {
    // A sum of exactly nothing has no sign.
    x.is_finite().then(|| (x + 0.0).to_bits())
}

impl Item for FloatSums {
    fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        self.sum.save(to)?;
        self.squares.save(to)
    }
}
