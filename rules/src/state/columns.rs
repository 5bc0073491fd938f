//! Arrow in, arrow out: the columns of a step as words of rows, and words as the columns of features.
//!
//! The invariant: one word holds one value of any type: the integer, the mantissa, the microseconds, the bits of the
//! float, 0 or 1, or the number of an interned text. Floats that are not a number or infinite are null; negative zero
//! is zero, so that equal values are equal words.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Decimal128Array, Float64Array,
    Int64Array, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::identity::{Identities, Identity};
use super::row::{Place, RowLayout, set_bit};
use super::shards::shard_of;
use super::text::Texts;
use crate::time::EventTime;
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

    /// Calls `take` with each of the first rows that has a value, and the value as a word.
    fn each(&self, rows: usize, mut take: impl FnMut(usize, u64)) {
        let plain = self.array().null_count() == 0;
        match self {
            Input::Int(a) if plain => {
                let values = a.values().iter().take(rows).enumerate();
                values.for_each(|(row, x)| take(row, x.cast_unsigned()));
            }
            Input::Decimal(a) if plain => {
                for (row, x) in a.values().iter().take(rows).enumerate() {
                    if let Ok(x) = i64::try_from(*x) {
                        take(row, x.cast_unsigned());
                    }
                }
            }
            _ => {
                for row in (0..rows).filter(|row| self.present(*row)) {
                    take(row, self.word(row));
                }
            }
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

/// The answers of a step, being written: as words, column behind column, because storing a word is all that one should cost.
#[derive(Debug)]
pub(super) struct Answers {
    rows: usize,
    words: Vec<u64>,
    columns: Vec<Column>,
    /// Whether one of them is of texts.
    texts: bool,
}

/// A member of a feature.
#[derive(Debug)]
struct Column {
    ty: Type,
    /// Rows without a value; often there are none.
    nulls: Vec<u32>,
    /// Texts are copied while their numbers are valid.
    texts: StringBuilder,
}

impl Answers {
    /// Room for so many rows of members of these types.
    pub(super) fn new(types: impl Iterator<Item = Type>, rows: usize) -> Answers {
        let column = |ty| Column {
            ty,
            nulls: Vec::new(),
            texts: StringBuilder::with_capacity(if ty == Type::Text { rows } else { 0 }, 0),
        };
        let columns: Vec<Column> = types.map(column).collect();
        Answers {
            rows,
            words: vec![0; rows * columns.len()],
            texts: columns.iter().any(|column| column.ty == Type::Text),
            columns,
        }
    }

    /// The value of a member that is no text. Each member of each row is set once, rows in their order.
    #[inline(always)]
    pub(super) fn put(&mut self, column: usize, row: usize, word: u64) {
        self.words[column * self.rows + row] = word;
    }

    /// The value of a member that is no text, or none.
    #[inline]
    pub(super) fn set(&mut self, column: usize, row: usize, word: Option<u64>) {
        match word {
            Some(word) => self.put(column, row, word),
            None => self.columns[column].nulls.push(row as u32),
        }
    }

    /// The value of a member, the text by its number, or none.
    #[inline]
    pub(super) fn set_any(&mut self, column: usize, row: usize, word: Option<u64>, texts: &Texts) {
        self.set(column, row, word);
        if self.texts && self.columns[column].ty == Type::Text {
            let text = word.map(|id| texts.get(id));
            self.set_text(column, text);
        }
    }

    /// The value of a member whose text no event brought.
    pub(super) fn set_text(&mut self, column: usize, text: Option<&str>) {
        self.columns[column].texts.append_option(text);
    }

    /// No value in any member of a row.
    pub(super) fn set_null(&mut self, row: usize, texts: &Texts) {
        (0..self.columns.len()).for_each(|column| self.set_any(column, row, None, texts));
    }

    /// The columns.
    pub(super) fn finish(self, out: &mut Vec<ArrayRef>) {
        let rows = self.rows;
        let words = Buffer::from_vec(self.words);
        for (index, column) in self.columns.into_iter().enumerate() {
            let values = words.slice_with_length(index * rows * 8, rows * 8);
            out.push(column.finish(rows, values));
        }
    }
}

impl Column {
    fn finish(mut self, rows: usize, words: Buffer) -> ArrayRef {
        let nulls = (!self.nulls.is_empty()).then(|| {
            let mut valid = BooleanBufferBuilder::new(rows);
            valid.append_n(rows, true);
            let nulls = self.nulls.iter();
            nulls.for_each(|row| valid.set_bit(*row as usize, false));
            NullBuffer::new(valid.finish())
        });
        match self.ty {
            Type::Text => Arc::new(self.texts.finish()),
            Type::Float => Arc::new(Float64Array::new(words.into(), nulls)),
            Type::Int => Arc::new(Int64Array::new(words.into(), nulls)),
            Type::Bool => {
                let words: ScalarBuffer<u64> = words.into();
                let bits = BooleanBuffer::collect_bool(rows, |row| words[row] != 0);
                Arc::new(BooleanArray::new(bits, nulls))
            }
            Type::Decimal(_) => {
                let mantissas: ScalarBuffer<i64> = words.into();
                let wide = mantissas.iter().map(|x| i128::from(*x)).collect();
                let wide = Decimal128Array::new(wide, nulls);
                Arc::new(wide.with_data_type(self.ty.arrow()))
            }
            Type::Timestamp => {
                let stamps = TimestampMicrosecondArray::new(words.into(), nulls);
                Arc::new(stamps.with_data_type(self.ty.arrow()))
            }
        }
    }
}

/// The events of a step as rows of a ring, without their texts.
#[derive(Debug, Default)]
pub(super) struct StepRows {
    width: usize,
    words: Vec<u64>,
}

impl StepRows {
    /// Writes all rows, column by column.
    pub(super) fn write(
        &mut self,
        layout: &RowLayout,
        times: &[EventTime],
        inputs: &[Input<'_>],
        filters: &[BooleanArray],
    ) {
        self.width = layout.width;
        self.words.clear();
        self.words.resize(times.len() * layout.width, 0);
        let rows = || 0..times.len();
        for (words, time) in self.words.chunks_exact_mut(layout.width).zip(times) {
            words[0] = time.0.cast_unsigned();
        }
        for (flag, filter) in filters.iter().enumerate() {
            for row in rows().filter(|row| filter.is_valid(*row) && filter.value(*row)) {
                set_bit(self.row_mut(row), flag);
            }
        }
        for (index, input) in inputs.iter().enumerate() {
            let (present, place) = (layout.present_bit(index), layout.places[index]);
            input.each(times.len(), |row, word| {
                let words = self.row_mut(row);
                set_bit(words, present);
                match place {
                    Place::Word(at) => words[at] = word,
                    Place::Bit(flag) if word == 1 => set_bit(words, flag),
                    Place::Bit(_) | Place::Nowhere | Place::Text(_) => {}
                }
            });
        }
    }

    /// A row, all but its texts.
    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.width..(row + 1) * self.width]
    }

    fn row_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.words[row * self.width..(row + 1) * self.width]
    }
}

/// Puts the texts of a row in their places, each with a reference.
pub(super) fn intern(
    words: &mut [u64],
    row: usize,
    layout: &RowLayout,
    inputs: &[Input<'_>],
    texts: &mut Texts,
) {
    for (input, place) in inputs.iter().zip(&layout.places) {
        if let Place::Text(at) = place
            && input.present(row)
        {
            words[*at] = texts.intern(input.text(row).unwrap_or(""));
        }
    }
}

/// Hash and identity of a row's key; none when a part of it is missing.
pub(super) type StepKey = Option<(u64, Identity)>;

/// The keys of a step, found for all rows before the first is looked up.
#[derive(Debug, Default)]
pub(super) struct StepKeys {
    keys: Vec<StepKey>,
    /// Per row the shard that has the key; the first has the rows without one.
    shards: Vec<u8>,
    bytes: Vec<u8>,
}

impl StepKeys {
    /// Encodes the keys of all rows, each for one of `shards`. A key of one text is the text itself; of several parts
    /// each text has its length before it, so that no two keys share their bytes.
    pub(super) fn encode(
        &mut self,
        columns: &[Input<'_>],
        rows: usize,
        identities: &Identities,
        shards: usize,
    ) {
        self.keys.clear();
        self.shards.clear();
        if let [column @ Input::Text(texts)] = columns {
            let whole = texts.null_count() == 0;
            for row in 0..rows {
                let text = (whole || column.present(row)).then(|| texts.value(row));
                self.push(text.map(str::as_bytes), identities, shards);
            }
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        for row in 0..rows {
            if !columns.iter().all(|column| column.present(row)) {
                self.push(None, identities, shards);
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
            self.push(Some(&bytes), identities, shards);
        }
        self.bytes = bytes;
    }

    fn push(&mut self, key: Option<&[u8]>, identities: &Identities, shards: usize) {
        let shard = match key {
            Some(bytes) if shards > 1 => shard_of(bytes, shards),
            _ => 0,
        };
        self.shards.push(shard);
        self.keys.push(key.map(|bytes| {
            let identity = identities.of(bytes);
            (identities.hash(identity), identity)
        }));
    }

    /// The shard that takes a row.
    #[inline]
    pub(super) fn shard(&self, row: usize) -> usize {
        self.shards[row].into()
    }

    /// The key of a row.
    #[inline]
    pub(super) fn get(&self, row: usize) -> &StepKey {
        &self.keys[row]
    }
}
