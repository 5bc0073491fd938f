//! Reads `limits:`.
//!
//! The invariant: a limit that is not written has its usual value, which only [`crate::compile`] knows.

use super::LimitsDefinition;
use super::reader::Fields;
use super::tree::{Node, Text};
use crate::diagnostic::findings::Findings;

const LIMITS_KEYS: [&str; 3] = ["keys", "events_per_key", "distinct_per_key"];

pub(super) fn read(
    key: &Text,
    node: &Node,
    findings: &mut Findings<'_>,
) -> Option<LimitsDefinition> {
    let fields = Fields::of(node, "`limits`", key.span.clone(), &LIMITS_KEYS, findings)?;
    Some(LimitsDefinition {
        keys: fields.text("keys", findings),
        events_per_key: fields.text("events_per_key", findings),
        distinct_per_key: fields.text("distinct_per_key", findings),
    })
}
