//! What an event does to a key that has a record, and how its features are read from there.
//!
//! The invariant: what is read is read after the windows stand at the event's time, the event itself put in or not as
//! each feature's scope says.

use super::columns::Answers;
use super::layout::Layout;
use super::reading;
use super::small::{Arriving, What};
use super::store::{self, Store, halves};
use crate::aggregate::{avg, ratio, sum};
use crate::ruleset::Scope;

impl Store {
    /// Answers and takes an event of a key that has a record; whether the answer is approximate.
    pub(super) fn take_large(
        &mut self,
        key: u32,
        event: &Arriving<'_>,
        answers: &mut Option<Answers>,
    ) -> bool {
        if event.added && !self.layout.asks_prior && self.in_order(key, event.time) {
            if self.is_full(key) {
                // What makes room goes by where the windows stand.
                self.seek(key, event.time);
                self.keep_events(key);
                self.make_room(key, true);
            }
            self.append(key, event.time, event.row);
            let approximate = self.approximate(key);
            self.answer(key, event.at, answers, Scope::WithCurrent);
            return approximate;
        }
        self.seek(key, event.time);
        let mut approximate = self.approximate(key);
        self.answer(key, event.at, answers, Scope::Prior);
        // A duplicate is in the state already, whatever the scope; nothing changes.
        if event.duplicate {
            self.answer(key, event.at, answers, Scope::WithCurrent);
            return approximate;
        }
        if event.added {
            self.keep_events(key);
        }
        // A late event counts itself, and is not kept.
        let at = self.insert(key, event.row, event.added);
        // The budget may have taken an event out for this one.
        approximate |= self.approximate(key);
        self.answer(key, event.at, answers, Scope::WithCurrent);
        if !event.added {
            self.remove(key, at);
        }
        approximate
    }

    /// Writes the features of a scope as they are now.
    fn answer(&mut self, key: u32, row: usize, answers: &mut Option<Answers>, scope: Scope) {
        let Some(answers) = answers.as_mut().filter(|_| self.layout.scan.asks(scope)) else {
            return;
        };
        let (record, rows, layout, heap) = self.parts(key);
        write_listed(record, layout, scope, answers, row);
        if !layout.scan.scope(scope).has_others() {
            return;
        }
        let mut column = 0;
        for feature in &layout.features {
            let members = feature.members.len();
            if feature.scope == scope && feature.aggregate.makes_text() {
                let text = reading::text(feature, record, rows, layout, heap);
                answers.set_text(column, text.as_deref());
            } else if feature.scope == scope && !feature.is_listed {
                for member in 0..members {
                    let word = store::read(feature, member, record, rows, layout, heap);
                    answers.set_any(column + member, row, word, &heap.texts);
                }
            }
            column += members;
        }
    }
}

/// Writes what is on a list.
#[inline]
fn write_listed(record: &[u64], layout: &Layout, scope: Scope, answers: &mut Answers, row: usize) {
    let plan = layout.scan.scope(scope);
    for length in &plan.lengths {
        let (low, high) = halves(record[layout.windows[length.window].at]);
        answers.put(length.column, row, u64::from(high - low));
    }
    for total in &plan.totals {
        let sum = sum::wide_sum(&record[total.cell..]);
        answers.set(total.column, row, total.of(sum));
    }
    for tally in &plan.tallies {
        let words = &record[tally.cell..];
        let value = match tally.what {
            What::Count => Some(words[0]),
            What::Share { .. } => ratio::read(words),
            What::Average { scale, .. } => avg::int(words, scale),
        };
        answers.set(tally.column, row, value);
    }
}
