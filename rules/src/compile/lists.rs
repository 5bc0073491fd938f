//! Checks `lists:` and fills them.
//!
//! The idea: a list is known by its name even when its entries cannot be had, so expressions that use it are not blamed.
//! The invariant: in a pack without errors list `i` of the result is the `i`th written.

use super::Checker;
use super::names::shown;
use crate::definition::{LIST_BYTES_MAX, ListDefinition, SourceFile, Text};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::list::{List, ListProblem, Lists};
use crate::schema::Schema;
use crate::value::Type;

impl Checker<'_> {
    pub(super) fn lists(
        &mut self,
        written: &[ListDefinition],
        schema: &Schema,
        files: &[SourceFile],
    ) -> Lists {
        let lists: Lists = written
            .iter()
            .map(|list| self.list(list, schema, files))
            .collect();
        self.list_names = lists.iter().map(|list| list.name.clone()).collect();
        lists
    }

    fn list(&mut self, written: &ListDefinition, schema: &Schema, files: &[SourceFile]) -> List {
        self.word(&written.name, "a list");
        if let Some(key) = &written.key {
            self.list_key(key, schema);
        }
        let mut list = List {
            name: written.name.text.clone(),
            key: written
                .key
                .as_ref()
                .map(|key| key.text.clone())
                .unwrap_or_default(),
            ..List::default()
        };
        match (&written.from, &written.entries) {
            (Some(from), None) => self.list_from(from, files, &mut list),
            (None, Some(entries)) => {
                for entry in entries {
                    if let Err(problem) = list.add(&entry.text) {
                        self.findings
                            .error(Code::BadList, entry.span.clone(), problem.to_string());
                    }
                }
            }
            (Some(_), Some(entries)) => {
                let at = entries
                    .first()
                    .map_or(written.name.span.clone(), |entry| entry.span.clone());
                let message = format!("the list `{}` has both `from` and `entries`", list.name);
                self.findings.error(Code::BadList, at, message);
            }
            // Nothing was complained about when both are absent; a list of another form was.
            (None, None) if written.key.is_some() => {
                let message = format!("the list `{}` needs `from` or `entries`", list.name);
                self.findings
                    .error(Code::MissingKey, written.name.span.clone(), message);
            }
            (None, None) => {}
        }
        list
    }

    fn list_key(&mut self, key: &Text, schema: &Schema) {
        let Some(index) = self.field_named(key, schema) else {
            return;
        };
        let Some(field) = schema.fields.get(index) else {
            return;
        };
        if !matches!(field.ty, Type::Text | Type::Int) && !self.broken.contains(&field.name) {
            let message = format!(
                "a list is keyed by a text or an int, `{}` is {}",
                field.name,
                field.ty.name()
            );
            self.findings
                .error(Code::TypeMismatch, key.span.clone(), message);
        }
    }

    fn list_from(&mut self, from: &Text, files: &[SourceFile], list: &mut List) {
        if from.text.starts_with("kafka:") {
            let message = "lists from Kafka topics are not supported yet";
            let help = "use `from: \"file:lists/NAME.txt\"` or `entries: [..]`".to_owned();
            self.findings
                .error(Code::NotYet, from.span.clone(), message)
                .help(help);
            return;
        }
        let Some(name) = crate::definition::file_name(&from.text) else {
            let message = format!("{} is no place a list can come from", shown(&from.text));
            let help = "write `file:lists/NAME.txt`, a path inside the pack's directory".to_owned();
            self.findings
                .error(Code::BadList, from.span.clone(), message)
                .help(help);
            return;
        };
        let Some(file) = files.iter().find(|file| file.name == name) else {
            let message = format!("the file {} cannot be read", shown(name));
            let help = "it stands beside the pack; an empty file is an empty list".to_owned();
            self.findings
                .error(Code::BadList, from.span.clone(), message)
                .help(help);
            return;
        };
        if let Some(problem) = file.problem(LIST_BYTES_MAX) {
            self.findings.push(problem);
            return;
        }
        for (span, problem) in list.fill(&file.text) {
            self.findings.push(in_file(file, span, &problem));
        }
    }
}

fn in_file(file: &SourceFile, span: std::ops::Range<usize>, problem: &ListProblem) -> Diagnostic {
    Diagnostic {
        code: Code::BadList,
        severity: Severity::Error,
        file: file.name.clone(),
        span,
        message: problem.to_string(),
        label: String::new(),
        help: None,
    }
}
