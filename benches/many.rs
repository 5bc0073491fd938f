//! Packs of as many rules as one likes, over counts and sums of three keys.
//!
//! The idea: rules are conjunctions of three, as analysts write them: a feature beyond a threshold it rarely passes, an
//! amount, a place. They share columns and, the more there are, thresholds; few events hit any. The invariant: a rule
//! follows from its number.

use std::fmt::Write;
use std::sync::Arc;

use rules::ruleset::RuleSet;

/// Counts and sums of three keys over three windows: what the rules are about.
fn features() -> String {
    let mut text = String::new();
    for key in ["card", "merchant", "device"] {
        for window in ["1m", "10m", "1h"] {
            let _ = writeln!(
                text,
                "  {key}_cnt_{window}: {{ by: {key}_id, agg: count(), over: {window} }}\n  \
                 {key}_sum_{window}: {{ by: {key}_id, agg: sum(amount_usd), over: {window} }}"
            );
        }
    }
    text
}

/// Numbers that follow from the rule's own, spread evenly.
#[must_use]
pub fn spread(rule: usize, salt: usize, bound: usize) -> usize {
    let mixed = (rule * 31 + salt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) % bound
}

/// A feature beyond its threshold, an amount, a place.
#[must_use]
pub fn conjunction(rule: usize) -> String {
    let key = ["card", "merchant", "device"][spread(rule, 0, 3)];
    // Merchants see many more swipes than a card or a device.
    let often = if key == "merchant" { 12 } else { 1 };
    let (window, count) = [
        ("1m", 4 + spread(rule, 2, 3)),
        ("10m", 8 + spread(rule, 2, 6)),
        ("1h", 16 + spread(rule, 2, 16)),
    ][spread(rule, 1, 3)];
    let (amount, lat) = (250 + spread(rule, 3, 500), spread(rule, 4, 120));
    format!(
        "{key}_cnt_{window} > {} AND amount_usd > {amount} AND lat <= {lat} - 50",
        count * often
    )
}

/// A pack of so many rules with these conditions.
///
/// # Panics
/// When it does not check.
#[must_use]
pub fn pack(count: usize, when: impl Fn(usize) -> String) -> Arc<RuleSet> {
    let rule = |rule: usize| {
        format!(
            "  - id: R-{rule}\n    when: \"{}\"\n    then: {{ action: review, score: 1, reason: BENCH }}\n",
            when(rule)
        )
    };
    let rules: String = (0..count).map(rule).collect();
    crate::pack(&features(), &format!("\n{rules}"))
}
