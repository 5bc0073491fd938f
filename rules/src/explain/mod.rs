//! The sentence a hit says: a template of values.
//!
//! `{name}` is the value of a column or `let`, `{:param}` a parameter, `{{` and `}}` are braces. The idea: names are
//! resolved and parameters filled in when the pack is checked, so that a hit only appends pieces. The invariant: what
//! stands in an event cannot break the line: control and direction characters are written as escapes, and a text is
//! cut at [`TEXT_CHARS_MAX`] characters.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Code;
use crate::diagnostic::suggest::nearest;
use crate::evaluate::cell::{Cell, Cells};
use crate::expression::Problem;
use crate::ruleset::Column;
use crate::value::Value;

mod format;

pub use format::{TEXT_CHARS_MAX, push_cell};
pub(crate) use format::{cell, is_unsafe};

/// The longest template, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 4096;

/// Nanoseconds to append a piece of text, rounded up as those of [`crate::expression::Program::cost`] are.
const TEXT_COST: u64 = 10;

/// Nanoseconds to write a value.
const VALUE_COST: u64 = 100;

/// A checked template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Column(usize),
}

impl Template {
    /// Reads a template over columns (the pack's, then the rule's `let`s) and parameters.
    ///
    /// # Errors
    /// Every problem, with its place in the text.
    pub fn parse(
        text: &str,
        columns: &[Column],
        params: &BTreeMap<String, Value>,
    ) -> Result<Template, Vec<Problem>> {
        let mut reader = Reader {
            text,
            columns,
            params,
            parts: Vec::new(),
            problems: Vec::new(),
        };
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("an `explain` has at most {TEMPLATE_BYTES_MAX} bytes");
            reader.problem(0..text.len(), message, None);
        } else {
            reader.read();
        }
        if reader.problems.is_empty() {
            Ok(Template {
                parts: reader.parts,
            })
        } else {
            Err(reader.problems)
        }
    }

    /// The columns it shows, ascending, none twice; `let`s count behind the columns.
    #[must_use]
    pub fn reads(&self) -> Vec<usize> {
        let column = |part: &Part| match part {
            Part::Column(index) => Some(*index),
            Part::Text(_) => None,
        };
        let mut reads: Vec<usize> = self.parts.iter().filter_map(column).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    }

    /// What one sentence is estimated to take, in nanoseconds.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let parts = self.parts.iter();
        parts
            .map(|part| match part {
                Part::Text(_) => TEXT_COST,
                Part::Column(_) => VALUE_COST,
            })
            .fold(0, u64::saturating_add)
    }

    /// Appends the sentence for one row; `column` gives the column at an index of [`Template::reads`].
    pub fn render<'a>(
        &self,
        row: usize,
        column: impl Fn(usize) -> Option<Cells<'a>>,
        out: &mut String,
    ) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Column(index) => {
                    let cell = column(*index).map_or(Cell::Null, |cells| cells.at(row));
                    push_cell(out, cell);
                }
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    columns: &'a [Column],
    params: &'a BTreeMap<String, Value>,
    parts: Vec<Part>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let text = self.text;
        let mut at = 0;
        while let Some(offset) = text[at..].find(['{', '}']) {
            let brace = at + offset;
            self.literal(&text[at..brace]);
            let rest = &text[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                self.literal(&rest[..1]);
                at = brace + 2;
            } else if rest.starts_with('}') {
                let help = Some("write `}}` for a brace".to_owned());
                self.problem(brace..brace + 1, "`}` closes nothing".to_owned(), help);
                at = brace + 1;
            } else if let Some(end) = rest.find('}') {
                self.name(brace + 1..brace + end);
                at = brace + end + 1;
            } else {
                let help = Some("write `{{` for a brace".to_owned());
                self.problem(brace..text.len(), "`{` is never closed".to_owned(), help);
                return;
            }
        }
        self.literal(&text[at..]);
    }

    fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn name(&mut self, span: Range<usize>) {
        let name = self.text[span.clone()].trim();
        if let Some(param) = name.strip_prefix(':') {
            match self.params.get(param) {
                Some(value) => {
                    let mut shown = String::new();
                    push_cell(&mut shown, cell(value));
                    self.literal(&shown);
                }
                None => {
                    let help = nearest(param, self.params.keys().map(String::as_str));
                    let message = format!("no parameter is called `{param}`");
                    self.problem(
                        span,
                        message,
                        help.map(|near| format!("did you mean `{{:{near}}}`?")),
                    );
                }
            }
            return;
        }
        // A `let` may not shadow a column, but were it to, the later one is the nearer.
        match self.columns.iter().rposition(|column| column.name == name) {
            Some(index) => self.parts.push(Part::Column(index)),
            None => {
                let names = self.columns.iter().map(|column| column.name.as_str());
                let help = nearest(name, names);
                let message = format!("no field, feature or `let` is called `{name}`");
                self.problem(
                    span,
                    message,
                    help.map(|near| format!("did you mean `{{{near}}}`?")),
                );
            }
        }
    }

    fn problem(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        self.problems.push(Problem {
            code: Code::BadExplain,
            span,
            message,
            help,
        });
    }
}

#[cfg(test)]
mod tests;
