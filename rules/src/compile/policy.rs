//! Checks `policy:`.
//!
//! The idea: a pack without a policy has the usual one. The invariant: `order` is never empty, so there is always an
//! outcome when nothing hits: its last action.

use super::Checker;
use super::names::shown;
use crate::definition::{FirstDefinition, PolicyDefinition, Text};
use crate::diagnostic::Code;
use crate::list::Lists;
use crate::ruleset::{FirstList, Policy};
use crate::schema::Schema;

/// Actions when the pack does not say, most severe first.
const ORDER: [&str; 5] = ["decline", "challenge", "review", "alert", "approve"];

/// Greatest score when the pack does not say.
const SCORE_MAX: i64 = 100;

/// A score or the greatest score may be at most this.
pub(super) const SCORE_LIMIT: i64 = 1_000_000;

/// Actions a policy may order.
const ACTIONS_MAX: usize = 64;

impl Checker<'_> {
    /// The policy, and whether its actions are known: if not, nobody is blamed for naming another one.
    pub(super) fn policy(
        &mut self,
        written: Option<&PolicyDefinition>,
        lists: &Lists,
        schema: &Schema,
    ) -> (Policy, bool) {
        let mut policy = Policy {
            first: Vec::new(),
            order: ORDER.map(str::to_owned).to_vec(),
            score_max: SCORE_MAX,
        };
        let Some(written) = written else {
            return (policy, true);
        };
        let mut known = true;
        if let Some(order) = &written.order {
            policy.order = self.order(order);
            known = !policy.order.is_empty();
        }
        if let Some(text) = &written.combine {
            self.one_of(text, "`combine`", &["sum"]);
        }
        if let Some(text) = &written.max {
            policy.score_max = self
                .whole(text, "`max`", 0, SCORE_LIMIT)
                .unwrap_or(SCORE_MAX);
        }
        // Nothing is kept of these, because there is nothing to choose: a rule that meets an error is unknown for that
        // event and counted by cause (`RuleCounts::faults`), and no rule is accepted whose cost could spend a budget
        // (E0211). A pack may say so; one that says anything else is refused rather than not obeyed.
        if let Some(text) = &written.on_rule_error {
            self.one_of(text, "`rule`", &["skip_and_count"]);
        }
        if let Some(text) = &written.on_budget_exceeded {
            self.one_of(text, "`budget_exceeded`", &["approve_and_flag"]);
        }
        for first in &written.first {
            if let Some(first) = self.first(first, &policy.order, known, lists, schema) {
                policy.first.push(first);
            }
        }
        (policy, known)
    }

    fn order(&mut self, written: &[Text]) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        for text in written {
            if order.len() >= ACTIONS_MAX {
                let message = format!("a policy orders at most {ACTIONS_MAX} actions");
                self.findings
                    .error(Code::TooLarge, text.span.clone(), message);
                break;
            }
            if order.contains(&text.text) {
                let message = format!("the action {} is ordered twice", shown(&text.text));
                self.findings
                    .error(Code::DuplicateName, text.span.clone(), message);
            } else if self.id(text, "an action") {
                order.push(text.text.clone());
            }
        }
        order
    }

    fn first(
        &mut self,
        written: &FirstDefinition,
        order: &[String],
        known: bool,
        lists: &Lists,
        schema: &Schema,
    ) -> Option<FirstList> {
        let list = written
            .list
            .as_ref()
            .and_then(|text| self.list_named(text, lists));
        let action = written
            .action
            .as_ref()
            .and_then(|text| self.action(text, order, known));
        let reason = match (&written.reason, &written.list) {
            (Some(reason), _) => {
                self.id(reason, "a reason");
                reason.text.clone()
            }
            (None, Some(list)) => list.text.clone(),
            (None, None) => String::new(),
        };
        let (list, action) = (list?, action?);
        let key = &lists.get(list)?.key;
        let field = schema.fields.iter().position(|field| field.name == *key)?;
        Some(FirstList {
            list,
            field,
            action,
            reason,
        })
    }

    fn list_named(&mut self, text: &Text, lists: &Lists) -> Option<usize> {
        let found = lists.iter().position(|list| list.name == text.text);
        if found.is_none() {
            let names = lists.iter().map(|list| list.name.as_str());
            let help = self.findings.did_you_mean(&text.text, names);
            let message = format!("unknown list {}", shown(&text.text));
            self.findings
                .error(Code::UnknownList, text.span.clone(), message)
                .help(help);
        }
        found
    }

    /// The index of an action in the policy's order.
    pub(super) fn action(&mut self, text: &Text, order: &[String], known: bool) -> Option<usize> {
        let found = order.iter().position(|action| *action == text.text);
        if found.is_none() && known {
            let help = self
                .findings
                .did_you_mean(&text.text, order.iter().map(String::as_str))
                .unwrap_or_else(|| format!("the policy orders {}", order.join(", ")));
            let message = format!("unknown action {}", shown(&text.text));
            self.findings
                .error(Code::UnknownAction, text.span.clone(), message)
                .help(help);
        }
        found
    }
}
