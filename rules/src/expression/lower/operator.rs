//! Operators: arithmetic, comparisons, logic, IS, BETWEEN, and the list of what is refused.
//!
//! The invariant: an operand is brought to the type its kernel wants here, so a kernel never meets another.

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Spanned as _, UnaryOperator, Value as Literal, ValueWithSpan,
};

use super::super::kernel::{Arithmetic, Comparison, Kernel, Numeric};
use super::refusal::refusal;
use super::{Lowering, Typed, is_number};
use crate::value::Type;

impl Lowering<'_> {
    /// `a OR b OR c …`: the left spine is walked in a loop, however long it is.
    pub(super) fn chain(&mut self, expr: Expr) -> Option<Typed> {
        let mut spine = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            spine.push((op, *right));
            first = *left;
        }
        let mut left = self.expr(first);
        while let Some((op, right)) = spine.pop() {
            let right = self.expr(right);
            left = match (left, right) {
                (Some(left), Some(right)) => self.binary(&left, &op, &right),
                _ => None,
            };
        }
        left
    }

    fn binary(&mut self, left: &Typed, op: &BinaryOperator, right: &Typed) -> Option<Typed> {
        let span = left.span.start..right.span.end;
        match op {
            BinaryOperator::Plus => self.arithmetic(Arithmetic::Add, op, left, right),
            BinaryOperator::Minus => self.arithmetic(Arithmetic::Subtract, op, left, right),
            BinaryOperator::Multiply => self.arithmetic(Arithmetic::Multiply, op, left, right),
            BinaryOperator::Divide => self.arithmetic(Arithmetic::Divide, op, left, right),
            BinaryOperator::Modulo => self.arithmetic(Arithmetic::Remainder, op, left, right),
            BinaryOperator::Eq => self.compare(Comparison::Equal, "=", left, right),
            BinaryOperator::NotEq => self.compare(Comparison::NotEqual, "<>", left, right),
            BinaryOperator::Lt => self.compare(Comparison::Less, "<", left, right),
            BinaryOperator::LtEq => self.compare(Comparison::LessOrEqual, "<=", left, right),
            BinaryOperator::Gt => self.compare(Comparison::Greater, ">", left, right),
            BinaryOperator::GtEq => self.compare(Comparison::GreaterOrEqual, ">=", left, right),
            BinaryOperator::And | BinaryOperator::Or => {
                let (kernel, word) = match op {
                    BinaryOperator::And => (Kernel::And, "AND"),
                    _ => (Kernel::Or, "OR"),
                };
                let (left, right) = (self.truth(left, word), self.truth(right, word));
                self.node(
                    &format!("a0 {word} a1"),
                    kernel,
                    vec![left?, right?],
                    Type::Bool,
                    span,
                )
            }
            BinaryOperator::StringConcat => {
                let (left, right) = (self.text(left, "||"), self.text(right, "||"));
                self.node(
                    "a0 || a1",
                    Kernel::Concat(false),
                    vec![left?, right?],
                    Type::Text,
                    span,
                )
            }
            other => self.not_allowed(span, &format!("the operator `{other}`"), None),
        }
    }

    fn arithmetic(
        &mut self,
        op: Arithmetic,
        sign: &BinaryOperator,
        left: &Typed,
        right: &Typed,
    ) -> Option<Typed> {
        let span = left.span.start..right.span.end;
        let (x, y) = (self.ty(left), self.ty(right));
        if ![x, y].into_iter().flatten().all(is_number) {
            let message = format!(
                "{}, {}: `{sign}` takes numbers",
                self.describe(left),
                self.describe(right)
            );
            let help = match (x, y) {
                (Some(Type::Timestamp), Some(Type::Timestamp)) => {
                    Some("write seconds_between(a, b) for the time from a to b")
                }
                (Some(Type::Text), Some(Type::Text)) => Some("texts are joined with ||"),
                _ => None,
            };
            return self.mismatch(span, message, help.map(str::to_owned));
        }
        let (x, y) = (x.or(y).unwrap_or(Type::Int), y.or(x).unwrap_or(Type::Int));
        let scale = |ty| match ty {
            Type::Decimal(scale) => scale,
            _ => 0,
        };
        let (ty, left_ty, right_ty) = match (op, x, y) {
            (_, Type::Int, Type::Int) => (Type::Int, Type::Int, Type::Int),
            (_, Type::Float, _) | (_, _, Type::Float) | (Arithmetic::Divide, _, _) => {
                (Type::Float, Type::Float, Type::Float)
            }
            (Arithmetic::Multiply, x, y) => {
                let product = (scale(x) + scale(y)).min(crate::value::DECIMAL_DIGITS);
                (
                    Type::Decimal(product),
                    Type::Decimal(scale(x)),
                    Type::Decimal(scale(y)),
                )
            }
            (_, x, y) => {
                let wide = Type::Decimal(scale(x).max(scale(y)));
                (wide, wide, wide)
            }
        };
        let args = vec![self.as_type(left, left_ty), self.as_type(right, right_ty)];
        self.node(
            &format!("a0 {sign} a1"),
            Kernel::Arithmetic(op),
            args,
            ty,
            span,
        )
    }

    /// A part that must be true, false or null.
    pub(super) fn truth(&mut self, typed: &Typed, taker: &str) -> Option<usize> {
        match self.ty(typed) {
            None | Some(Type::Bool) => Some(self.as_type(typed, Type::Bool)),
            Some(_) => {
                let message = format!("{}, but {taker} takes bool", self.describe(typed));
                let help = "compare it with something, such as `x > 0`".to_owned();
                self.mismatch(typed.span.clone(), message, Some(help))
            }
        }
    }

    pub(super) fn text(&mut self, typed: &Typed, taker: &str) -> Option<usize> {
        match self.ty(typed) {
            None | Some(Type::Text) => Some(self.as_type(typed, Type::Text)),
            Some(_) => {
                let message = format!("{}, but {taker} takes text", self.describe(typed));
                let help = "write CAST(… AS text)".to_owned();
                self.mismatch(typed.span.clone(), message, Some(help))
            }
        }
    }

    /// Everything else that is an operator, and everything that is refused.
    pub(super) fn operator(&mut self, expr: Expr) -> Option<Typed> {
        match expr {
            Expr::UnaryOp { op, expr } => self.unary(op, *expr),
            Expr::IsNull(x) => self.is_null(*x, false),
            Expr::IsNotNull(x) => self.is_null(*x, true),
            Expr::IsTrue(x) => self.is(*x, Kernel::Is(true), false),
            Expr::IsNotTrue(x) => self.is(*x, Kernel::Is(true), true),
            Expr::IsFalse(x) => self.is(*x, Kernel::Is(false), false),
            Expr::IsNotFalse(x) => self.is(*x, Kernel::Is(false), true),
            Expr::IsUnknown(x) => self.is(*x, Kernel::IsNull, false),
            Expr::IsNotUnknown(x) => self.is(*x, Kernel::IsNull, true),
            Expr::IsDistinctFrom(x, y) => self.distinct(*x, *y, false),
            Expr::IsNotDistinctFrom(x, y) => self.distinct(*x, *y, true),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => self.between(*expr, *low, *high, negated),
            Expr::InList {
                expr,
                list,
                negated,
            } => self.in_values(*expr, list, negated),
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(*expr, *pattern, escape_char, false, negated),
            Expr::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(*expr, *pattern, escape_char, true, negated),
            other => {
                let (what, help) = refusal(&other);
                let span = self.places.range(other.span());
                self.not_allowed(span, what, help)
            }
        }
    }

    fn unary(&mut self, op: UnaryOperator, expr: Expr) -> Option<Typed> {
        match (op, expr) {
            // A literal with its sign, so that the smallest int can be written.
            (
                UnaryOperator::Minus,
                Expr::Value(ValueWithSpan {
                    value: Literal::Number(digits, _),
                    span,
                }),
            ) => {
                let span = self.places.range(span);
                let before = self
                    .places
                    .text
                    .get(..span.start)
                    .unwrap_or_default()
                    .trim_end();
                let start = if before.ends_with('-') {
                    before.len() - 1
                } else {
                    span.start
                };
                self.number(&format!("-{digits}"), start..span.end)
            }
            (UnaryOperator::Not, expr) => {
                let x = self.expr(expr)?;
                let arg = self.truth(&x, "NOT")?;
                self.node("NOT a0", Kernel::Not, vec![arg], Type::Bool, x.span)
            }
            (op @ (UnaryOperator::Minus | UnaryOperator::Plus), expr) => {
                let x = self.expr(expr)?;
                let ty = self.ty(&x).unwrap_or(Type::Int);
                if !is_number(ty) {
                    let message = format!("{}, but `{op}` takes a number", self.describe(&x));
                    return self.mismatch(x.span, message, None);
                }
                if op == UnaryOperator::Plus {
                    return Some(x);
                }
                let arg = self.as_type(&x, ty);
                self.node(
                    "-a0",
                    Kernel::Numeric(Numeric::Negate),
                    vec![arg],
                    ty,
                    x.span,
                )
            }
            (op, expr) => {
                let x = self.expr(expr)?;
                self.not_allowed(x.span, &format!("the operator `{op}`"), None)
            }
        }
    }

    fn is_null(&mut self, expr: Expr, negated: bool) -> Option<Typed> {
        let x = self.expr(expr)?;
        let ty = self.ty(&x).unwrap_or(Type::Int);
        let arg = self.as_type(&x, ty);
        let is = self.node("a0 IS NULL", Kernel::IsNull, vec![arg], Type::Bool, x.span);
        self.negate_if(negated, is)
    }

    fn is(&mut self, expr: Expr, kernel: Kernel, negated: bool) -> Option<Typed> {
        let x = self.expr(expr)?;
        let arg = self.truth(&x, "IS TRUE, IS FALSE and IS UNKNOWN")?;
        let is = self.node("a0 IS TRUE", kernel, vec![arg], Type::Bool, x.span);
        self.negate_if(negated, is)
    }

    fn distinct(&mut self, x: Expr, y: Expr, negated: bool) -> Option<Typed> {
        let (x, y) = (self.expr(x), self.expr(y));
        let is = self.compare(Comparison::Distinct, "IS DISTINCT FROM", &x?, &y?);
        self.negate_if(negated, is)
    }

    fn between(&mut self, x: Expr, low: Expr, high: Expr, negated: bool) -> Option<Typed> {
        let (x, low, high) = (self.expr(x), self.expr(low), self.expr(high));
        let (x, low, high) = (x?, low?, high?);
        let above = self.compare(Comparison::GreaterOrEqual, ">=", &x, &low);
        let below = self.compare(Comparison::LessOrEqual, "<=", &x, &high);
        let args = vec![above?.node?, below?.node?];
        let inside = self.plain(Kernel::And, args, Type::Bool, x.span.start..high.span.end);
        self.negate_if(negated, Some(inside))
    }

    pub(super) fn negate_if(&mut self, negated: bool, x: Option<Typed>) -> Option<Typed> {
        let x = x?;
        match x.node {
            Some(node) if negated => Some(self.plain(Kernel::Not, vec![node], Type::Bool, x.span)),
            _ => Some(x),
        }
    }
}
