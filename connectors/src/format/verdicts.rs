//! Which rows of a batch were taken and which not: the one loop's end that all formats share.
//!
//! The invariant: every row is noted once, in order, and what a bad one had put into the columns is undone.

use arrow::array::{Array, BinaryArray};

use super::Decoded;
use super::row::{Problem, Rows};
use crate::reject::{Reject, RejectCode};

/// The verdicts so far.
#[derive(Debug)]
pub(super) struct Verdicts {
    taken: Vec<u32>,
    rejects: Vec<Reject>,
}

impl Verdicts {
    /// None yet, with room for so many.
    pub(super) fn with_capacity(rows: usize) -> Verdicts {
        Verdicts {
            taken: Vec::with_capacity(rows),
            rejects: Vec::new(),
        }
    }

    /// Notes what came of the next row.
    pub(super) fn note(&mut self, rows: &mut Rows, row: usize, outcome: Result<(), Problem>) {
        match outcome {
            Ok(()) => self.taken.push(u32::try_from(row).unwrap_or(u32::MAX)),
            Err(problem) => {
                rows.drop_row();
                self.rejects.push(problem.at(row));
            }
        }
    }

    /// The batch as columns.
    pub(super) fn finish(self, rows: &mut Rows) -> Decoded {
        Decoded {
            rows: rows.finish(),
            taken: self.taken,
            rejects: self.rejects,
        }
    }
}

/// The bytes of a record, if it has any; `nothing` is what to call it when there are none.
pub(super) fn bytes<'a>(
    values: &'a BinaryArray,
    row: usize,
    nothing: &str,
) -> Result<&'a [u8], Problem> {
    if values.is_null(row) {
        return Err(empty("a tombstone"));
    }
    match values.value(row) {
        [] => Err(empty(nothing)),
        bytes => Ok(bytes),
    }
}

/// There is nothing to decode.
pub(super) fn empty(what: &str) -> Problem {
    Problem {
        code: RejectCode::Empty,
        detail: what.to_owned(),
    }
}
