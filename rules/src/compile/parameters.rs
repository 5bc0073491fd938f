//! Reads the last argument of an aggregate that must be written out: the part of a quantile, how many of `top_k`, the
//! half-life of `ewma`.
//!
//! The idea: what decides how much is kept and what is computed must be known when the pack is checked. The invariant: a
//! parameter is a whole number inside its range, so that equal features are found equal.

use std::ops::Range;

use super::Checker;
use super::names::shown;
use super::sql::Source;
use super::times::WINDOW_MAX;
use crate::aggregate::{Aggregate, quantile, top_k};
use crate::definition::Text;
use crate::diagnostic::Code;
use crate::time::Span;

/// A function and the bytes of its arguments.
type Call = (Aggregate, Vec<Range<usize>>);

impl Checker<'_> {
    /// The function with its parameter, which is no longer among the arguments. Functions without one stay as they are.
    pub(super) fn parameter(
        &mut self,
        text: &Text,
        function: Aggregate,
        mut arguments: Vec<Range<usize>>,
    ) -> Option<Call> {
        let example = match function {
            Aggregate::Quantile { .. } => "quantile(amount, 0.95)",
            Aggregate::TopK { .. } => "top_k(country, 3)",
            Aggregate::Ewma { .. } => "ewma(amount, 1h)",
            _ => return Some((function, arguments)),
        };
        let name = function.name();
        let last = arguments.pop();
        let Some(range) = last.filter(|_| arguments.len() == 1) else {
            let message = format!("`{name}` takes a value and a constant");
            self.findings
                .error(Code::BadAggregate, text.span.clone(), message)
                .help(format!("such as `{example}`"));
            return None;
        };
        let written = Text {
            text: text.text.get(range.clone()).unwrap_or("").to_owned(),
            span: self.place(Source::all(text), &range),
            ..text.clone()
        };
        let function = match function {
            Aggregate::Quantile { .. } => self.share(&written)?,
            Aggregate::TopK { .. } => self.most(&written)?,
            _ => self.age(&written)?,
        };
        Some((function, arguments))
    }

    fn share(&mut self, text: &Text) -> Option<Aggregate> {
        let millionths = millionths(&text.text);
        if millionths.is_none() {
            let message = format!("{} is not a part from 0 to 1", shown(&text.text));
            let help = "write at most six digits behind the point, such as `0.95`".to_owned();
            self.findings
                .error(Code::BadAggregate, text.span.clone(), message)
                .help(help);
        }
        millionths.map(|millionths| Aggregate::Quantile { millionths })
    }

    fn most(&mut self, text: &Text) -> Option<Aggregate> {
        let k = self.whole(text, "`k`", 1, top_k::K_MAX)?;
        Some(Aggregate::TopK {
            k: u32::try_from(k).ok()?,
        })
    }

    fn age(&mut self, text: &Text) -> Option<Aggregate> {
        let half_life = self.span(text)?;
        if half_life == Span::ZERO || half_life > WINDOW_MAX {
            let message = format!("{} is no half-life", shown(&text.text));
            let help = "write something from `1us` to `3660d`".to_owned();
            self.findings
                .error(Code::BadAggregate, text.span.clone(), message)
                .help(help);
            return None;
        }
        Some(Aggregate::Ewma { half_life })
    }
}

/// A decimal from 0 to 1 in millionths.
fn millionths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    let part: u32 = format!("{part:0<6}").parse().ok()?;
    let millionths = whole.parse::<u32>().ok()?.checked_mul(quantile::WHOLE)?;
    let millionths = millionths.checked_add(part)?;
    (millionths <= quantile::WHOLE).then_some(millionths)
}

#[cfg(test)]
mod tests {
    use super::millionths;

    #[test]
    fn a_part_is_read_exactly() {
        for (text, want) in [
            ("0.95", Some(950_000)),
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("1.000", Some(1_000_000)),
            ("0.000001", Some(1)),
            ("0.0000001", None),
            ("1.000001", None),
            ("95", None),
            ("-0.5", None),
            (".5", None),
            ("0.", None),
            ("5e-1", None),
            ("4294967296", None),
            ("", None),
        ] {
            assert_eq!(millionths(text), want, "{text}");
        }
    }
}
