//! Functions of one number, and numbers made into another kind of number.
//!
//! The semantics: rounding is half away from zero; `floor`, `ceil`, `abs`, `round` keep the type of what they are
//! given; `sqrt`, `ln`, `exp`, `power` are floats, and null where the result is no number.

use super::super::Cause;
use super::super::column::{Data, Operand};
use super::super::decimal;
use super::{Numeric, Output, fill, known};

/// No number here has more digits on either side of the point.
const ROUND_DIGITS_MAX: i32 = 38;

pub(super) fn to_float(x: &Operand, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    if let Some((x, scale)) = x.decimals() {
        return Some(fill::floats(rows, known, |row| {
            Ok(decimal::to_float(x.get(row), scale))
        }));
    }
    let x = x.ints()?;
    Some(fill::floats(rows, known, |row| Ok(x.get(row) as f64)))
}

pub(super) fn rescale(x: &Operand, to: u8, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    if let Some((x, from)) = x.decimals() {
        return Some(fill::decimals(to, rows, known, |row| {
            decimal::rescale(x.get(row), from, to)
        }));
    }
    let x = x.ints()?;
    Some(fill::decimals(to, rows, known, |row| {
        decimal::rescale(i128::from(x.get(row)), 0, to)
    }))
}

pub(super) fn run(function: Numeric, x: &Operand, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    Some(match &x.data {
        Data::Int(_) => {
            let x = x.ints()?;
            fill::ints(rows, known, |row| {
                int(function, x.get(row)).ok_or(Cause::Overflow)
            })
        }
        Data::Decimal(..) => {
            let (x, scale) = x.decimals()?;
            let one = decimal::pow10(u32::from(scale))?;
            fill::decimals(scale, rows, known, |row| wide(function, x.get(row), one))
        }
        Data::Float(_) => {
            let x = x.floats()?;
            fill::floats(rows, known, |row| Ok(float(function, x.get(row))))
        }
        _ => return None,
    })
}

fn int(function: Numeric, x: i64) -> Option<i64> {
    match function {
        Numeric::Negate => x.checked_neg(),
        Numeric::Abs => x.checked_abs(),
        _ => Some(x),
    }
}

fn wide(function: Numeric, x: i128, one: i128) -> Option<i128> {
    match function {
        Numeric::Negate => x.checked_neg(),
        Numeric::Abs => x.checked_abs(),
        Numeric::Floor => x.checked_sub(x.rem_euclid(one)),
        Numeric::Ceil => match x.rem_euclid(one) {
            0 => Some(x),
            rest => x.checked_add(one - rest),
        },
        _ => None,
    }
}

fn float(function: Numeric, x: f64) -> f64 {
    match function {
        Numeric::Negate => -x,
        Numeric::Abs => x.abs(),
        Numeric::Floor => x.floor(),
        Numeric::Ceil => x.ceil(),
        Numeric::Sqrt => x.sqrt(),
        Numeric::Ln => x.ln(),
        Numeric::Exp => x.exp(),
    }
}

pub(super) fn round(x: &Operand, digits: i32, rows: usize) -> Option<Output> {
    let known = known(&[x], rows);
    Some(match &x.data {
        Data::Int(_) => {
            let x = x.ints()?;
            fill::ints(rows, known, |row| {
                round_wide(i128::from(x.get(row)), 0, digits)
                    .and_then(|rounded| i64::try_from(rounded).ok())
                    .ok_or(Cause::Overflow)
            })
        }
        Data::Decimal(..) => {
            let (x, scale) = x.decimals()?;
            fill::decimals(scale, rows, known, |row| {
                round_wide(x.get(row), scale, digits)
            })
        }
        Data::Float(_) => {
            let x = x.floats()?;
            fill::floats(rows, known, |row| Ok(round_float(x.get(row), digits)))
        }
        _ => return None,
    })
}

fn round_wide(x: i128, scale: u8, digits: i32) -> Option<i128> {
    let lost = i32::from(scale).saturating_sub(digits);
    let Ok(lost) = u32::try_from(lost) else {
        return Some(x);
    };
    match decimal::pow10(lost) {
        Some(unit) => decimal::divide_rounded(x, unit).checked_mul(unit),
        // The unit is more than twice any mantissa.
        None => Some(0),
    }
}

fn round_float(x: f64, digits: i32) -> f64 {
    let digits = digits.clamp(-ROUND_DIGITS_MAX * 10, ROUND_DIGITS_MAX * 10);
    let unit = 10f64.powi(digits.abs());
    let rounded = if digits < 0 {
        (x / unit).round() * unit
    } else {
        (x * unit).round() / unit
    };
    // A float with so few or so many digits that the unit leaves the range of floats: nothing to round, or nothing left.
    if rounded.is_finite() {
        rounded
    } else if digits < 0 {
        0.0
    } else {
        x
    }
}

pub(super) fn power(x: &Operand, y: &Operand, rows: usize) -> Option<Output> {
    let known = known(&[x, y], rows);
    let (x, y) = (x.floats()?, y.floats()?);
    Some(fill::floats(rows, known, |row| {
        Ok(x.get(row).powf(y.get(row)))
    }))
}
