//! The series of one pack: counters of its rules and outcomes, resolved once.
//!
//! The idea: the hot loop adds to a counter by the index of a rule or an action; looking the label up took place when
//! the pack was loaded. The invariant: every series of a loaded pack exists from the start, at zero.

use prometheus::{IntCounter, IntGauge};
use rules::evaluate::{CAUSES, Sizes, StepOutput};
use rules::expression::Cause;
use rules::ruleset::RuleSet;

use super::Metrics;

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
    /// By index of the group: keys, and events of a key.
    pub state_evictions: Vec<[IntCounter; 2]>,
}

/// Counters of one rule.
#[derive(Debug)]
pub struct RuleSeries {
    /// Events at which its condition held.
    pub hits: IntCounter,
    /// Alerts it raised.
    pub alerts: IntCounter,
    /// Alerts that `once_per` or `at_most` kept back.
    pub suppressed: IntCounter,
    /// Values that became unknown, in the order of [`CAUSES`].
    faults: [IntCounter; CAUSES.len()],
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
        let evictions = |name: &String| {
            ["key", "event"].map(|what| metrics.state_evictions.with_label_values(&[name, what]))
        };
        PackSeries {
            decisions: rules.policy.order.iter().map(decisions).collect(),
            rules: rules.rules.iter().map(rule).collect(),
            state_bytes: rules.features.iter().map(feature).collect(),
            state_keys: names.iter().map(group).collect(),
            state_events: names.iter().map(held).collect(),
            state_evictions: names.iter().map(evictions).collect(),
        }
    }

    /// Counts what a step brought.
    pub fn record(&self, metrics: &Metrics, output: &StepOutput) {
        for decision in &output.decisions {
            if let Some(counter) = self.decisions.get(decision.outcome) {
                counter.inc();
            }
        }
        let counts = &output.counts;
        metrics.late.inc_by(counts.late);
        metrics.duplicates.inc_by(counts.duplicates);
        metrics.approximate.inc_by(counts.approximate);
        for (rule, counts) in counts.counted() {
            let Some(series) = self.rules.get(rule) else {
                continue;
            };
            series.hits.inc_by(counts.hits);
            series.alerts.inc_by(counts.alerts);
            series.suppressed.inc_by(counts.suppressed);
            for (counter, count) in series.faults.iter().zip(counts.faults) {
                counter.inc_by(count);
            }
        }
    }

    /// Reports how much the state holds.
    pub fn set_sizes(&self, metrics: &Metrics, sizes: &Sizes) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        for (group, size) in sizes.groups.iter().enumerate() {
            if let Some(keys) = self.state_keys.get(group) {
                keys.set(whole(size.keys));
            }
            if let Some(events) = self.state_events.get(group) {
                events.set(whole(size.events));
            }
            if let Some([keys, events]) = self.state_evictions.get(group) {
                catch_up(keys, size.evicted_keys);
                catch_up(events, size.evicted_events);
            }
        }
        for (gauge, bytes) in self.state_bytes.iter().zip(&sizes.feature_bytes) {
            gauge.set(whole(*bytes));
        }
        metrics.dedup_bytes.set(whole(sizes.dedup_bytes));
    }
}

/// Brings a counter up to what the state has counted itself.
fn catch_up(counter: &IntCounter, counted: u64) {
    counter.inc_by(counted.saturating_sub(counter.get()));
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
