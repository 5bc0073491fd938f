//! The rows of a small key, read: their times, masks and values, and where a time stands among them.
//!
//! The invariant: rows stand in order of (event time, order taken), and every value, mask and time moves with its row.

use std::hint::select_unpredictable;

use zerocopy::{FromBytes, IntoBytes};

use super::reach::Reach;
use super::shape::{BASE, FORGOTTEN, META, Shape, UNITS, Width};
use crate::state::row::set_bit;

/// A small key, to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub(super) shape: &'a Shape,
    pub(super) words: &'a [u64],
}

/// Words as halves.
#[inline]
pub(super) fn halves(words: &[u64]) -> &[u32] {
    // It fails for a wrong alignment or size only, and a word is good for two halves.
    <[u32]>::ref_from_bytes(words.as_bytes()).unwrap_or_default()
}

/// Words as halves, to change.
#[inline]
pub(super) fn halves_mut(words: &mut [u64]) -> &mut [u32] {
    <[u32]>::mut_from_bytes(words.as_mut_bytes()).unwrap_or_default()
}

/// The values of one input, by row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    /// From the first row's value on.
    halves: &'a [u32],
    /// Halves from one row to the next.
    stride: usize,
    /// Values take 64 bits.
    long: bool,
}

/// A value in half a word.
#[inline]
pub(super) fn half(value: u64) -> Option<i32> {
    i32::try_from(value.cast_signed()).ok()
}

/// Two halves as a word, the lower one first.
#[inline]
pub(super) fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

impl Column<'_> {
    /// The value of a row.
    #[inline]
    pub(super) fn get(&self, row: usize) -> u64 {
        let at = row * self.stride;
        match self.long {
            true => join(self.halves[at], self.halves[at + 1]),
            false => i64::from(self.halves[at].cast_signed()).cast_unsigned(),
        }
    }

    /// The sum of the values of `low..end` as integers, of those whose bit is set.
    #[inline]
    pub(super) fn sum(&self, low: u32, end: u32, rows: u64) -> i128 {
        let inside = bits(low, end);
        let value = |row: u32| self.get(row as usize).cast_signed();
        match rows & inside == inside {
            // 64 halves stay far below 64 bits.
            true if !self.long => (low..end).map(value).sum::<i64>().into(),
            true => (low..end).map(|row| i128::from(value(row))).sum(),
            false => {
                let rows = each(rows & inside);
                rows.map(|row| i128::from(value(row))).sum()
            }
        }
    }
}

/// Makes signed words compare as unsigned ones.
pub(super) const SIGN: u64 = 1 << 63;

/// Where the flags of a record begin in [`META`].
pub(super) const FLAGS_SHIFT: u32 = 16;

/// How many of the first rows are `inside`, which none is behind one that is not. Without branches to guess, so that one
/// search does not wait for another.
#[inline]
fn until(rows: u32, inside: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut left) = (0, rows);
    while left > 1 {
        let half = left / 2;
        low = select_unpredictable(inside(low + half - 1), low + half, low);
        left -= half;
    }
    low + u32::from(left == 1 && inside(low))
}

/// The rows `from..to` as a mask.
#[inline]
pub(super) fn bits(from: u32, to: u32) -> u64 {
    if from >= to {
        return 0;
    }
    u64::MAX >> (64 - to.min(64)) & (u64::MAX << from)
}

/// The rows of a mask, one by one from the first.
pub(super) fn each(mut mask: u64) -> impl Iterator<Item = u32> + Clone {
    std::iter::from_fn(move || {
        let row = (mask != 0).then(|| mask.trailing_zeros());
        mask &= mask.wrapping_sub(1);
        row
    })
}

impl<'a> Body<'a> {
    #[inline]
    pub(super) fn rows(&self) -> u32 {
        self.words[META] as u32 & 0xff
    }

    #[inline]
    pub(super) fn unit(&self) -> usize {
        (self.words[META] >> 8) as usize & 0xff
    }

    /// Flags of the record, as in [`crate::state::layout`].
    #[inline]
    pub(super) fn flags(&self) -> u64 {
        self.words[META] >> FLAGS_SHIFT & 0xff
    }

    #[inline]
    pub(super) fn forgotten(&self) -> i64 {
        self.words[FORGOTTEN].cast_signed()
    }

    /// The time of the last row; without rows that of the last one forgotten.
    pub(super) fn newest(&self) -> i64 {
        match self.rows() {
            0 => self.forgotten(),
            rows => self.time(rows - 1),
        }
    }

    /// The time of the first row; without rows the end of time.
    pub(super) fn oldest(&self) -> i64 {
        match self.rows() {
            0 => i64::MAX,
            _ => self.time(0),
        }
    }

    /// The rows, in halves.
    #[inline]
    pub(super) fn halves(&self) -> &'a [u32] {
        halves(&self.words[self.shape.rows..])
    }

    /// The time of a row as it stands there.
    #[inline]
    pub(super) fn raw(&self, row: u32) -> u64 {
        let (halves, at) = (self.halves(), row as usize * self.shape.stride);
        match self.shape.width {
            Width::Wide => join(halves[at], halves[at + 1]),
            _ => halves[at].into(),
        }
    }

    pub(super) fn time(&self, row: u32) -> i64 {
        let raw = self.raw(row);
        if self.shape.width == Width::Wide {
            return (raw ^ SIGN).cast_signed();
        }
        self.words[BASE].cast_signed() + raw.cast_signed() * UNITS[self.unit()]
    }

    /// A time as it would stand in a row; none for one that the unit at hand cannot tell.
    #[inline]
    pub(super) fn encode(&self, time: i64) -> Option<u64> {
        let base = self.words[BASE].cast_signed();
        match self.unit() {
            0 => offset(time, base, UNITS[0]),
            1 => offset(time, base, UNITS[1]),
            2 => offset(time, base, UNITS[2]),
            _ => Some(time.cast_unsigned() ^ SIGN),
        }
    }

    /// How many rows have a time up to this.
    pub(super) fn until(&self, time: i64) -> u32 {
        let rows = self.rows();
        // Most events come in order.
        if rows == 0 || self.time(rows - 1) <= time {
            return rows;
        }
        if self.shape.width == Width::Wide {
            return self.until_raw(time.cast_unsigned() ^ SIGN);
        }
        let base = self.words[BASE].cast_signed();
        match time.checked_sub(base) {
            // The last row is behind it, so it is far less than what an offset can be. Divided by what is known
            // beforehand, which is no division.
            Some(offset) if offset >= 0 => self.until_raw(match self.unit() {
                0 => offset.cast_unsigned() / UNITS[0].cast_unsigned(),
                1 => offset.cast_unsigned() / UNITS[1].cast_unsigned(),
                _ => offset.cast_unsigned(),
            }),
            _ => 0,
        }
    }

    /// How many rows have a time up to one, as it stands in rows.
    pub(super) fn until_raw(&self, limit: u64) -> u32 {
        let (rows, halves, stride) = (self.rows(), self.halves(), self.shape.stride);
        match self.shape.width {
            Width::Wide => until(rows, |row| {
                let at = row as usize * stride;
                join(halves[at], halves[at + 1]) <= limit
            }),
            _ => until(rows, |row| {
                u64::from(halves[row as usize * stride]) <= limit
            }),
        }
    }

    /// How many rows lie at least this long before `raw`.
    #[inline]
    pub(super) fn until_before(&self, raw: u64, span: u64) -> u32 {
        let limit = match self.shape.width {
            // Whole microseconds saturate as times do.
            Width::Wide => Some(raw.saturating_sub(span)),
            // No row lies before all offsets.
            _ => raw.checked_sub(span),
        };
        limit.map_or(0, |limit| self.until_raw(limit))
    }

    /// Per window of times its rows, of an event at `raw` before which there are `now`.
    #[inline]
    pub(super) fn until_each(
        &self,
        raw: u64,
        now: u32,
        reaches: &[Reach],
        ranges: &mut Vec<(u32, u32)>,
    ) {
        let unit = self.unit() & 3;
        ranges.clear();
        ranges.extend(reaches.iter().map(|reach| {
            let end = match reach.is_delayed() {
                true => self.until_before(raw, reach.to[unit]),
                false => now,
            };
            (self.until_before(raw, reach.from[unit]), end)
        }));
    }

    #[inline]
    pub(super) fn mask(&self, flag: usize) -> u64 {
        let (word, shift) = self.shape.mask(flag);
        self.words[word] >> shift & self.shape.mask_ones
    }

    /// The values of an input.
    #[inline]
    pub(super) fn column(&self, column: usize) -> Column<'a> {
        Column {
            halves: &self.halves()[self.shape.half_of(column)..],
            stride: self.shape.stride,
            long: !self.shape.is_thin(column),
        }
    }

    /// Writes a row as [`crate::state::row`] has it.
    pub(super) fn read_row(&self, row: u32, words: &mut [u64]) {
        words.fill(0);
        words[0] = self.time(row).cast_unsigned();
        for flag in 0..self.shape.flags {
            if self.mask(flag) >> row & 1 == 1 {
                set_bit(words, flag);
            }
        }
        let first = words.len() - self.shape.columns;
        for (column, word) in words[first..].iter_mut().enumerate() {
            *word = self.column(column).get(row as usize);
        }
    }
}

impl Shape {
    /// Word and shift of a mask.
    #[inline]
    pub(super) fn mask(&self, flag: usize) -> (usize, u32) {
        let in_word = flag & ((1 << self.masks_shift) - 1);
        (
            self.masks + (flag >> self.masks_shift),
            in_word as u32 * self.mask_bits,
        )
    }
}

/// The offset of a time in a unit.
#[inline]
pub(super) fn offset(time: i64, base: i64, unit: i64) -> Option<u64> {
    let distance = time.checked_sub(base).filter(|d| *d >= 0)?.cast_unsigned();
    let unit = unit.cast_unsigned();
    let offset = distance / unit;
    (offset * unit == distance && offset < u64::from(u32::MAX)).then_some(offset)
}
