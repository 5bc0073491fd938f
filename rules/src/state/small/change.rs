//! The rows of a small key, changed: put in, taken out, moved to another class.
//!
//! The invariant: rows stand in order of (event time, order taken), and every column, mask and time moves with its row.

use super::body::{Body, FLAGS_SHIFT, SIGN, bits, each, half, halves_mut, offset};
use super::shape::{BASE, FORGOTTEN, META, Shape, UNITS, WHOLE, Width};

/// A small key, to change.
#[derive(Debug)]
pub(super) struct BodyMut<'a> {
    pub(super) shape: &'a Shape,
    pub(super) words: &'a mut [u64],
}

impl BodyMut<'_> {
    pub(super) fn read(&self) -> Body<'_> {
        Body {
            shape: self.shape,
            words: self.words,
        }
    }

    /// Makes it a key without events.
    pub(super) fn clear(&mut self, identity: [u64; 2], forgotten: i64, flags: u64) {
        self.words.fill(0);
        self.words[..2].copy_from_slice(&identity);
        self.words[FORGOTTEN] = forgotten.cast_unsigned();
        self.words[META] = flags << FLAGS_SHIFT;
        self.words[self.shape.times..self.shape.values].fill(u64::MAX);
    }

    pub(super) fn set_rows(&mut self, rows: u32) {
        self.words[META] = self.words[META] & !0xff | u64::from(rows);
    }

    pub(super) fn forget_until(&mut self, time: i64) {
        let forgotten = time.max(self.words[FORGOTTEN].cast_signed());
        self.words[FORGOTTEN] = forgotten.cast_unsigned();
    }

    #[inline]
    fn set_raw(&mut self, row: u32, raw: u64) {
        let row = row as usize;
        if self.shape.width == Width::Wide {
            self.words[self.shape.times + row] = raw;
            return;
        }
        halves_mut(&mut self.words[self.shape.times..self.shape.values])[row] = raw as u32;
    }

    #[inline]
    pub(super) fn set_mask(&mut self, flag: usize, mask: u64) {
        let (word, shift) = self.shape.mask(flag);
        let word = &mut self.words[word];
        *word = *word & !(self.shape.mask_ones << shift) | mask << shift;
    }

    /// The width that can tell a row of this time and of values that need so much; within its own the unit of times
    /// is changed where it must be.
    pub(super) fn width_for(&mut self, time: i64, values: Width) -> Width {
        let width = self.shape.width.max(values);
        let body = self.read();
        let told = body.encode(time).is_some() && body.rows() > 0;
        if width == Width::Wide || told || self.refit(time) {
            return width;
        }
        Width::Wide
    }

    #[cold]
    fn refit(&mut self, time: i64) -> bool {
        let body = self.read();
        let times: Vec<i64> = (0..body.rows()).map(|row| body.time(row)).collect();
        let all = || times.iter().copied().chain([time]);
        let (low, high) = all().fold((time, time), |(a, b), t| (a.min(t), b.max(t)));
        let found = UNITS.iter().enumerate().find_map(|(index, unit)| {
            let span = u32::try_from(high.checked_sub(low)? / unit).ok()?;
            // A quarter of what is left for older events, the rest for newer ones.
            let slack = i64::from((u32::MAX - span) / 4) * unit;
            let base = low.checked_sub(slack)?;
            all()
                .all(|t| offset(t, base, *unit).is_some())
                .then_some((index, base))
        });
        let Some((unit, base)) = found else {
            return false;
        };
        self.words[META] = self.words[META] & !0xff00 | (unit as u64) << 8;
        self.words[BASE] = base.cast_unsigned();
        for (row, time) in times.into_iter().enumerate() {
            self.write_time(row as u32, time);
        }
        true
    }

    fn write_time(&mut self, row: u32, time: i64) {
        // [`BodyMut::fits`] was asked before.
        let raw = self.read().encode(time).unwrap_or(u64::from(u32::MAX - 1));
        self.set_raw(row, raw);
    }

    #[inline]
    fn set_value(&mut self, column: usize, row: u32, value: u64) {
        let (at, length) = self.shape.column(column);
        if !self.shape.is_thin(column) {
            self.words[at + row as usize] = value;
            return;
        }
        // That it fits was asked before.
        let value = half(value).unwrap_or_default().cast_unsigned();
        halves_mut(&mut self.words[at..at + length])[row as usize] = value;
    }

    /// Puts a row, as [`crate::state::row`] has it, in front of the row `at`. There must be room, and its width must
    /// tell it. `raw`: its time as it stands in rows.
    #[inline]
    pub(super) fn insert(&mut self, at: u32, raw: u64, row: &[u64]) {
        let rows = self.read().rows();
        if at < rows {
            self.open(at, rows);
        }
        self.stop();
        self.append(at, raw, row);
    }

    /// Writes a row to a place where none is, all others in place.
    #[inline]
    pub(super) fn append(&mut self, at: u32, raw: u64, row: &[u64]) {
        self.words[META] += 1;
        let shape = self.shape;
        let first = row.len() - shape.columns;
        // Masks have no bit where no row was.
        for (index, word) in row[1..first].iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let (word, shift) = shape.mask(index * 64 + left.trailing_zeros() as usize);
                self.words[word] |= 1 << (shift + at);
                left &= left - 1;
            }
        }
        if shape.width < Width::Full && shape.longs == 0 {
            let halves = halves_mut(&mut self.words[shape.times..]);
            let mut place = at as usize;
            halves[place] = raw as u32;
            place += 2 * (shape.values - shape.times);
            for word in &row[first..] {
                // That it fits was asked before.
                halves[place] = *word as u32;
                place += 2 * shape.column_words;
            }
            return;
        }
        self.set_raw(at, raw);
        for (column, word) in row[first..].iter().enumerate() {
            self.set_value(column, at, *word);
        }
    }

    /// Moves the rows from `at` on one place up.
    fn open(&mut self, at: u32, rows: u32) {
        for row in (at..rows).rev() {
            let raw = self.read().raw(row);
            self.set_raw(row + 1, raw);
        }
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            let (below, above) = (mask & bits(0, at), mask & bits(at, rows));
            self.set_mask(flag, below | above << 1);
        }
        for column in 0..self.shape.columns {
            self.shift(column, at, rows, at + 1);
        }
    }

    /// Moves the values of the rows `from..end` of a column to where `to` is.
    fn shift(&mut self, column: usize, from: u32, end: u32, to: u32) {
        let (at, length) = self.shape.column(column);
        let words = &mut self.words[at..at + length];
        let (moved, to) = (from as usize..end as usize, to as usize);
        match self.shape.is_thin(column) {
            true => halves_mut(words).copy_within(moved, to),
            false => words.copy_within(moved, to),
        }
    }

    /// Keeps the rows of a mask and lets go of the others.
    pub(super) fn retain(&mut self, kept: u64) {
        let rows = self.read().rows();
        let kept = kept & bits(0, rows);
        let first = kept.trailing_zeros().min(rows);
        if kept == bits(first, rows) {
            self.retain_from(first);
            return;
        }
        let left = kept.count_ones();
        self.stop();
        for (to, from) in each(kept).enumerate() {
            let raw = self.read().raw(from);
            self.set_raw(to as u32, raw);
            for column in 0..self.shape.columns {
                let value = self.read().column(column).get(from as usize);
                self.set_value(column, to as u32, value);
            }
        }
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            let bit = |(to, from): (usize, u32)| (mask >> from & 1) << to;
            self.set_mask(flag, each(kept).enumerate().map(bit).sum());
        }
        for row in left..rows {
            self.set_raw(row, u64::MAX);
        }
        self.set_rows(left);
    }

    /// Keeps the rows from this one on.
    pub(super) fn retain_from(&mut self, first: u32) {
        let rows = self.read().rows();
        let left = rows - first;
        self.lose(first);
        self.shift_times(first, rows);
        (0..self.shape.columns).for_each(|column| self.shift(column, first, rows, 0));
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            self.set_mask(flag, mask >> (first % 64) & bits(0, left));
        }
        self.set_rows(left);
    }

    /// Moves the times of the rows from `first` on to the beginning.
    fn shift_times(&mut self, first: u32, rows: u32) {
        let (first, rows) = (first as usize, rows as usize);
        let times = &mut self.words[self.shape.times..self.shape.values];
        if self.shape.width == Width::Wide {
            times.copy_within(first..rows, 0);
            times[rows - first..rows].fill(u64::MAX);
            return;
        }
        let times = halves_mut(times);
        times.copy_within(first..rows, 0);
        times[rows - first..rows].fill(u32::MAX);
    }

    /// Takes over what another class holds; the rows must fit, and the width tell them.
    pub(super) fn copy_from(&mut self, other: Body<'_>) {
        let (rows, wide) = (other.rows(), self.shape.width == Width::Wide);
        let mut front = self.shape.masks;
        if self.shape.running == 0 || other.shape.running == 0 {
            front = self.shape.fixed;
        }
        self.words[..front].copy_from_slice(&other.words[..front]);
        if front < self.shape.masks || front < other.shape.masks {
            self.stop();
        }
        self.words[self.shape.times..self.shape.values].fill(u64::MAX);
        self.words[self.shape.masks..self.shape.times].fill(0);
        if wide {
            self.words[META] = self.words[META] & !0xff00 | (WHOLE as u64) << 8;
        }
        let times = other.shape.times..other.shape.times + (rows as usize).div_ceil(2);
        if !wide {
            // Halves behind the rows have the greatest time on both sides.
            let at = self.shape.times;
            self.words[at..at + times.len()].copy_from_slice(&other.words[times]);
        } else {
            for row in 0..rows {
                self.set_raw(row, other.time(row).cast_unsigned() ^ SIGN);
            }
        }
        for flag in 0..self.shape.masks_all {
            self.set_mask(flag, other.mask(flag));
        }
        for column in 0..self.shape.columns {
            self.copy_column(column, other, rows);
        }
    }

    fn copy_column(&mut self, column: usize, other: Body<'_>, rows: u32) {
        if self.shape.is_thin(column) != other.shape.is_thin(column) {
            let values = other.column(column);
            (0..rows).for_each(|row| self.set_value(column, row, values.get(row as usize)));
            return;
        }
        let halves = self.shape.is_thin(column);
        let words = if halves { rows.div_ceil(2) } else { rows } as usize;
        let ((to, _), (from, _)) = (self.shape.column(column), other.shape.column(column));
        self.words[to..to + words].copy_from_slice(&other.words[from..from + words]);
    }
}
