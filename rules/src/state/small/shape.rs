//! How a small key lies in memory: one stretch of words that holds the key, its events in columns, and nothing else.
//!
//! The idea: a key with few events needs no running values, because scanning a few columns costs no more than keeping
//! values up to date; so all of it fits a line or two, and a look-up waits for memory twice at most. Flags are masks
//! of one bit per row, so that a filtered count is one `popcount`. Times are offsets of 32 bits from a base, in the
//! coarsest unit that tells all of them exactly (*narrow*), or whole microseconds where no unit does (*wide*).
//! Either way the words of times compare as unsigned numbers. The invariant: a row that is not taken has the greatest
//! time, zero flags and values of no meaning.
//!
//! ```text
//! identity 2 | forgotten | base | meta, hints … | past cells … | masks … | times … | a column of values per input …
//! ```

use crate::state::layout::Layout;

/// The greatest time of an event that was forgotten; `i64::MIN` for none.
pub(super) const FORGOTTEN: usize = 2;
/// The time that narrow offsets count from.
pub(super) const BASE: usize = 3;
/// Bytes: how many rows; the unit of narrow times; the record's flags; then, in as many words as it takes, per window
/// the row it began with at the last answer. All ones for a stretch nobody owns.
pub(super) const META: usize = 4;

/// Bytes of [`META`] before the hints.
pub(super) const HINTS: usize = 3;

/// First word behind the hints of so many windows: the running values of events no longer held.
pub(in crate::state) fn past_at(windows: usize) -> usize {
    META + (HINTS + windows).div_ceil(8)
}

/// Rows for which there is a class.
const CAPACITIES: [u32; 15] = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 64];

/// A mask has a bit per row, so this is the most a small key can hold.
pub(super) const ROWS_MAX: u32 = 64;

/// Units of narrow times in microseconds, the coarsest first.
pub(super) const UNITS: [i64; 3] = [1_000_000, 1_000, 1];

/// What a wide stretch has for its unit.
pub(super) const WHOLE: usize = UNITS.len();

/// Where things are in a stretch of one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Rows it has room for.
    pub(super) capacity: u32,
    /// Whether a time takes a word rather than half of one.
    pub(super) wide: bool,
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
    /// Columns of values.
    pub(super) columns: usize,
    pub(super) masks: usize,
    pub(super) times: usize,
    pub(super) values: usize,
    /// Words in all.
    pub(super) words: usize,
}

/// The shapes of all classes of one plan: first the narrow ones, then the wide ones, each by capacity.
#[derive(Clone, Debug)]
pub(in crate::state) struct Shapes {
    all: Vec<Shape>,
}

/// Classes of one width.
pub(super) const WIDE: usize = CAPACITIES.len();

impl Shapes {
    pub(in crate::state) fn new(layout: &Layout) -> Shapes {
        let flags = layout.row.bits();
        let masks_all = flags + layout.scan.marks.len();
        let columns = layout.row.columns();
        let shape = |wide: bool, capacity: u32| {
            let mask_bits = capacity.next_power_of_two().max(8);
            let at_masks = layout.scan.fixed_words;
            let times = at_masks + masks_all.div_ceil(64 / mask_bits as usize);
            let values = times + (capacity as usize).div_ceil(if wide { 1 } else { 2 });
            Shape {
                capacity,
                wide,
                mask_bits,
                mask_ones: u64::MAX >> (64 - mask_bits),
                masks_shift: 6 - mask_bits.ilog2(),
                flags,
                masks_all,
                columns,
                masks: at_masks,
                times,
                values,
                words: values + columns * capacity as usize,
            }
        };
        let widths = [false, true].into_iter();
        Shapes {
            all: widths
                .flat_map(|wide| CAPACITIES.map(|capacity| shape(wide, capacity)))
                .collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[inline]
    pub(super) fn get(&self, class: usize) -> &Shape {
        &self.all[class]
    }

    /// Words of a stretch of each class for so many rows or fewer, with narrow times.
    pub(in crate::state) fn words_up_to(&self, rows: u32) -> impl Iterator<Item = usize> {
        let last = self.class(rows, false).unwrap_or(WIDE - 1);
        self.all.iter().take(last + 1).map(|shape| shape.words)
    }

    /// Words of a stretch of this class.
    pub(in crate::state) fn words(&self, class: usize) -> usize {
        self.all[class].words
    }

    /// The smallest class with room for so many rows; none beyond [`ROWS_MAX`].
    pub(in crate::state) fn class(&self, rows: u32, wide: bool) -> Option<usize> {
        let at = CAPACITIES.iter().position(|capacity| *capacity >= rows)?;
        Some(at + if wide { WIDE } else { 0 })
    }
}
