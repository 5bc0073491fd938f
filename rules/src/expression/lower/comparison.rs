//! Comparisons: which types go together, and in which of them they are compared.

use std::ops::Range;

use arrow::array::Array;

use super::super::column::Data;
use super::super::decimal;
use super::super::kernel::{Comparison, Kernel};
use super::{Lowering, Typed, common, is_number};
use crate::value::Type;

impl Lowering<'_> {
    pub(super) fn compare(
        &mut self,
        op: Comparison,
        sign: &str,
        left: &Typed,
        right: &Typed,
    ) -> Option<Typed> {
        let span = left.span.start..right.span.end;
        let (x, y) = (self.ty(left), self.ty(right));
        let (x, y) = (x.or(y).unwrap_or(Type::Int), y.or(x).unwrap_or(Type::Int));
        let Some(ty) = common(x, y) else {
            return self.incomparable(left, right, span);
        };
        let ordered = matches!(
            op,
            Comparison::Less
                | Comparison::LessOrEqual
                | Comparison::Greater
                | Comparison::GreaterOrEqual
        );
        if ty == Type::Bool && ordered {
            let message = format!(
                "`{sign}` has no meaning for {}, which is bool",
                self.quote(&left.span)
            );
            return self.mismatch(span, message, None);
        }
        let ty = self.narrowest(left, right).unwrap_or(ty);
        let args = vec![self.constant_as(left, ty), self.constant_as(right, ty)];
        self.node(
            &format!("a0 {sign} a1"),
            Kernel::Compare(op),
            args,
            Type::Bool,
            span,
        )
    }

    pub(super) fn incomparable<T>(
        &mut self,
        left: &Typed,
        right: &Typed,
        span: Range<usize>,
    ) -> Option<T> {
        let message = format!(
            "{}, {}: they cannot be compared",
            self.describe(left),
            self.describe(right)
        );
        let help = match (self.ty(left), self.ty(right)) {
            (Some(Type::Timestamp), Some(Type::Text))
            | (Some(Type::Text), Some(Type::Timestamp)) => {
                Some("write TIMESTAMP '2026-01-01T00:00:00Z'".to_owned())
            }
            (Some(Type::Text), Some(number)) | (Some(number), Some(Type::Text))
                if is_number(number) =>
            {
                Some(format!(
                    "write numbers without quotes, or CAST the text to {}",
                    number.name()
                ))
            }
            _ => None,
        };
        self.mismatch(span, message, help)
    }

    /// The type of the side that is no constant, if the constant on the other side is exact in it: so that
    /// `amount <= 5` and `n >= 5.0` compare the column as it stands.
    fn narrowest(&self, left: &Typed, right: &Typed) -> Option<Type> {
        for (constant, other) in [(left, right), (right, left)] {
            let (constant, other) = (constant.node?, self.ty(other)?);
            let exact = match (self.builder.constant(constant)?, other) {
                (Data::Decimal(array, scale), Type::Int) => exact_in(array.value(0), *scale, 0),
                (Data::Decimal(array, scale), Type::Decimal(to)) => {
                    exact_in(array.value(0), *scale, to)
                }
                _ => None,
            };
            if exact.is_some() {
                return Some(other);
            }
        }
        None
    }

    /// As [`Lowering::as_type`], and a decimal constant also becomes an int or loses zeros, which it does exactly.
    fn constant_as(&mut self, typed: &Typed, to: Type) -> usize {
        if let Some(node) = typed.node
            && let Some(Data::Decimal(array, scale)) = self.builder.constant(node)
            && array.is_valid(0)
        {
            let (value, scale) = (array.value(0), *scale);
            if to == Type::Int
                && let Some(int) = exact_in(value, scale, 0).and_then(|int| i64::try_from(int).ok())
            {
                let constant = Data::literal(&crate::value::Value::Int(int), Type::Int);
                return self
                    .builder
                    .push(Kernel::Constant(constant), Vec::new(), to);
            }
        }
        self.as_type(typed, to)
    }
}

/// A mantissa at a smaller scale, if no digit but zeros is lost.
fn exact_in(mantissa: i128, from: u8, to: u8) -> Option<i128> {
    let unit = decimal::pow10(u32::from(from.checked_sub(to)?))?;
    (mantissa % unit == 0).then(|| mantissa / unit)
}
