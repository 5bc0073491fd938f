//! What a rule is estimated to take per event, as the engine evaluates it.
//!
//! The idea: an index asks one conjunct of every event, what it takes to compute the others is spent in the few steps in
//! which one passes, and a rule no index can find is computed for every event. The invariant: what is not known before
//! there are events, how many pass, is one constant here.

use super::choice::Choice;
use super::plan::{Plan, Source, tests};
use crate::ruleset::RuleSet;

/// Nanoseconds per event, fitted by `benches/estimates.rs`; after a change of the matching run it again and set these.
mod weights {
    /// The index, and the conjunct it asks.
    pub(super) const INDEX: f64 = 4.0;
    /// A column brought into the form that tests want.
    pub(super) const COLUMN: f64 = 1.2;
    /// A test of every event.
    pub(super) const TEST: f64 = 1.2;
    /// The part of the steps in which an event passes what the index asks.
    pub(super) const STEPS: f64 = 0.05;
    /// The same for columns: several conjuncts often read the same one, and other rules do, too.
    pub(super) const STEPS_OF_COLUMNS: f64 = 0.5;
}

/// Nanoseconds per event of the rule with this number.
pub(in crate::evaluate) fn nanoseconds(rules: &RuleSet, rule: usize) -> f64 {
    let plan = Plan::new(rules, std::iter::once(rule));
    let Some(made) = plan.rules.first() else {
        return 0.0;
    };
    let chosen = Choice::new(&plan).choose(&plan, rules.schema.fields.len());
    let entry = chosen.first().copied().flatten();
    let mut seen = vec![false; plan.strips.len()];
    let mut all = entry.map_or(0.0, |_| weights::INDEX);
    // The index asks its own first.
    let others = made.conjuncts.iter().filter(|at| Some(**at) != entry);
    for conjunct in entry.iter().chain(others) {
        let conjunct_plan = &plan.conjuncts[*conjunct];
        let behind = entry.is_some_and(|entry| entry != *conjunct);
        for at in &conjunct_plan.strips {
            if !std::mem::replace(&mut seen[*at], true) {
                all += strip(&plan, *at, behind, &mut seen);
            }
        }
        if !behind {
            all += weights::TEST * count(tests(&conjunct_plan.logic).count());
        }
    }
    all
}

/// A strip, with those it is computed from.
fn strip(plan: &Plan, at: usize, behind: bool, seen: &mut [bool]) -> f64 {
    let share = |share: f64| if behind { share } else { 1.0 };
    match &plan.strips[at].source {
        Source::Column(_) => weights::COLUMN * share(weights::STEPS_OF_COLUMNS),
        Source::Program(program, lets) => {
            let mut all = count(program.cost().try_into().unwrap_or(usize::MAX));
            all *= share(weights::STEPS);
            for (_, below) in lets {
                if !std::mem::replace(&mut seen[*below], true) {
                    all += strip(plan, *below, behind, seen);
                }
            }
            all
        }
    }
}

#[allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a figure to show"
)]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::fixture::{PACK, rules};

    /// Of a rule with this condition.
    fn of(condition: &str) -> f64 {
        let pack = PACK.replace(
            "when: cnt >= :n",
            &format!("when: cnt >= :n AND {condition}"),
        );
        nanoseconds(&rules(&pack), 0)
    }

    #[test]
    fn what_stands_behind_an_index_is_seldom_paid() {
        let rules = rules(PACK);
        let alone = nanoseconds(&rules, 0);
        assert!(alone >= weights::INDEX + weights::COLUMN, "{alone}");
        let program = "sqrt(amount) * sqrt(n) > 7.5";
        let behind = of(program) - alone;
        // The same without anything an index could find in front of it.
        let bare = PACK.replace("when: cnt >= :n", &format!("when: '{program}'"));
        let bare = nanoseconds(&crate::evaluate::fixture::rules(&bare), 0);
        assert!(
            behind > 0.0 && behind < 0.2 * bare,
            "{behind} behind, {bare} bare"
        );
        let column = of("total > 5") - alone;
        assert!(column > 0.0 && column < weights::COLUMN, "{column}");
    }
}
