//! Refuses what costs too much per event: a rule with its lets, condition and sentence, a feature with its arguments
//! and filter; and warns of what costs too much on a hot key.
//!
//! The idea: an expression is a straight line of steps, each done once per event, so what it takes is known before it
//! runs ([`Program::cost`](crate::expression::Program::cost)) and nothing has to count along while it does. The
//! invariant: what was accepted is within [`BUDGET`], and so is each of its parts.

use std::ops::Range;

use super::Checker;
use crate::definition::{FeatureDefinition, RuleDefinition};
use crate::diagnostic::Code;
use crate::explain::Template;
use crate::expression::Program;
use crate::ruleset::{Feature, Let, Limits};
use crate::state::estimate::WALK_NS;
use crate::window::Window;

/// Nanoseconds an event of the hottest key may take for one feature before its author is told: a thousand such events
/// a second are all a core can do.
const HOT_KEY: f64 = 1_000_000.0;

/// Nanoseconds one rule or feature may take per event. A rule that takes all of it leaves a core a hundred thousand
/// events a second.
pub(super) const BUDGET: u64 = 10_000;

impl Checker<'_> {
    /// Warns of features whose answers walk over all events of a window that may hold very many.
    pub(super) fn hot_keys(
        &mut self,
        written: &[FeatureDefinition],
        features: &[Feature],
        limits: Limits,
    ) {
        for feature in features.iter().filter(|feature| feature.aggregate.walks()) {
            let events = match feature.window {
                Window::Last { n } => n.min(limits.events_per_key),
                _ => limits.events_per_key,
            };
            let nanoseconds = f64::from(events) * WALK_NS;
            let place = written.iter().find(|f| f.name.text == feature.name);
            let Some(place) = place.filter(|_| nanoseconds > HOT_KEY) else {
                continue;
            };
            let message = format!(
                "`{}` walks over the window for each event: up to {:.0} ms for a key with {events} of them",
                feature.aggregate.name(),
                nanoseconds / 1e6
            );
            let help = "bound it with `over: { last: … }` or `limits.events_per_key`".to_owned();
            let span = place.agg.as_ref().unwrap_or(&place.name).span.clone();
            self.findings
                .warning(Code::HotKey, span, message)
                .help(help);
        }
    }

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
