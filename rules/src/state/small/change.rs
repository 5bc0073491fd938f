//! The rows of a small key, changed: put in, taken out, moved to another class.
//!
//! The invariant: rows stand in order of (event time, order taken), and every value, mask and time moves with its row.

use super::body::{Body, FLAGS_SHIFT, SIGN, bits, each, halves_mut, offset};
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
    }

    pub(super) fn set_rows(&mut self, rows: u32) {
        self.words[META] = self.words[META] & !0xff | u64::from(rows);
    }

    pub(super) fn forget_until(&mut self, time: i64) {
        let forgotten = time.max(self.words[FORGOTTEN].cast_signed());
        self.words[FORGOTTEN] = forgotten.cast_unsigned();
    }

    /// The rows, in halves.
    #[inline]
    fn halves(&mut self) -> &mut [u32] {
        halves_mut(&mut self.words[self.shape.rows..])
    }

    #[inline]
    fn set_raw(&mut self, row: u32, raw: u64) {
        let (at, wide) = (
            row as usize * self.shape.stride,
            self.shape.width == Width::Wide,
        );
        let halves = self.halves();
        halves[at] = raw as u32;
        if wide {
            halves[at + 1] = (raw >> 32) as u32;
        }
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
        let at = row as usize * self.shape.stride + self.shape.half_of(column);
        let thin = self.shape.is_thin(column);
        let halves = self.halves();
        // That a thin one fits was asked before.
        halves[at] = value as u32;
        if !thin {
            halves[at + 1] = (value >> 32) as u32;
        }
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
            let place = at as usize * shape.stride;
            let halves = &mut self.halves()[place..place + shape.stride];
            halves[0] = raw as u32;
            for (half, word) in halves[1..].iter_mut().zip(&row[first..]) {
                // That it fits was asked before.
                *half = *word as u32;
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
        self.shift(at, rows, at + 1);
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            let (below, above) = (mask & bits(0, at), mask & bits(at, rows));
            self.set_mask(flag, below | above << 1);
        }
    }

    /// Moves times and values of the rows `from..end` to where `to` is.
    fn shift(&mut self, from: u32, end: u32, to: u32) {
        let [from, end, to] = [from, end, to].map(|row| row as usize * self.shape.stride);
        self.halves().copy_within(from..end, to);
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
            self.shift(from, from + 1, to as u32);
        }
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            let bit = |(to, from): (usize, u32)| (mask >> from & 1) << to;
            self.set_mask(flag, each(kept).enumerate().map(bit).sum());
        }
        self.set_rows(left);
    }

    /// Keeps the rows from this one on.
    pub(super) fn retain_from(&mut self, first: u32) {
        let rows = self.read().rows();
        let left = rows - first;
        self.lose(first);
        self.shift(first, rows, 0);
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            self.set_mask(flag, mask >> (first % 64) & bits(0, left));
        }
        self.set_rows(left);
    }

    /// Takes over what another class holds; the rows must fit, and the width tell them.
    pub(super) fn copy_from(&mut self, other: Body<'_>) {
        let rows = other.rows();
        let mut front = self.shape.masks;
        if self.shape.running == 0 || other.shape.running == 0 {
            front = self.shape.fixed;
        }
        self.words[..front].copy_from_slice(&other.words[..front]);
        if front < self.shape.masks || front < other.shape.masks {
            self.stop();
        }
        self.words[self.shape.masks..self.shape.rows].fill(0);
        for flag in 0..self.shape.masks_all {
            self.set_mask(flag, other.mask(flag));
        }
        if self.shape.width == other.shape.width {
            let halves = rows as usize * self.shape.stride;
            self.halves()[..halves].copy_from_slice(&other.halves()[..halves]);
            return;
        }
        let wide = self.shape.width == Width::Wide;
        if wide {
            self.words[META] = self.words[META] & !0xff00 | (WHOLE as u64) << 8;
        }
        for row in 0..rows {
            let raw = match wide {
                true => other.time(row).cast_unsigned() ^ SIGN,
                false => other.raw(row),
            };
            self.set_raw(row, raw);
            for column in 0..self.shape.columns {
                let value = other.column(column).get(row as usize);
                self.set_value(column, row, value);
            }
        }
    }
}
