//! Building one column row by row: the loop every fallible kernel shares.
//!
//! The invariants: a row that is null is not computed; a row that fails is null and noted; a float that comes out is
//! finite; a text that comes out is at most [`TEXT_BYTES_MAX`] long, so that no chain of `||` can eat the memory.

use arrow::array::{
    BooleanArray, Decimal128Array, Float64Array, Int64Array, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

use super::super::Cause;
use super::super::column::{Data, Faults};
use super::Output;

/// The longest text an expression makes; a longer one is null for [`Cause::Overflow`].
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// All text of one column, well inside Arrow's 32-bit offsets.
const COLUMN_BYTES_MAX: usize = 1 << 30;

pub(super) fn ints(
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<i64, Cause>,
) -> Output {
    let (values, nulls, faults) = fill(rows, known, f);
    let data = Data::Int(Int64Array::new(values.into(), nulls));
    Output { data, faults }
}

pub(super) fn timestamps(
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<i64, Cause>,
) -> Output {
    let (values, nulls, faults) = fill(rows, known, f);
    let array = TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC");
    Output {
        data: Data::Timestamp(array),
        faults,
    }
}

pub(super) fn floats(
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<f64, Cause>,
) -> Output {
    let (values, nulls, faults) = fill(rows, known, |row| {
        f(row).and_then(|x| {
            if x.is_finite() {
                Ok(x)
            } else {
                Err(Cause::NotANumber)
            }
        })
    });
    let data = Data::Float(Float64Array::new(values.into(), nulls));
    Output { data, faults }
}

pub(super) fn decimals(
    scale: u8,
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Option<i128>,
) -> Output {
    decimals_or(scale, rows, known, |row| f(row).ok_or(Cause::Overflow))
}

pub(super) fn decimals_or(
    scale: u8,
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<i128, Cause>,
) -> Output {
    let (values, nulls, faults) = fill(rows, known, f);
    let array = Decimal128Array::new(ScalarBuffer::from(values), nulls);
    Output {
        data: Data::decimal(array, scale),
        faults,
    }
}

/// Truths; `None` is null.
pub(super) fn truths(rows: usize, f: impl Fn(usize) -> Option<bool>) -> Output {
    let array: BooleanArray = (0..rows).map(f).collect();
    Data::Bool(array).into()
}

/// Truths that may fail.
pub(super) fn truths_or(
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<bool, Cause>,
) -> Output {
    let (values, nulls, faults) = fill(rows, known, f);
    let array = BooleanArray::new(BooleanBuffer::from(values), nulls);
    Output {
        data: Data::Bool(array),
        faults,
    }
}

/// Texts; `Ok(None)` is null without an error.
pub(super) fn texts<T: AsRef<str>>(
    rows: usize,
    f: impl Fn(usize) -> Result<Option<T>, Cause>,
) -> Output {
    let mut builder = StringBuilder::with_capacity(rows, rows * 8);
    let mut bytes = 0usize;
    let mut failed = Vec::new();
    for row in 0..rows {
        let value = f(row).and_then(|text| match text {
            Some(text) if text.as_ref().len() > TEXT_BYTES_MAX => Err(Cause::Overflow),
            Some(text) if bytes + text.as_ref().len() > COLUMN_BYTES_MAX => Err(Cause::Overflow),
            other => Ok(other),
        });
        match value {
            Ok(Some(text)) => {
                bytes += text.as_ref().len();
                builder.append_value(text);
            }
            Ok(None) => builder.append_null(),
            Err(cause) => {
                failed.push((row, cause));
                builder.append_null();
            }
        }
    }
    Output {
        data: Data::Text(builder.finish()),
        faults: Faults::of(rows, &failed),
    }
}

fn fill<T: Copy + Default>(
    rows: usize,
    known: Option<NullBuffer>,
    f: impl Fn(usize) -> Result<T, Cause>,
) -> (Vec<T>, Option<NullBuffer>, Faults) {
    let mut values = Vec::with_capacity(rows);
    let mut failed = Vec::new();
    for row in 0..rows {
        if known.as_ref().is_some_and(|known| known.is_null(row)) {
            values.push(T::default());
            continue;
        }
        match f(row) {
            Ok(value) => values.push(value),
            Err(cause) => {
                failed.push((row, cause));
                values.push(T::default());
            }
        }
    }
    if failed.is_empty() {
        return (values, known, Faults::default());
    }
    let mut sound = vec![true; rows];
    for (row, _) in &failed {
        sound[*row] = false;
    }
    let sound = NullBuffer::new(BooleanBuffer::from(sound));
    let nulls = NullBuffer::union(known.as_ref(), Some(&sound));
    (values, nulls, Faults::of(rows, &failed))
}
