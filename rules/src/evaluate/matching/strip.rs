//! A strip: the values of one column in one step, in the form that tests read.
//!
//! The idea: integers, decimals, floats and timestamps all become [`i64`] keys in their order, nulls and truths become
//! bits in words, so that a test is a few instructions per row and allocates nothing: the buffers stay from step to
//! step. The invariant: bits beyond the last row are zero, and a strip that holds what its type cannot hold (a float
//! that is no number, a decimal beyond 64 bits) says that it is doubtful, and then nothing may be read from it.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};

use crate::expression::shape::float_key;
use crate::value::Type;

/// Rows of a word.
pub(super) const WORD: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Strip {
    /// Of numbers.
    pub(super) keys: Vec<i64>,
    /// Of truths; any where unknown.
    pub(super) truths: Vec<u64>,
    /// Of texts.
    pub(super) texts: Option<StringArray>,
    /// Which rows are no null.
    pub(super) known: Vec<u64>,
    /// Whether some row is null.
    pub(super) nulls: bool,
    /// The least and the greatest key of a row that is no null; the greatest is less if there is none.
    pub(super) ends: (i64, i64),
    /// Whether it holds what its type cannot hold.
    pub(super) doubtful: bool,
}

impl Strip {
    /// Takes the values of a column that has this type.
    pub(super) fn load(&mut self, array: &ArrayRef, ty: Type) {
        let rows = array.len();
        self.keys.clear();
        self.truths.clear();
        self.known.clear();
        self.texts = None;
        self.doubtful = false;
        self.nulls = array.null_count() > 0;
        match array.nulls().filter(|_| self.nulls) {
            Some(nulls) => words_of(nulls.inner(), &mut self.known),
            None => fill(rows, &mut self.known),
        }
        let loaded = match ty {
            Type::Int => array.as_primitive_opt::<Int64Type>().map(|array| {
                self.keys.extend_from_slice(array.values());
            }),
            Type::Timestamp => {
                let array = array.as_primitive_opt::<TimestampMicrosecondType>();
                array.map(|array| self.keys.extend_from_slice(array.values()))
            }
            Type::Float => array.as_primitive_opt::<Float64Type>().map(|array| {
                self.doubtful = !array.values().iter().all(|value| value.is_finite());
                self.keys
                    .extend(array.values().iter().map(|value| float_key(*value)));
            }),
            Type::Decimal(_) => array.as_primitive_opt::<Decimal128Type>().map(|array| {
                let narrow = |value: &i128| i64::try_from(*value);
                self.doubtful = !array.values().iter().all(|value| narrow(value).is_ok());
                self.keys
                    .extend(array.values().iter().map(|v| narrow(v).unwrap_or_default()));
            }),
            Type::Bool => array.as_boolean_opt().map(|array| {
                words_of(array.values(), &mut self.truths);
            }),
            Type::Text => array.as_string_opt::<i32>().map(|array| {
                self.texts = Some(array.clone());
            }),
        };
        self.doubtful |= loaded.is_none();
        self.find_ends();
    }

    fn find_ends(&mut self) {
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        if self.nulls {
            for row in ones(&self.known) {
                if let Some(key) = self.keys.get(row) {
                    (least, most) = (least.min(*key), most.max(*key));
                }
            }
        } else {
            for key in &self.keys {
                (least, most) = (least.min(*key), most.max(*key));
            }
        }
        self.ends = (least, most);
    }

    /// Whether a row is no null.
    pub(super) fn knows(&self, row: usize) -> bool {
        bit(&self.known, row)
    }

    /// The key of a row; any where it is null.
    pub(super) fn key(&self, row: usize) -> i64 {
        self.keys.get(row).copied().unwrap_or_default()
    }

    /// The text of a row; any where it is null.
    pub(super) fn text(&self, row: usize) -> &str {
        match &self.texts {
            Some(texts) if row < texts.len() => texts.value(row),
            _ => "",
        }
    }
}

/// Whether a bit is set.
pub(super) fn bit(words: &[u64], row: usize) -> bool {
    let word = words.get(row / WORD).copied().unwrap_or_default();
    word >> (row % WORD) & 1 == 1
}

/// The rows whose bits are set, ascending.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let row = at * WORD + rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(row)
        })
    })
}

/// How many bits are set.
pub(super) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// Adds the bits of a buffer.
pub(super) fn words_of(bits: &BooleanBuffer, words: &mut Vec<u64>) {
    let want = words.len() + bits.len().div_ceil(WORD);
    words.extend(bits.bit_chunks().iter_padded());
    words.truncate(want);
}

/// Adds a set bit for each row.
fn fill(rows: usize, words: &mut Vec<u64>) {
    words.extend(std::iter::repeat_n(u64::MAX, rows / WORD));
    if !rows.is_multiple_of(WORD) {
        words.push((1 << (rows % WORD)) - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_words_wherever_they_begin() {
        for (from, rows) in [
            (0, 0),
            (0, 64),
            (3, 1),
            (5, 64),
            (7, 130),
            (0, 65),
            (63, 128),
        ] {
            let all: Vec<bool> = (0..300).map(|row| row * row % 7 < 3).collect();
            let bits = BooleanBuffer::from(all.clone()).slice(from, rows);
            let mut words = Vec::new();
            words_of(&bits, &mut words);
            assert_eq!(words.len(), rows.div_ceil(WORD), "{from} {rows}");
            let expected: Vec<usize> = (0..rows).filter(|row| all[from + row]).collect();
            assert_eq!(ones(&words).collect::<Vec<_>>(), expected, "{from} {rows}");
            assert_eq!(count(&words), expected.len());
            let mut full = Vec::new();
            fill(rows, &mut full);
            assert_eq!(count(&full), rows);
        }
    }
}
