//! Reads `schema:`: id, time and fields.
//!
//! The idea: the short form of a field (`amount: decimal?`) and the long one (`{ type, from, default, sensitive }`) become
//! the same definition. The invariant: the order of the fields is the order written.

use super::reader::{self, Fields};
use super::tree::{Node, Text, Tree};
use super::{FieldDefinition, SchemaDefinition, TimeDefinition};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;

const SCHEMA_KEYS: [&str; 4] = ["id", "time", "dedup", "fields"];
const TIME_KEYS: [&str; 4] = ["field", "max_lateness", "max_future", "on_future"];
const FIELD_KEYS: [&str; 4] = ["type", "from", "default", "sensitive"];

pub(super) fn read(
    key: &Text,
    node: &Node,
    findings: &mut Findings<'_>,
) -> Option<SchemaDefinition> {
    let fields = Fields::of(node, "the schema", key.span.clone(), &SCHEMA_KEYS, findings)?;
    let id = fields.required_text("id", findings);
    let time = fields
        .required("time", findings)
        .and_then(|(key, node)| time(key, node, findings));
    let dedup = fields.text("dedup", findings);
    fields.required("fields", findings);
    Some(SchemaDefinition {
        span: key.span.clone(),
        id,
        time,
        dedup,
        fields: fields.named("fields", findings, field),
    })
}

fn time(key: &Text, node: &Node, findings: &mut Findings<'_>) -> Option<TimeDefinition> {
    if let Some(field) = node.text() {
        return Some(TimeDefinition {
            field: Some(field),
            max_lateness: None,
            max_future: None,
            on_future: None,
        });
    }
    let fields = Fields::of(node, "the time", key.span.clone(), &TIME_KEYS, findings)?;
    Some(TimeDefinition {
        field: fields.required_text("field", findings),
        max_lateness: fields.text("max_lateness", findings),
        max_future: fields.text("max_future", findings),
        on_future: fields.text("on_future", findings),
    })
}

/// Always some: a field whose type cannot be read is still a name that rules may use.
fn field(name: &Text, node: &Node, findings: &mut Findings<'_>) -> Option<FieldDefinition> {
    let mut field = FieldDefinition {
        name: name.clone(),
        ty: None,
        from: None,
        default: None,
        sensitive: false,
    };
    if !matches!(node.value, Tree::Mapping(_)) {
        field.ty = reader::text(node, name, findings);
        return Some(field);
    }
    if let Some(fields) = Fields::of(node, "a field", name.span.clone(), &FIELD_KEYS, findings) {
        field.ty = fields.required_text("type", findings);
        field.from = fields.text("from", findings);
        field.default = fields.text("default", findings);
        field.sensitive = fields
            .text("sensitive", findings)
            .is_some_and(|text| truth(&text, findings));
    }
    Some(field)
}

/// Whether it says true. What is neither counts as true: a field taken for sensitive by mistake does no harm.
fn truth(text: &Text, findings: &mut Findings<'_>) -> bool {
    if !matches!(text.text.as_str(), "true" | "false") {
        findings.error(
            Code::WrongValue,
            text.span.clone(),
            "`sensitive` is `true` or `false`",
        );
    }
    text.text != "false"
}
