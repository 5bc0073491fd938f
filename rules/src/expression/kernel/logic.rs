//! Comparisons and three-valued logic.
//!
//! The idea: Arrow's kernels where their meaning is ours (ints, decimals of one scale, texts, timestamps, truths), our
//! own for floats, because Arrow's total order finds `-0.0 < 0.0`. AND and OR are Kleene's: false beats unknown.

use std::collections::HashSet;

use arrow::array::{BooleanArray, Datum};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp;
use arrow::error::ArrowError;

use super::super::column::{Data, Operand};
use super::{Comparison, Output, fill, known};

/// The constants of an `IN` list, null aside.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    pub(crate) values: MemberValues,
    /// Whether null was among them: then "not found" is unknown.
    pub(crate) null: bool,
}

/// See [`Members`].
#[derive(Clone, Debug)]
pub(crate) enum MemberValues {
    /// Looked up and never walked, so hash order cannot show.
    Text(HashSet<String>),
    /// Ints or timestamps, ascending.
    Int(Vec<i64>),
    /// Mantissas of one scale, ascending.
    Decimal(Vec<i128>),
}

pub(super) fn compare(op: Comparison, x: &Operand, y: &Operand, rows: usize) -> Option<Output> {
    if let (Data::Float(_), Data::Float(_)) = (&x.data, &y.data) {
        return floats(op, x, y, rows);
    }
    let kernel: fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, ArrowError> = match op {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
        Comparison::Distinct => cmp::distinct,
    };
    let array = x.with_datum(|x| y.with_datum(|y| kernel(x, y))).ok()?;
    Some(Data::Bool(array).into())
}

fn floats(op: Comparison, x: &Operand, y: &Operand, rows: usize) -> Option<Output> {
    let nulls = known(&[x, y], rows);
    let (x, y) = (x.floats()?, y.floats()?);
    let test: fn(f64, f64) -> bool = match op {
        Comparison::Equal => |x, y| x == y,
        Comparison::NotEqual => |x, y| x != y,
        Comparison::Less => |x, y| x < y,
        Comparison::LessOrEqual => |x, y| x <= y,
        Comparison::Greater => |x, y| x > y,
        Comparison::GreaterOrEqual => |x, y| x >= y,
        Comparison::Distinct => {
            return Some(fill::truths(rows, |row| Some(x.known(row) != y.known(row))));
        }
    };
    let bits = BooleanBuffer::collect_bool(rows, |row| test(x.get(row), y.get(row)));
    Some(Data::Bool(BooleanArray::new(bits, nulls)).into())
}

pub(super) fn and(x: &Operand, y: &Operand, rows: usize) -> Option<Output> {
    if x.scalar || y.scalar {
        return Some(fill::truths(rows, |row| {
            match (x.truth(row), y.truth(row)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }));
    }
    let (Data::Bool(x), Data::Bool(y)) = (&x.data, &y.data) else {
        return None;
    };
    arrow::compute::and_kleene(x, y)
        .ok()
        .map(|truths| Data::Bool(truths).into())
}

pub(super) fn or(x: &Operand, y: &Operand, rows: usize) -> Option<Output> {
    if x.scalar || y.scalar {
        return Some(fill::truths(rows, |row| {
            match (x.truth(row), y.truth(row)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }));
    }
    let (Data::Bool(x), Data::Bool(y)) = (&x.data, &y.data) else {
        return None;
    };
    arrow::compute::or_kleene(x, y)
        .ok()
        .map(|truths| Data::Bool(truths).into())
}

pub(super) fn not(x: &Operand) -> Option<Output> {
    let Data::Bool(x) = &x.data else {
        return None;
    };
    arrow::compute::not(x)
        .ok()
        .map(|truths| Data::Bool(truths).into())
}

pub(super) fn is_null(x: &Operand, rows: usize) -> Output {
    let bits = match x.data.nulls() {
        None => BooleanBuffer::new_unset(rows),
        Some(nulls) => !nulls.inner(),
    };
    Data::Bool(BooleanArray::new(bits, None)).into()
}

pub(super) fn is(x: &Operand, truth: bool, rows: usize) -> Output {
    let bits = BooleanBuffer::collect_bool(rows, |row| x.truth(row) == Some(truth));
    Data::Bool(BooleanArray::new(bits, None)).into()
}

pub(super) fn one_of(x: &Operand, members: &Members, rows: usize) -> Output {
    let found: Box<dyn Fn(usize) -> bool> = match &members.values {
        MemberValues::Text(texts) => Box::new(|row| texts.contains(x.text(row))),
        MemberValues::Int(ints) => match x.ints() {
            Some(x) => Box::new(move |row| ints.binary_search(&x.get(row)).is_ok()),
            None => Box::new(|_| false),
        },
        MemberValues::Decimal(decimals) => match x.decimals() {
            Some((x, _)) => Box::new(move |row| decimals.binary_search(&x.get(row)).is_ok()),
            None => Box::new(|_| false),
        },
    };
    fill::truths(rows, |row| match found(row) {
        _ if x.is_null(row) => None,
        true => Some(true),
        false if members.null => None,
        false => Some(false),
    })
}
