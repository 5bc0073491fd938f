//! `count()` and `count(x)`: events, or events whose value is not null. Over nothing 0.
//!
//! One word per window. The invariant: it is the number of events entered and not left.

use super::cell::Entry;

/// Counts an event in, or out; with an input only when that is not null.
pub(super) fn step(entry: &Entry<'_>, input: Option<usize>, word: &mut u64, away: bool) {
    if input.is_none_or(|input| entry.value(input).is_some()) {
        *word = if away { *word - 1 } else { *word + 1 };
    }
}
