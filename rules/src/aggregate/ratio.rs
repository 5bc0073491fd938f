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
#[inline]
pub(crate) fn read(words: &[u64]) -> Option<u64> {
    of(words[0], words[1])
}

/// The share of so many that are true among those that are not null.
#[inline]
pub(crate) fn of(known: u64, hits: u64) -> Option<u64> {
    if known == 0 {
        return None;
    }
    finite(rounding::quotient(hits.into(), known.into()))
}
