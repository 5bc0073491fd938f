//! Rows under construction: cells arrive in any order, a row is taken whole or not at all.
//!
//! The idea: cells go straight into the vectors that become Arrow arrays; a bad row is undone by cutting them back.
//! Nothing is allocated per row. The invariant: between rows every column has as many values as rows were taken.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::column::Column;
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
    /// Which of the first 64 columns the row at hand was given, a bit each, and the bits of all of them.
    given: u64,
    all: u64,
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
        let all = u64::MAX >> (64 - columns.len().min(64)).min(63);
        Ok(Rows {
            all: if columns.is_empty() { 0 } else { all },
            columns,
            schema,
            len: 0,
            given: 0,
        })
    }

    /// The same columns without rows.
    pub(crate) fn another(&self) -> Rows {
        Rows {
            columns: self.columns.iter().map(Column::another).collect(),
            schema: self.schema(),
            len: 0,
            given: 0,
            all: self.all,
        }
    }

    /// What is wanted, column by column.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &WantedColumn> {
        self.columns.iter().map(|column| &column.wanted)
    }

    /// The schema of the rows.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let at = column;
        let column = &mut self.columns[at];
        match column.kind.read(scalar) {
            Ok(cell) => {
                self.given |= bit(at);
                column.push(cell)
            }
            Err(fault) => Err(column.problem(fault, &scalar.shown())),
        }
    }

    /// The same for text that may mean any kind; empty is as good as not given.
    pub(crate) fn put_text(&mut self, column: usize, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            return Ok(());
        }
        let at = column;
        let column = &mut self.columns[at];
        match column.kind.read_text(text) {
            Ok(cell) => {
                self.given |= bit(at);
                column.push(cell)
            }
            Err(fault) => Err(column.problem(fault, &Scalar::Text(text).shown())),
        }
    }

    /// Gives the row at hand a cell of the column's kind.
    pub(crate) fn put_cell(&mut self, column: usize, cell: Cell<'_>) -> Result<(), Problem> {
        self.given |= bit(column);
        self.columns[column].push(cell)
    }

    /// The column, which the caller gives the cell of the row at hand.
    #[inline]
    pub(super) fn give(&mut self, column: usize) -> &mut Column {
        self.given |= bit(column);
        &mut self.columns[column]
    }

    /// What is wrong with a value of a column.
    pub(crate) fn problem(&self, column: usize, fault: Fault, shown: &str) -> Problem {
        self.columns[column].problem(fault, shown)
    }

    /// Takes the row at hand: what was not given gets its default, or null where it may be missing.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<(), Problem> {
        if self.given != self.all || self.columns.len() > 64 {
            self.fill()?;
        }
        self.given = 0;
        self.len += 1;
        Ok(())
    }

    /// Fills in what the row at hand was not given.
    fn fill(&mut self) -> Result<(), Problem> {
        let mut missing = self.all & !self.given;
        while missing != 0 {
            let column = missing.trailing_zeros() as usize;
            missing &= missing - 1;
            self.columns[column].fill()?;
        }
        let len = self.len;
        let rest = self.columns.iter_mut().skip(64);
        for column in rest.filter(|column| column.len() == len) {
            column.fill()?;
        }
        Ok(())
    }

    /// Undoes what the row at hand was given.
    pub(crate) fn drop_row(&mut self) {
        self.given = 0;
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

/// The bit of a column among those given; none beyond the 64th.
#[inline]
fn bit(column: usize) -> u64 {
    u32::try_from(column).map_or(0, |column| 1u64.checked_shl(column).unwrap_or(0))
}
