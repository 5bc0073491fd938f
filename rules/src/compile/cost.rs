//! Refuses what costs too much per event: a rule with its lets, condition and sentence, a feature with its arguments
//! and filter.
//!
//! The idea: an expression is a straight line of steps, each done once per event, so what it takes is known before it
//! runs ([`Program::cost`](crate::expression::Program::cost)) and nothing has to count along while it does. The
//! invariant: what was accepted is within [`BUDGET`], and so is each of its parts.

use std::ops::Range;

use super::Checker;
use crate::definition::RuleDefinition;
use crate::diagnostic::Code;
use crate::explain::Template;
use crate::expression::Program;
use crate::ruleset::Let;

/// Nanoseconds one rule or feature may take per event. A rule that takes all of it leaves a core a hundred thousand
/// events a second.
pub(super) const BUDGET: u64 = 10_000;

impl Checker<'_> {
    /// A rule with what was made of it.
    pub(super) fn rule_within_budget(
        &mut self,
        written: &RuleDefinition,
        lets: &[Let],
        when: Option<&Program>,
        explain: Option<&Option<Template>>,
    ) {
        let lets = lets.iter().map(|l| (l.name.clone(), l.value.cost()));
        let when = when.map(|when| ("when".to_owned(), when.cost()));
        let explain = explain.and_then(Option::as_ref);
        let explain = explain.map(|explain| ("explain".to_owned(), explain.cost()));
        self.within_budget(
            "rule",
            written.span.clone(),
            lets.chain(when).chain(explain),
        );
    }

    /// Notes it when the parts, each with its name, take too much together.
    pub(super) fn within_budget(
        &mut self,
        what: &str,
        span: Range<usize>,
        parts: impl IntoIterator<Item = (String, u64)>,
    ) {
        let mut sum = 0u64;
        let mut dearest = (String::new(), 0);
        for (name, cost) in parts {
            sum = sum.saturating_add(cost);
            if cost > dearest.1 {
                dearest = (name, cost);
            }
        }
        if sum > BUDGET {
            let message = format!(
                "this {what} is estimated at {sum} ns per event, the budget is {BUDGET} ns"
            );
            let (name, cost) = dearest;
            let help = format!(
                "`{name}` takes {cost} ns of it; put alternatives into one pattern or a list, or make it two"
            );
            self.findings
                .error(Code::CostBudget, span, message)
                .help(help);
        }
    }
}
