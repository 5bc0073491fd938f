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

/// The key that says which window it is; `zone` goes with `calendar`, and `to` with `from`.
const KINDS: [&str; 5] = ["last", "session", "calendar", "decay", "from"];

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
    let mut kinds = KINDS.into_iter().filter(|kind| fields.get(kind).is_some());
    let zoned = fields.get("zone").is_some();
    let usual = if zoned { "calendar" } else { "from" };
    let kind = kinds.next().unwrap_or(usual);
    let partner = match kind {
        "from" => "to",
        "calendar" => "zone",
        _ => "",
    };
    let strange = |key: &&str| *key != kind && *key != partner;
    let strange = WINDOW_KEYS.into_iter().filter(strange);
    if let Some((key, _)) = strange.filter_map(|key| fields.get(key)).next() {
        findings
            .error(
                Code::BadWindow,
                key.span.clone(),
                format!("`{}` does not go with `{kind}`", key.text),
            )
            .help(
                "a window is `from` and `to`, `last`, `session`, `calendar` and `zone`, or `decay`"
                    .to_owned(),
            );
        return None;
    }
    let first = fields.required_text(kind, findings);
    let second = match partner {
        "" => return single(kind, first?),
        _ => fields.required_text(partner, findings),
    };
    let (first, second) = (first?, second?);
    Some(match kind {
        "calendar" => WindowDefinition::Calendar {
            period: first,
            zone: second,
        },
        _ => WindowDefinition::Between {
            span: node.span.clone(),
            from: first,
            to: second,
        },
    })
}

/// A window that one value says.
fn single(kind: &str, value: Text) -> Option<WindowDefinition> {
    match kind {
        "last" => Some(WindowDefinition::Last(value)),
        "session" => Some(WindowDefinition::Session(value)),
        "decay" => Some(WindowDefinition::Decay(value)),
        _ => None,
    }
}
