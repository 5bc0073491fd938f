//! Reads `features:`.
//!
//! The idea: a feature is always kept under its name, even when nothing else of it could be read, so that rules which use
//! it are not blamed for it. The invariant: `by` is some list of fields, or has been complained about.

use super::reader::{self, Fields};
use super::tree::{Node, Text, Tree};
use super::{FeatureDefinition, WindowDefinition};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;

const FEATURE_KEYS: [&str; 5] = ["by", "agg", "over", "where", "scope"];
const WINDOW_KEYS: [&str; 7] = ["from", "to", "last", "session", "calendar", "zone", "decay"];

/// Windows that are known and come later.
const LATER: [&str; 3] = ["session", "calendar", "decay"];

pub(super) fn read(
    name: &Text,
    node: &Node,
    findings: &mut Findings<'_>,
) -> Option<FeatureDefinition> {
    let mut feature = FeatureDefinition {
        name: name.clone(),
        by: None,
        agg: None,
        over: None,
        filter: None,
        scope: None,
    };
    if let Some(fields) = Fields::of(
        node,
        "a feature",
        name.span.clone(),
        &FEATURE_KEYS,
        findings,
    ) {
        feature.by = fields
            .required("by", findings)
            .and_then(|(key, node)| reader::texts(node, key, findings));
        feature.agg = fields.required_text("agg", findings);
        feature.over = fields
            .required("over", findings)
            .and_then(|(key, node)| window(key, node, findings));
        feature.filter = fields.text("where", findings);
        feature.scope = fields.text("scope", findings);
    }
    Some(feature)
}

fn window(key: &Text, node: &Node, findings: &mut Findings<'_>) -> Option<WindowDefinition> {
    if !matches!(node.value, Tree::Mapping(_)) {
        return reader::text(node, key, findings).map(WindowDefinition::Plain);
    }
    let fields = Fields::of(node, "a window", key.span.clone(), &WINDOW_KEYS, findings)?;
    let span = node.span.clone();
    if let Some(kind) = LATER.into_iter().find(|kind| fields.get(kind).is_some()) {
        return Some(WindowDefinition::Later { span, kind });
    }
    if let Some((last, _)) = fields.get("last") {
        if fields.get("from").is_some() || fields.get("to").is_some() {
            findings.error(
                Code::BadWindow,
                last.span.clone(),
                "a window is either `last` or `from` and `to`",
            );
            return None;
        }
        return fields.text("last", findings).map(WindowDefinition::Last);
    }
    let from = fields.required_text("from", findings);
    let to = fields.required_text("to", findings);
    Some(WindowDefinition::Between {
        span,
        from: from?,
        to: to?,
    })
}
