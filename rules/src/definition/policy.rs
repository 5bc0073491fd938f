//! Reads `policy:`.
//!
//! The idea: everything has a usual value, so a policy may be short or absent. The invariant: `first` keeps its order,
//! because the first list that holds the key decides.

use super::reader::Fields;
use super::tree::{Node, Text, Tree};
use super::{FirstDefinition, PolicyDefinition};
use crate::diagnostic::findings::Findings;

const POLICY_KEYS: [&str; 4] = ["first", "order", "score", "on_error"];
const FIRST_KEYS: [&str; 3] = ["list", "action", "reason"];
const SCORE_KEYS: [&str; 2] = ["combine", "max"];
const ERROR_KEYS: [&str; 2] = ["rule", "budget_exceeded"];

pub(super) fn read(
    key: &Text,
    node: &Node,
    findings: &mut Findings<'_>,
) -> Option<PolicyDefinition> {
    let fields = Fields::of(node, "the policy", key.span.clone(), &POLICY_KEYS, findings)?;
    let mut policy = PolicyDefinition {
        order: fields.texts("order", findings),
        ..PolicyDefinition::default()
    };
    if let Some((key, node)) = fields.get("first") {
        policy.first = match &node.value {
            Tree::Sequence(items) => items
                .iter()
                .filter_map(|item| first(key, item, findings))
                .collect(),
            _ => first(key, node, findings).into_iter().collect(),
        };
    }
    if let Some((key, node)) = fields.get("score") {
        let score = Fields::of(node, "`score`", key.span.clone(), &SCORE_KEYS, findings);
        policy.combine = score
            .as_ref()
            .and_then(|score| score.text("combine", findings));
        policy.max = score.as_ref().and_then(|score| score.text("max", findings));
    }
    if let Some((key, node)) = fields.get("on_error") {
        let errors = Fields::of(node, "`on_error`", key.span.clone(), &ERROR_KEYS, findings);
        policy.on_rule_error = errors.as_ref().and_then(|on| on.text("rule", findings));
        policy.on_budget_exceeded = errors
            .as_ref()
            .and_then(|on| on.text("budget_exceeded", findings));
    }
    Some(policy)
}

fn first(key: &Text, node: &Node, findings: &mut Findings<'_>) -> Option<FirstDefinition> {
    let fields = Fields::of(node, "`first`", key.span.clone(), &FIRST_KEYS, findings)?;
    Some(FirstDefinition {
        list: fields.required_text("list", findings),
        action: fields.required_text("action", findings),
        reason: fields.text("reason", findings),
    })
}
