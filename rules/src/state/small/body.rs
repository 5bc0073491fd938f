//! The rows of a small key, read: their times, masks and columns, and where a time stands among them.
//!
//! The invariant: rows stand in order of (event time, order taken), and every column, mask and time moves with its row.

use zerocopy::{FromBytes, IntoBytes};

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

/// A column of values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column<'a> {
    Halves(&'a [i32]),
    Words(&'a [u64]),
}

/// A value in half a word.
#[inline]
pub(super) fn half(value: u64) -> Option<i32> {
    i32::try_from(value.cast_signed()).ok()
}

impl Column<'_> {
    /// The value of a row.
    #[inline]
    pub(super) fn get(&self, row: usize) -> u64 {
        match self {
            Column::Halves(values) => i64::from(values[row]).cast_unsigned(),
            Column::Words(values) => values[row],
        }
    }

    /// The sum of the values of `low..end` as integers, of those whose bit is set.
    #[inline]
    pub(super) fn sum(&self, low: u32, end: u32, rows: u64) -> i128 {
        let (range, inside) = (low as usize..end as usize, bits(low, end));
        let whole = rows & inside == inside;
        match self {
            // 64 halves stay far below 64 bits.
            Column::Halves(values) if whole => {
                let sum: i64 = values[range].iter().map(|value| i64::from(*value)).sum();
                sum.into()
            }
            Column::Words(values) if whole => {
                let values = values[range].iter();
                values.map(|value| i128::from(value.cast_signed())).sum()
            }
            _ => {
                let value = |row| i128::from(self.get(row as usize).cast_signed());
                each(rows & inside).map(value).sum()
            }
        }
    }
}

/// Makes signed words compare as unsigned ones.
pub(super) const SIGN: u64 = 1 << 63;

/// Where the flags of a record begin in [`META`].
pub(super) const FLAGS_SHIFT: u32 = 16;

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

    /// The times of narrow rows.
    #[inline]
    fn halves(&self) -> &'a [u32] {
        halves(&self.words[self.shape.times..self.shape.values])
    }

    /// The time of a row as it stands there.
    #[inline]
    pub(super) fn raw(&self, row: u32) -> u64 {
        match self.shape.width {
            Width::Wide => self.words[self.shape.times + row as usize],
            _ => self.halves()[row as usize].into(),
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
        let rows = self.rows() as usize;
        let at = match self.shape.width {
            Width::Wide => {
                let times = &self.words[self.shape.times..self.shape.times + rows];
                times.partition_point(|time| *time <= limit)
            }
            _ => self.halves()[..rows].partition_point(|time| u64::from(*time) <= limit),
        };
        at as u32
    }

    /// Per span the rows from the first that lies less than this before `raw` up to `now`.
    #[inline]
    pub(super) fn until_each(
        &self,
        raw: u64,
        now: u32,
        spans: &[[u64; 4]],
        ranges: &mut [(u32, u32)],
    ) {
        let (rows, unit) = (self.rows() as usize, self.unit() & 3);
        let windows = ranges.iter_mut().zip(spans);
        if self.shape.width == Width::Wide {
            let times = &self.words[self.shape.times..self.shape.times + rows];
            for (range, span) in windows {
                // Whole microseconds saturate as times do.
                let limit = raw.saturating_sub(span[unit]);
                *range = (times.partition_point(|time| *time <= limit) as u32, now);
            }
            return;
        }
        let times = &self.halves()[..rows];
        for (range, span) in windows {
            // A window that begins before all offsets takes in all rows.
            let low = raw.checked_sub(span[unit]).map_or(0, |limit| {
                times.partition_point(|time| u64::from(*time) <= limit)
            });
            *range = (low as u32, now);
        }
    }

    #[inline]
    pub(super) fn mask(&self, flag: usize) -> u64 {
        let (word, shift) = self.shape.mask(flag);
        self.words[word] >> shift & self.shape.mask_ones
    }

    /// A column of values.
    #[inline]
    pub(super) fn column(&self, column: usize) -> Column<'a> {
        let (at, length) = self.shape.column(column);
        let words = &self.words[at..at + length];
        match self.shape.is_thin(column) {
            // It fails for a wrong alignment or size only.
            true => Column::Halves(<[i32]>::ref_from_bytes(words.as_bytes()).unwrap_or_default()),
            false => Column::Words(words),
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
