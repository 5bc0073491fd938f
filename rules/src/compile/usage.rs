//! What a rule that is right may still have wrong: it declares what nothing uses.
//!
//! The invariant: asked only of a rule without errors, so that one mistake gives one finding.

use std::collections::BTreeSet;

use super::Checker;
use super::explanation::slots;
use super::names::shown;
use super::words::{self, Kind};
use crate::definition::RuleDefinition;
use crate::diagnostic::Code;

impl Checker<'_> {
    /// Params and lets that nothing uses are likely a mistake elsewhere.
    pub(super) fn all_used(&mut self, rule: &RuleDefinition) {
        let mut used: BTreeSet<(Kind, String)> = BTreeSet::new();
        for text in rule.lets.iter().map(|(_, text)| text).chain(&rule.when) {
            for word in words::scan(&text.text) {
                used.insert((word.kind, word.of(&text.text).to_owned()));
            }
        }
        if let Some(explain) = &rule.explain {
            for slot in slots(&explain.text) {
                let name = explain.text.get(slot).unwrap_or("");
                used.insert(match name.strip_prefix(':') {
                    Some(param) => (Kind::Param, param.to_owned()),
                    None => (Kind::Name, name.to_owned()),
                });
            }
        }
        let params = rule
            .params
            .iter()
            .map(|(name, _)| (Kind::Param, "param", name));
        let lets = rule.lets.iter().map(|(name, _)| (Kind::Name, "let", name));
        for (kind, what, name) in params.chain(lets) {
            if !used.contains(&(kind, name.text.clone())) {
                let message = format!("the {what} {} is never used", shown(&name.text));
                self.findings
                    .warning(Code::Unused, name.span.clone(), message);
            }
        }
    }
}
