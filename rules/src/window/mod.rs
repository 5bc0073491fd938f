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

/// A way to write a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// What it is called.
    pub name: &'static str,
    /// An example, as it stands in a pack.
    pub written: &'static str,
    /// Which events it holds.
    pub about: &'static str,
}

const SLIDING: Form = Form {
    name: "sliding",
    written: "over: 10m",
    about: "(t - 10m, t]; an event exactly 10 minutes old has left",
};

const DELAYED: Form = Form {
    name: "delayed",
    written: "over: {from: 14d, to: 7d}",
    about: "(t - 14d, t - 7d], for labels that come late",
};

const LAST: Form = Form {
    name: "last",
    written: "over: {last: 5}",
    about: "the last 5 events of the key by time, then order taken",
};

const FOREVER: Form = Form {
    name: "forever",
    written: "over: forever",
    about: "since the key was first seen",
};

impl Form {
    /// Every way to write a window.
    pub const ALL: [Form; 4] = [SLIDING, DELAYED, LAST, FOREVER];
}

impl Window {
    /// How this one is written.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            Window::Sliding { .. } if self.holds_current() => SLIDING,
            Window::Sliding { .. } => DELAYED,
            Window::Last { .. } => LAST,
            Window::Forever => FOREVER,
        }
    }

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
    fn every_form_is_written_as_it_says() {
        for form in Form::ALL {
            let text = format!(
                "pack: p\nschema: {{ id: id, time: ts, fields: {{ id: text, ts: timestamp }} }}\n\
                 features:\n  n: {{ by: [], agg: count(), {} }}\n",
                form.written
            );
            let rules = crate::evaluate::fixture::rules(&text);
            assert_eq!(rules.features[0].window.form(), form, "{text}");
        }
    }

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
