//! IN, LIKE and CASE: sets, patterns and branches.
//!
//! The idea: what is constant is prepared once while compiling, sets sorted or hashed and patterns compiled. The
//! invariant: all items of a set and all results of a CASE have one type.

use std::ops::Range;

use arrow::array::{Array, AsArray as _};
use datafusion_sql::sqlparser::ast::{Expr, ValueWithSpan};

use super::super::column::Data;
use super::super::kernel::{Comparison, Kernel, MemberValues, Members, Pattern, PatternError};
use super::{Lowering, Typed, common};
use crate::diagnostic::Code;
use crate::value::Type;

impl Lowering<'_> {
    pub(super) fn in_values(
        &mut self,
        expr: Expr,
        list: Vec<Expr>,
        negated: bool,
    ) -> Option<Typed> {
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

    pub(super) fn like(
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
