//! What evaluating a rule once is estimated to cost.
//!
//! The idea: a static estimate, as Kubernetes has one for its CEL expressions: one unit for each name, constant and
//! operator, more for functions that are known to be slow. It is coarse and cheap: it exists to refuse a rule that would
//! slow every event down, not to rank rules. The invariant: it grows with every word and never overflows.

use super::words::{Kind, Word};

/// Units one rule may cost per event, its lets included.
pub(super) const BUDGET: u64 = 5_000;

/// The estimate for one expression.
pub(super) fn estimate(text: &str, words: &[Word]) -> u64 {
    words
        .iter()
        .map(|word| units(text, word))
        .fold(0, u64::saturating_add)
}

fn units(text: &str, word: &Word) -> u64 {
    match word.kind {
        Kind::Constant | Kind::Param => 1,
        Kind::Symbol => u64::from(!matches!(word.of(text), "(" | ")" | ",")),
        Kind::Name => match word.of(text).to_ascii_lowercase().as_str() {
            "regexp_like" => 200,
            "like" | "ilike" | "geo_km" => 20,
            "power" | "ln" | "exp" | "sqrt" | "lower" | "upper" | "trim" | "substr"
            | "date_part" => 5,
            "in_list" => 10,
            _ => 1,
        },
    }
}
