//! Columns that a source already has (Parquet, Arrow) to the columns wanted, by the rules of the decoders.
//!
//! The idea: the types of a file are brought to a handful once per batch, then each row goes through the same
//! [`Rows`] as a decoded record, so that a bad row is a reject here too. Integers widen, a double becomes a decimal by
//! its shortest digits, columns that are timestamps already are taken as they are. The invariant: a value is the same
//! whether it came as JSON, CSV or a column. A batch without any fault is taken whole ([`whole`]).

mod whole;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch,
    StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Int64Type, TimeUnit as ArrowUnit};

use super::number::Digits;
use super::row::Rows;
use super::value::{Cell, Fault, Kind, Scalar};
use super::verdicts::Verdicts;
use super::{Caster, Decoded, WantedColumn, WantedError, time};

/// Casts the columns of a file to those wanted.
#[derive(Debug)]
pub struct ColumnCaster {
    rows: Rows,
}

/// A column of a file, brought to one of few types.
enum Input {
    Missing,
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Decimal(Decimal128Array, i32),
    Bool(BooleanArray),
    /// Since the epoch, and how many of them are a second.
    Time(Int64Array, i64),
    /// A type that no field has.
    Other(ArrayRef),
}

impl ColumnCaster {
    /// A caster to these columns. A `from` names a column of the file; a pointer of one part does too.
    ///
    /// # Errors
    /// When a column has a type that no field has, or a default that is not of its type.
    pub fn new(wanted: Vec<WantedColumn>) -> Result<ColumnCaster, WantedError> {
        Ok(ColumnCaster {
            rows: Rows::new(wanted)?,
        })
    }
}

impl Caster for ColumnCaster {
    fn cast(&mut self, batch: &RecordBatch) -> Decoded {
        let inputs = self.inputs(batch);
        self.whole(&inputs, batch.num_rows())
            .unwrap_or_else(|| self.by_rows(&inputs, batch.num_rows()))
    }

    fn another(&self) -> Box<dyn Caster> {
        Box::new(ColumnCaster {
            rows: self.rows.another(),
        })
    }
}

impl ColumnCaster {
    /// The columns of a batch, each with the kind it is wanted as.
    fn inputs(&self, batch: &RecordBatch) -> Vec<(Kind, Input)> {
        let input = |(column, wanted): (usize, &WantedColumn)| {
            let kind = self.rows.kind(column);
            (kind, Input::of(find(batch, &wanted.from), kind))
        };
        self.rows.wanted().enumerate().map(input).collect()
    }

    /// Row by row, each taken or rejected.
    fn by_rows(&mut self, inputs: &[(Kind, Input)], rows: usize) -> Decoded {
        let mut verdicts = Verdicts::with_capacity(rows);
        for row in 0..rows {
            let outcome = inputs
                .iter()
                .enumerate()
                .try_for_each(|(column, (kind, input))| match input.cell(row, *kind) {
                    Ok(None) => Ok(()),
                    Ok(Some(cell)) => self.rows.put_cell(column, cell),
                    Err(fault) => Err(self.rows.problem(column, fault, &input.shown(row))),
                })
                .and_then(|()| self.rows.take());
            verdicts.note(&mut self.rows, row, outcome);
        }
        verdicts.finish(&mut self.rows)
    }
}

fn find<'a>(batch: &'a RecordBatch, from: &str) -> Option<&'a ArrayRef> {
    batch
        .column_by_name(from)
        .or_else(|| batch.column_by_name(from.strip_prefix('/')?))
}

impl Input {
    fn of(column: Option<&ArrayRef>, kind: Kind) -> Input {
        let Some(array) = column else {
            return Input::Missing;
        };
        let other = || Input::Other(Arc::clone(array));
        let cast_to = |data_type: &DataType| cast(array, data_type).ok();
        match array.data_type() {
            DataType::Null => Input::Missing,
            DataType::Boolean => Input::Bool(array.as_boolean().clone()),
            DataType::Utf8 => Input::Text(array.as_string::<i32>().clone()),
            DataType::LargeUtf8 | DataType::Utf8View => cast_to(&DataType::Utf8)
                .map_or_else(other, |texts| Input::Text(texts.as_string::<i32>().clone())),
            DataType::Dictionary(_, value) => match cast_to(value) {
                Some(values) => Input::of(Some(&values), kind),
                None => other(),
            },
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => cast_to(&DataType::Int64).map_or_else(other, |values| {
                Input::Int(values.as_primitive::<Int64Type>().clone())
            }),
            DataType::UInt64 => {
                cast_to(&DataType::Decimal128(20, 0)).map_or_else(other, |v| Input::decimal(&v, 0))
            }
            DataType::Decimal128(_, scale) => Input::decimal(array, *scale),
            DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                cast_to(&DataType::Decimal128(*precision, *scale))
                    .map_or_else(other, |values| Input::decimal(&values, *scale))
            }
            DataType::Float64 => Input::Float(array.as_primitive().clone()),
            DataType::Float32 => Input::Float(widened(array, kind)),
            DataType::Timestamp(unit, _) => {
                let per_second = match unit {
                    ArrowUnit::Second => 1,
                    ArrowUnit::Millisecond => 1_000,
                    ArrowUnit::Microsecond => 1_000_000,
                    ArrowUnit::Nanosecond => 1_000_000_000,
                };
                cast_to(&DataType::Int64).map_or_else(other, |v| {
                    Input::Time(v.as_primitive::<Int64Type>().clone(), per_second)
                })
            }
            DataType::Date32 | DataType::Date64 => {
                cast_to(&DataType::Timestamp(ArrowUnit::Second, None))
                    .map_or_else(other, |seconds| Input::of(Some(&seconds), kind))
            }
            _ => other(),
        }
    }

    fn decimal(array: &ArrayRef, scale: i8) -> Input {
        Input::Decimal(array.as_primitive().clone(), i32::from(scale))
    }

    /// The cell of a row; none where it is null.
    fn cell(&self, row: usize, kind: Kind) -> Result<Option<Cell<'_>>, Fault> {
        if self.is_null(row) {
            return Ok(None);
        }
        let cell = match self {
            Input::Missing => return Ok(None),
            Input::Text(values) => kind.read(Scalar::Text(values.value(row))),
            Input::Int(values) => kind.read_int(values.value(row)),
            Input::Float(values) => kind.read_float(values.value(row)),
            Input::Decimal(values, scale) => {
                let value = values.value(row);
                kind.read_digits(Digits {
                    negative: value < 0,
                    mantissa: value.unsigned_abs(),
                    exponent: -scale,
                })
            }
            Input::Bool(values) => kind.read(Scalar::Bool(values.value(row))),
            Input::Time(values, per_second) => match kind {
                Kind::Time(_) => micros(values.value(row), *per_second)
                    .and_then(time::in_range)
                    .map(Cell::Time)
                    .ok_or(kind.bad_time()),
                _ => Err(kind.wrong_type()),
            },
            Input::Other(_) => Err(kind.wrong_type()),
        };
        cell.map(Some)
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Input::Missing => true,
            Input::Text(values) => values.is_null(row),
            Input::Int(values) | Input::Time(values, _) => values.is_null(row),
            Input::Float(values) => values.is_null(row),
            Input::Decimal(values, _) => values.is_null(row),
            Input::Bool(values) => values.is_null(row),
            Input::Other(values) => values.is_null(row),
        }
    }

    /// What may be shown of a row.
    fn shown(&self, row: usize) -> String {
        match self {
            Input::Missing => "nothing".to_owned(),
            Input::Text(values) => Scalar::Text(values.value(row)).shown(),
            Input::Int(values) => Scalar::Number(&values.value(row).to_string()).shown(),
            Input::Float(values) => Scalar::Number(&values.value(row).to_string()).shown(),
            Input::Decimal(values, _) => Scalar::Number(&values.value_as_string(row)).shown(),
            Input::Bool(values) => values.value(row).to_string(),
            Input::Time(values, per_second) => {
                let value = Scalar::Number(&values.value(row).to_string()).shown();
                format!("the timestamp {value} ({per_second} to the second)")
            }
            Input::Other(values) => format!("a value of type {}", values.data_type()),
        }
    }
}

/// Floats of 32 bits: as they are for a float, by their shortest digits for everything exact.
fn widened(array: &ArrayRef, kind: Kind) -> Float64Array {
    let values = array.as_primitive::<Float32Type>();
    values.unary(|value| match kind {
        Kind::Float => f64::from(value),
        _ => value.to_string().parse().unwrap_or(f64::NAN),
    })
}

/// Microseconds, towards the past where they are finer than that.
fn micros(value: i64, per_second: i64) -> Option<i64> {
    if per_second <= 1_000_000 {
        value.checked_mul(1_000_000 / per_second)
    } else {
        Some(value.div_euclid(per_second / 1_000_000))
    }
}

#[cfg(test)]
mod tests;
