//! Constants: the values of params, defaults, scores and limits.
//!
//! The idea: a number is read exactly, as an integer or a decimal, and becomes a float only when it is written like one
//! (`1e9`) or has more digits than a decimal holds. The invariant: no constant is rounded silently to a field's scale.

use jiff::Timestamp;
use serde_saphyr::granit_parser::ScalarStyle;

use super::Checker;
use super::names::shown;
use crate::definition::Text;
use crate::diagnostic::Code;
use crate::value::{DECIMAL_DIGITS, Type, Value};

impl Checker<'_> {
    /// The value of a param: what the text looks like.
    pub(super) fn param(&mut self, text: &Text) -> Option<Value> {
        if text.style != ScalarStyle::Plain {
            return Some(Value::Text(text.text.clone()));
        }
        match (text.text.as_str(), number(&text.text)) {
            ("true", _) => Some(Value::Bool(true)),
            ("false", _) => Some(Value::Bool(false)),
            (_, Number::Is(value)) => Some(value),
            (_, Number::Not) => Some(Value::Text(text.text.clone())),
            (_, Number::OutOfRange) => {
                let message = format!("{} is out of range for a number", shown(&text.text));
                self.findings
                    .error(Code::WrongValue, text.span.clone(), message);
                None
            }
        }
    }

    /// The value of a default: what the field's type makes of the text.
    pub(super) fn default(&mut self, text: &Text, ty: Type) -> Option<Value> {
        let value = typed(&text.text, ty);
        if value.is_none() {
            let message = format!("{} is not a value of type {}", shown(&text.text), ty.name());
            self.findings
                .error(Code::WrongValue, text.span.clone(), message);
        }
        value
    }

    /// A whole number between two bounds.
    pub(super) fn whole(&mut self, text: &Text, what: &str, least: i64, most: i64) -> Option<i64> {
        let value = match number(&text.text) {
            Number::Is(Value::Int(value)) if (least..=most).contains(&value) => Some(value),
            _ => None,
        };
        if value.is_none() {
            let message = format!(
                "{what} is a whole number from {least} to {most}, not {}",
                shown(&text.text)
            );
            self.findings
                .error(Code::WrongValue, text.span.clone(), message);
        }
        value
    }

    /// One of some words.
    pub(super) fn one_of<'w>(
        &mut self,
        text: &Text,
        what: &str,
        words: &[&'w str],
    ) -> Option<&'w str> {
        let found = words.iter().copied().find(|word| *word == text.text);
        if found.is_none() {
            let message = format!("{what} cannot be {}", shown(&text.text));
            let help = self
                .findings
                .did_you_mean(&text.text, words.iter().copied())
                .unwrap_or_else(|| format!("it is one of {}", words.join(", ")));
            self.findings
                .error(Code::WrongValue, text.span.clone(), message)
                .help(help);
        }
        found
    }
}

/// What a text is as a number.
enum Number {
    Is(Value),
    Not,
    OutOfRange,
}

fn number(text: &str) -> Number {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (body, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((body, exponent)) => (
            body,
            Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        ),
        None => (unsigned, None),
    };
    let (whole, part) = body
        .split_once('.')
        .map_or((body, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole)
        || part.is_some_and(|part| !digits(part))
        || exponent.is_some_and(|e| !digits(e))
    {
        return Number::Not;
    }
    let value = match (part, exponent) {
        (None, None) => text.parse().ok().map(Value::Int),
        (Some(part), None) => decimal(text, part.len()).or_else(|| float(text)),
        _ => float(text),
    };
    value.map_or(Number::OutOfRange, Number::Is)
}

/// The mantissa with its point taken out, when it has no more digits than a decimal holds.
fn decimal(text: &str, scale: usize) -> Option<Value> {
    let mantissa: i64 = text.replacen('.', "", 1).parse().ok()?;
    let scale = u8::try_from(scale)
        .ok()
        .filter(|scale| *scale <= DECIMAL_DIGITS)?;
    let fits = mantissa.unsigned_abs() < 10u64.pow(u32::from(DECIMAL_DIGITS));
    fits.then_some(Value::Decimal { mantissa, scale })
}

fn float(text: &str) -> Option<Value> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .map(Value::Float)
}

/// What a type makes of a text, exactly; `None` when it makes nothing of it.
pub(crate) fn typed(text: &str, ty: Type) -> Option<Value> {
    match ty {
        Type::Text => Some(Value::Text(text.to_owned())),
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::Int => text.parse().ok().map(Value::Int),
        Type::Float => match number(text) {
            Number::Is(_) => float(text),
            _ => None,
        },
        Type::Timestamp => {
            let time: Timestamp = text.parse().ok()?;
            Some(Value::Timestamp(time.as_microsecond()))
        }
        Type::Decimal(scale) => match number(text) {
            Number::Is(Value::Int(whole)) => rescaled(whole, 0, scale),
            Number::Is(Value::Decimal {
                mantissa,
                scale: from,
            }) => rescaled(mantissa, from, scale),
            _ => None,
        },
    }
}

/// The same number with another scale, when that is exact and fits.
fn rescaled(mantissa: i64, from: u8, to: u8) -> Option<Value> {
    let factor = 10i64.checked_pow(u32::from(from.abs_diff(to)))?;
    let mantissa = if to >= from {
        mantissa.checked_mul(factor)?
    } else {
        (mantissa % factor == 0).then_some(mantissa / factor)?
    };
    let fits = mantissa.unsigned_abs() < 10u64.pow(u32::from(DECIMAL_DIGITS));
    fits.then_some(Value::Decimal {
        mantissa,
        scale: to,
    })
}
