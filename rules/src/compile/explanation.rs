//! Checks `explain`.
//!
//! The idea: a sentence leaves the house, so what it may show is decided here: no sensitive field, and no `let` made from
//! one. The invariant: a template that was accepted reads only columns that exist and may be shown.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Checker;
use super::sql::Source;
use crate::definition::Text;
use crate::diagnostic::Code;
use crate::explain::Template;
use crate::value::Value;

use super::names::EXPLAIN_MAX;

impl Checker<'_> {
    pub(super) fn explanation(
        &mut self,
        text: &Text,
        params: &BTreeMap<String, Value>,
    ) -> Option<Template> {
        let source = Source::all(text);
        if text.text.chars().count() > EXPLAIN_MAX {
            let message = format!("an `explain` of more than {EXPLAIN_MAX} characters");
            self.findings
                .error(Code::TooLarge, text.span.clone(), message);
            return None;
        }
        let slots = slots(&text.text);
        let broken = slots.iter().any(|slot| {
            let name = text.text.get(slot.clone()).unwrap_or("");
            self.broken.contains(name)
                || self.broken.contains(name.split('.').next().unwrap_or(name))
        });
        if broken {
            return None;
        }
        for slot in &slots {
            let name = text.text.get(slot.clone()).unwrap_or("");
            let shown = self.columns.iter().position(|column| column.name == name);
            if shown.is_some_and(|index| self.sensitive.contains(&index)) {
                let place = self.place(source, slot);
                let message = format!("`{name}` is sensitive and would be shown");
                let help = "show a count, or take it out of the sentence".to_owned();
                self.findings
                    .error(Code::SensitiveField, place, message)
                    .help(help);
            }
        }
        match Template::parse(&text.text, &self.columns, params) {
            Ok(template) => Some(template),
            Err(problems) => {
                self.problems(source, problems, "this is not a sentence with values");
                None
            }
        }
    }
}

/// The bytes of the names in braces, `:params` included; a doubled brace is none.
pub(super) fn slots(text: &str) -> Vec<Range<usize>> {
    let mut slots = Vec::new();
    let mut at = 0;
    while let Some(open) = text
        .get(at..)
        .and_then(|rest| rest.find('{'))
        .map(|open| at + open)
    {
        let inside = open + 1;
        let rest = text.get(inside..).unwrap_or("");
        if rest.starts_with('{') {
            at = inside + 1;
            continue;
        }
        let Some(close) = rest.find('}') else {
            break;
        };
        let name = rest.get(..close).unwrap_or("");
        let start = inside + (name.len() - name.trim_start().len());
        slots.push(start..start + name.trim().len());
        at = inside + close + 1;
    }
    slots
}
