//! Numbers, texts, parameters and casts.

use datafusion_sql::sqlparser::ast::{
    DataType, ExactNumberInfo, Expr, TypedString, Value as Literal, ValueWithSpan,
};

use super::super::column::Data;
use super::super::decimal;
use super::super::kernel::{Kernel, cast_exists, parse_timestamp};
use super::{Lowering, Typed};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::nearest;
use crate::value::{DECIMAL_DIGITS, Type, Value};

/// The types a cast can name.
const CAST_HELP: &str = "cast to int, float, decimal(p, s), text, bool or timestamp";

impl Lowering<'_> {
    pub(super) fn value(&mut self, value: ValueWithSpan) -> Option<Typed> {
        let span = self.places.range(value.span);
        match value.value {
            Literal::Number(digits, _) => self.number(&digits, span),
            Literal::SingleQuotedString(text) => self.literal(&Value::Text(text), span),
            Literal::Boolean(truth) => self.literal(&Value::Bool(truth), span),
            Literal::Null => Some(Typed { node: None, span }),
            Literal::Placeholder(name) => {
                // The parser gives the span of the colon or of the name; the text says where it ends.
                self.param(&name, span)
            }
            _ => self.not_allowed(
                span,
                "this kind of literal",
                Some("write text in single quotes"),
            ),
        }
    }

    /// A number as the author wrote it, sign included.
    pub(super) fn number(&mut self, digits: &str, span: std::ops::Range<usize>) -> Option<Typed> {
        let value = if digits.contains(['e', 'E']) {
            digits
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map(Value::Float)
        } else if let Some((_, fraction)) = digits.split_once('.') {
            let scale = u8::try_from(fraction.len()).unwrap_or(u8::MAX);
            decimal::parse(digits, scale)
                .filter(|mantissa| {
                    scale <= DECIMAL_DIGITS && decimal::fits(*mantissa, DECIMAL_DIGITS)
                })
                .and_then(|mantissa| i64::try_from(mantissa).ok())
                .map(|mantissa| Value::Decimal { mantissa, scale })
        } else {
            digits.parse().ok().map(Value::Int)
        };
        match value {
            Some(value) => self.literal(&value, span),
            None => {
                let message = format!("the number {} has too many digits", self.quote(&span));
                let help = "an int has 64 bits, a decimal 18 digits; write 1e20 for a float";
                self.mismatch(span, message, Some(help.to_owned()))
            }
        }
    }

    fn literal(&mut self, value: &Value, span: std::ops::Range<usize>) -> Option<Typed> {
        let ty = match value {
            Value::Null => return Some(Typed { node: None, span }),
            Value::Text(_) => Type::Text,
            Value::Int(_) => Type::Int,
            Value::Decimal { scale, .. } if *scale > DECIMAL_DIGITS => {
                let message = format!("{} has too many digits", self.quote(&span));
                return self.mismatch(span, message, None);
            }
            Value::Float(float) if !float.is_finite() => {
                let message = format!("{} is not a finite number", self.quote(&span));
                return self.mismatch(span, message, None);
            }
            Value::Decimal { scale, .. } => Type::Decimal(*scale),
            Value::Float(_) => Type::Float,
            Value::Bool(_) => Type::Bool,
            Value::Timestamp(_) => Type::Timestamp,
        };
        let constant = Kernel::Constant(Data::literal(value, ty));
        Some(self.plain(constant, Vec::new(), ty, span))
    }

    fn param(&mut self, written: &str, span: std::ops::Range<usize>) -> Option<Typed> {
        let span = self.placeholder_span(written, span);
        let Some(name) = written.strip_prefix(':') else {
            let help = "parameters are written `:name`";
            return self.not_allowed(span, &format!("`{written}`"), Some(help));
        };
        if let Some(value) = self.names.params.get(name) {
            return self.literal(&value.clone(), span);
        }
        let known = self.names.params.keys().map(String::as_str);
        let help = nearest(name, known).map_or_else(
            || "declare it under `params`".to_owned(),
            |near| format!("did you mean `:{near}`?"),
        );
        let message = format!("unknown parameter `:{}`", super::shortened(name));
        self.problem(Code::UnknownParam, span, message, Some(help))
    }

    /// The list a text names.
    pub(super) fn list(&mut self, list: &Typed) -> Option<usize> {
        let name = self.constant_text(list, "the list of in_list")?;
        let known = self.names.lists;
        if let Some(at) = known.iter().position(|known| *known == name) {
            return Some(at);
        }
        let help = nearest(&name, known.iter().map(String::as_str)).map_or_else(
            || "declare it under `lists`".to_owned(),
            |near| format!("did you mean '{near}'?"),
        );
        let message = format!("unknown list `{}`", super::shortened(&name));
        self.problem(Code::UnknownList, list.span.clone(), message, Some(help))
    }

    /// The parser's span of `:n` may be the colon alone or the name alone.
    fn placeholder_span(
        &self,
        written: &str,
        span: std::ops::Range<usize>,
    ) -> std::ops::Range<usize> {
        let text = self.places.text;
        for start in [span.start, span.start.saturating_sub(1)] {
            if text
                .get(start..)
                .is_some_and(|rest| rest.starts_with(written))
            {
                return start..start + written.len();
            }
        }
        span
    }

    pub(super) fn typed_string(&mut self, string: TypedString) -> Option<Typed> {
        let span = self.places.range(string.value.span);
        let is_timestamp = matches!(cast_target(&string.data_type), Some((Type::Timestamp, _)));
        let text = string.value.value.into_string();
        match text {
            Some(text) if is_timestamp => match parse_timestamp(text.trim()) {
                Some(micros) => self.literal(&Value::Timestamp(micros), span),
                None => {
                    let message = format!("{} is not a timestamp", self.quote(&span));
                    let help = "write TIMESTAMP '2026-01-01T00:05:00Z'".to_owned();
                    self.mismatch(span, message, Some(help))
                }
            },
            _ => {
                let what = format!("a literal of type {}", string.data_type);
                self.not_allowed(span, &what, Some(CAST_HELP))
            }
        }
    }

    pub(super) fn cast(&mut self, expr: Expr) -> Option<Typed> {
        let Expr::Cast {
            kind,
            expr,
            data_type,
            array,
            format,
        } = expr
        else {
            return None;
        };
        let typed = self.expr(*expr)?;
        let span = typed.span.clone();
        let Some((to, digits)) = cast_target(&data_type).filter(|_| !array && format.is_none())
        else {
            let what = format!("a cast to {data_type}");
            return self.not_allowed(span, &what, Some(CAST_HELP));
        };
        let Some(from) = self.ty(&typed) else {
            let node = self.as_type(&typed, to);
            return Some(Typed {
                node: Some(node),
                span,
            });
        };
        if !cast_exists(from, to) {
            let message = format!(
                "{}, which cannot be cast to {}",
                self.describe(&typed),
                to.name()
            );
            return self.mismatch(span, message, cast_help(from, to));
        }
        let arg = self.as_type(&typed, from);
        let shape = format!("CAST(a0 AS {})", sql_name(to));
        let cast = self.node(
            &shape,
            Kernel::Cast(to, digits),
            vec![arg],
            to,
            span.clone(),
        )?;
        let folds = |node| self.builder.constant(node).is_some();
        use datafusion_sql::sqlparser::ast::CastKind;
        let must = matches!(kind, CastKind::Cast | CastKind::DoubleColon);
        if must && folds(arg) && !cast.node.is_some_and(folds) {
            let message = format!("{} cannot be cast to {}", self.quote(&span), to.name());
            return self.mismatch(span, message, None);
        }
        Some(cast)
    }
}

fn cast_help(from: Type, to: Type) -> Option<String> {
    match (from, to) {
        (Type::Timestamp, Type::Int | Type::Float | Type::Decimal(_)) => {
            Some("write date_part('epoch', …) for seconds since 1970".to_owned())
        }
        _ => None,
    }
}

/// The type a cast names, and its digits if it is a decimal. `decimal(10)` is refused: in a pack it would be a scale,
/// in SQL it is a number of digits.
fn cast_target(data_type: &DataType) -> Option<(Type, u8)> {
    let ty = match data_type {
        DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Int8(None) => Type::Int,
        DataType::Float(ExactNumberInfo::None)
        | DataType::Double(ExactNumberInfo::None)
        | DataType::DoublePrecision
        | DataType::Float8
        | DataType::Float64
        | DataType::Real => Type::Float,
        DataType::Text | DataType::String(None) | DataType::Varchar(None) => Type::Text,
        DataType::Bool | DataType::Boolean => Type::Bool,
        DataType::Timestamp(None, _) => Type::Timestamp,
        DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
            return decimal_target(info);
        }
        _ => return None,
    };
    Some((ty, DECIMAL_DIGITS))
}

fn decimal_target(info: &ExactNumberInfo) -> Option<(Type, u8)> {
    match info {
        ExactNumberInfo::None => Some((Type::Decimal(crate::value::DECIMAL_SCALE), DECIMAL_DIGITS)),
        ExactNumberInfo::Precision(_) => None,
        ExactNumberInfo::PrecisionAndScale(digits, scale) => {
            let (digits, scale) = (u8::try_from(*digits).ok()?, u8::try_from(*scale).ok()?);
            (scale <= digits && digits <= DECIMAL_DIGITS && digits > 0)
                .then_some((Type::Decimal(scale), digits))
        }
    }
}

/// A type as DataFusion's SQL names it.
fn sql_name(ty: Type) -> String {
    match ty {
        Type::Text => "VARCHAR".to_owned(),
        Type::Int => "BIGINT".to_owned(),
        Type::Decimal(scale) => format!("DECIMAL({DECIMAL_DIGITS}, {scale})"),
        Type::Float => "DOUBLE".to_owned(),
        Type::Bool => "BOOLEAN".to_owned(),
        Type::Timestamp => "TIMESTAMP".to_owned(),
    }
}
