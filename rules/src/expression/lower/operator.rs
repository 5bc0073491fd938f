//! Operators: arithmetic, comparisons, logic, IN, BETWEEN, LIKE, CASE.

use std::ops::Range;

use arrow::array::{Array, AsArray as _};
use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Spanned as _, UnaryOperator, Value as Literal, ValueWithSpan,
};

use super::super::column::Data;
use super::super::kernel::{
    Arithmetic, Comparison, Kernel, MemberValues, Members, Numeric, Pattern, PatternError,
};
use super::super::{decimal, parse};
use super::{Lowering, Typed, common, is_number};
use crate::diagnostic::Code;
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

    fn in_values(&mut self, expr: Expr, list: Vec<Expr>, negated: bool) -> Option<Typed> {
        let x = self.expr(expr);
        let items: Vec<Option<Typed>> = list.into_iter().map(|item| self.expr(item)).collect();
        let x = x?;
        let items: Vec<Typed> = items.into_iter().collect::<Option<_>>()?;
        let end = items.last().map_or(x.span.end, |last| last.span.end);
        let span = x.span.start..self.places.closed(end);
        let mut ty = self.ty(&x);
        let mut wrong = false;
        for item in &items {
            match (ty, self.ty(item)) {
                (Some(all), Some(one)) => match common(all, one) {
                    Some(wider) => ty = Some(wider),
                    None => {
                        wrong = true;
                        let _: Option<()> = self.incomparable(&x, item, item.span.clone());
                    }
                },
                (None, one) => ty = one,
                (_, None) => {}
            }
        }
        if wrong {
            return None;
        }
        let ty = ty.unwrap_or(Type::Int);
        let arg = self.as_type(&x, ty);
        let nodes: Vec<usize> = items.iter().map(|item| self.as_type(item, ty)).collect();
        let found = match self.members(&nodes, ty) {
            Some(members) => self.plain(Kernel::OneOf(members), vec![arg], Type::Bool, span),
            None => self.any_equal(arg, &nodes, span)?,
        };
        self.negate_if(negated, Some(found))
    }

    /// The set of an IN list all of whose items are constants of a type that has sets.
    fn members(&self, nodes: &[usize], ty: Type) -> Option<Members> {
        let constants: Vec<&Data> = nodes
            .iter()
            .map(|node| self.builder.constant(*node))
            .collect::<Option<_>>()?;
        let known = || constants.iter().filter(|data| data.as_array().is_valid(0));
        let null = constants.iter().any(|data| data.as_array().is_null(0));
        let values = match ty {
            Type::Text => MemberValues::Text(
                known()
                    .filter_map(|data| data.as_array().as_string_opt::<i32>())
                    .map(|array| array.value(0).to_owned())
                    .collect(),
            ),
            Type::Int | Type::Timestamp => {
                let mut ints: Vec<i64> = known()
                    .filter_map(|data| match data {
                        Data::Int(array) => Some(array.value(0)),
                        Data::Timestamp(array) => Some(array.value(0)),
                        _ => None,
                    })
                    .collect();
                ints.sort_unstable();
                ints.dedup();
                MemberValues::Int(ints)
            }
            Type::Decimal(_) => {
                let mut decimals: Vec<i128> = known()
                    .filter_map(|data| match data {
                        Data::Decimal(array, _) => Some(array.value(0)),
                        _ => None,
                    })
                    .collect();
                decimals.sort_unstable();
                decimals.dedup();
                MemberValues::Decimal(decimals)
            }
            Type::Float | Type::Bool => return None,
        };
        Some(Members { values, null })
    }

    fn any_equal(&mut self, x: usize, nodes: &[usize], span: Range<usize>) -> Option<Typed> {
        let mut any: Option<usize> = None;
        for node in nodes {
            let equal = Kernel::Compare(Comparison::Equal);
            let equal = self.builder.push(equal, vec![x, *node], Type::Bool);
            any = Some(match any {
                Some(any) => self.builder.push(Kernel::Or, vec![any, equal], Type::Bool),
                None => equal,
            });
        }
        any.map(|node| Typed {
            node: Some(node),
            span,
        })
    }

    fn like(
        &mut self,
        expr: Expr,
        pattern: Expr,
        escape: Option<ValueWithSpan>,
        any_case: bool,
        negated: bool,
    ) -> Option<Typed> {
        let word = if any_case { "ILIKE" } else { "LIKE" };
        let (x, pattern) = (self.expr(expr), self.expr(pattern));
        let (x, pattern) = (x?, pattern?);
        let arg = self.text(&x, word);
        let written = self.constant_text(&pattern, &format!("the pattern of {word}"))?;
        let escape = match escape.map(|escape| escape.value.into_string()) {
            None => '\\',
            Some(Some(text)) if text.chars().count() == 1 => text.chars().next().unwrap_or('\\'),
            Some(_) => {
                let what = "an ESCAPE of more or less than one character";
                return self.not_allowed(pattern.span, what, None);
            }
        };
        let compiled = Pattern::like(&written, escape, any_case);
        let compiled = self.compiled(compiled, &pattern.span);
        let span = x.span.start..pattern.span.end;
        let found = self.plain(Kernel::Matches(compiled?), vec![arg?], Type::Bool, span);
        self.negate_if(negated, Some(found))
    }

    pub(super) fn compiled(
        &mut self,
        pattern: Result<Pattern, PatternError>,
        span: &Range<usize>,
    ) -> Option<Pattern> {
        let (message, help) = match pattern {
            Ok(pattern) => return Some(pattern),
            Err(PatternError::TooLong(bytes)) => (
                format!("the pattern has {bytes} bytes"),
                Some("at most 1,024 are read".to_owned()),
            ),
            Err(PatternError::TooLarge) => (
                "the pattern compiles to more than a megabyte".to_owned(),
                Some("use smaller repetitions".to_owned()),
            ),
            Err(PatternError::Syntax(error)) => {
                let why = error.lines().last().unwrap_or_default();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                (format!("the pattern is no regular expression: {why}"), None)
            }
        };
        self.problem(Code::BadRegex, span.clone(), message, help)
    }

    /// The text of a part that must be known before the first event.
    pub(super) fn constant_text(&mut self, typed: &Typed, what: &str) -> Option<String> {
        let data = typed.node.and_then(|node| self.builder.constant(node));
        if let Some(Data::Text(array)) = data
            && array.is_valid(0)
        {
            return Some(array.value(0).to_owned());
        }
        let message = format!(
            "{what} must be a text in quotes, not {}",
            self.quote(&typed.span)
        );
        self.problem(Code::WrongArguments, typed.span.clone(), message, None)
    }

    pub(super) fn case(&mut self, expr: Expr) -> Option<Typed> {
        let Expr::Case {
            case_token,
            end_token,
            operand,
            conditions,
            else_result,
        } = expr
        else {
            return None;
        };
        let start = self.places.range(case_token.0.span).start;
        let span = start..self.places.range(end_token.0.span).end.max(start);
        let compared = operand.is_some();
        let operand = operand.map(|operand| self.expr(*operand));
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for when in conditions {
            let condition = self.expr(when.condition);
            let test = match (&operand, condition) {
                (None, Some(condition)) => self.truth(&condition, "WHEN"),
                (Some(Some(operand)), Some(condition)) => self
                    .compare(Comparison::Equal, "=", &operand.clone(), &condition)
                    .and_then(|equal| equal.node),
                _ => None,
            };
            tests.push(test);
            results.push(self.expr(when.result));
        }
        results.push(match else_result {
            Some(result) => self.expr(*result),
            None => Some(Typed {
                node: None,
                span: span.clone(),
            }),
        });
        let results: Vec<Typed> = results.into_iter().collect::<Option<_>>()?;
        let tests: Vec<usize> = tests.into_iter().collect::<Option<_>>()?;
        if compared && operand.flatten().is_none() {
            return None;
        }
        let ty = self.same_type(&results, "the results of a CASE")?;
        let mut args = Vec::new();
        for (at, result) in results.iter().enumerate() {
            args.extend(tests.get(at));
            args.push(self.as_type(result, ty));
        }
        Some(self.plain(Kernel::Case, args, ty, span))
    }

    /// The type all parts go together in; NULL goes with everything.
    pub(super) fn same_type(&mut self, parts: &[Typed], what: &str) -> Option<Type> {
        let mut found: Option<(Type, Typed)> = None;
        for part in parts {
            let Some(ty) = self.ty(part) else { continue };
            found = Some(match found {
                None => (ty, part.clone()),
                Some((all, first)) => match common(all, ty) {
                    Some(wider) => (wider, first),
                    None => {
                        let (first, other) = (self.describe(&first), self.describe(part));
                        let message = format!("{first}, {other}: {what} must be of one type");
                        return self.mismatch(part.span.clone(), message, None);
                    }
                },
            });
        }
        match (found, parts.first()) {
            (Some((ty, _)), _) => Some(ty),
            (None, Some(first)) => {
                let message = format!("{what} are all NULL, so they have no type");
                let help = "write CAST(NULL AS int)".to_owned();
                self.mismatch(first.span.clone(), message, Some(help))
            }
            (None, None) => None,
        }
    }
}

/// A mantissa at a smaller scale, if no digit but zeros is lost.
fn exact_in(mantissa: i128, from: u8, to: u8) -> Option<i128> {
    let unit = decimal::pow10(u32::from(from.checked_sub(to)?))?;
    (mantissa % unit == 0).then(|| mantissa / unit)
}

/// What a refused kind of SQL is called, and what to do instead.
fn refusal(expr: &Expr) -> (&'static str, Option<&'static str>) {
    const FEATURE: Option<&str> = Some("declare a feature, and name it here");
    match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } => ("a subquery", FEATURE),
        Expr::Exists { .. } => ("EXISTS", FEATURE),
        Expr::AnyOp { .. } | Expr::AllOp { .. } => ("ANY or ALL", Some("use IN (…)")),
        Expr::Interval(_) => ("an INTERVAL", Some("use seconds_between(a, b)")),
        Expr::Array(_) | Expr::InUnnest { .. } | Expr::CompoundFieldAccess { .. } => {
            ("an array", None)
        }
        Expr::Tuple(_) => ("a list of values", Some("write x IN (1, 2, 3)")),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            ("this kind of match", Some("use regexp_like(x, 'pattern')"))
        }
        Expr::AtTimeZone { .. } => ("AT TIME ZONE", Some("timestamps are UTC")),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => ("`*`", None),
        Expr::Like { .. } | Expr::ILike { .. } => ("LIKE ANY", Some("write several LIKE with OR")),
        Expr::Collate { .. } => ("COLLATE", None),
        Expr::Lambda(_) => ("a lambda", None),
        Expr::JsonAccess { .. } => (
            "access to JSON",
            Some("give the field a `from` in the schema"),
        ),
        _ => ("this kind of SQL", None),
    }
}

/// Kept beside the limits it belongs to.
const _: () = assert!(parse::NESTING_MAX < super::WALK_MAX);
