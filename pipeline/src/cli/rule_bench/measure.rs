//! The measuring: each part of a pack over the same steps, by the clock.
//!
//! The invariant: rows are in order of what they take, the dearest first, and of their names where that is equal.

use std::sync::Arc;
use std::time::Duration;

use rules::evaluate::{
    Engine, Estimate, FeatureApart, FeatureEstimate, RulesApart, StepOutput, Taken, estimate,
};
use rules::ruleset::{Mode, RuleSet};
use rules::state::seed::HashSeed;

use crate::clock::Clock;

/// Rounds of each measurement, of which the quickest counts.
const ROUNDS: usize = 3;

/// What was measured; times in nanoseconds per event.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) events: usize,
    /// The engine with everything.
    pub(super) whole: f64,
    /// All rules together, without the features.
    pub(super) rules_together: f64,
    pub(super) features: Vec<FeatureRow>,
    pub(super) rules: Vec<RuleRow>,
}

/// One feature.
#[derive(Debug)]
pub(super) struct FeatureRow {
    pub(super) name: String,
    pub(super) ns: f64,
    /// What `check` estimates with these events.
    pub(super) estimated: FeatureEstimate,
    /// Of what all features take, each by itself.
    pub(super) share: f64,
    pub(super) bytes_per_key: usize,
    pub(super) keys: usize,
}

/// One rule.
#[derive(Debug)]
pub(super) struct RuleRow {
    pub(super) id: String,
    pub(super) mode: Mode,
    pub(super) ns: f64,
    /// What `check` estimates.
    pub(super) estimated_ns: f64,
    /// Of what all rules take, each by itself.
    pub(super) share: f64,
    pub(super) hits: usize,
}

/// Measures a pack over steps that were taken.
pub(super) fn measure(rules: &Arc<RuleSet>, steps: &[Taken], clock: &dyn Clock) -> Measured {
    let events: usize = steps.iter().map(Taken::rows).sum();
    let watch = Watch { clock, events };
    let mut seen = None;
    let whole = watch.best(
        || Engine::new(Arc::clone(rules), "bench", HashSeed::FIXED),
        |engine| {
            let mut out = StepOutput::default();
            steps
                .iter()
                .for_each(|taken| engine.step(&taken.step(), &mut out));
        },
        |engine| seen = Some((engine.sizes(), engine.spreads())),
    );
    let estimated = estimate(rules, seen.as_ref().map(|(_, spreads)| spreads.as_slice()));
    let sizes = seen.map(|(sizes, _)| sizes);
    let (rules_together, _) = rule(&watch, rules, steps, 0..rules.rules.len());
    // What a step takes whatever the rules is no rule's.
    let (none, _) = rule(&watch, rules, steps, []);
    let mut measured = Measured {
        events,
        whole,
        rules_together,
        features: Vec::new(),
        rules: Vec::new(),
    };
    for (index, feature) in rules.features.iter().enumerate() {
        let ns = watch.best(
            || FeatureApart::new(rules, index, HashSeed::FIXED),
            |apart| {
                if let Some(apart) = apart {
                    steps.iter().for_each(|taken| apart.run(taken));
                }
            },
            |_| {},
        );
        let keys = sizes
            .as_ref()
            .and_then(|sizes| sizes.groups.get(feature.group));
        let keys = keys.map_or(0, |group| group.keys);
        let bytes = sizes
            .as_ref()
            .and_then(|sizes| sizes.feature_bytes.get(index));
        let bytes = bytes.copied().unwrap_or_default();
        measured.features.push(FeatureRow {
            name: feature.name.clone(),
            ns,
            estimated: of_feature(&estimated, index),
            share: 0.0,
            bytes_per_key: bytes.checked_div(keys).unwrap_or_default(),
            keys,
        });
    }
    for (index, written) in rules.rules.iter().enumerate() {
        if written.mode == Mode::Off {
            continue;
        }
        let (ns, hits) = rule(&watch, rules, steps, [index]);
        measured.rules.push(RuleRow {
            id: written.id.clone(),
            mode: written.mode,
            ns: (ns - none).max(0.0),
            estimated_ns: estimated.rules.get(index).copied().unwrap_or_default(),
            share: 0.0,
            hits,
        });
    }
    measured.shared();
    measured
}

fn of_feature(estimated: &Estimate, index: usize) -> FeatureEstimate {
    let feature = estimated.features.get(index).copied();
    feature.unwrap_or_default()
}

/// What some rules take, and how often they hit.
fn rule(
    watch: &Watch<'_>,
    rules: &Arc<RuleSet>,
    steps: &[Taken],
    some: impl IntoIterator<Item = usize> + Clone,
) -> (f64, usize) {
    let mut hits = 0;
    let ns = watch.best(
        || RulesApart::new(rules, some.clone()),
        |apart| hits = steps.iter().map(|taken| apart.run(taken)).sum(),
        |_| {},
    );
    (ns, hits)
}

/// A clock and what it is read for.
struct Watch<'a> {
    clock: &'a dyn Clock,
    events: usize,
}

impl Watch<'_> {
    /// Nanoseconds per event of the quickest round. Each begins anew and ends with a look at what was made.
    fn best<T>(
        &self,
        mut make: impl FnMut() -> T,
        mut run: impl FnMut(&mut T),
        mut end: impl FnMut(&T),
    ) -> f64 {
        let rounds = (0..ROUNDS).map(|_| {
            let mut made = make();
            let start = self.clock.elapsed();
            run(&mut made);
            let taken = self.clock.elapsed().saturating_sub(start);
            end(&made);
            taken
        });
        per_event(rounds.min().unwrap_or_default(), self.events)
    }
}

/// Of numbers far below 2^53.
#[allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a figure to show"
)]
fn per_event(taken: Duration, events: usize) -> f64 {
    taken.as_nanos() as f64 / events.max(1) as f64
}

impl Measured {
    /// Fills in the shares and puts the dearest first.
    fn shared(&mut self) {
        let share = |ns: f64, all: f64| if all > 0.0 { ns / all } else { 0.0 };
        let all = self.features.iter().map(|row| row.ns).sum();
        for row in &mut self.features {
            row.share = share(row.ns, all);
        }
        let all = self.rules.iter().map(|row| row.ns).sum();
        for row in &mut self.rules {
            row.share = share(row.ns, all);
        }
        self.features
            .sort_by(|x, y| y.ns.total_cmp(&x.ns).then_with(|| x.name.cmp(&y.name)));
        self.rules
            .sort_by(|x, y| y.ns.total_cmp(&x.ns).then_with(|| x.id.cmp(&y.id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_comes_first_and_shares_add_up() {
        let rule = |id: &str, ns| RuleRow {
            id: id.to_owned(),
            mode: Mode::Live,
            ns,
            estimated_ns: 0.0,
            share: 0.0,
            hits: 0,
        };
        let mut measured = Measured {
            events: 1,
            whole: 0.0,
            rules_together: 0.0,
            features: Vec::new(),
            rules: vec![rule("b", 1.0), rule("c", 6.0), rule("a", 1.0)],
        };
        measured.shared();
        let rows = measured.rules.iter();
        let rows: Vec<_> = rows.map(|row| (row.id.as_str(), row.share)).collect();
        assert_eq!(rows, [("c", 0.75), ("a", 0.125), ("b", 0.125)]);
    }
}
