//! Rows under construction: cells arrive in any order, a row is taken whole or not at all.
//!
//! The idea: cells go straight into the vectors that become Arrow arrays; a bad row is undone by cutting them back.
//! Nothing is allocated per row. The invariant: between rows every column has as many values as rows were taken.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::value::{Cell, Fault, Kind, Scalar};
use super::{WantedColumn, WantedError, text};
use crate::reject::{Reject, RejectCode};

/// Why the row at hand cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: RejectCode,
    pub(crate) detail: String,
}

impl Problem {
    /// As it is reported for a row.
    pub(crate) fn at(self, row: usize) -> Reject {
        Reject {
            row,
            code: self.code,
            detail: text::masked(&self.detail),
        }
    }
}

/// The columns wanted, with the rows taken so far.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    schema: SchemaRef,
    len: usize,
}

#[derive(Debug)]
struct Column {
    wanted: WantedColumn,
    kind: Kind,
    values: Values,
    /// Rows that are null; ascending.
    nulls: Vec<usize>,
}

#[derive(Debug)]
enum Values {
    Text { ends: Vec<i32>, bytes: Vec<u8> },
    Int(Vec<i64>),
    Decimal(Vec<i128>),
    Float(Vec<f64>),
    Bool(BooleanBufferBuilder),
}

/// The schema of the columns wanted; every column may hold nulls, as everywhere behind the decoder.
pub(crate) fn schema(wanted: &[WantedColumn]) -> SchemaRef {
    let field = |column: &WantedColumn| Field::new(&column.name, column.data_type.clone(), true);
    Arc::new(Schema::new(wanted.iter().map(field).collect::<Vec<_>>()))
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(wanted: Vec<WantedColumn>) -> Result<Rows, WantedError> {
        let schema = schema(&wanted);
        let columns = wanted
            .into_iter()
            .map(Column::new)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows {
            columns,
            schema,
            len: 0,
        })
    }

    /// What is wanted, column by column.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &WantedColumn> {
        self.columns.iter().map(|column| &column.wanted)
    }

    /// The kind of a column.
    pub(crate) fn kind(&self, column: usize) -> Kind {
        self.columns[column].kind
    }

    /// Gives the row at hand the value of a column. Null is as good as not given.
    pub(crate) fn put(&mut self, column: usize, scalar: Scalar<'_>) -> Result<(), Problem> {
        if scalar == Scalar::Null {
            return Ok(());
        }
        let column = &mut self.columns[column];
        match column.kind.read(scalar) {
            Ok(cell) => column.push(cell),
            Err(fault) => Err(column.problem(fault, &scalar.shown())),
        }
    }

    /// The same for text that may mean any kind; empty is as good as not given.
    pub(crate) fn put_text(&mut self, column: usize, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            return Ok(());
        }
        let column = &mut self.columns[column];
        match column.kind.read_text(text) {
            Ok(cell) => column.push(cell),
            Err(fault) => Err(column.problem(fault, &Scalar::Text(text).shown())),
        }
    }

    /// Gives the row at hand a cell of the column's kind.
    pub(crate) fn put_cell(&mut self, column: usize, cell: Cell<'_>) -> Result<(), Problem> {
        self.columns[column].push(cell)
    }

    /// What is wrong with a value of a column.
    pub(crate) fn problem(&self, column: usize, fault: Fault, shown: &str) -> Problem {
        self.columns[column].problem(fault, shown)
    }

    /// Takes the row at hand: what was not given gets its default, or null where it may be missing.
    pub(crate) fn take(&mut self) -> Result<(), Problem> {
        for column in &mut self.columns {
            if column.len() > self.len {
                continue;
            }
            if let Some(default) = column.wanted.default.take() {
                // Taken and put back, because the cell borrows it while the column is written.
                let pushed = column
                    .kind
                    .read_text(&default)
                    .map(|cell| column.push(cell));
                column.wanted.default = Some(default);
                debug_assert!(
                    pushed.is_ok(),
                    "the default was read when the column was made"
                );
            } else if column.wanted.optional {
                column.push_null();
            } else {
                let detail = format!("{}: missing or null", column.shown_name());
                return Err(Problem {
                    code: RejectCode::MissingField,
                    detail,
                });
            }
        }
        self.len += 1;
        Ok(())
    }

    /// Undoes what the row at hand was given.
    pub(crate) fn drop_row(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.len);
        }
    }

    /// The rows taken; none are left here.
    pub(crate) fn finish(&mut self) -> RecordBatch {
        self.drop_row();
        let len = std::mem::take(&mut self.len);
        let arrays = self
            .columns
            .iter_mut()
            .map(|column| column.finish(len))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .unwrap_or_else(|error| {
                unreachable!("columns of one length and the declared types: {error}")
            })
    }
}

impl Column {
    fn new(wanted: WantedColumn) -> Result<Column, WantedError> {
        let kind = Kind::of(&wanted)?;
        if let Some(default) = &wanted.default
            && let Err(fault) = kind.read_text(default)
        {
            let cause = format!("its default: {} \"{}\"", fault.what, text::masked(default));
            return Err(WantedError {
                column: wanted.name,
                cause,
            });
        }
        Ok(Column {
            kind,
            values: Values::new(kind),
            nulls: Vec::new(),
            wanted,
        })
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Text { ends, .. } => ends.len() - 1,
            Values::Int(values) => values.len(),
            Values::Decimal(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Bool(values) => values.len(),
        }
    }

    fn push(&mut self, cell: Cell<'_>) -> Result<(), Problem> {
        match (&mut self.values, cell) {
            (Values::Text { ends, bytes }, Cell::Text(text)) => {
                let Ok(end) = i32::try_from(bytes.len() + text.len()) else {
                    let detail = format!("{}: more text than one batch can hold", self.wanted.name);
                    return Err(Problem {
                        code: RejectCode::TooLarge,
                        detail,
                    });
                };
                bytes.extend_from_slice(text.as_bytes());
                ends.push(end);
            }
            (Values::Int(values), Cell::Int(value) | Cell::Time(value)) => values.push(value),
            (Values::Decimal(values), Cell::Decimal(value)) => values.push(i128::from(value)),
            (Values::Float(values), Cell::Float(value)) => values.push(value),
            (Values::Bool(values), Cell::Bool(value)) => values.append(value),
            (_, cell) => unreachable!("{:?} made {cell:?}", self.kind),
        }
        Ok(())
    }

    fn push_null(&mut self) {
        self.nulls.push(self.len());
        match &mut self.values {
            Values::Text { ends, bytes } => {
                ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX))
            }
            Values::Int(values) => values.push(0),
            Values::Decimal(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Bool(values) => values.append(false),
        }
    }

    fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Text { ends, bytes } => {
                ends.truncate(len + 1);
                let end = ends.last().copied().unwrap_or_default();
                bytes.truncate(usize::try_from(end).unwrap_or_default());
            }
            Values::Int(values) => values.truncate(len),
            Values::Decimal(values) => values.truncate(len),
            Values::Float(values) => values.truncate(len),
            Values::Bool(values) => values.truncate(len),
        }
        while self.nulls.last().is_some_and(|row| *row >= len) {
            self.nulls.pop();
        }
    }

    fn finish(&mut self, len: usize) -> ArrayRef {
        let nulls = null_buffer(&self.nulls, len);
        self.nulls.clear();
        // The next batch will be about as large as this one.
        let values = std::mem::replace(&mut self.values, Values::with_capacity(self.kind, len));
        match values {
            Values::Text { ends, bytes } => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
                let array = StringArray::try_new(ends, Buffer::from_vec(bytes), nulls)
                    .unwrap_or_else(|error| unreachable!("texts end to end: {error}"));
                Arc::new(array)
            }
            Values::Int(values) => match &self.wanted.data_type {
                DataType::Timestamp(_, zone) => {
                    let array = TimestampMicrosecondArray::new(values.into(), nulls);
                    Arc::new(array.with_timezone_opt(zone.clone()))
                }
                _ => Arc::new(Int64Array::new(values.into(), nulls)),
            },
            Values::Decimal(values) => {
                let array = Decimal128Array::new(values.into(), nulls);
                Arc::new(array.with_data_type(self.wanted.data_type.clone()))
            }
            Values::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Bool(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
        }
    }

    fn problem(&self, fault: Fault, shown: &str) -> Problem {
        let detail = format!("{}: {} {shown}", self.shown_name(), fault.what);
        Problem {
            code: fault.code,
            detail,
        }
    }

    /// The name, and where the value is looked for when that differs.
    fn shown_name(&self) -> String {
        if self.wanted.from == self.wanted.name {
            self.wanted.name.clone()
        } else {
            format!("{} (from {})", self.wanted.name, self.wanted.from)
        }
    }
}

impl Values {
    fn new(kind: Kind) -> Values {
        Values::with_capacity(kind, 0)
    }

    fn with_capacity(kind: Kind, rows: usize) -> Values {
        match kind {
            Kind::Text => {
                let mut ends = Vec::with_capacity(rows + 1);
                ends.push(0);
                Values::Text {
                    ends,
                    bytes: Vec::with_capacity(rows * 16),
                }
            }
            Kind::Int | Kind::Time(_) => Values::Int(Vec::with_capacity(rows)),
            Kind::Decimal(_) => Values::Decimal(Vec::with_capacity(rows)),
            Kind::Float => Values::Float(Vec::with_capacity(rows)),
            Kind::Bool => Values::Bool(BooleanBufferBuilder::new(rows)),
        }
    }
}

fn null_buffer(nulls: &[usize], len: usize) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(len);
    valid.append_n(len, true);
    for row in nulls {
        valid.set_bit(*row, false);
    }
    Some(NullBuffer::new(valid.finish()))
}
