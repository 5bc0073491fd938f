//! The columns a program computes with: one typed array, or one value that stands for every row, and its faults.
//!
//! The idea: types are an enum over Arrow arrays, so a kernel that meets another type than it was lowered for answers
//! null and cannot panic. The invariants: a decimal array inside a program has precision 38 (only columns and results
//! are held to 18 digits), floats inside are finite, a row is in [`Faults`] only where the value is null because of it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Datum, Decimal128Array, Float64Array,
    Int64Array, PrimitiveArray, Scalar, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::DataType;

use super::Cause;
use crate::value::{Type, Value};

/// Digits of a decimal inside a program.
pub(crate) const WIDE_DIGITS: u8 = 38;

/// One array of a known type.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Int(Int64Array),
    /// Mantissas and their scale.
    Decimal(Decimal128Array, u8),
    Float(Float64Array),
    Text(StringArray),
    Bool(BooleanArray),
    Timestamp(TimestampMicrosecondArray),
}

/// What a kernel reads: an array with a value per row, or one value for all rows.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) data: Data,
    pub(crate) scalar: bool,
    pub(crate) faults: Faults,
}

/// Rows that are null because of an error, by cause; in order of cause, none empty, none twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<(Cause, BooleanBuffer)>);

/// Values of a primitive column read by row, whether it is a scalar or not.
#[derive(Clone, Copy)]
pub(crate) struct Lane<'a, T> {
    values: &'a [T],
    nulls: Option<&'a NullBuffer>,
    stride: usize,
}

// === impl Data ===

impl Data {
    /// Takes a column as it stands in an event batch; `None` if its type is another.
    pub(crate) fn read(array: &ArrayRef, ty: Type) -> Option<Data> {
        if *array.data_type() != ty.arrow() {
            return None;
        }
        let any = array.as_any();
        Some(match ty {
            Type::Text => Data::Text(any.downcast_ref::<StringArray>()?.clone()),
            Type::Int => Data::Int(any.downcast_ref::<Int64Array>()?.clone()),
            Type::Float => Data::Float(any.downcast_ref::<Float64Array>()?.clone()),
            Type::Bool => Data::Bool(any.downcast_ref::<BooleanArray>()?.clone()),
            Type::Timestamp => Data::Timestamp(
                any.downcast_ref::<TimestampMicrosecondArray>()?
                    .clone()
                    .with_timezone("UTC"),
            ),
            Type::Decimal(scale) => {
                Data::decimal(any.downcast_ref::<Decimal128Array>()?.clone(), scale)
            }
        })
    }

    /// A decimal column of the width used inside a program.
    pub(crate) fn decimal(array: Decimal128Array, scale: u8) -> Data {
        let wide = DataType::Decimal128(WIDE_DIGITS, scale.cast_signed());
        Data::Decimal(array.with_data_type(wide), scale)
    }

    /// `rows` nulls.
    pub(crate) fn nothing(ty: Type, rows: usize) -> Data {
        match ty {
            Type::Text => Data::Text(StringArray::new_null(rows)),
            Type::Int => Data::Int(Int64Array::new_null(rows)),
            Type::Decimal(scale) => Data::decimal(Decimal128Array::new_null(rows), scale),
            Type::Float => Data::Float(Float64Array::new_null(rows)),
            Type::Bool => Data::Bool(BooleanArray::new_null(rows)),
            Type::Timestamp => {
                Data::Timestamp(TimestampMicrosecondArray::new_null(rows).with_timezone("UTC"))
            }
        }
    }

    /// One literal. A null has no type of its own and takes `ty`.
    pub(crate) fn literal(value: &Value, ty: Type) -> Data {
        match value {
            Value::Null => Data::nothing(ty, 1),
            Value::Text(text) => Data::Text(StringArray::from(vec![text.as_str()])),
            Value::Int(int) => Data::Int(Int64Array::from(vec![*int])),
            Value::Decimal { mantissa, scale } => {
                Data::decimal(Decimal128Array::from(vec![i128::from(*mantissa)]), *scale)
            }
            Value::Float(float) => Data::Float(Float64Array::from(vec![*float])),
            Value::Bool(truth) => Data::Bool(BooleanArray::from(vec![*truth])),
            Value::Timestamp(micros) => {
                Data::Timestamp(TimestampMicrosecondArray::from(vec![*micros]).with_timezone("UTC"))
            }
        }
    }

    pub(crate) fn as_array(&self) -> &dyn Array {
        match self {
            Data::Int(array) => array,
            Data::Decimal(array, _) => array,
            Data::Float(array) => array,
            Data::Text(array) => array,
            Data::Bool(array) => array,
            Data::Timestamp(array) => array,
        }
    }

    pub(crate) fn into_array(self) -> ArrayRef {
        match self {
            Data::Int(array) => Arc::new(array),
            Data::Decimal(array, _) => Arc::new(array),
            Data::Float(array) => Arc::new(array),
            Data::Text(array) => Arc::new(array),
            Data::Bool(array) => Arc::new(array),
            Data::Timestamp(array) => Arc::new(array),
        }
    }

    pub(crate) fn nulls(&self) -> Option<&NullBuffer> {
        self.as_array().nulls()
    }
}

// === impl Operand ===

impl Operand {
    /// Runs `f` on this operand in the shape Arrow's kernels take.
    pub(crate) fn with_datum<R>(&self, f: impl FnOnce(&dyn Datum) -> R) -> R {
        if self.scalar {
            f(&Scalar::new(self.data.clone().into_array()))
        } else {
            f(&self.data.as_array() as &dyn Datum)
        }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        let row = if self.scalar { 0 } else { row };
        self.data.nulls().is_some_and(|nulls| nulls.is_null(row))
    }

    fn lane<'a, P: ArrowPrimitiveType>(
        &'a self,
        array: &'a PrimitiveArray<P>,
    ) -> Lane<'a, P::Native> {
        Lane {
            values: array.values(),
            nulls: array.nulls(),
            stride: usize::from(!self.scalar),
        }
    }

    /// Integers or timestamps.
    pub(crate) fn ints(&self) -> Option<Lane<'_, i64>> {
        match &self.data {
            Data::Int(array) => Some(self.lane(array)),
            Data::Timestamp(array) => Some(self.lane(array)),
            _ => None,
        }
    }

    pub(crate) fn decimals(&self) -> Option<(Lane<'_, i128>, u8)> {
        match &self.data {
            Data::Decimal(array, scale) => Some((self.lane(array), *scale)),
            _ => None,
        }
    }

    pub(crate) fn floats(&self) -> Option<Lane<'_, f64>> {
        match &self.data {
            Data::Float(array) => Some(self.lane(array)),
            _ => None,
        }
    }

    /// The text of a row; `""` where it is null or no text.
    pub(crate) fn text(&self, row: usize) -> &str {
        match &self.data {
            Data::Text(array) => {
                let row = if self.scalar { 0 } else { row };
                if array.is_null(row) {
                    ""
                } else {
                    array.value(row)
                }
            }
            _ => "",
        }
    }

    /// The truth of a row; `None` where it is null or no boolean.
    pub(crate) fn truth(&self, row: usize) -> Option<bool> {
        match &self.data {
            Data::Bool(array) => {
                let row = if self.scalar { 0 } else { row };
                (!array.is_null(row)).then(|| array.value(row))
            }
            _ => None,
        }
    }
}

// === impl Lane ===

impl<T: Copy + Default> Lane<'_, T> {
    /// The value of a row; anything where it is null.
    pub(crate) fn get(&self, row: usize) -> T {
        self.values
            .get(row * self.stride)
            .copied()
            .unwrap_or_default()
    }

    /// The value of a row, or `None` where it is null.
    pub(crate) fn known(&self, row: usize) -> Option<T> {
        let row = row * self.stride;
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        self.values.get(row).copied()
    }
}

// === impl Faults ===

impl Faults {
    /// From `(row, cause)` pairs.
    pub(crate) fn of(rows: usize, found: &[(usize, Cause)]) -> Faults {
        let mut faults = Faults::default();
        for cause in Cause::ALL {
            if !found.iter().any(|(_, c)| *c == cause) {
                continue;
            }
            let mut bits = vec![false; rows];
            for (row, _) in found.iter().filter(|(_, c)| *c == cause) {
                bits[*row] = true;
            }
            faults.0.push((cause, BooleanBuffer::from(bits)));
        }
        faults
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this row is null for this cause.
    pub(crate) fn has(&self, cause: Cause, row: usize) -> bool {
        self.0
            .iter()
            .any(|(c, bits)| *c == cause && bits.value(if bits.len() == 1 { 0 } else { row }))
    }

    /// Adds those of an operand; one row of a scalar stands for all.
    pub(crate) fn add(&mut self, other: &Faults, rows: usize) {
        if rows == 0 {
            return;
        }
        for (cause, bits) in &other.0 {
            let bits = if bits.len() == rows {
                bits.clone()
            } else if bits.len() == 1 && bits.value(0) {
                BooleanBuffer::new_set(rows)
            } else {
                continue;
            };
            match self.0.binary_search_by_key(cause, |(c, _)| *c) {
                Ok(at) => self.0[at].1 = &self.0[at].1 | &bits,
                Err(at) => self.0.insert(at, (*cause, bits)),
            }
        }
    }

    /// Keeps only rows whose value is null: where something came out after all, the error did no harm.
    pub(crate) fn keep_nulls(&mut self, nulls: Option<&NullBuffer>) {
        let Some(nulls) = nulls else {
            self.0.clear();
            return;
        };
        let missing = !nulls.inner();
        self.0.retain_mut(|(_, bits)| {
            *bits = &*bits & &missing;
            bits.count_set_bits() > 0
        });
    }
}
