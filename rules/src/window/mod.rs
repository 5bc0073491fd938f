//! Which events a feature is computed over, relative to the event's own time `t`.
//!
//! The idea: a window is a stretch of a key's events in order of (event time, order taken); where it begins and ends is
//! a pure function of `t` and the key's events, never of the wall clock. The invariant: no window ever reaches past
//! `t`, and as `t` goes on its beginning never goes back. Dates are in [`calendar`], the clocks of places in [`zone`].

pub mod calendar;
pub mod zone;

use self::calendar::Period;
use self::zone::Zone;
use crate::time::{EventTime, Span};

/// A `decay` window ends after so many half-lives: an event of that age weighs 2^-40, less than a part in 10^12.
pub(crate) const HALF_LIVES: i64 = 40;

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
    /// Back to the last silence of the key that is longer than `gap`; one of exactly `gap` is none. The time from the
    /// last event to `t` is a silence, too. All events of the key break it, whatever a feature's filter says.
    Session {
        /// Greater than zero.
        gap: Span,
    },
    /// From the beginning of the day, week or month at a place, that instant included.
    Calendar {
        /// What begins.
        period: Period,
        /// Whose clocks.
        zone: Zone,
    },
    /// `(t - 40 half-lives, t]`, an event weighted by `2^(-age/half_life)`.
    Decay {
        /// The age at which an event counts half; greater than zero.
        half_life: Span,
    },
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

const SESSION: Form = Form {
    name: "session",
    written: "over: {session: 30m}",
    about: "back to the last silence of the key longer than 30 minutes",
};

const CALENDAR: Form = Form {
    name: "calendar",
    written: "over: {calendar: day, zone: Europe/Amsterdam}",
    about: "since local midnight; day, week (from Monday) or month; an IANA zone",
};

const DECAY: Form = Form {
    name: "decay",
    written: "over: {decay: 1h}",
    about: "all events weighted by 2^(-age/1h), up to 40h back; count, sum, avg, ratio as approximate floats",
};

impl Form {
    /// Every way to write a window.
    pub const ALL: [Form; 7] = [SLIDING, DELAYED, LAST, FOREVER, SESSION, CALENDAR, DECAY];
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
            Window::Session { .. } => SESSION,
            Window::Calendar { .. } => CALENDAR,
            Window::Decay { .. } => DECAY,
        }
    }

    /// The time up to which (inclusive) events count for an event of time `t`.
    #[must_use]
    pub fn end(&self, t: EventTime) -> EventTime {
        match self {
            Window::Sliding { to, .. } => t.before(*to),
            _ => t,
        }
    }

    /// The time up to which (inclusive) events no longer count for an event of time `t`; `None` when age alone never
    /// takes an event out. Never falls as `t` grows.
    #[must_use]
    pub fn start(&self, t: EventTime) -> Option<EventTime> {
        match self {
            Window::Sliding { from, .. } => Some(t.before(*from)),
            Window::Calendar { period, zone } => Some(period.begin(*zone, t).before(Span(1))),
            Window::Decay { half_life } => Some(t.before(decay_reach(*half_life))),
            Window::Last { .. } | Window::Forever | Window::Session { .. } => None,
        }
    }

    /// An event that is as old as this and has only older ones behind it counts for nothing any more; `None` when
    /// events of any age may count. A session may reach further back, but not over a silence of this length.
    #[must_use]
    pub fn reach(&self) -> Option<Span> {
        match self {
            Window::Sliding { from, .. } => Some(*from),
            Window::Calendar { period, .. } => Some(period.longest()),
            Window::Decay { half_life } => Some(decay_reach(*half_life)),
            // An event exactly `gap` old is still in the session.
            Window::Session { gap } => Some(Span(gap.0.saturating_add(1))),
            Window::Last { .. } | Window::Forever => None,
        }
    }

    /// How long the window of `t` is, in microseconds: what time alone limits has its own length, others are as long
    /// as their first event is old.
    pub(crate) fn length(&self, t: EventTime, first: impl FnOnce() -> Option<EventTime>) -> i64 {
        match self {
            Window::Sliding { from, to } => from.0 - to.0,
            Window::Calendar { period, zone } => t.0.saturating_sub(period.begin(*zone, t).0),
            _ => first().map_or(0, |first| t.0.saturating_sub(first.0)),
        }
    }

    /// Whether an event counts in the window of its own time.
    #[must_use]
    pub fn holds_current(&self) -> bool {
        !matches!(self, Window::Sliding { to, .. } if *to > Span::ZERO)
    }
}

fn decay_reach(half_life: Span) -> Span {
    Span(half_life.0.saturating_mul(HALF_LIVES))
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
