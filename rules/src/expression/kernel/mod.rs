//! The steps a program is made of, each over whole columns.
//!
//! The idea: a step never fails. A row it cannot compute becomes null and is noted under its [`Cause`]; every other
//! row is untouched. The invariant: the operands have the types the step was lowered for; on any others it answers
//! nulls. One family of steps per file; [`run`] is the only list of them.

mod arithmetic;
mod cast;
mod cost;
mod fill;
mod geo;
mod logic;
mod numeric;
mod select;
mod text;
mod time;

use arrow::array::{Array as _, ArrayRef};

use super::Cause;
use super::column::{Data, Faults, Operand};
use crate::list::Lists;
use crate::value::Type;

pub(crate) use cast::{exists as cast_exists, parse_timestamp};
pub(crate) use cost::nanoseconds;
#[cfg(test)]
pub(crate) use fill::TEXT_BYTES_MAX;
pub(crate) use logic::{MemberValues, Members};
pub(crate) use text::{Pattern, PatternError};
pub(crate) use time::Part;

/// `+ - * / %`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// `= <> < <= > >=` and `IS DISTINCT FROM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Distinct,
}

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numeric {
    Negate,
    Abs,
    Floor,
    Ceil,
    Sqrt,
    Ln,
    Exp,
}

/// Functions of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFunction {
    Lower,
    Upper,
    Trim,
    Length,
}

/// One step. Operands are given apart, see [`run`].
#[derive(Clone, Debug)]
pub(crate) enum Kernel {
    /// A column of the input, by index.
    Column(usize),
    /// One value for all rows.
    Constant(Data),
    /// An int or decimal as float.
    ToFloat,
    /// An int or decimal as decimal of this scale.
    Rescale(u8),
    /// Of two ints, two floats, or two decimals (of one scale unless multiplied).
    Arithmetic(Arithmetic),
    Numeric(Numeric),
    /// To this many digits behind the point.
    Round(i32),
    Power,
    /// Of operands of one type; null if any is null.
    Greatest,
    Least,
    /// Of two operands of one type.
    Compare(Comparison),
    And,
    Or,
    Not,
    IsNull,
    /// `IS TRUE` or `IS FALSE`.
    Is(bool),
    /// `IN` a set of constants.
    OneOf(Members),
    /// `LIKE` and `regexp_like`.
    Matches(Pattern),
    /// `in_list`, by index of the list.
    InList(usize),
    /// Operands: condition, result, condition, result, …, otherwise.
    Case,
    Coalesce,
    Text(TextFunction),
    Substring,
    StartsWith,
    /// `||`: null if any is null. With `true`: `concat`, which leaves nulls out.
    Concat(bool),
    DatePart(Part),
    SecondsBetween,
    GeoKm,
    /// To a type; a decimal also to this many digits.
    Cast(Type, u8),
}

/// What a program computes on: see [`super::Inputs`].
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) columns: &'a [Option<ArrayRef>],
    pub(crate) rows: usize,
    pub(crate) lists: &'a Lists,
}

/// Values of a step and the rows it made null itself.
pub(crate) struct Output {
    pub(crate) data: Data,
    pub(crate) faults: Faults,
}

impl From<Data> for Output {
    fn from(data: Data) -> Output {
        Output {
            data,
            faults: Faults::default(),
        }
    }
}

/// Runs one step whose result is of type `ty`; the faults of its operands are carried on.
pub(crate) fn run(kernel: &Kernel, ty: Type, args: &[&Operand], context: Context<'_>) -> Operand {
    let scalar = match kernel {
        Kernel::Column(_) => false,
        _ => args.iter().all(|arg| arg.scalar),
    };
    let rows = if scalar { 1 } else { context.rows };
    let output =
        step(kernel, ty, args, rows, context).unwrap_or_else(|| Data::nothing(ty, rows).into());
    let mut faults = output.faults;
    match kernel {
        Kernel::Case => select::case_faults(args, rows, &mut faults),
        _ => args.iter().for_each(|arg| faults.add(&arg.faults, rows)),
    }
    if !faults.is_empty() {
        faults.keep_nulls(output.data.nulls());
    }
    Operand {
        data: output.data,
        scalar,
        faults,
    }
}

fn step(
    kernel: &Kernel,
    ty: Type,
    args: &[&Operand],
    rows: usize,
    context: Context<'_>,
) -> Option<Output> {
    match (kernel, args) {
        (Kernel::Column(index), _) => Some(column(*index, ty, rows, context)),
        (Kernel::Constant(data), _) => Some(data.clone().into()),
        (Kernel::ToFloat, [x]) => numeric::to_float(x, rows),
        (Kernel::Rescale(scale), [x]) => numeric::rescale(x, *scale, rows),
        (Kernel::Arithmetic(op), [x, y]) => arithmetic::run(*op, ty, x, y, rows),
        (Kernel::Numeric(function), [x]) => numeric::run(*function, x, rows),
        (Kernel::Round(digits), [x]) => numeric::round(x, *digits, rows),
        (Kernel::Power, [x, y]) => numeric::power(x, y, rows),
        (Kernel::Greatest, args) => select::extreme(true, ty, args, rows),
        (Kernel::Least, args) => select::extreme(false, ty, args, rows),
        (Kernel::Compare(op), [x, y]) => logic::compare(*op, x, y, rows),
        (Kernel::And, [x, y]) => logic::and(x, y, rows),
        (Kernel::Or, [x, y]) => logic::or(x, y, rows),
        (Kernel::Not, [x]) => logic::not(x),
        (Kernel::IsNull, [x]) => Some(logic::is_null(x, rows)),
        (Kernel::Is(truth), [x]) => Some(logic::is(x, *truth, rows)),
        (Kernel::OneOf(members), [x]) => Some(logic::one_of(x, members, rows)),
        (Kernel::Matches(pattern), [x]) => Some(text::matches(x, pattern, rows)),
        (Kernel::InList(list), [x]) => Some(text::in_list(x, context.lists.get(*list), rows)),
        (Kernel::Case, args) => select::case(ty, args, rows),
        (Kernel::Coalesce, args) => select::coalesce(ty, args, rows),
        (Kernel::Text(function), [x]) => Some(text::run(*function, x, rows)),
        (Kernel::Substring, [x, start]) => text::substring(x, start, None, rows),
        (Kernel::Substring, [x, start, length]) => text::substring(x, start, Some(length), rows),
        (Kernel::StartsWith, [x, y]) => Some(text::starts_with(x, y, rows)),
        (Kernel::Concat(skip_nulls), args) => Some(text::concat(args, *skip_nulls, rows)),
        (Kernel::DatePart(part), [x]) => time::date_part(x, *part, rows),
        (Kernel::SecondsBetween, [x, y]) => time::seconds_between(x, y, rows),
        (Kernel::GeoKm, [lat1, lon1, lat2, lon2]) => geo::geo_km([lat1, lon1, lat2, lon2], rows),
        (Kernel::Cast(to, digits), [x]) => cast::run(x, *to, *digits, rows),
        _ => None,
    }
}

/// A column as it came; a float in it that is not finite is null, so that no kernel behind has to ask.
fn column(index: usize, ty: Type, rows: usize, context: Context<'_>) -> Output {
    let data = context
        .columns
        .get(index)
        .and_then(Option::as_ref)
        .filter(|array| array.len() == rows)
        .and_then(|array| Data::read(array, ty));
    match data {
        Some(Data::Float(array)) if array.values().iter().any(|x| !x.is_finite()) => {
            fill::floats(rows, array.nulls().cloned(), |row| Ok(array.value(row)))
        }
        Some(data) => data.into(),
        // The caller gave another type or nothing: every value is unknown, and for a reason that gets counted.
        None => fill::ints(rows, None, |_| Err(Cause::BadCast)).retyped(ty, rows),
    }
}

impl Output {
    fn retyped(self, ty: Type, rows: usize) -> Output {
        Output {
            data: Data::nothing(ty, rows),
            faults: self.faults,
        }
    }
}

/// Rows where every operand is known.
fn known(args: &[&Operand], rows: usize) -> Option<arrow::buffer::NullBuffer> {
    use arrow::buffer::NullBuffer;
    let mut all = None;
    for arg in args {
        if arg.scalar {
            if arg.is_null(0) {
                return Some(NullBuffer::new_null(rows));
            }
        } else {
            all = NullBuffer::union(all.as_ref(), arg.data.nulls());
        }
    }
    all
}
