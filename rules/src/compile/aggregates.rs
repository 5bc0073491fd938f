//! Reads `agg`: a function's name and its arguments.
//!
//! The idea: an aggregate is not SQL that DataFusion plans, it is one of [`Aggregate::ALL`] over SQL scalars; so the call is
//! taken apart here and only the arguments are expressions. The invariant: quotes and brackets inside an argument are
//! respected, so `count_distinct(coalesce(a, 'x,y'))` has one argument.

use std::ops::Range;

use super::Checker;
use super::names::shown;
use super::sql::Source;
use super::words;
use crate::aggregate::Aggregate;
use crate::definition::Text;
use crate::diagnostic::Code;

/// Functions that are known and come later.
const LATER: [&str; 4] = [
    "approx_count_distinct",
    "approx_quantile",
    "kurtosis",
    "skewness",
];

/// What other languages call a function.
const OTHER_NAMES: [(&str, &str); 7] = [
    ("mean", "avg"),
    ("percentile", "quantile"),
    ("percentile_cont", "quantile"),
    ("stddev", "stddev_samp` or `stddev_pop"),
    ("stdev", "stddev_samp` or `stddev_pop"),
    ("var", "var_samp` or `var_pop"),
    ("variance", "var_samp` or `var_pop"),
];

/// Columns a `first` or `last` may take.
const ARGUMENTS_MAX: usize = 16;

impl Checker<'_> {
    /// The function and the bytes of its arguments in the text.
    pub(super) fn aggregate(&mut self, text: &Text) -> Option<(Aggregate, Vec<Range<usize>>)> {
        let Some((name, arguments)) = call(&text.text) else {
            let message = format!("{} is not an aggregate", shown(&text.text));
            let torn = text.text.contains('(') && !text.text.contains(')');
            let help = if torn {
                "put quotes around a text that holds a comma".to_owned()
            } else {
                "write a function and its arguments, such as `sum(amount)` or `count()`".to_owned()
            };
            self.findings
                .error(Code::BadAggregate, text.span.clone(), message)
                .help(help);
            return None;
        };
        let place = self.place(Source::all(text), &(0..name.len()));
        if LATER.contains(&name) {
            let message = format!("the aggregate `{name}` is not supported yet");
            let help = format!("supported are {}", all());
            self.findings.error(Code::NotYet, place, message).help(help);
            return None;
        }
        let Some(function) = Aggregate::ALL
            .into_iter()
            .find(|function| function.name() == name)
        else {
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
            let help = match other {
                Some((_, ours)) => format!("write `{ours}`"),
                None => self
                    .findings
                    .did_you_mean(name, Aggregate::ALL.into_iter().map(Aggregate::name))
                    .unwrap_or_else(|| format!("the aggregates are {}", all())),
            };
            let message = format!("unknown aggregate {}", shown(name));
            self.findings
                .error(Code::BadAggregate, place, message)
                .help(help);
            return None;
        };
        if arguments.len() > ARGUMENTS_MAX {
            let message = format!("an aggregate takes at most {ARGUMENTS_MAX} arguments");
            self.findings.error(Code::BadAggregate, place, message);
            return None;
        }
        self.parameter(text, function, arguments)
    }
}

fn all() -> String {
    Aggregate::ALL.map(Aggregate::name).join(", ")
}

/// Takes `f(a, b)` apart; `None` when it has another form.
fn call(text: &str) -> Option<(&str, Vec<Range<usize>>)> {
    let open = text.find('(')?;
    let name = text.get(..open)?.trim_end();
    let word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !word || !text.trim_end().ends_with(')') {
        return None;
    }
    let close = text.trim_end().len() - 1;
    let mut arguments = Vec::new();
    let mut begin = open + 1;
    let mut depth = 0usize;
    for symbol in words::scan(text)
        .into_iter()
        .filter(|word| word.kind == words::Kind::Symbol)
    {
        match symbol.of(text) {
            "(" => depth += 1,
            ")" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 && symbol.range.start != close {
                    return None;
                }
            }
            "," if depth == 1 => {
                arguments.push(begin..symbol.range.start);
                begin = symbol.range.end;
            }
            _ => {}
        }
    }
    if depth != 0 {
        return None;
    }
    if !(arguments.is_empty() && text.get(begin..close)?.trim().is_empty()) {
        arguments.push(begin..close);
    }
    Some((
        name,
        arguments
            .into_iter()
            .map(|part| trimmed(text, part))
            .collect(),
    ))
}

/// A part without the blanks around it.
fn trimmed(text: &str, part: Range<usize>) -> Range<usize> {
    let inner = text.get(part.clone()).unwrap_or("");
    let start = part.start + (inner.len() - inner.trim_start().len());
    start..start + inner.trim().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::call;

    #[test]
    fn a_call_is_taken_apart() {
        for (text, name, arguments) in [
            ("count()", "count", vec![]),
            ("sum( amount )", "sum", vec!["amount"]),
            ("last(ts, lat, lon)", "last", vec!["ts", "lat", "lon"]),
            ("max(coalesce(a, ',)'))", "max", vec!["coalesce(a, ',)')"]),
        ] {
            let (found, parts) = call(text).unwrap();
            let parts: Vec<_> = parts.into_iter().map(|part| &text[part]).collect();
            assert_eq!((found, parts), (name, arguments), "{text}");
        }
        for text in [
            "count",
            "sum(a) + 1",
            "sum(a)) + (1)",
            "sum(a",
            "(a)",
            "a b(c)",
            "sum('a)",
        ] {
            assert!(call(text).is_none(), "{text}");
        }
    }
}
