//! `+ - * / %` of ints, decimals and floats.
//!
//! The semantics: ints are checked and never wrap, `int / int` truncates toward zero, decimals are exact in 128 bits,
//! zero as a divisor is null for [`Cause::DivisionByZero`] in every type.

use super::super::Cause;
use super::super::column::Operand;
use super::super::decimal;
use super::{Arithmetic, Output, fill, known};
use crate::value::Type;

pub(super) fn run(
    op: Arithmetic,
    ty: Type,
    x: &Operand,
    y: &Operand,
    rows: usize,
) -> Option<Output> {
    let known = known(&[x, y], rows);
    Some(match ty {
        Type::Int => {
            let (x, y) = (x.ints()?, y.ints()?);
            fill::ints(rows, known, |row| int(op, x.get(row), y.get(row)))
        }
        Type::Float => {
            let (x, y) = (x.floats()?, y.floats()?);
            fill::floats(rows, known, |row| float(op, x.get(row), y.get(row)))
        }
        Type::Decimal(scale) => {
            let ((x, x_scale), (y, y_scale)) = (x.decimals()?, y.decimals()?);
            let shift = match op {
                Arithmetic::Multiply => (x_scale + y_scale).saturating_sub(scale),
                _ => 0,
            };
            fill::decimals_or(scale, rows, known, |row| {
                wide(op, x.get(row), y.get(row), shift)
            })
        }
        _ => return None,
    })
}

fn int(op: Arithmetic, x: i64, y: i64) -> Result<i64, Cause> {
    match op {
        Arithmetic::Add => x.checked_add(y),
        Arithmetic::Subtract => x.checked_sub(y),
        Arithmetic::Multiply => x.checked_mul(y),
        Arithmetic::Divide | Arithmetic::Remainder if y == 0 => return Err(Cause::DivisionByZero),
        Arithmetic::Divide => x.checked_div(y),
        // The remainder of the smallest int by -1 is zero, though its quotient does not fit.
        Arithmetic::Remainder => Some(x.wrapping_rem(y)),
    }
    .ok_or(Cause::Overflow)
}

fn wide(op: Arithmetic, x: i128, y: i128, shift: u8) -> Result<i128, Cause> {
    match op {
        Arithmetic::Add => x.checked_add(y),
        Arithmetic::Subtract => x.checked_sub(y),
        Arithmetic::Multiply => x
            .checked_mul(y)
            .and_then(|product| decimal::rescale(product, shift, 0)),
        Arithmetic::Divide | Arithmetic::Remainder if y == 0 => return Err(Cause::DivisionByZero),
        Arithmetic::Divide => x.checked_div(y),
        Arithmetic::Remainder => Some(x.wrapping_rem(y)),
    }
    .ok_or(Cause::Overflow)
}

fn float(op: Arithmetic, x: f64, y: f64) -> Result<f64, Cause> {
    Ok(match op {
        Arithmetic::Add => x + y,
        Arithmetic::Subtract => x - y,
        Arithmetic::Multiply => x * y,
        Arithmetic::Divide | Arithmetic::Remainder if y == 0.0 => {
            return Err(Cause::DivisionByZero);
        }
        Arithmetic::Divide => x / y,
        Arithmetic::Remainder => x % y,
    })
}
