//! The series of one pack: counters of its rules and outcomes, resolved once.
//!
//! The idea: the hot loop adds to a counter by the index of a rule or an action; looking the label up took place when
//! the pack was loaded. The invariant: every series of a loaded pack exists from the start, at zero.

use prometheus::{IntCounter, IntGauge};
use rules::expression::Cause;
use rules::ruleset::RuleSet;

use super::Metrics;

/// Every cause of a fault, in the order of [`RuleSeries::faults`].
const CAUSES: [Cause; 4] = [
    Cause::DivisionByZero,
    Cause::Overflow,
    Cause::BadCast,
    Cause::NotANumber,
];

/// Counters of one pack.
#[derive(Debug)]
pub struct PackSeries {
    /// By index into the policy's order of actions.
    pub decisions: Vec<IntCounter>,
    /// By index of the rule.
    pub rules: Vec<RuleSeries>,
    /// By index of the feature.
    pub state_bytes: Vec<IntGauge>,
    /// By index of the group.
    pub state_keys: Vec<IntGauge>,
    /// By index of the group.
    pub state_events: Vec<IntGauge>,
}

/// Counters of one rule.
#[derive(Debug)]
pub struct RuleSeries {
    /// Events at which its condition held.
    pub hits: IntCounter,
    /// Alerts it raised.
    pub alerts: IntCounter,
    /// Alerts that `once_per` kept back.
    pub suppressed: IntCounter,
    faults: [IntCounter; 4],
}

/// The value of the series label `cause`.
#[must_use]
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::DivisionByZero => "division_by_zero",
        Cause::Overflow => "overflow",
        Cause::BadCast => "bad_cast",
        Cause::NotANumber => "not_a_number",
    }
}

// === impl RuleSeries ===

impl RuleSeries {
    /// Values of this rule that became unknown for this cause.
    #[must_use]
    pub fn faults(&self, cause: Cause) -> &IntCounter {
        let [zero, overflow, cast, nan] = &self.faults;
        match cause {
            Cause::DivisionByZero => zero,
            Cause::Overflow => overflow,
            Cause::BadCast => cast,
            Cause::NotANumber => nan,
        }
    }
}

// === impl PackSeries ===

impl PackSeries {
    /// The series of this pack; marks it as the one that decides.
    #[must_use]
    pub fn new(metrics: &Metrics, rules: &RuleSet) -> PackSeries {
        metrics.pack_info.reset();
        metrics
            .pack_info
            .with_label_values(&[&rules.version])
            .set(1);
        let rule = |rule: &rules::ruleset::Rule| RuleSeries {
            hits: metrics
                .rule_hits
                .with_label_values(&[rule.id.as_str(), rule.mode.name()]),
            alerts: metrics.alerts.with_label_values(&[&rule.id]),
            suppressed: metrics.suppressed.with_label_values(&[&rule.id]),
            faults: CAUSES.map(|cause| {
                metrics
                    .rule_faults
                    .with_label_values(&[rule.id.as_str(), cause_name(cause)])
            }),
        };
        let decisions = |action: &String| metrics.decisions.with_label_values(&[action]);
        let feature = |feature: &rules::ruleset::Feature| {
            metrics.state_bytes.with_label_values(&[&feature.name])
        };
        let names: Vec<String> = rules
            .groups
            .iter()
            .map(|g| group_name(rules, &g.key))
            .collect();
        let group = |name: &String| metrics.state_keys.with_label_values(&[name]);
        let held = |name: &String| metrics.state_events.with_label_values(&[name]);
        PackSeries {
            decisions: rules.policy.order.iter().map(decisions).collect(),
            rules: rules.rules.iter().map(rule).collect(),
            state_bytes: rules.features.iter().map(feature).collect(),
            state_keys: names.iter().map(group).collect(),
            state_events: names.iter().map(held).collect(),
        }
    }

    /// Reports the size of one group: its bytes are divided evenly among its features.
    pub fn set_group_size(&self, rules: &RuleSet, group: usize, size: rules::state::GroupSize) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        if let Some(keys) = self.state_keys.get(group) {
            keys.set(whole(size.keys));
        }
        if let Some(events) = self.state_events.get(group) {
            events.set(whole(size.events));
        }
        let features = rules
            .groups
            .get(group)
            .map(|g| g.features.as_slice())
            .unwrap_or_default();
        let share = whole(size.bytes) / whole(features.len()).max(1);
        for feature in features {
            if let Some(bytes) = self.state_bytes.get(*feature) {
                bytes.set(share);
            }
        }
    }
}

/// The fields of a key, joined; `all` for the one group of all events.
#[must_use]
pub fn group_name(rules: &RuleSet, key: &[usize]) -> String {
    if key.is_empty() {
        return "all".to_owned();
    }
    let name = |index: &usize| {
        rules
            .schema
            .fields
            .get(*index)
            .map_or("?", |f| f.name.as_str())
    };
    key.iter().map(name).collect::<Vec<_>>().join(",")
}
