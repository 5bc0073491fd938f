//! The naive interpreter: one row, one value at a time, by the letter of the semantics.

use std::cmp::Ordering;

use rules::expression::Cause;

use super::rows::text;
use super::trees::{kind_of, kind_of_cell, wider};
use super::{Answer, Cell, Kind, Tree};

/// A value as another kind of number.
fn convert(cell: Cell, to: Kind) -> Answer {
    Ok(match (cell, to) {
        (Cell::Int(x), Kind::Float) => Cell::Float(x as f64),
        (Cell::Decimal(m, scale), Kind::Float) => {
            Cell::Float(m as f64 / 10f64.powi(scale.cast_signed()))
        }
        (Cell::Int(x), Kind::Decimal(scale)) => Cell::Decimal(scaled(i128::from(x), scale)?, scale),
        (Cell::Decimal(m, from), Kind::Decimal(scale)) if scale >= from => {
            Cell::Decimal(scaled(m, scale - from)?, scale)
        }
        (cell, _) => cell,
    })
}

fn scaled(m: i128, by: u32) -> Result<i128, Cause> {
    m.checked_mul(10i128.pow(by)).ok_or(Cause::Overflow)
}

fn half_away(m: i128, unit: i128) -> i128 {
    let half = unit / 2;
    if m < 0 {
        (m - half) / unit
    } else {
        (m + half) / unit
    }
}

pub(super) fn answer(tree: &Tree, row: &[Cell]) -> Answer {
    let at = |x: &Tree, kind: Kind| answer(x, row).and_then(|cell| convert(cell, kind));
    match tree {
        Tree::Column(column) => Ok(row[*column].clone()),
        Tree::Literal(_, cell) => Ok(cell.clone()),
        Tree::Infix(op @ ("AND" | "OR"), x, y) => {
            let deciding = Cell::Bool(*op == "OR");
            match (answer(x, row), answer(y, row)) {
                (Ok(x), _) if x == deciding => Ok(deciding),
                (_, Ok(y)) if y == deciding => Ok(deciding),
                (Err(cause), _) | (_, Err(cause)) => Err(cause),
                (Ok(Cell::Null), _) | (_, Ok(Cell::Null)) => Ok(Cell::Null),
                _ => Ok(Cell::Bool(*op == "AND")),
            }
        }
        Tree::Infix(op @ ("+" | "-" | "*" | "/" | "%"), x, y) => {
            let kind = kind_of(tree);
            let operand = |x: &Tree| match kind {
                Kind::Decimal(_) if *op == "*" && kind_of(x) == Kind::Int => Kind::Decimal(0),
                Kind::Decimal(_) if *op == "*" => kind_of(x),
                kind => kind,
            };
            // Both sides are computed, as the columns are.
            let (a, b) = (at(x, operand(x)), at(y, operand(y)));
            arithmetic(op, a, b, kind)
        }
        Tree::Infix("||", x, y) => {
            let (a, b) = (answer(x, row), answer(y, row));
            both(a, b, |a, b| match (a, b) {
                (Cell::Text(a), Cell::Text(b)) => Ok(Cell::Text(a + &b)),
                other => panic!("{other:?}"),
            })
        }
        Tree::Infix(op, x, y) => {
            let kind = wider(kind_of(x), kind_of(y));
            let exact = |x: &Tree| {
                answer(x, row).and_then(|cell| {
                    if kind == Kind::Float {
                        convert(cell, kind)
                    } else {
                        Ok(cell)
                    }
                })
            };
            let (a, b) = (exact(x), exact(y));
            if *op == "IS DISTINCT FROM" {
                let (a, b) = (a.unwrap_or(Cell::Null), b.unwrap_or(Cell::Null));
                let equal = match (&a, &b) {
                    (Cell::Null, Cell::Null) => true,
                    (Cell::Null, _) | (_, Cell::Null) => false,
                    (a, b) => compare(a, b).is_eq(),
                };
                return Ok(Cell::Bool(!equal));
            }
            both(a, b, |a, b| {
                let order = compare(&a, &b);
                Ok(Cell::Bool(match *op {
                    "=" => order.is_eq(),
                    "<>" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    other => panic!("{other}"),
                }))
            })
        }
        Tree::Prefix("NOT ", x) => Ok(match answer(x, row)? {
            Cell::Bool(x) => Cell::Bool(!x),
            other => other,
        }),
        Tree::Prefix(_, x) => Ok(match answer(x, row)? {
            Cell::Int(x) => Cell::Int(x.checked_neg().ok_or(Cause::Overflow)?),
            Cell::Decimal(m, scale) => {
                Cell::Decimal(m.checked_neg().ok_or(Cause::Overflow)?, scale)
            }
            Cell::Float(x) => Cell::Float(-x),
            other => other,
        }),
        Tree::Suffix(op, x) => {
            let x = answer(x, row).unwrap_or(Cell::Null);
            Ok(Cell::Bool(match *op {
                "IS TRUE" => x == Cell::Bool(true),
                "IS FALSE" => x == Cell::Bool(false),
                "IS NULL" => x == Cell::Null,
                "IS NOT NULL" => x != Cell::Null,
                "IS NOT TRUE" => x != Cell::Bool(true),
                other => panic!("{other}"),
            }))
        }
        Tree::Call(name, args) => call(name, args, kind_of(tree), row),
        Tree::Cast(x, _, to) => cast(answer(x, row)?, *to),
        Tree::In(x, items, not) => {
            let x = answer(x, row)?;
            if x == Cell::Null {
                return Ok(Cell::Null);
            }
            let kind = items.iter().map(kind_of).fold(kind_of_cell(&x), wider);
            let x = if kind == Kind::Float {
                convert(x, kind)?
            } else {
                x
            };
            let mut unknown = false;
            for item in items {
                let item = answer(item, row)?;
                if item == Cell::Null {
                    unknown = true;
                } else if compare(&x, &item).is_eq() {
                    return Ok(Cell::Bool(!not));
                }
            }
            Ok(if unknown {
                Cell::Null
            } else {
                Cell::Bool(*not)
            })
        }
        Tree::Case(whens, otherwise) => {
            let kind = kind_of(tree);
            let mut tried = None;
            for (test, result) in whens {
                match answer(test, row) {
                    Ok(Cell::Bool(true)) => return with(at(result, kind), tried),
                    Ok(_) => {}
                    Err(cause) => tried = tried.or(Some(cause)),
                }
            }
            let last = otherwise.as_ref().map_or(Ok(Cell::Null), |x| at(x, kind));
            with(last, tried)
        }
    }
}

/// A null of a CASE is an error if one of its conditions was.
fn with(result: Answer, tried: Option<Cause>) -> Answer {
    match (result, tried) {
        (Ok(Cell::Null), Some(cause)) => Err(cause),
        (result, _) => result,
    }
}

/// Null if either is, an error before that.
fn both(a: Answer, b: Answer, f: impl FnOnce(Cell, Cell) -> Answer) -> Answer {
    match (a?, b?) {
        (Cell::Null, _) | (_, Cell::Null) => Ok(Cell::Null),
        (a, b) => f(a, b),
    }
}

fn arithmetic(op: &str, a: Answer, b: Answer, kind: Kind) -> Answer {
    both(a, b, |a, b| match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => {
            let (a, b) = (i128::from(a), i128::from(b));
            let exact = match op {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ if b == 0 => return Err(Cause::DivisionByZero),
                "/" => a / b,
                _ => a % b,
            };
            i64::try_from(exact)
                .map(Cell::Int)
                .map_err(|_| Cause::Overflow)
        }
        (Cell::Decimal(a, x), Cell::Decimal(b, y)) => {
            let Kind::Decimal(scale) = kind else {
                panic!("{kind:?}")
            };
            let exact = match op {
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a
                    .checked_mul(b)
                    .map(|m| half_away(m, 10i128.pow((x + y).saturating_sub(scale)))),
                _ if b == 0 => return Err(Cause::DivisionByZero),
                _ => Some(a % b),
            };
            exact
                .map(|m| Cell::Decimal(m, scale))
                .ok_or(Cause::Overflow)
        }
        (Cell::Float(a), Cell::Float(b)) => finite(match op {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            _ if b == 0.0 => return Err(Cause::DivisionByZero),
            "/" => a / b,
            _ => a % b,
        }),
        other => panic!("{other:?} {op}"),
    })
}

fn finite(x: f64) -> Answer {
    if x.is_finite() {
        Ok(Cell::Float(x))
    } else {
        Err(Cause::NotANumber)
    }
}

/// Exact for ints and decimals of any scale: by their whole parts first, then by what is left.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    let parts = |cell: &Cell| match cell {
        Cell::Int(x) => Some((i128::from(*x), 0i128)),
        Cell::Decimal(m, scale) => {
            let unit = 10i128.pow(*scale);
            Some((
                m.div_euclid(unit),
                m.rem_euclid(unit) * 10i128.pow(18 - *scale),
            ))
        }
        _ => None,
    };
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(b).unwrap(),
        (a, b) => parts(a).unwrap().cmp(&parts(b).unwrap()),
    }
}

fn call(name: &str, args: &[Tree], kind: Kind, row: &[Cell]) -> Answer {
    let values: Vec<Answer> = args
        .iter()
        .map(|arg| answer(arg, row).and_then(|cell| convert(cell, kind)))
        .collect();
    match name {
        "coalesce" => {
            let mut failed = None;
            for value in values {
                match value {
                    Ok(Cell::Null) => {}
                    Ok(value) => return Ok(value),
                    Err(cause) => failed = failed.or(Some(cause)),
                }
            }
            failed.map_or(Ok(Cell::Null), Err)
        }
        "concat" => {
            let texts = values
                .into_iter()
                .filter_map(|value| text(&value.unwrap_or(Cell::Null)));
            Ok(Cell::Text(texts.collect()))
        }
        "greatest" | "least" => {
            let [a, b] = <[Answer; 2]>::try_from(values).unwrap();
            both(a, b, |a, b| {
                let first =
                    compare(&a, &b).is_gt() == (name == "greatest") || compare(&a, &b).is_eq();
                Ok(if first { a } else { b })
            })
        }
        _ => one(name, values.into_iter().next().unwrap()?),
    }
}

fn one(name: &str, x: Cell) -> Answer {
    Ok(match (name, x) {
        (_, Cell::Null) => Cell::Null,
        ("abs", Cell::Int(x)) => Cell::Int(x.checked_abs().ok_or(Cause::Overflow)?),
        (_, Cell::Int(x)) => Cell::Int(x),
        (name, Cell::Decimal(m, scale)) => {
            let unit = 10i128.pow(scale);
            let units = match name {
                "abs" => {
                    return Ok(Cell::Decimal(
                        m.checked_abs().ok_or(Cause::Overflow)?,
                        scale,
                    ));
                }
                "floor" => m.div_euclid(unit),
                "ceil" => m.div_euclid(unit) + i128::from(m.rem_euclid(unit) > 0),
                _ => half_away(m, unit),
            };
            Cell::Decimal(scaled(units, scale)?, scale)
        }
        ("abs", Cell::Float(x)) => Cell::Float(x.abs()),
        ("floor", Cell::Float(x)) => Cell::Float(x.floor()),
        ("sqrt", Cell::Float(x)) => finite(x.sqrt())?,
        ("lower", Cell::Text(x)) => Cell::Text(x.to_lowercase()),
        ("upper", Cell::Text(x)) => Cell::Text(x.to_uppercase()),
        other => panic!("{other:?}"),
    })
}

fn cast(x: Cell, to: Kind) -> Answer {
    let cast = match (x, to) {
        (Cell::Null, _) => Some(Cell::Null),
        (Cell::Bool(x), Kind::Int) => Some(Cell::Int(i64::from(x))),
        (Cell::Text(x), Kind::Int) => x.parse().ok().map(Cell::Int),
        (Cell::Decimal(m, scale), Kind::Int) => i64::try_from(half_away(m, 10i128.pow(scale)))
            .ok()
            .map(Cell::Int),
        (Cell::Int(x), Kind::Text) => Some(Cell::Text(x.to_string())),
        (Cell::Int(x), Kind::Decimal(3)) => ten_digits(i128::from(x) * 1_000),
        // The texts of this test have at most one digit behind the point.
        (Cell::Text(x), Kind::Decimal(3)) => x
            .parse::<f64>()
            .ok()
            .and_then(|x| ten_digits((x * 1_000.0).round() as i128)),
        other => panic!("{other:?}"),
    };
    cast.ok_or(Cause::BadCast)
}

fn ten_digits(m: i128) -> Option<Cell> {
    (m.abs() < 10i128.pow(10)).then_some(Cell::Decimal(m, 3))
}

/// The final value of a decimal has at most 18 digits.
pub(super) fn narrow(answer: Answer) -> Answer {
    match answer {
        Ok(Cell::Decimal(m, _)) if m.abs() >= 10i128.pow(18) => Err(Cause::Overflow),
        other => other,
    }
}
