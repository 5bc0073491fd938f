//! `ratio(p)`: the share of true among the events where p is not null. Over nothing null.
//!
//! Two words: how many are not null, how many of those are true.

use super::cell::Entry;
use super::exact::rounding;
use super::sum::finite;

/// Counts an event in or out.
pub(super) fn step(entry: &Entry<'_>, input: usize, words: &mut [u64], away: bool) {
    if let Some(truth) = entry.value(input) {
        for (word, x) in words.iter_mut().zip([1, truth]) {
            *word = if away { *word - x } else { *word + x };
        }
    }
}

/// The share.
pub(super) fn read(words: &[u64]) -> Option<u64> {
    if words[0] == 0 {
        return None;
    }
    finite(rounding::quotient(words[1].into(), words[0].into()))
}
