//! SQL scalar expressions: parsed and type-checked with DataFusion, run by a program of our own.
//!
//! SKELETON: the signatures here are what `compile` and `evaluate` call; the bodies come.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;

use crate::diagnostic::Code;
use crate::list::Lists;
use crate::ruleset::Column;
use crate::value::{Type, Value};

/// What an expression may name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Columns; a program holds their indices. `card_prev.lat` is one name with a point in it.
    pub columns: &'a [Column],
    /// `:n`, replaced by their values before planning.
    pub params: &'a BTreeMap<String, Value>,
    /// Lists `in_list` may name: name and index are the position.
    pub lists: &'a [String],
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code whose page explains it.
    pub code: Code,
    /// Bytes of the expression's text.
    pub span: Range<usize>,
    /// One lower-case line.
    pub message: String,
    /// What to do about it: `did you mean ...`.
    pub help: Option<String>,
}

/// Why a row's value became null although its inputs were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Division or remainder by zero.
    DivisionByZero,
    /// A result outside its type.
    Overflow,
    /// A cast that cannot be made.
    BadCast,
    /// A float that is not a number or infinite.
    NotANumber,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Program {}

/// The columns a program reads and the lists it looks things up in.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// By column index; `None` where this program reads nothing.
    pub columns: &'a [Option<ArrayRef>],
    /// Rows of every column.
    pub rows: usize,
    /// All lists of the pack.
    pub lists: &'a Lists,
}

/// The value of each row, and which rows met which error on the way.
#[derive(Debug)]
pub struct Evaluated {
    /// One value per row, of the program's type.
    pub values: ArrayRef,
    /// Rows at which something inside became null for this cause; in order of cause, none twice.
    pub faults: Vec<(Cause, BooleanBuffer)>,
}

/// Compiles an expression, or says everything that is wrong with it.
///
/// # Errors
/// Every problem found.
pub fn compile(_text: &str, _names: &Names<'_>) -> Result<Program, Vec<Problem>> {
    Ok(Program {})
}

impl Program {
    /// The type of its value.
    #[must_use]
    pub fn ty(&self) -> Type {
        Type::Bool
    }

    /// The columns it reads, ascending, none twice.
    #[must_use]
    pub fn reads(&self) -> &[usize] {
        &[]
    }

    /// STUB
    #[must_use]
    pub fn evaluate(&self, inputs: &Inputs<'_>) -> Evaluated {
        Evaluated {
            values: arrow::array::new_null_array(&self.ty().arrow(), inputs.rows),
            faults: Vec::new(),
        }
    }

    /// A text that two programs share only if they mean the same; used to share work and to fingerprint.
    #[must_use]
    pub fn canonical(&self) -> &str {
        ""
    }
}
