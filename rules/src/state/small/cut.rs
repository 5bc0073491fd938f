//! The windows of an event, cut out of the rows of a small key.
//!
//! The idea: where time alone says where a window begins, it is looked for among times as they stand in rows, all
//! windows by one list of spans. The invariant: rows are in order of time, so a window of times is a range of rows.

use super::body::{Body, bits};
use super::scan::Scratch;
use crate::state::layout::{Layout, WindowLayout};
use crate::time::{EventTime, Span};
use crate::window::Window;

/// An event's time, for its windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) time: EventTime,
    /// As it would stand in a row, if it can be told there.
    pub(super) raw: Option<u64>,
    /// Rows that windows up to now end with.
    pub(super) now: u32,
}

/// The first of the last `n` rows that a window counts.
fn last(window: &WindowLayout, body: &Body<'_>, n: u32, now: u32) -> u32 {
    let mut rows = window.filter.map_or(u64::MAX, |f| body.mask(f)) & bits(0, now);
    let mut low = 0;
    for _ in 0..n {
        if rows == 0 {
            return 0;
        }
        low = 63 - rows.leading_zeros();
        rows &= !(1 << low);
    }
    low
}

/// The first row of the session that the first `now` rows and `t` end with.
pub(super) fn session(body: &Body<'_>, gap: Span, t: EventTime, now: u32) -> u32 {
    let (mut low, mut edge) = (now, t);
    while low > 0 && edge.before(gap).0 <= body.time(low - 1) {
        low -= 1;
        edge = EventTime(body.time(low));
    }
    low
}

impl Scratch {
    /// Finds the rows of all windows.
    #[inline]
    pub(super) fn cut(&mut self, body: Body<'_>, layout: &Layout, moment: Moment) {
        let Moment { time: t, raw, now } = moment;
        self.ranges.resize(layout.windows.len(), (0, 0));
        self.time = t.0;
        if let Some(raw) = raw {
            body.until_each(raw, now, &layout.scan.reaches, &mut self.ranges);
            if layout.scan.timed {
                return;
            }
        }
        for (index, window) in layout.windows.iter().enumerate() {
            let range = &mut self.ranges[index];
            match window.window {
                Window::Sliding { .. } if raw.is_some() => continue,
                Window::Sliding { from, to } => {
                    range.0 = body.until(t.before(from).0);
                    if to.0 > 0 {
                        range.1 = body.until(t.before(to).0).max(range.0);
                        continue;
                    }
                }
                Window::Last { n } => range.0 = last(window, &body, n, now),
                Window::Forever => range.0 = 0,
                Window::Session { gap } => range.0 = session(&body, gap, t, now),
                Window::Calendar { .. } | Window::Decay { .. } => {
                    range.0 = window
                        .window
                        .start(t)
                        .map_or(0, |start| body.until(start.0));
                }
            }
            range.1 = now;
        }
    }

    /// How many rows a `last` window counts, and the time of the first of them.
    pub(super) fn counted(
        &self,
        body: Body<'_>,
        layout: &Layout,
        window: usize,
    ) -> (u64, Option<EventTime>) {
        let (low, high) = self.ranges[window];
        let mask = layout.windows[window]
            .filter
            .map_or(u64::MAX, |f| body.mask(f));
        let counted = mask & bits(low, high);
        let first = (counted != 0).then(|| EventTime(body.time(counted.trailing_zeros())));
        (counted.count_ones().into(), first)
    }
}
