//! Session windows: how they move over the ring of a key, and which events they may still reach.
//!
//! The idea: a session is the chain of events back from `t` in which no two neighbours, nor the last and `t`, are further
//! apart than `gap`. Moving forward it breaks where the next event is too far away; moving back it is joined again from
//! the events held. An event put in out of order may join two sessions: the windows stand at its time then, so they see
//! it. The invariant: at the record's time a session window is exactly that chain of the rows held.
//!
//! Retention: no event before the horizon comes any more, so the chain back from the horizon is what a later session may
//! go on with, however old its events are; it is held, and what lies before it is not held for it.

use super::layout::{FORGOTTEN, ROWS, TIME, WindowLayout};
use super::row::Rows;
use super::store::{Cursor, Store, halves, ring};
use crate::aggregate::cell::Side;
use crate::time::EventTime;
use crate::window::Window;

/// Events that are looked at to find where the session at the horizon begins; beyond it everything is held for now.
const LOOKS: u32 = 64;

impl Cursor<'_> {
    /// Lets everything go when from the last event to this time is a silence that ends a session.
    pub(super) fn fall_silent(&mut self, t: EventTime) {
        let Window::Session { gap } = self.window.window else {
            return;
        };
        if self.low < self.high && t.before(gap) > self.rows.time(self.high - 1) {
            while self.low < self.high {
                self.leave(self.low, Side::Left);
                self.low += 1;
            }
        }
    }

    /// Takes older ones as long as no silence lies before them; `t` is the time of the window.
    pub(super) fn join(&mut self, t: EventTime, head: u32) {
        let Window::Session { gap } = self.window.window else {
            return;
        };
        let mut edge = match self.low == self.high {
            true => t,
            false => self.rows.time(self.low),
        };
        while self.low > head && edge.before(gap) <= self.rows.time(self.low - 1) {
            self.low -= 1;
            self.enter(self.low, Side::Left);
            edge = self.rows.time(self.low);
        }
    }
}

impl Store {
    /// The end of those of the rows up to `end` that no session from the horizon on can reach. The record's time must be
    /// at or after the horizon.
    pub(super) fn before_sessions(&self, key: u32, end: u32) -> u32 {
        if !self.layout.has_session {
            return end;
        }
        let record = self.keys.record(key);
        let (head, tail) = halves(record[ROWS]);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        let begin = |window: &WindowLayout| {
            let Window::Session { gap } = window.window else {
                return end;
            };
            let (low, high) = halves(record[window.at]);
            // The session at the record's time goes back past the horizon, so it is the one at the horizon.
            if low < high && rows.time(low) <= self.horizon {
                return low;
            }
            let mut at = rows.after(head, tail, self.horizon);
            let mut edge = self.horizon;
            let least = at.saturating_sub(LOOKS);
            while at > head && edge.before(gap) <= rows.time(at - 1) {
                if at == least {
                    return head;
                }
                at -= 1;
                edge = rows.time(at);
            }
            at
        };
        self.layout.windows.iter().map(begin).fold(end, u32::min)
    }

    /// Whether a session at the record's time may go on before the first event held of it, because the greatest time of
    /// an event forgotten is no silence away.
    pub(super) fn session_is_cut(&self, key: u32, window: &WindowLayout) -> bool {
        let Window::Session { gap } = window.window else {
            return false;
        };
        let record = self.keys.record(key);
        let forgotten = EventTime(record[FORGOTTEN].cast_signed());
        let (low, high) = halves(record[window.at]);
        let edge = if low == high {
            EventTime(record[TIME].cast_signed())
        } else {
            Rows::new(ring(record, &self.arena), &self.layout.row).time(low)
        };
        forgotten > EventTime::MIN && edge.before(gap) <= forgotten
    }
}
