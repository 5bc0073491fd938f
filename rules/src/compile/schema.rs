//! Checks `schema:`.
//!
//! The idea: each field stands for a column from the first moment, even one whose type is wrong (it counts as broken).
//! The invariant: in a pack without errors the id is a required text or int and the time a required timestamp.

use super::Checker;
use super::names::shown;
use crate::definition::{FieldDefinition, SchemaDefinition, Text, TimeDefinition};
use crate::diagnostic::Code;
use crate::ruleset::Column;
use crate::schema::{Field, FuturePolicy, Schema, TimeEncoding};
use crate::time::Span;
use crate::value::{DECIMAL_DIGITS, DECIMAL_SCALE, Type};

/// How long an id is remembered when nothing is said, unless events may be later than that.
const DEDUP_DEFAULT: Span = Span::seconds(86_400);

/// Bytes of a `from` at most.
const FROM_MAX: usize = 256;

const TYPES: [&str; 6] = ["text", "int", "decimal", "float", "bool", "timestamp"];

impl Checker<'_> {
    pub(super) fn schema(&mut self, written: Option<&SchemaDefinition>) -> Schema {
        let mut schema = Schema {
            fields: Vec::new(),
            id: 0,
            time: 0,
            max_lateness: Span::ZERO,
            max_future: None,
            future_policy: FuturePolicy::DeadLetter,
            dedup_horizon: DEDUP_DEFAULT,
        };
        let Some(written) = written else {
            return schema;
        };
        for field in &written.fields {
            let checked = self.field(field);
            self.columns.push(Column {
                name: checked.name.clone(),
                ty: checked.ty,
            });
            if checked.sensitive {
                self.sensitive.insert(schema.fields.len());
            }
            schema.fields.push(checked);
        }
        self.fields = self.columns.len();
        schema.id = self.id_field(written.id.as_ref(), &schema).unwrap_or(0);
        if let Some(time) = &written.time {
            self.time(time, &mut schema);
        }
        schema.dedup_horizon = match &written.dedup {
            Some(text) => self.span(text).unwrap_or(DEDUP_DEFAULT),
            None => DEDUP_DEFAULT.max(schema.max_lateness),
        };
        schema
    }

    fn field(&mut self, written: &FieldDefinition) -> Field {
        self.word(&written.name, "a field");
        let read = written.ty.as_ref().and_then(|ty| self.field_type(ty));
        if read.is_none() {
            self.broken.insert(written.name.text.clone());
        }
        let (ty, encoding, optional) = read.unwrap_or((Type::Text, TimeEncoding::Rfc3339, true));
        let from = written.from.as_ref().map(|from| {
            if from.text.is_empty()
                || from.text.len() > FROM_MAX
                || from.text.chars().any(char::is_control)
            {
                let message = format!("{} is no column and no JSON pointer", shown(&from.text));
                self.findings
                    .error(Code::WrongValue, from.span.clone(), message);
            }
            from.text.clone()
        });
        let default = written
            .default
            .as_ref()
            .filter(|_| read.is_some())
            .and_then(|text| self.default(text, ty));
        Field {
            name: written.name.text.clone(),
            ty,
            encoding,
            optional,
            from,
            default,
            sensitive: written.sensitive,
        }
    }

    /// `decimal(2)?` and the like.
    fn field_type(&mut self, text: &Text) -> Option<(Type, TimeEncoding, bool)> {
        let (body, optional) = match text.text.strip_suffix('?') {
            Some(body) => (body, true),
            None => (text.text.as_str(), false),
        };
        let (name, argument) = match body.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or("(").trim())),
            None => (body, None),
        };
        let encoding = match (name, argument) {
            ("timestamp", Some("s")) => TimeEncoding::Seconds,
            ("timestamp", Some("ms")) => TimeEncoding::Millis,
            ("timestamp", Some("us")) => TimeEncoding::Micros,
            _ => TimeEncoding::Rfc3339,
        };
        let ty = match (name, argument) {
            ("text", None) => Some(Type::Text),
            ("int", None) => Some(Type::Int),
            ("float", None) => Some(Type::Float),
            ("bool", None) => Some(Type::Bool),
            ("timestamp", None | Some("s" | "ms" | "us")) => Some(Type::Timestamp),
            ("decimal", None) => Some(Type::Decimal(DECIMAL_SCALE)),
            ("decimal", Some(scale)) => scale
                .parse()
                .ok()
                .filter(|scale| *scale <= DECIMAL_DIGITS)
                .map(Type::Decimal),
            _ => None,
        };
        if ty.is_none() {
            self.no_type(text, name);
        }
        ty.map(|ty| (ty, encoding, optional))
    }

    fn no_type(&mut self, text: &Text, name: &str) {
        let help = match name {
            "decimal" => format!("write `decimal(2)`; the scale is 0 to {DECIMAL_DIGITS}"),
            "timestamp" => {
                "write `timestamp` for RFC 3339 text, or `timestamp(s)`, `(ms)`, `(us)`".to_owned()
            }
            _ => self
                .findings
                .did_you_mean(name, TYPES)
                .unwrap_or_else(|| format!("the types are {}", TYPES.join(", "))),
        };
        let message = format!("{} is not a type", shown(&text.text));
        self.findings
            .error(Code::WrongValue, text.span.clone(), message)
            .help(help);
    }

    /// The index of a field, or a finding.
    pub(super) fn field_named(&mut self, text: &Text, schema: &Schema) -> Option<usize> {
        let found = schema
            .fields
            .iter()
            .position(|field| field.name == text.text);
        if found.is_none() {
            let names = schema.fields.iter().map(|field| field.name.as_str());
            let help = self.findings.did_you_mean(&text.text, names);
            let message = format!("unknown field {}", shown(&text.text));
            self.findings
                .error(Code::UnknownName, text.span.clone(), message)
                .help(help);
        }
        found
    }

    fn id_field(&mut self, id: Option<&Text>, schema: &Schema) -> Option<usize> {
        let id = id?;
        let index = self.field_named(id, schema)?;
        let field = schema.fields.get(index)?;
        if self.broken.contains(&field.name) {
            return Some(index);
        }
        if !matches!(field.ty, Type::Text | Type::Int) {
            let message = format!(
                "the id is a text or an int, `{}` is {}",
                field.name,
                field.ty.name()
            );
            self.findings
                .error(Code::TypeMismatch, id.span.clone(), message);
        }
        if field.optional {
            let message = format!("the id `{}` may be missing", field.name);
            let help = "take the `?` off its type; an event without an id becomes a dead letter"
                .to_owned();
            self.findings
                .error(Code::WrongValue, id.span.clone(), message)
                .help(help);
        }
        if field.sensitive {
            let message = format!(
                "the id `{}` is sensitive, and every decision shows it",
                field.name
            );
            self.findings
                .error(Code::SensitiveField, id.span.clone(), message);
        }
        Some(index)
    }

    fn time(&mut self, written: &TimeDefinition, schema: &mut Schema) {
        if let Some(text) = &written.max_lateness {
            schema.max_lateness = self.span(text).unwrap_or(Span::ZERO);
        }
        schema.max_future = written.max_future.as_ref().and_then(|text| self.span(text));
        if let Some(text) = &written.on_future {
            let word = self.one_of(text, "`on_future`", &["clamp", "dead_letter"]);
            if word == Some("clamp") {
                schema.future_policy = FuturePolicy::Clamp;
            }
        }
        let Some(text) = &written.field else {
            return;
        };
        let Some(index) = self.field_named(text, schema) else {
            return;
        };
        schema.time = index;
        let Some(field) = schema
            .fields
            .get(index)
            .filter(|field| !self.broken.contains(&field.name))
        else {
            return;
        };
        if field.ty != Type::Timestamp || field.optional {
            let mark = if field.optional { "?" } else { "" };
            let message = format!(
                "the time is a `timestamp`, `{}` is `{}{mark}`",
                field.name,
                field.ty.name()
            );
            self.findings
                .error(Code::TypeMismatch, text.span.clone(), message);
        }
    }
}
