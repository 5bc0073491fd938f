//! What a pack is estimated to take: bytes per key and nanoseconds per event, for each feature, group and rule.
//!
//! The idea: an author wants to know before publishing. Without events a key is taken to hold [`USUAL_EVENTS`]; with a
//! sample, what the keys of its groups hold ([`Spread`]) is used. The invariant: the bytes of a group's features add up to
//! those of the group. A rule's figure is that of a rule few events pass: the engine asks of each event what an index can
//! find, and the rest only where that held.

use arrow::array::{Array, ArrayRef};

use super::Engine;
use super::matching;
use super::plan::{RulePlan, feature_plan, group_plan};
use crate::expression::Program;
use crate::ruleset::{Feature, Group, RuleSet};
use crate::state::GroupState;
use crate::state::estimate::{GroupCost, Spread};

/// Events a key is taken to hold where nothing is known.
pub const USUAL_EVENTS: u32 = 8;

/// Between these numbers of events lies what an event adds to a key that is scanned, and to one with running values.
const SMALL: (u32, u32) = (1, 64);
const LARGE: (u32, u32) = (100, 3_100);

/// The bytes of a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyBytes {
    /// With one event.
    pub quiet: f64,
    /// More for each further event, up to 64.
    pub per_event: f64,
    /// More for each further event beyond.
    pub per_event_beyond: f64,
    /// On average over the keys of a sample.
    pub sampled: Option<f64>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct GroupEstimate {
    /// The fields of its key, with commas; empty for the one of all events.
    pub key: String,
    /// Bytes per key.
    pub bytes: KeyBytes,
    /// Nanoseconds per event, all features together.
    pub ns: f64,
    /// Keys the sample left.
    pub keys: Option<u64>,
}

/// One feature.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeatureEstimate {
    /// Its part of the bytes per key.
    pub bytes: KeyBytes,
    /// Nanoseconds per event, had it the group to itself.
    pub ns: f64,
}

/// What a pack is estimated to take.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// In the order of [`RuleSet::groups`].
    pub groups: Vec<GroupEstimate>,
    /// In the order of [`RuleSet::features`].
    pub features: Vec<FeatureEstimate>,
    /// Nanoseconds per event, in the order of [`RuleSet::rules`]; 0 for one that is off.
    pub rules: Vec<f64>,
}

/// Estimates a pack; `spreads` are those of its groups after a sample, in order.
#[must_use]
pub fn estimate(rules: &RuleSet, spreads: Option<&[Spread]>) -> Estimate {
    let spread = |group: usize| spreads.and_then(|spreads| spreads.get(group));
    let costs: Vec<GroupCost> = rules
        .groups
        .iter()
        .map(|group| GroupCost::new(&group_plan(rules, group)))
        .collect();
    let groups = rules.groups.iter().zip(&costs).enumerate();
    let groups = groups.map(|(at, (group, cost))| of_group(rules, group, cost, spread(at)));
    let features = rules.features.iter().enumerate().map(|(at, feature)| {
        let group = rules.groups.get(feature.group);
        let cost = costs.get(feature.group);
        let of = |(group, cost)| of_feature(rules, group, at, cost, spread(feature.group));
        group.zip(cost).map(of).unwrap_or_default()
    });
    Estimate {
        groups: groups.collect(),
        features: features.collect(),
        rules: (0..rules.rules.len())
            .map(|rule| of_rule(rules, rule))
            .collect(),
    }
}

impl Engine {
    /// How the keys of each group hold their events. Walks over all keys.
    #[must_use]
    pub fn spreads(&self) -> Vec<Spread> {
        let groups = self.groups.iter().zip(&self.passed);
        let spread = |(group, passed): (&GroupState, &Passed)| Spread {
            rows: passed.rows,
            keyless: passed.keyless,
            ..group.spread()
        };
        groups.map(spread).collect()
    }
}

/// What came by a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    rows: u64,
    keyless: u64,
}

impl Passed {
    /// Both figures.
    pub(super) fn words(self) -> [u64; 2] {
        [self.rows, self.keyless]
    }

    /// Back from [`Passed::words`]; no more than there will ever be.
    pub(super) fn of([rows, keyless]: [u64; 2]) -> Passed {
        let most = 1 << 62;
        Passed {
            rows: rows.min(most),
            keyless: keyless.min(most),
        }
    }

    /// A step with these columns of the key; arrays know how many nulls they have.
    pub(super) fn add(&mut self, rows: usize, keys: &[ArrayRef]) {
        let nulls = keys.iter().map(|key| key.null_count()).max();
        let count = |n: usize| u64::try_from(n).unwrap_or_default();
        self.rows += count(rows);
        // Of several columns the one with most; rarely a row lacks the others only.
        self.keyless += count(nulls.unwrap_or_default());
    }
}

fn of_group(
    rules: &RuleSet,
    group: &Group,
    cost: &GroupCost,
    spread: Option<&Spread>,
) -> GroupEstimate {
    let key = group
        .key
        .iter()
        .filter_map(|at| rules.schema.fields.get(*at));
    let key: Vec<&str> = key.map(|field| field.name.as_str()).collect();
    let programs = group.inputs.iter().chain(&group.filters);
    GroupEstimate {
        key: key.join(", "),
        bytes: KeyBytes {
            sampled: spread.map(|spread| cost.mean_bytes(spread)),
            ..key_bytes(|events| cost.key_bytes(events))
        },
        ns: ns(cost, spread) + expressions(programs),
        keys: spread.map(Spread::keys),
    }
}

fn of_feature(
    rules: &RuleSet,
    group: &Group,
    at: usize,
    cost: &GroupCost,
    spread: Option<&Spread>,
) -> FeatureEstimate {
    let place = group
        .features
        .iter()
        .position(|feature| *feature == at)
        .unwrap_or_default();
    let part = |of: Vec<f64>| of.get(place).copied().unwrap_or_default();
    let bytes = KeyBytes {
        sampled: spread.map(|spread| part(cost.mean_feature_bytes(spread))),
        ..key_bytes(|events| part(cost.feature_bytes(events)))
    };
    let ns = rules
        .features
        .get(at)
        .map_or(0.0, |feature| alone(rules, group, feature, spread));
    FeatureEstimate { bytes, ns }
}

/// Nanoseconds of a feature that has its group to itself.
fn alone(rules: &RuleSet, group: &Group, feature: &Feature, spread: Option<&Spread>) -> f64 {
    let inputs = feature
        .args
        .iter()
        .filter_map(|arg| group.inputs.get(*arg).cloned());
    let inputs: Vec<Program> = inputs.collect();
    let filter = feature.filter.and_then(|at| group.filters.get(at));
    let cost = GroupCost::new(&feature_plan(rules, group, feature, &inputs));
    ns(&cost, spread) + expressions(inputs.iter().chain(filter))
}

fn ns(cost: &GroupCost, spread: Option<&Spread>) -> f64 {
    spread.map_or_else(
        || cost.nanoseconds(USUAL_EVENTS),
        |spread| cost.mean_nanoseconds(spread),
    )
}

fn key_bytes(of: impl Fn(u32) -> f64) -> KeyBytes {
    let slope = |(from, to): (u32, u32)| (of(to) - of(from)) / f64::from(to - from);
    KeyBytes {
        quiet: of(SMALL.0),
        per_event: slope(SMALL),
        per_event_beyond: slope(LARGE),
        sampled: None,
    }
}

fn of_rule(rules: &RuleSet, rule: usize) -> f64 {
    let evaluated = RulePlan::new(rules, rule).is_some();
    let ns = || matching::cost::nanoseconds(rules, rule);
    evaluated.then(ns).unwrap_or_default()
}

/// Nanoseconds of some programs.
#[allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a figure to show"
)]
fn expressions<'a>(programs: impl Iterator<Item = &'a Program>) -> f64 {
    programs.map(|program| program.cost() as f64).sum()
}
