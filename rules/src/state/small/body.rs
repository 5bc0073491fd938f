//! The rows of a small key: found, put in, taken out.
//!
//! The invariant: rows stand in order of (event time, order taken), and every column, mask and time moves with its row.

use zerocopy::{FromBytes, IntoBytes};

use super::shape::{BASE, FORGOTTEN, HINTS, META, Shape, UNITS, WHOLE};
use crate::state::row::set_bit;

/// A small key, to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub(super) shape: &'a Shape,
    pub(super) words: &'a [u64],
}

/// A small key, to change.
#[derive(Debug)]
pub(super) struct BodyMut<'a> {
    pub(super) shape: &'a Shape,
    pub(super) words: &'a mut [u64],
}

/// Words as halves.
#[inline]
fn halves(words: &[u64]) -> &[u32] {
    // It fails for a wrong alignment or size only, and a word is good for two halves.
    <[u32]>::ref_from_bytes(words.as_bytes()).unwrap_or_default()
}

/// Words as halves, to change.
#[inline]
fn halves_mut(words: &mut [u64]) -> &mut [u32] {
    <[u32]>::mut_from_bytes(words.as_mut_bytes()).unwrap_or_default()
}

/// The first for which `up_to` no longer holds, probably about `near`.
#[inline]
fn search<T>(times: &[T], near: usize, up_to: impl Fn(&T) -> bool) -> usize {
    let mut at = near;
    while at < times.len() && up_to(&times[at]) {
        at += 1;
    }
    while at > 0 && times.get(at - 1).is_none_or(|time| !up_to(time)) {
        at -= 1;
    }
    at
}

/// Makes signed words compare as unsigned ones.
const SIGN: u64 = 1 << 63;

/// Where the flags of a record begin in [`META`].
const FLAGS_SHIFT: u32 = 16;

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

    /// The row a window began with at the last answer, more or less.
    #[inline]
    pub(super) fn hint(&self, window: usize) -> u32 {
        let byte = HINTS + window;
        let hint = (self.words[META + byte / 8] >> (byte % 8 * 8)) as u32 & 0xff;
        hint.min(self.rows())
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
    fn raw(&self, row: u32) -> u64 {
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

    /// Per span how many rows have a time up to the one that lies this span before `raw`.
    #[inline]
    pub(super) fn until_each(&self, raw: u64, spans: &[[u64; 4]], ranges: &mut [(u32, u32)]) {
        let (rows, unit) = (self.rows() as usize, self.unit() & 3);
        let hints = |window: usize| self.hint(window) as usize;
        let windows = spans.iter().zip(ranges).enumerate();
        if self.shape.wide {
            let times = &self.words[self.shape.times..self.shape.times + rows];
            for (window, (span, range)) in windows {
                // Whole microseconds saturate as times do.
                let limit = raw.saturating_sub(span[unit]);
                range.0 = search(times, hints(window), |time| *time <= limit) as u32;
            }
            return;
        }
        let times = &self.halves()[..rows];
        for (window, (span, range)) in windows {
            let limit = raw.checked_sub(span[unit]);
            range.0 = match limit.map(|limit| limit.min(u32::MAX.into()) as u32) {
                Some(limit) => search(times, hints(window), |time| *time <= limit) as u32,
                None => 0,
            };
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
    fn mask(&self, flag: usize) -> (usize, u32) {
        let in_word = flag & ((1 << self.masks_shift) - 1);
        (
            self.masks + (flag >> self.masks_shift),
            in_word as u32 * self.mask_bits,
        )
    }
}

/// The offset of a time in a unit.
#[inline]
fn offset(time: i64, base: i64, unit: i64) -> Option<u64> {
    let distance = time.checked_sub(base).filter(|d| *d >= 0)?.cast_unsigned();
    let unit = unit.cast_unsigned();
    let offset = distance / unit;
    (offset * unit == distance && offset < u64::from(u32::MAX)).then_some(offset)
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
        if self.shape.wide {
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

    /// Whether a time can be told in the unit at hand; if not and another unit would do, changes to that.
    #[inline]
    pub(super) fn fits(&mut self, time: i64) -> bool {
        let body = self.read();
        (body.encode(time).is_some() && body.rows() > 0) || self.shape.wide || self.refit(time)
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

    /// Puts a row, as [`crate::state::row`] has it, in front of the row `at`. There must be
    /// room. `raw`: its time as it stands in rows.
    #[inline]
    pub(super) fn insert(&mut self, at: u32, raw: u64, row: &[u64]) {
        let rows = self.read().rows();
        if at < rows {
            self.open(at, rows);
        }
        self.words[META] += 1;
        self.set_raw(at, raw);
        let first = row.len() - self.shape.columns;
        // Masks have no bit where no row was.
        for (index, word) in row[1..first].iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let (word, shift) = self.shape.mask(index * 64 + left.trailing_zeros() as usize);
                self.words[word] |= 1 << (shift + at);
                left &= left - 1;
            }
        }
        let mut place = self.shape.values + at as usize;
        for word in &row[first..] {
            self.words[place] = *word;
            place += self.shape.capacity as usize;
        }
    }

    /// Remembers where windows begin.
    #[inline]
    pub(super) fn set_hints(&mut self, ranges: &[(u32, u32)]) {
        for (window, (low, _)) in ranges.iter().enumerate() {
            let byte = HINTS + window;
            let (word, shift) = (META + byte / 8, byte % 8 * 8);
            self.words[word] = self.words[word] & !(0xff << shift) | u64::from(*low) << shift;
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
        let capacity = self.shape.capacity as usize;
        for column in 0..self.shape.columns {
            let from = self.shape.values + column * capacity;
            let moved = from + at as usize..from + rows as usize;
            self.words.copy_within(moved, from + at as usize + 1);
        }
    }

    /// Keeps the rows of a mask and lets go of the others.
    pub(super) fn retain(&mut self, kept: u64) {
        let rows = self.read().rows();
        let first = (kept & bits(0, rows)).trailing_zeros().min(rows);
        let front = kept & bits(0, rows) == bits(first, rows);
        let left = if front {
            rows - first
        } else {
            (kept & bits(0, rows)).count_ones()
        };
        let capacity = self.shape.capacity as usize;
        if front {
            self.shift_times(first, rows);
        } else {
            for (to, from) in each(kept & bits(0, rows)).enumerate() {
                let raw = self.read().raw(from);
                self.set_raw(to as u32, raw);
            }
        }
        for column in 0..self.shape.columns {
            let at = self.shape.values + column * capacity;
            if front {
                self.words
                    .copy_within(at + first as usize..at + rows as usize, at);
                continue;
            }
            for (to, from) in each(kept & bits(0, rows)).enumerate() {
                self.words[at + to] = self.words[at + from as usize];
            }
        }
        for flag in 0..self.shape.masks_all {
            let mask = self.read().mask(flag);
            let packed = if front {
                mask >> (first % 64) & bits(0, left)
            } else {
                let bit = |(to, from): (usize, u32)| (mask >> from & 1) << to;
                each(kept & bits(0, rows)).enumerate().map(bit).sum()
            };
            self.set_mask(flag, packed);
        }
        for row in left..rows {
            self.set_raw(
                row,
                if self.shape.wide {
                    u64::MAX
                } else {
                    u64::from(u32::MAX)
                },
            );
        }
        self.set_rows(left);
    }

    /// Moves the times of the rows from `first` on to the beginning.
    fn shift_times(&mut self, first: u32, rows: u32) {
        let (first, rows) = (first as usize, rows as usize);
        let times = &mut self.words[self.shape.times..self.shape.values];
        if self.shape.wide {
            times.copy_within(first..rows, 0);
            return;
        }
        halves_mut(times).copy_within(first..rows, 0);
    }

    /// Takes over what another class holds; the rows must fit.
    pub(super) fn copy_from(&mut self, other: Body<'_>) {
        let rows = other.rows();
        // From narrow to wide, never back.
        self.words[..self.shape.masks].copy_from_slice(&other.words[..other.shape.masks]);
        self.words[self.shape.times..self.shape.values].fill(u64::MAX);
        self.words[self.shape.masks..self.shape.times].fill(0);
        if self.shape.wide {
            self.words[META] = self.words[META] & !0xff00 | (WHOLE as u64) << 8;
        }
        for row in 0..rows {
            if self.shape.wide == other.shape.wide {
                self.set_raw(row, other.raw(row));
            } else {
                self.set_raw(row, other.time(row).cast_unsigned() ^ SIGN);
            }
        }
        for flag in 0..self.shape.masks_all {
            self.set_mask(flag, other.mask(flag));
        }
        for column in 0..self.shape.columns {
            let at = self.shape.values + column * self.shape.capacity as usize;
            let values = &other.column(column)[..rows as usize];
            self.words[at..at + rows as usize].copy_from_slice(values);
        }
    }
}
