//! Which alerts `at_most` lets through: so many of a rule while event time moves on by its span.
//!
//! The idea: the clock is the greatest time taken, not that of the event: it never goes back, so what went out within
//! the span is a queue that loses at the front what it gains at the back, and events out of order cannot exceed the
//! limit by their own old times. The invariant: the queue is no longer than the limit, and a function of the events in
//! the order taken.

use std::collections::VecDeque;
use std::io;

use crate::ruleset::AtMost;
use crate::snapshot::{Fault, Reader, Writer};
use crate::time::EventTime;

/// The memory of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    at_most: AtMost,
    /// The greatest time taken when each alert of the span went out.
    sent: VecDeque<i64>,
}

impl Limit {
    pub(super) fn new(at_most: AtMost) -> Limit {
        Limit {
            at_most,
            sent: VecDeque::new(),
        }
    }

    /// Whether one more may go out. `greatest` is the greatest time taken up to this event, itself included.
    pub(super) fn has_room(&mut self, greatest: EventTime) -> bool {
        let left = greatest.before(self.at_most.span).0;
        while self.sent.front().is_some_and(|sent| *sent <= left) {
            self.sent.pop_front();
        }
        u32::try_from(self.sent.len()).is_ok_and(|sent| sent < self.at_most.count)
    }

    /// Notes one that goes out.
    pub(super) fn note(&mut self, greatest: EventTime) {
        self.sent.push_back(greatest.0);
    }

    /// What is remembered.
    pub(super) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.sent.len() as u64)?;
        let mut sent = self.sent.iter();
        sent.try_for_each(|sent| to.word(sent.cast_unsigned()))
    }

    /// Back from [`Limit::save`].
    pub(super) fn restore(at_most: AtMost, from: &mut Reader<'_>) -> Result<Limit, Fault> {
        let count = from.count(1)?;
        let sent = from.words(count)?;
        Ok(Limit {
            at_most,
            sent: sent.into_iter().map(u64::cast_signed).collect(),
        })
    }

    /// What is remembered: for tests that compare two engines.
    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<i64> {
        self.sent.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn so_many_within_the_span_and_then_no_more() {
        let mut limit = Limit::new(AtMost {
            count: 2,
            span: Span(10),
        });
        for (greatest, admitted) in [
            (0, true),
            (0, true),
            (9, false),
            (10, true), // the span is half-open: the two at 0 have left
            (15, true),
            (19, false),
            (20, true), // that at 10 has left, that at 15 has not
            (24, false),
            (25, true),
            (1_000, true),
        ] {
            let got = limit.has_room(EventTime(greatest));
            assert_eq!(got, admitted, "at {greatest}");
            if got {
                limit.note(EventTime(greatest));
            }
            assert!(limit.contents().len() <= 2);
        }
    }
}
