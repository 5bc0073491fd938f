//! `first(a, …)` and `last(a, …)`: from the event earliest or latest by (event time, order taken). Over nothing null.
//!
//! Of one column the events where it is null are skipped, as all aggregates skip nulls. Of several columns the event is
//! taken as a whole: a part that is null in it stays null, because members of two events must never be mixed.
//!
//! Words: state. `forever` has more, for the edge of the events no longer held: whether there is one with a bit per
//! value that is not null, then the values.

use super::cell::{Cell, Entry, Heap, Side, Span};
use crate::state::row::{Place, RowLayout};

/// No event entered.
const NONE: u64 = 0;
/// The event left: search again. Other states are the event's index plus 2.
const LOST: u64 = 1;

/// Which edge of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The values.
    pub(crate) inputs: Vec<usize>,
    /// The latest, not the earliest.
    pub(crate) latest: bool,
}

impl Edge {
    fn takes(&self, entry: &Entry<'_>) -> bool {
        match self.inputs[..] {
            [input] => entry.value(input).is_some(),
            _ => true,
        }
    }

    pub(super) fn enter(&self, entry: &Entry<'_>, words: &mut [u64]) {
        if !self.takes(entry) {
            return;
        }
        // An event that enters at the edge asked for is it; one at the other side is it only when there is none.
        let at_edge = (entry.side == Side::Right) == self.latest;
        if at_edge || words[0] == NONE {
            words[0] = u64::from(entry.index) + 2;
        }
    }

    pub(super) fn leave(&self, entry: &Entry<'_>, words: &mut [u64]) {
        if words[0] == u64::from(entry.index) + 2 {
            let at_edge = (entry.side == Side::Right) == self.latest;
            words[0] = if at_edge { LOST } else { NONE };
        }
    }

    /// The event goes out of the ring for good but stays in a `forever` window; always the earliest one held.
    pub(super) fn forget(&self, entry: &Entry<'_>, words: &mut [u64], heap: &mut Heap) {
        let left = Entry {
            side: Side::Left,
            ..*entry
        };
        self.leave(&left, words);
        if !self.takes(entry) || (words[1] != 0 && !self.latest) {
            return;
        }
        let old = words[1];
        words[1] = 1;
        for (i, input) in self.inputs.iter().enumerate() {
            let text = matches!(entry.layout.places[*input], Place::Text(_));
            let value = entry.value(*input);
            if text && let Some(value) = value {
                heap.texts.retain(value);
            }
            if text && old >> (i + 1) & 1 == 1 {
                heap.texts.release(words[2 + i]);
            }
            words[1] |= u64::from(value.is_some()) << (i + 1);
            words[2 + i] = value.unwrap_or(0);
        }
    }

    /// The key goes: the edge of the events no longer held gives back its texts.
    pub(super) fn drop(&self, words: &[u64], layout: &RowLayout, heap: &mut Heap) {
        for (i, input) in self.inputs.iter().enumerate() {
            if matches!(layout.places[*input], Place::Text(_)) && words[1] >> (i + 1) & 1 == 1 {
                heap.texts.release(words[2 + i]);
            }
        }
    }

    pub(super) fn read(
        &self,
        cell: &Cell,
        span: &Span<'_>,
        words: &mut [u64],
        member: usize,
    ) -> Option<u64> {
        let base = cell.forever && words[1] != 0;
        if words[0] == LOST && (self.latest || !base) {
            let found = |index: &u32| {
                let entry = span.entry(*index);
                cell.takes(&entry) && self.takes(&entry)
            };
            let range = span.low..span.high;
            let index = if self.latest {
                range.rev().find(found)
            } else {
                range.clone().find(found)
            };
            words[0] = index.map_or(NONE, |index| u64::from(index) + 2);
        }
        if base && (!self.latest || words[0] == NONE) {
            return (words[1] >> (member + 1) & 1 == 1).then(|| words[2 + member]);
        }
        if words[0] == NONE {
            return None;
        }
        span.entry((words[0] - 2) as u32).value(self.inputs[member])
    }

    /// Events have new indices.
    pub(super) fn renumber(words: &mut [u64], new: impl Fn(u32) -> u32) {
        if words[0] > LOST {
            words[0] = u64::from(new((words[0] - 2) as u32)) + 2;
        }
    }
}
