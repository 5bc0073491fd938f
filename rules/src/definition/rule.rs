//! Reads `rules:`.
//!
//! The idea: a rule without an id or a condition is still read to its end, so that its other mistakes are reported too.
//! The invariant: the order of the rules is the order written.

use super::reader::Fields;
use super::tree::{Node, Text, Tree};
use super::{RuleDefinition, ThenDefinition};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;

const RULE_KEYS: [&str; 11] = [
    "id", "name", "params", "let", "when", "mode", "then", "explain", "owner", "tags", "expires",
];
const THEN_KEYS: [&str; 6] = ["action", "score", "reason", "notify", "once_per", "at_most"];

pub(super) fn read_all(pack: &Fields<'_>, findings: &mut Findings<'_>) -> Vec<RuleDefinition> {
    let Some((key, node)) = pack.get("rules") else {
        return Vec::new();
    };
    let Tree::Sequence(items) = &node.value else {
        let message = format!("`rules` must be a list, this is {}", node.kind());
        findings
            .error(Code::WrongValue, key.span.clone(), message)
            .help("begin each rule with `- id:`".to_owned());
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| read(item, findings))
        .collect()
}

fn read(node: &Node, findings: &mut Findings<'_>) -> Option<RuleDefinition> {
    let start = heading(node, findings.text());
    let fields = Fields::of(node, "a rule", start.clone(), &RULE_KEYS, findings)?;
    let id = fields.required_text("id", findings);
    let span = id.as_ref().map_or(start, |id| id.span.clone());
    let then = fields
        .required("then", findings)
        .and_then(|(key, node)| then(key, node, findings));
    Some(RuleDefinition {
        span,
        id,
        name: fields.text("name", findings),
        params: fields.pairs("params", findings),
        lets: fields.pairs("let", findings),
        when: fields.required_text("when", findings),
        mode: fields.text("mode", findings),
        then,
        explain: fields.text("explain", findings),
        owner: fields.text("owner", findings),
        tags: fields.texts("tags", findings).unwrap_or_default(),
        expires: fields.text("expires", findings),
    })
}

fn then(key: &Text, node: &Node, findings: &mut Findings<'_>) -> Option<ThenDefinition> {
    let fields = Fields::of(node, "`then`", key.span.clone(), &THEN_KEYS, findings)?;
    Some(ThenDefinition {
        action: fields.required_text("action", findings),
        score: fields.text("score", findings),
        reason: fields.text("reason", findings),
        notify: fields.text("notify", findings),
        once_per: fields.text("once_per", findings),
        at_most: fields.text("at_most", findings),
    })
}

/// The first line of a rule: where what is missing from it is reported.
fn heading(node: &Node, text: &str) -> std::ops::Range<usize> {
    let raw = text.get(node.span.clone()).unwrap_or("");
    let line = raw.lines().next().map_or(0, str::len);
    node.span.start..node.span.start + line
}
