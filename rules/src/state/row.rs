//! How one event stands in a key's ring: a row of 8-byte words.
//!
//! Word 0 is the event time; then as many words as the flags need (one bit per filter, one per input that says
//! *present*, one per boolean input that is its value); then a word per input that a value is read of. An input that
//! is only counted costs one bit. The invariant: a value word of an absent input is 0, so equal events have equal rows.

use crate::time::EventTime;

/// Where things are in a row.
#[derive(Clone, Debug)]
pub(crate) struct RowLayout {
    /// Words per row.
    pub(crate) width: usize,
    /// Bit of the flags at which input `i`'s "present" stands is `present + i`.
    present: usize,
    /// Flags there are.
    bits: usize,
    /// How many of the values, the first ones, half a word cannot tell as a rule.
    longs: usize,
    /// Per input: where its value is.
    pub(crate) places: Vec<Place>,
    has_texts: bool,
}

/// Where an input's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody reads it.
    Nowhere,
    /// This bit of the flags.
    Bit(usize),
    /// This word of the row: the integer, the mantissa, the microseconds or the bits of the float.
    Word(usize),
    /// This word of the row: the number of the text.
    Text(usize),
}

/// What an input's value is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Not at all.
    Nothing,
    /// As a bit.
    Bit,
    /// As a word whose value is mostly a small integer.
    Word,
    /// As a word that is no small integer.
    Long,
    /// As a reference to a text.
    Text,
}

impl RowLayout {
    /// The layout for so many filters and these inputs.
    pub(crate) fn new(filters: usize, inputs: &[Stored]) -> RowLayout {
        let present = filters;
        let mut bit = filters + inputs.len();
        let bits = bit + inputs.iter().filter(|s| **s == Stored::Bit).count();
        let mut long = 1 + bits.div_ceil(64);
        let longs = inputs.iter().filter(|s| **s == Stored::Long).count();
        let mut word = long + longs;
        let next = |at: &mut usize| {
            *at += 1;
            *at - 1
        };
        let places = inputs.iter().map(|stored| match stored {
            Stored::Nothing => Place::Nowhere,
            Stored::Bit => Place::Bit(next(&mut bit)),
            Stored::Word => Place::Word(next(&mut word)),
            Stored::Long => Place::Word(next(&mut long)),
            Stored::Text => Place::Text(next(&mut word)),
        });
        let places: Vec<Place> = places.collect();
        RowLayout {
            has_texts: places.iter().any(|place| matches!(place, Place::Text(_))),
            width: word,
            present,
            bits,
            longs,
            places,
        }
    }

    /// Whether rows refer to texts.
    pub(crate) fn has_texts(&self) -> bool {
        self.has_texts
    }

    /// How many values of a row are texts.
    pub(crate) fn texts(&self) -> usize {
        let texts = self.places.iter().filter(|p| matches!(p, Place::Text(_)));
        texts.count()
    }

    /// How many flags a row has.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    /// Words of a row that hold values.
    pub(crate) fn columns(&self) -> usize {
        self.width - self.first_value()
    }

    /// How many of the values, the first ones, are no small integers.
    pub(crate) fn longs(&self) -> usize {
        self.longs
    }

    /// Which of the values an input's is; 0 for one that has no word.
    #[inline]
    pub(crate) fn column(&self, input: usize) -> usize {
        match self.places[input] {
            Place::Word(at) | Place::Text(at) => at - self.first_value(),
            Place::Nowhere | Place::Bit(_) => 0,
        }
    }

    fn first_value(&self) -> usize {
        1 + self.bits.div_ceil(64)
    }

    /// The flag bit of an input's presence.
    pub(crate) fn present_bit(&self, input: usize) -> usize {
        self.present + input
    }
}

/// Sets a flag of a row.
pub(crate) fn set_bit(row: &mut [u64], bit: usize) {
    row[1 + bit / 64] |= 1 << (bit % 64);
}

/// Whether a flag of a row is set.
#[inline]
pub(crate) fn bit(row: &[u64], bit: usize) -> bool {
    row[1 + bit / 64] >> (bit % 64) & 1 == 1
}

/// The time of a row.
pub(crate) fn time(row: &[u64]) -> EventTime {
    EventTime(row[0].cast_signed())
}

/// The rows of one key, by index into its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    words: &'a [u64],
    layout: &'a RowLayout,
}

impl<'a> Rows<'a> {
    /// Rows of this layout in these words.
    pub(crate) fn new(words: &'a [u64], layout: &'a RowLayout) -> Rows<'a> {
        Rows { words, layout }
    }

    /// One row.
    #[inline]
    pub(crate) fn row(&self, index: u32) -> &'a [u64] {
        let at = index as usize * self.layout.width;
        &self.words[at..at + self.layout.width]
    }

    /// The time of a row.
    #[inline]
    pub(crate) fn time(&self, index: u32) -> EventTime {
        EventTime(self.words[index as usize * self.layout.width].cast_signed())
    }

    /// Whether a row passes a filter; no filter takes every row.
    pub(crate) fn passes(&self, index: u32, filter: Option<usize>) -> bool {
        filter.is_none_or(|filter| bit(self.row(index), filter))
    }

    /// How rows are laid out.
    pub(crate) fn layout(&self) -> &'a RowLayout {
        self.layout
    }

    /// The first of `from..to` whose time is greater.
    pub(crate) fn after(&self, from: u32, to: u32, time: EventTime) -> u32 {
        // Most events come in order, so the end is looked at first.
        if to == from || self.time(to - 1) <= time {
            return to;
        }
        let (mut low, mut high) = (from, to - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time(middle) <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The value of an input in a row; `None` when it is null.
#[inline]
pub(crate) fn value(row: &[u64], layout: &RowLayout, input: usize) -> Option<u64> {
    if !bit(row, layout.present_bit(input)) {
        return None;
    }
    Some(match layout.places[input] {
        Place::Nowhere => 0,
        Place::Bit(at) => u64::from(bit(row, at)),
        Place::Word(at) | Place::Text(at) => row[at],
    })
}
