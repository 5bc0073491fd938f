//! `min(x)` and `max(x)`: of numbers, timestamps and texts (by bytes). Over nothing null.
//!
//! The extreme is remembered with the event it came from; when that event leaves, the window is searched again the next
//! time somebody asks. On values in random order that costs one step per event; on values that fall all the time the
//! search is as long as the window, which is the price of two words per window instead of a deque.
//!
//! Words: state, value. `forever` has two more, the extreme of the events no longer held: whether there is one, value.

use std::cmp::Ordering;

use super::cell::{Cell, Entry, Heap, Span};
use crate::state::text::Texts;
use crate::value::Type;

/// Nothing entered.
const NONE: u64 = 0;
/// The event of the extreme left: search again. Other states are the event's index plus 2.
const LOST: u64 = 1;

/// How values of a type compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Integers, mantissas, microseconds.
    Int,
    /// Finite floats.
    Float,
    /// Texts by their bytes.
    Text,
}

/// Which extreme of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extreme {
    /// The value.
    pub(crate) input: usize,
    /// Max, not min.
    pub(crate) greatest: bool,
    /// How values compare.
    pub(crate) order: Order,
}

impl Order {
    /// How values of this type compare.
    pub(crate) fn of(ty: Type) -> Order {
        match ty {
            Type::Text => Order::Text,
            Type::Float => Order::Float,
            Type::Int | Type::Decimal(_) | Type::Bool | Type::Timestamp => Order::Int,
        }
    }

    /// How `a` stands to `b`.
    pub(crate) fn compare(self, a: u64, b: u64, texts: &Texts) -> Ordering {
        match self {
            Order::Int => a.cast_signed().cmp(&b.cast_signed()),
            Order::Float => f64::from_bits(a).total_cmp(&f64::from_bits(b)),
            Order::Text => texts.get(a).cmp(texts.get(b)),
        }
    }
}

impl Extreme {
    /// How `a` stands to `b`: greater is better.
    fn compare(self, a: u64, b: u64, heap: &Heap) -> Ordering {
        let order = self.order.compare(a, b, &heap.texts);
        if self.greatest {
            order
        } else {
            order.reverse()
        }
    }

    /// The best of some values.
    pub(crate) fn best(self, values: impl Iterator<Item = u64>, heap: &Heap) -> Option<u64> {
        values.reduce(|best, value| match self.compare(value, best, heap) {
            Ordering::Greater => value,
            _ => best,
        })
    }

    pub(super) fn enter(self, entry: &Entry<'_>, words: &mut [u64], heap: &Heap) {
        let Some(value) = entry.value(self.input) else {
            return;
        };
        let index = u64::from(entry.index) + 2;
        let better = match words[0] {
            NONE => true,
            LOST => false,
            held => match self.compare(value, words[1], heap) {
                Ordering::Greater => true,
                // Of equals the one that leaves last.
                Ordering::Equal => index > held,
                Ordering::Less => false,
            },
        };
        if better {
            (words[0], words[1]) = (index, value);
        }
    }

    pub(super) fn leave(entry: &Entry<'_>, words: &mut [u64]) {
        if words[0] == u64::from(entry.index) + 2 {
            words[0] = LOST;
        }
    }

    /// The event goes out of the ring for good but stays in a `forever` window.
    pub(super) fn forget(self, entry: &Entry<'_>, words: &mut [u64], heap: &mut Heap) {
        Extreme::leave(entry, words);
        let Some(value) = entry.value(self.input) else {
            return;
        };
        if words[2] == 1 && self.compare(value, words[3], heap) != Ordering::Greater {
            return;
        }
        if self.order == Order::Text {
            heap.texts.retain(value);
            if words[2] == 1 {
                heap.texts.release(words[3]);
            }
        }
        (words[2], words[3]) = (1, value);
    }

    /// The key goes: the extreme of the events no longer held gives back its text.
    pub(super) fn drop(self, words: &[u64], heap: &mut Heap) {
        if self.order == Order::Text && words[2] == 1 {
            heap.texts.release(words[3]);
        }
    }

    pub(super) fn read(
        self,
        cell: &Cell,
        span: &Span<'_>,
        words: &mut [u64],
        heap: &Heap,
    ) -> Option<u64> {
        if words[0] == LOST {
            words[0] = NONE;
            for index in span.low..span.high {
                let entry = span.entry(index);
                if cell.takes(&entry) {
                    self.enter(&entry, words, heap);
                }
            }
        }
        let held = (words[0] != NONE).then_some(words[1]);
        let Some(base) = (cell.forever && words[2] == 1).then(|| words[3]) else {
            return held;
        };
        match held {
            Some(held) if self.compare(held, base, heap) == Ordering::Greater => Some(held),
            _ => Some(base),
        }
    }

    /// Events have new indices.
    pub(super) fn renumber(words: &mut [u64], new: impl Fn(u32) -> u32) {
        if words[0] > LOST {
            words[0] = u64::from(new((words[0] - 2) as u32)) + 2;
        }
    }
}
