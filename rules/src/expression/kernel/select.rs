//! Steps that take each row's value from one of several operands: CASE, COALESCE, GREATEST, LEAST.
//!
//! The idea: first decide per row which operand, then gather once by type. The invariant: an operand that was not
//! chosen leaves no trace, neither its value nor its faults (of a CASE; the others carry faults only into nulls).

use super::super::Cause;
use super::super::column::{Faults, Operand};
use super::{Output, fill};
use crate::value::Type;

pub(super) fn case(ty: Type, args: &[&Operand], rows: usize) -> Option<Output> {
    let choice: Vec<Option<usize>> = (0..rows).map(|row| Some(chosen(args, row))).collect();
    gather(ty, args, &choice)
}

/// Which operand a row of a CASE takes: the result behind the first true condition, else the last operand.
fn chosen(args: &[&Operand], row: usize) -> usize {
    let mut condition = 0;
    while condition + 1 < args.len() {
        if args[condition].truth(row) == Some(true) {
            return condition + 1;
        }
        condition += 2;
    }
    args.len().saturating_sub(1)
}

/// The faults that made a CASE null: those of the conditions it tried and of the result it took.
pub(super) fn case_faults(args: &[&Operand], rows: usize, faults: &mut Faults) {
    if args.iter().all(|arg| arg.faults.is_empty()) {
        return;
    }
    let mut found = Vec::new();
    for row in 0..rows {
        let taken = chosen(args, row);
        for cause in Cause::ALL {
            let tried = (0..taken)
                .step_by(2)
                .any(|at| args[at].faults.has(cause, row));
            if tried
                || args
                    .get(taken)
                    .is_some_and(|arg| arg.faults.has(cause, row))
            {
                found.push((row, cause));
            }
        }
    }
    faults.add(&Faults::of(rows, &found), rows);
}

pub(super) fn coalesce(ty: Type, args: &[&Operand], rows: usize) -> Option<Output> {
    let choice: Vec<Option<usize>> = (0..rows)
        .map(|row| args.iter().position(|arg| !arg.is_null(row)))
        .collect();
    gather(ty, args, &choice)
}

/// Null if any operand is null, as the SQL standard has it.
pub(super) fn extreme(greatest: bool, ty: Type, args: &[&Operand], rows: usize) -> Option<Output> {
    let choice: Vec<Option<usize>> = (0..rows)
        .map(|row| {
            if args.iter().any(|arg| arg.is_null(row)) {
                return None;
            }
            let mut best = 0;
            for at in 1..args.len() {
                let order = order(args[at], args[best], row)?;
                if order.is_ne() && order.is_gt() == greatest {
                    best = at;
                }
            }
            Some(best)
        })
        .collect();
    gather(ty, args, &choice)
}

fn order(x: &Operand, y: &Operand, row: usize) -> Option<std::cmp::Ordering> {
    if let (Some(x), Some(y)) = (x.ints(), y.ints()) {
        return Some(x.get(row).cmp(&y.get(row)));
    }
    if let (Some((x, _)), Some((y, _))) = (x.decimals(), y.decimals()) {
        return Some(x.get(row).cmp(&y.get(row)));
    }
    if let (Some(x), Some(y)) = (x.floats(), y.floats()) {
        return x.get(row).partial_cmp(&y.get(row));
    }
    Some(x.text(row).cmp(y.text(row)))
}

fn gather(ty: Type, args: &[&Operand], choice: &[Option<usize>]) -> Option<Output> {
    use arrow::buffer::{BooleanBuffer, NullBuffer};
    let rows = choice.len();
    let taken = |row: usize| choice[row].and_then(|at| args.get(at));
    if ty == Type::Text {
        return Some(fill::texts(rows, |row| {
            Ok(taken(row)
                .filter(|arg| !arg.is_null(row))
                .map(|arg| arg.text(row)))
        }));
    }
    let known = NullBuffer::new(BooleanBuffer::collect_bool(rows, |row| {
        taken(row).is_some_and(|arg| !arg.is_null(row))
    }));
    let known = Some(known).filter(|known| known.null_count() > 0);
    Some(match ty {
        Type::Bool => fill::truths(rows, |row| taken(row).and_then(|arg| arg.truth(row))),
        Type::Float => {
            let lanes = lanes(args, Operand::floats);
            fill::floats(rows, known, |row| {
                let lane = choice[row].and_then(|at| lanes[at]);
                Ok(lane.map(|lane| lane.get(row)).unwrap_or_default())
            })
        }
        Type::Int | Type::Timestamp => {
            let lanes = lanes(args, Operand::ints);
            let value = |row: usize| {
                let lane = choice[row].and_then(|at| lanes[at]);
                Ok(lane.map(|lane| lane.get(row)).unwrap_or_default())
            };
            if ty == Type::Int {
                fill::ints(rows, known, value)
            } else {
                fill::timestamps(rows, known, value)
            }
        }
        Type::Decimal(scale) => {
            let lanes = lanes(args, Operand::decimals);
            fill::decimals(scale, rows, known, |row| {
                let lane = choice[row].and_then(|at| lanes[at]);
                Some(lane.map(|(lane, _)| lane.get(row)).unwrap_or_default())
            })
        }
        Type::Text => return None,
    })
}

/// The typed view of each operand; `None` for those of another type, which are the conditions of a CASE.
fn lanes<'a, L>(args: &[&'a Operand], view: fn(&'a Operand) -> Option<L>) -> Vec<Option<L>> {
    args.iter().map(|arg| view(arg)).collect()
}
