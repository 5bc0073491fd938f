//! Hands expressions to [`crate::expression`] and brings its problems back to the places of the file.
//!
//! The idea: an expression that uses a name whose declaration is broken is not checked at all; it would only repeat the
//! complaint in other words. The invariant: an expression either compiles, or uses something already complained about, or
//! leaves at least one finding.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Checker;
use super::words::{self, Kind, Word};
use crate::definition::Text;
use crate::diagnostic::Code;
use crate::expression::{self, Names, Problem, Program};
use crate::ruleset::Column;
use crate::value::Value;

/// Bytes of one expression at most: a hundred pages of it.
const EXPRESSION_BYTES_MAX: usize = 64 << 10;

/// An expression, or a part of a text that is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'t> {
    pub(super) whole: &'t Text,
    /// Where the part begins in the whole.
    pub(super) start: usize,
    pub(super) text: &'t str,
}

impl<'t> Source<'t> {
    pub(super) fn all(text: &'t Text) -> Source<'t> {
        Source {
            whole: text,
            start: 0,
            text: &text.text,
        }
    }

    pub(super) fn part(text: &'t Text, part: Range<usize>) -> Source<'t> {
        Source {
            whole: text,
            start: part.start,
            text: text.text.get(part).unwrap_or(""),
        }
    }

    pub(super) fn words(&self) -> Vec<Word> {
        words::scan(self.text)
    }
}

impl Checker<'_> {
    /// The bytes of the file that hold a part of an expression.
    pub(super) fn place(&self, source: Source<'_>, part: &Range<usize>) -> Range<usize> {
        let range = source.start.saturating_add(part.start)..source.start.saturating_add(part.end);
        source.whole.place(self.findings.text(), &range)
    }

    /// Compiles over the first `visible` columns.
    pub(super) fn expression(
        &mut self,
        source: Source<'_>,
        visible: usize,
        params: &BTreeMap<String, Value>,
    ) -> Option<Program> {
        if source.text.len() > EXPRESSION_BYTES_MAX {
            let message = format!("an expression of more than {EXPRESSION_BYTES_MAX} bytes");
            let help = "a list and `in_list` may say the same in one word".to_owned();
            let place = source.whole.span.start..source.whole.span.start + 1;
            self.findings
                .error(Code::ExpressionTooLarge, place, message)
                .help(help);
            return None;
        }
        if self.touches_broken(source.text, &source.words()) {
            return None;
        }
        let columns: &[Column] = self.columns.get(..visible).unwrap_or(&self.columns);
        let names = Names {
            columns,
            params,
            lists: &self.list_names,
        };
        match expression::compile(source.text, &names) {
            Ok(program) => Some(program),
            Err(problems) => {
                self.problems(source, problems, "this is not an expression");
                None
            }
        }
    }

    /// Notes problems of an expression or a template; there is always at least one.
    pub(super) fn problems(&mut self, source: Source<'_>, problems: Vec<Problem>, otherwise: &str) {
        if problems.is_empty() {
            let place = self.place(source, &(0..source.text.len()));
            self.findings
                .error(Code::ExpressionSyntax, place, otherwise);
        }
        for problem in problems {
            let place = self.place(source, &problem.span);
            self.findings
                .error(problem.code, place, problem.message)
                .help(problem.help);
        }
    }

    pub(super) fn touches_broken(&self, text: &str, words: &[Word]) -> bool {
        !self.broken.is_empty()
            && words
                .iter()
                .filter(|word| word.kind == Kind::Name)
                .any(|word| {
                    let name = word.of(text);
                    let head = name.split('.').next().unwrap_or(name);
                    self.broken.contains(name) || self.broken.contains(head)
                })
    }
}
