//! How a small key lies in memory: one stretch of words that holds the key, its events, and nothing else.
//!
//! The idea: with few events, scanning a few rows costs no more than keeping values up to date, so hardly any are
//! kept ([`super::running`]); all of a key fits a few lines, and an event in order wants few of them: the first ones,
//! those its windows begin in, and the one it is written to. So an event's time and values stand side by side, and
//! stretches are whole lines. Flags are masks of one bit per row, so that a filtered count is one `popcount`. Times are
//! offsets of 32 bits from a base, in the coarsest unit that tells all of them exactly, or whole microseconds where no
//! unit does; values have 32 bits where that is enough for all of a key's ([`Width`]). Either way times compare as
//! unsigned numbers.
//! The invariant: a row that is not taken has zero flags, and a time and values of no meaning.
//!
//! ```text
//! identity 2 | forgotten | base | meta | past cells … | running … | masks … | rows of halves: time, a value per input …
//! ```

use super::running::Runs;
use crate::state::layout::Layout;
use crate::state::warm::LINE;

/// The greatest time of an event that was forgotten; `i64::MIN` for none.
pub(super) const FORGOTTEN: usize = 2;
/// The time that offsets count from.
pub(super) const BASE: usize = 3;
/// Bytes: how many rows; the unit of times; the record's flags; whether there are running sums that hold
/// ([`super::running`]). All ones for a stretch nobody owns.
pub(super) const META: usize = 4;
/// First of the running values of events no longer held.
pub(in crate::state) const PAST: usize = 5;

/// How a stretch tells its times and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    /// Both take 32 bits; values that are no small integers in any key take 64.
    Thin,
    /// Times take 32 bits, values 64.
    Full,
    /// Both take 64 bits.
    Wide,
}

/// Rows for which there is a class, by width; most keys are thin. These are all the classes that a number has room for
/// ([`crate::state::keys`]).
const CAPACITIES: [(Width, &[u32]); 3] = [
    (
        Width::Thin,
        &[1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64],
    ),
    (Width::Full, &[1, 2, 4, 8, 16, 24, 40, 64]),
    (Width::Wide, &[1, 2, 4, 8, 16, 24, 40, 64]),
];

/// Thin stretches for so many rows have cuts and running sums; in smaller ones there is little to scan.
const RUNNING_MIN: u32 = 8;

/// Stretches for so many rows are whole lines of memory.
const LINES_MIN: u32 = 4;

/// A mask has a bit per row, so this is the most a small key can hold.
pub(super) const ROWS_MAX: u32 = 64;

/// Units of times of 32 bits in microseconds, the coarsest first.
pub(super) const UNITS: [i64; 3] = [1_000_000, 1_000, 1];

/// What a wide stretch has for its unit.
pub(super) const WHOLE: usize = UNITS.len();

/// Where things are in a stretch of one class.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Rows it has room for.
    pub(super) capacity: u32,
    pub(super) width: Width,
    /// Bits per mask: 8, 16, 32 or 64.
    pub(super) mask_bits: u32,
    /// The greatest mask.
    pub(super) mask_ones: u64,
    /// Logarithm of how many masks a word has.
    pub(super) masks_shift: u32,
    /// Flags of a row, as [`crate::state::row`] has them; their masks come first.
    pub(super) flags: usize,
    /// Masks in all: behind the flags those of the plan's marks.
    pub(super) masks_all: usize,
    /// Values of a row.
    pub(super) columns: usize,
    /// How many of them, the first ones, take 64 bits in any width.
    pub(super) longs: usize,
    /// Words that are the same in all classes.
    pub(super) fixed: usize,
    /// Where cuts and running sums are; 0 for none.
    pub(super) running: usize,
    pub(super) runs: Runs,
    pub(super) masks: usize,
    /// The word that rows begin with.
    pub(super) rows: usize,
    /// Halves of a row.
    pub(super) stride: usize,
    /// Words in all.
    pub(super) words: usize,
}

impl Shape {
    fn new(layout: &Layout, width: Width, capacity: u32) -> Shape {
        let flags = layout.row.bits();
        let masks_all = flags + layout.scan.marks.len();
        let (columns, longs) = (layout.row.columns(), layout.row.longs());
        let mask_bits = capacity.next_power_of_two().max(8);
        let runs = width == Width::Thin && capacity >= RUNNING_MIN && !layout.scan.cuts.is_empty();
        let running = layout.scan.fixed_words;
        let masks = running + if runs { Runs::words(&layout.scan) } else { 0 };
        let rows = masks + masks_all.div_ceil(64 / mask_bits as usize);
        let mut shape = Shape {
            capacity,
            width,
            mask_bits,
            mask_ones: u64::MAX >> (64 - mask_bits),
            masks_shift: 6 - mask_bits.ilog2(),
            flags,
            masks_all,
            columns,
            longs,
            fixed: running,
            running: if runs { running } else { 0 },
            runs: Runs::default(),
            masks,
            rows,
            stride: 0,
            words: 0,
        };
        shape.stride = shape.half_of(columns);
        shape.fill_lines();
        if runs {
            shape.runs = Runs::new(&layout.scan, &shape);
        }
        shape
    }

    /// Has it end with a line of memory, with rows for what that adds. The smallest ones stay as small as they are: most keys
    /// are quiet.
    fn fill_lines(&mut self) {
        let words = |rows: u32| self.rows + (rows as usize * self.stride).div_ceil(2);
        let needed = words(self.capacity);
        let lines = match self.capacity {
            0..LINES_MIN => needed,
            _ => needed.next_multiple_of(LINE),
        };
        // A mask has no bit for more.
        while self.capacity < self.mask_bits && words(self.capacity + 1) <= lines {
            self.capacity += 1;
        }
        self.words = lines;
    }

    /// The half of a row that a value begins with.
    #[inline]
    pub(super) fn half_of(&self, column: usize) -> usize {
        let time = if self.width == Width::Wide { 2 } else { 1 };
        let longs = match self.width {
            Width::Thin => column.min(self.longs),
            _ => column,
        };
        time + column + longs
    }

    /// Whether the values of an input take 32 bits.
    #[inline]
    pub(super) fn is_thin(&self, column: usize) -> bool {
        self.width == Width::Thin && column >= self.longs
    }
}

/// The shapes of all classes of one plan, by width and capacity.
#[derive(Clone, Debug)]
pub(in crate::state) struct Shapes {
    all: Vec<Shape>,
}

impl Shapes {
    pub(in crate::state) fn new(layout: &Layout) -> Shapes {
        let shapes = CAPACITIES.into_iter().flat_map(|(width, capacities)| {
            let capacities = capacities.iter();
            capacities.map(move |capacity| Shape::new(layout, width, *capacity))
        });
        Shapes {
            all: shapes.collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[inline]
    pub(super) fn get(&self, class: usize) -> &Shape {
        &self.all[class]
    }

    /// The smallest class of a width with room for so many rows; none beyond [`ROWS_MAX`].
    pub(super) fn class(&self, rows: u32, width: Width) -> Option<usize> {
        let fits = |shape: &Shape| shape.width == width && shape.capacity >= rows;
        self.all.iter().position(fits)
    }

    /// The smallest class of keys whose values are small integers.
    pub(in crate::state) fn thin(&self, rows: u32) -> Option<usize> {
        self.class(rows, Width::Thin)
    }

    /// Words of a stretch of each class for so many rows or fewer, as most keys have them.
    pub(in crate::state) fn words_up_to(&self, rows: u32) -> impl Iterator<Item = usize> {
        let last = self.thin(rows).unwrap_or(CAPACITIES[0].1.len() - 1);
        self.all.iter().take(last + 1).map(|shape| shape.words)
    }

    /// Words of a stretch of this class.
    pub(in crate::state) fn words(&self, class: usize) -> usize {
        self.all[class].words
    }
}
