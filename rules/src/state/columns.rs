//! Arrow in, arrow out: the columns of a step as words of rows, and words as the columns of features.
//!
//! The invariant: one word holds one value of any type: the integer, the mantissa, the microseconds, the bits of the
//! float, 0 or 1, or the number of an interned text. Floats that are not a number or infinite are null; negative zero
//! is zero, so that equal values are equal words.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    NullBufferBuilder, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::identity::{Identities, Identity};
use super::text::Texts;
use crate::value::Type;

/// A column of a step.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Text(&'a StringArray),
    Int(&'a Int64Array),
    Decimal(&'a Decimal128Array),
    Float(&'a Float64Array),
    Bool(&'a BooleanArray),
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> Input<'a> {
    /// The column as its type. The array must be of [`Type::arrow`].
    pub(super) fn new(ty: Type, array: &'a ArrayRef) -> Input<'a> {
        match ty {
            Type::Text => Input::Text(array.as_string()),
            Type::Int => Input::Int(array.as_primitive::<Int64Type>()),
            Type::Decimal(_) => Input::Decimal(array.as_primitive::<Decimal128Type>()),
            Type::Float => Input::Float(array.as_primitive::<Float64Type>()),
            Type::Bool => Input::Bool(array.as_boolean()),
            Type::Timestamp => Input::Timestamp(array.as_primitive::<TimestampMicrosecondType>()),
        }
    }

    fn array(&self) -> &'a dyn Array {
        match self {
            Input::Text(a) => *a,
            Input::Int(a) => *a,
            Input::Decimal(a) => *a,
            Input::Float(a) => *a,
            Input::Bool(a) => *a,
            Input::Timestamp(a) => *a,
        }
    }

    /// Whether a row has a value.
    pub(super) fn present(&self, row: usize) -> bool {
        self.array().is_valid(row)
            && match self {
                Input::Float(a) => a.value(row).is_finite(),
                // Mantissas have at most 18 digits; what has more is no value of the type.
                Input::Decimal(a) => i64::try_from(a.value(row)).is_ok(),
                _ => true,
            }
    }

    /// The value of a row as a word; a text is [`Input::text`]. Only for rows that have one.
    pub(super) fn word(&self, row: usize) -> u64 {
        match self {
            Input::Text(_) => 0,
            Input::Int(a) => a.value(row).cast_unsigned(),
            Input::Decimal(a) => a.value(row) as u64,
            // Adding zero takes the sign off negative zero and changes nothing else.
            Input::Float(a) => (a.value(row) + 0.0).to_bits(),
            Input::Bool(a) => u64::from(a.value(row)),
            Input::Timestamp(a) => a.value(row).cast_unsigned(),
        }
    }

    /// The text of a row, if it is a column of texts.
    pub(super) fn text(&self, row: usize) -> Option<&'a str> {
        match self {
            Input::Text(a) => Some(a.value(row)),
            _ => None,
        }
    }
}

/// A member of a feature, being built: words until the end, because storing a word is all that a row should cost.
#[derive(Debug)]
pub(super) enum Output {
    /// Texts are copied while their numbers are valid.
    Text(StringBuilder),
    /// A column of any other type.
    Words(Type, Vec<u64>, NullBufferBuilder),
}

impl Output {
    /// An empty column of this type with room for so many rows.
    pub(super) fn new(ty: Type, rows: usize) -> Output {
        match ty {
            Type::Text => Output::Text(StringBuilder::with_capacity(rows, 0)),
            _ => Output::Words(ty, Vec::with_capacity(rows), NullBufferBuilder::new(rows)),
        }
    }

    /// One more value.
    #[inline]
    pub(super) fn push(&mut self, word: Option<u64>, texts: &Texts) {
        match self {
            Output::Text(b) => b.append_option(word.map(|id| texts.get(id))),
            Output::Words(_, words, nulls) => {
                words.push(word.unwrap_or(0));
                nulls.append(word.is_some());
            }
        }
    }

    /// One more value of a column of texts, one that no event brought.
    pub(super) fn push_text(&mut self, text: Option<&str>) {
        if let Output::Text(b) = self {
            b.append_option(text);
        }
    }

    /// The column.
    pub(super) fn finish(self) -> ArrayRef {
        let (ty, words, mut nulls) = match self {
            Output::Text(mut b) => return Arc::new(b.finish()),
            Output::Words(ty, words, nulls) => (ty, words, nulls),
        };
        let nulls = nulls.finish();
        let signed = words.iter().map(|w| w.cast_signed());
        match ty {
            Type::Float => {
                let floats = words.iter().map(|w| f64::from_bits(*w));
                Arc::new(Float64Array::new(floats.collect(), nulls))
            }
            Type::Bool => {
                let bits = BooleanBuffer::collect_bool(words.len(), |row| words[row] != 0);
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Type::Decimal(_) => {
                let wide = Decimal128Array::new(signed.map(i128::from).collect(), nulls);
                Arc::new(wide.with_data_type(ty.arrow()))
            }
            Type::Timestamp => {
                let stamps = TimestampMicrosecondArray::new(signed.collect(), nulls);
                Arc::new(stamps.with_data_type(ty.arrow()))
            }
            Type::Int | Type::Text => Arc::new(Int64Array::new(signed.collect(), nulls)),
        }
    }
}

/// The keys of a step, found for all rows before the first is looked up.
#[derive(Debug, Default)]
pub(super) struct StepKeys {
    /// Per row hash and identity; none when a part of the key is missing.
    keys: Vec<Option<(u64, Identity)>>,
    bytes: Vec<u8>,
}

impl StepKeys {
    /// Encodes the keys of all rows. A key of one text is the text itself; of several parts each text has its length
    /// before it, so that no two keys share their bytes.
    pub(super) fn encode(&mut self, columns: &[Input<'_>], rows: usize, identities: &Identities) {
        let StepKeys { keys, bytes } = self;
        keys.clear();
        let tell = |bytes: &[u8]| {
            let identity = identities.of(bytes);
            (identities.hash(identity), identity)
        };
        if let [column @ Input::Text(texts)] = columns {
            let key = |row| {
                column
                    .present(row)
                    .then(|| tell(texts.value(row).as_bytes()))
            };
            keys.extend((0..rows).map(key));
            return;
        }
        for row in 0..rows {
            if !columns.iter().all(|column| column.present(row)) {
                keys.push(None);
                continue;
            }
            bytes.clear();
            for column in columns {
                match column.text(row) {
                    None => bytes.extend(column.word(row).to_le_bytes()),
                    Some(text) => {
                        if columns.len() > 1 {
                            bytes.extend((text.len() as u64).to_le_bytes());
                        }
                        bytes.extend(text.as_bytes());
                    }
                }
            }
            keys.push(Some(tell(bytes)));
        }
    }

    /// Hash and identity of a row's key; `None` when a part is missing.
    pub(super) fn get(&self, row: usize) -> Option<(u64, Identity)> {
        self.keys[row]
    }
}
