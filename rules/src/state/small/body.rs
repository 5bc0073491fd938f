//! The rows of a small key, read: their times, masks and columns, and where a time stands among them.
//!
//! The invariant: rows stand in order of (event time, order taken), and every column, mask and time moves with its row.

use zerocopy::{FromBytes, IntoBytes};

use super::shape::{BASE, FORGOTTEN, HINTS, META, Shape, UNITS};
use crate::state::row::set_bit;

/// A small key, to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub(super) shape: &'a Shape,
    pub(super) words: &'a [u64],
}

/// Words as halves.
#[inline]
fn halves(words: &[u64]) -> &[u32] {
    // It fails for a wrong alignment or size only, and a word is good for two halves.
    <[u32]>::ref_from_bytes(words.as_bytes()).unwrap_or_default()
}

/// Words as halves, to change.
#[inline]
pub(super) fn halves_mut(words: &mut [u64]) -> &mut [u32] {
    <[u32]>::mut_from_bytes(words.as_mut_bytes()).unwrap_or_default()
}

/// The first for which `up_to` no longer holds, probably about `near`.
#[inline]
fn search<T>(times: &[T], near: usize, up_to: impl Fn(&T) -> bool) -> usize {
    let mut at = near.min(times.len());
    while at < times.len() && up_to(&times[at]) {
        at += 1;
    }
    while at > 0 && !up_to(&times[at - 1]) {
        at -= 1;
    }
    at
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
    fn unit(&self) -> usize {
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
        match self.shape.wide {
            true => self.words[self.shape.times + row as usize],
            false => self.halves()[row as usize].into(),
        }
    }

    pub(super) fn time(&self, row: u32) -> i64 {
        let raw = self.raw(row);
        if self.shape.wide {
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
        if self.shape.wide {
            return self.until_raw(time.cast_unsigned() ^ SIGN, rows);
        }
        let base = self.words[BASE].cast_signed();
        match time.checked_sub(base) {
            // The last row is behind it, so it is far less than what an offset can be.
            Some(offset) if offset >= 0 => {
                self.until_raw((offset / UNITS[self.unit()]).cast_unsigned(), rows)
            }
            _ => 0,
        }
    }

    /// How many rows have a time up to one, as it stands in rows; probably about `near`.
    #[inline]
    pub(super) fn until_raw(&self, limit: u64, near: u32) -> u32 {
        let (rows, near) = (self.rows() as usize, near as usize);
        let at = match self.shape.wide {
            true => {
                let times = &self.words[self.shape.times..self.shape.times + rows];
                search(times, near, |time| *time <= limit)
            }
            false => search(&self.halves()[..rows], near, |time| {
                u64::from(*time) <= limit
            }),
        };
        at as u32
    }

    /// Per span how many rows have a time up to the one that lies this span before `raw`; `now`: rows up to `raw`.
    #[inline]
    pub(super) fn until_each(
        &self,
        raw: u64,
        now: u32,
        spans: &[[u64; 4]],
        ranges: &mut [(u32, u32)],
    ) {
        let (rows, unit) = (self.rows() as usize, self.unit() & 3);
        let hints = &self.words[META..self.shape.masks].as_bytes()[HINTS..];
        let windows = ranges.iter_mut().zip(spans).zip(hints);
        if self.shape.wide {
            let times = &self.words[self.shape.times..self.shape.times + rows];
            for ((range, span), hint) in windows {
                // Whole microseconds saturate as times do.
                let limit = raw.saturating_sub(span[unit]);
                *range = (
                    search(times, usize::from(*hint), |time| *time <= limit) as u32,
                    now,
                );
            }
            return;
        }
        let (times, raw) = (&self.halves()[..rows], raw.cast_signed());
        for ((range, span), hint) in windows {
            // Before all rows when it is below zero.
            let limit = raw.saturating_sub_unsigned(span[unit]);
            let low = search(times, usize::from(*hint), |time| i64::from(*time) <= limit);
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
    pub(super) fn column(&self, column: usize) -> &'a [u64] {
        let capacity = self.shape.capacity as usize;
        let at = self.shape.values + column * capacity;
        &self.words[at..at + capacity]
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
            *word = self.column(column)[row as usize];
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
