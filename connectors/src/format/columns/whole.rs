//! A batch whose every value is plain, column by column: what nearly every batch of a file is.
//!
//! The idea: most columns of a file already are what is wanted, or become it value by value without a fault; then no
//! row is put together cell by cell, and texts, integers and times are not even copied. The invariant: this only ever
//! accepts, and what it accepts the way by rows would have made the same; a fault, a default to fill in, a card number
//! leave the batch to that.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, PrimitiveArray, RecordBatch,
    RecordBatchOptions, TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType};

use super::{ColumnCaster, Input};
use crate::format::value::{Cell, Kind};
use crate::format::{Decoded, WantedColumn, text, time};

impl ColumnCaster {
    /// All rows as they are wanted, where none of them needs a closer look.
    pub(super) fn whole(&self, inputs: &[(Kind, Input)], rows: usize) -> Option<Decoded> {
        let columns = self.rows.wanted().zip(inputs);
        let columns = columns
            .map(|(wanted, (kind, input))| input.whole(*kind, wanted, rows))
            .collect::<Option<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.rows.schema(), columns, &options);
        Some(Decoded {
            rows: batch.ok()?,
            taken: (0..u32::try_from(rows).ok()?).collect(),
            rejects: Vec::new(),
        })
    }
}

impl Input {
    fn whole(&self, kind: Kind, wanted: &WantedColumn, rows: usize) -> Option<ArrayRef> {
        let may_be_null = wanted.optional && wanted.default.is_none();
        if self.has_nulls() && !may_be_null {
            return None;
        }
        match (self, kind) {
            (Input::Missing, _) => Some(new_null_array(&wanted.data_type, rows)),
            (Input::Text(values), Kind::Text) => {
                let is_card = |text: &str| text::is_card_number(text.as_bytes());
                let plain = !values.iter().flatten().any(is_card);
                plain.then(|| Arc::new(values.clone()) as ArrayRef)
            }
            (Input::Int(values), Kind::Int) => Some(Arc::new(values.clone())),
            (Input::Bool(values), Kind::Bool) => Some(Arc::new(values.clone())),
            (Input::Time(values, 1_000_000), Kind::Time(_)) => {
                let fine = |micros: i64| time::in_range(micros).is_some();
                let plain = values.iter().flatten().all(fine);
                plain.then(|| timed(values.reinterpret_cast(), wanted))
            }
            (Input::Time(..), Kind::Time(_)) => {
                let times = self.each(kind, rows, |cell| match cell {
                    Cell::Time(micros) => Some(micros),
                    _ => None,
                })?;
                Some(timed(times, wanted))
            }
            (Input::Float(_), Kind::Float) => {
                let floats: Float64Array = self.each(kind, rows, |cell| match cell {
                    Cell::Float(value) => Some(value),
                    _ => None,
                })?;
                Some(Arc::new(floats))
            }
            (Input::Float(_) | Input::Int(_) | Input::Decimal(..), Kind::Decimal(_)) => {
                let decimals: Decimal128Array = self.each(kind, rows, |cell| match cell {
                    Cell::Decimal(mantissa) => Some(i128::from(mantissa)),
                    _ => None,
                })?;
                Some(Arc::new(decimals.with_data_type(wanted.data_type.clone())))
            }
            _ => None,
        }
    }

    /// The values of a column, made one by one; nothing when any of them has a fault.
    fn each<T: ArrowPrimitiveType>(
        &self,
        kind: Kind,
        rows: usize,
        of: impl Fn(Cell<'_>) -> Option<T::Native>,
    ) -> Option<PrimitiveArray<T>> {
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            values.push(match self.cell(row, kind).ok()? {
                Some(cell) => of(cell)?,
                None => T::Native::default(),
            });
        }
        let nulls = match self {
            Input::Int(values) | Input::Time(values, _) => values.nulls(),
            Input::Float(values) => values.nulls(),
            Input::Decimal(values, _) => values.nulls(),
            Input::Missing | Input::Text(_) | Input::Bool(_) | Input::Other(_) => None,
        };
        Some(PrimitiveArray::new(values.into(), nulls.cloned()))
    }

    fn has_nulls(&self) -> bool {
        let nulls = match self {
            Input::Missing => return true,
            Input::Text(values) => values.null_count(),
            Input::Int(values) | Input::Time(values, _) => values.null_count(),
            Input::Float(values) => values.null_count(),
            Input::Decimal(values, _) => values.null_count(),
            Input::Bool(values) => values.null_count(),
            Input::Other(values) => values.logical_null_count(),
        };
        nulls > 0
    }
}

fn timed(times: TimestampMicrosecondArray, wanted: &WantedColumn) -> ArrayRef {
    let zone = match &wanted.data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    Arc::new(times.with_timezone_opt(zone))
}
