//! SQL scalar expressions: parsed and type-checked with DataFusion, run by a program of our own.
//!
//! The idea: DataFusion knows SQL, but it fails a whole batch for one bad row, wraps integers, and divides by zero
//! behind `x <> 0 AND`. So its parser reads the text and its planner judges the types, while what runs is a flat
//! [`Program`] of kernels that make a row null where it cannot be computed and say why ([`Cause`]).
//! The invariants: [`compile`] never panics, whatever the text, and reports every problem it finds; evaluation never
//! panics and never fails; equal [`Program::canonical`] means equal meaning.
//!
//! Reading order: [`parse`](mod@parse) (limits, text to tree), `lower` (tree to program: names, types, problems),
//! `judge` (DataFusion's opinion of the types), [`function`] (THE list), [`program`] (the flat program), `shape`
//! (a condition taken apart), `kernel` (its steps), `column` (what they compute with).
//!
//! # Semantics
//! * `int ∘ int` is int, checked; `int / int` truncates toward zero, as in SQL; write `/ 3600.0` for a fraction.
//! * A number with a point is a decimal, one with an exponent a float. `+ - * %` of ints and decimals are exact
//!   decimals; the scale of a product is the sum of scales, at most 18. `/` with a decimal is a float. Anything with a
//!   float is a float. Inside an expression a decimal may have 38 digits, its final value 18.
//! * Ints and decimals compare exactly; with a float they compare as floats. Text never compares with a number.
//! * NULL is unknown: AND and OR are three-valued, everything else is null if an operand is (but for `IS …`, CASE,
//!   COALESCE and `concat`).
//! * Division by zero, overflow, bad casts and NaN make the row null and are reported; they never spoil another row,
//!   and not even their own row where the value did not depend on them.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;

use crate::diagnostic::Code;
use crate::list::Lists;
use crate::ruleset::Column;
use crate::value::Value;

pub mod parse;

mod lower;

mod judge;

pub mod function;

pub mod program;

pub(crate) mod shape;

mod kernel;

mod column;

mod decimal;

#[cfg(test)]
mod tests;

pub use program::Program;

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

impl Cause {
    /// All causes, in order.
    pub const ALL: [Cause; 4] = [
        Cause::DivisionByZero,
        Cause::Overflow,
        Cause::BadCast,
        Cause::NotANumber,
    ];

    /// The word for it in metrics and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Cause::DivisionByZero => "division_by_zero",
            Cause::Overflow => "overflow",
            Cause::BadCast => "bad_cast",
            Cause::NotANumber => "not_a_number",
        }
    }
}

/// The columns a program reads and the lists it looks things up in.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// By column index; `None` where this program reads nothing.
    pub columns: &'a [Option<ArrayRef>],
    /// Rows of every column.
    pub rows: usize,
    /// All lists of the pack.
    pub lists: &'a Lists,
}

/// The value of each row, and which rows met which error on the way.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One value per row, of the program's type.
    pub values: ArrayRef,
    /// Rows whose value is null for this cause; in order of cause, none twice, none empty. A row whose value came out
    /// in spite of an error inside is not among them.
    pub faults: Vec<(Cause, BooleanBuffer)>,
}

/// Compiles an expression, or says everything that is wrong with it.
///
/// # Errors
/// Every problem found, in the order of the text.
pub fn compile(text: &str, names: &Names<'_>) -> Result<Program, Vec<Problem>> {
    let places = parse::Places::new(text);
    let tree = parse::parse(&places).map_err(|problem| vec![problem])?;
    lower::lower(&places, tree, names)
}
