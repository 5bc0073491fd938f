//! Which events a feature is computed over, relative to the event's own time `t`.
//!
//! The idea: a window is a stretch of a key's events in order of (event time, order taken); where it begins and ends is
//! a pure function of `t`, never of the wall clock. The invariant: no window ever reaches past `t`.

use crate::time::{EventTime, Span};

/// A window of a key's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// `(t - from, t - to]`; a plain sliding window has `to` = 0.
    Sliding {
        /// How far back the open end lies; greater than `to`.
        from: Span,
        /// How far back the closed end lies.
        to: Span,
    },
    /// The last `n` events (those the filter takes) by (time, order taken), at most up to `t`.
    Last {
        /// At least 1.
        n: u32,
    },
    /// Every event up to `t`.
    Forever,
}

impl Window {
    /// The time up to which (inclusive) events count for an event of time `t`.
    #[must_use]
    pub fn end(&self, t: EventTime) -> EventTime {
        match self {
            Window::Sliding { to, .. } => t.before(*to),
            Window::Last { .. } | Window::Forever => t,
        }
    }

    /// The time up to which (inclusive) events no longer count for an event of time `t`; `None` when age alone never
    /// takes an event out.
    #[must_use]
    pub fn start(&self, t: EventTime) -> Option<EventTime> {
        match self {
            Window::Sliding { from, .. } => Some(t.before(*from)),
            Window::Last { .. } | Window::Forever => None,
        }
    }

    /// Whether an event counts in the window of its own time.
    #[must_use]
    pub fn holds_current(&self) -> bool {
        !matches!(self, Window::Sliding { to, .. } if *to > Span::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sliding_window_is_open_at_its_start_and_closed_at_its_end() {
        let delayed = Window::Sliding {
            from: Span(10),
            to: Span(4),
        };
        let t = EventTime(100);
        assert_eq!(delayed.start(t), Some(EventTime(90)));
        assert_eq!(delayed.end(t), EventTime(96));
        assert!(!delayed.holds_current());
        for window in [Window::Last { n: 3 }, Window::Forever] {
            assert_eq!((window.start(t), window.end(t)), (None, t));
            assert!(window.holds_current());
        }
    }
}
