//! What a small key forgets, and which answers miss it.
//!
//! The invariant: what is promised of forgetting in [`crate::state::forget`] holds here too.

use super::body::{Body, bits, each};
use super::cut::session;
use super::plan::Past;
use super::scan::Scratch;
use super::take::release;
use crate::aggregate::cell::{Cell, Entry, Kind, Side};
use crate::state::keys::{class, index, key_of};
use crate::state::layout::{Layout, RENEWED};
use crate::state::store::Store;
use crate::time::EventTime;
use crate::window::Window;

impl Store {
    /// Lets go of the events that no event from the horizon on can have in a window.
    pub(in crate::state) fn forget_small(&mut self, key: u32) {
        let limit = self.horizon.before(self.layout.longest);
        let body = self.keys.bodies.get(class(key), index(key));
        let end = self.before_sessions_small(body, body.until(limit.0));
        if end == 0 {
            return;
        }
        let mut gone = bits(0, end);
        if self.layout.has_last {
            let kept = self.needed_small(key, end);
            gone = match self.layout.in_order_only {
                true => bits(0, kept.trailing_zeros().min(end)),
                false => gone & !kept,
            };
        }
        if gone == 0 {
            return;
        }
        let (layout, bodies) = (&self.layout, &mut self.keys.bodies);
        let texts = layout.row.has_texts();
        let mut body = bodies.get_mut(class(key), index(key));
        body.forget_until(body.read().time(63 - gone.leading_zeros()));
        // Rows leave nothing behind but the time of the last, unless somebody still counts or shares them.
        let leave = texts || !layout.scan.past.is_empty();
        let mut row = vec![0; if leave { layout.row.width } else { 0 }];
        for at in each(if leave { gone } else { 0 }) {
            body.read().read_row(at, &mut row);
            let entry = Entry {
                row: &row,
                layout: &layout.row,
                index: at,
                side: Side::Left,
            };
            for Past { cell, .. } in &layout.scan.past {
                match cell.kind {
                    Kind::Extreme(_) | Kind::Edge(_) => {
                        cell.forget(&entry, body.words, &mut self.heap);
                    }
                    _ => cell.enter(&entry, body.words, &mut self.heap),
                }
            }
            release(&layout.row, &row, &mut self.heap.texts);
        }
        body.retain(!gone);
        self.events -= gone.count_ones() as usize;
    }

    /// Makes room in a full key whose windows go by time alone, by what is forgotten and nothing else. Whether there is
    /// enough now that the key stays where it is.
    #[inline]
    pub(super) fn make_room_small(&mut self, key: u32) -> bool {
        let layout = &self.layout;
        if layout.row.has_texts() {
            return false;
        }
        let limit = self.horizon.before(layout.longest);
        let mut body = self.keys.bodies.get_mut(class(key), index(key));
        let (rows, end) = (body.read().rows(), body.read().until(limit.0));
        if end == 0 || !fits_well(rows - end, body.shape.capacity) {
            return false;
        }
        body.forget_until(body.read().time(end - 1));
        body.retain_from(end);
        self.events -= end as usize;
        true
    }

    /// Moves a key from the end of its class into a gap, so that pages become empty.
    fn close_up(&mut self, key: u32) {
        let (class, from) = (class(key), index(key));
        let bodies = &mut self.keys.bodies;
        if !bodies.is_outlying(class, from) {
            return;
        }
        let to = bodies.take(class);
        bodies.copy(class, from, to);
        self.keys.rename(key, key_of(class, to));
        self.keys.bodies.free(class, from);
    }

    /// The end of those of the rows up to `end` that no session from the horizon on can reach.
    fn before_sessions_small(&self, body: Body<'_>, end: u32) -> u32 {
        if !self.layout.has_session {
            return end;
        }
        let horizon = self.horizon;
        let windows = self.layout.windows.iter();
        let begins = windows.filter_map(|window| match window.window {
            Window::Session { gap } => Some(session(&body, gap, horizon, body.until(horizon.0))),
            _ => None,
        });
        begins.fold(end, u32::min)
    }

    /// Which of the rows up to `end`, all too old for sliding windows, a `last` window still needs.
    fn needed_small(&self, key: u32, end: u32) -> u64 {
        let body = self.keys.bodies.get(class(key), index(key));
        let horizon = body.until(self.horizon.0);
        let mut needed = 0;
        for window in &self.layout.windows {
            let Window::Last { n } = window.window else {
                continue;
            };
            let mut passing = window.filter.map_or(u64::MAX, |f| body.mask(f)) & bits(0, horizon);
            for _ in 0..n.min(passing.count_ones()) {
                let latest = 1 << (63 - passing.leading_zeros());
                needed |= latest;
                passing &= !latest;
            }
        }
        needed & bits(0, end)
    }

    /// What the sweep does to a small key.
    pub(in crate::state) fn visit_small(&mut self, key: u32) {
        let limit = self.horizon.before(self.layout.longest);
        let body = self.keys.bodies.get(class(key), index(key));
        if !self.layout.stays && body.newest() <= limit.0 {
            self.swept = self.swept.max(body.newest()).max(body.forgotten());
            self.drop_small(key);
            return;
        }
        if body.oldest() > self.slack_limit() {
            self.close_up(key);
            return;
        }
        self.forget_small(key);
        let body = self.keys.bodies.get(class(key), index(key));
        let (rows, width) = (body.rows(), body.shape.width);
        if 2 * rows <= body.shape.capacity
            && let Some(to) = self.keys.bodies.shapes.class(rows, width)
            && to != class(key)
        {
            self.move_small(key, to);
        }
    }
}

/// Whether so many rows have some slack in a stretch, or else the next event would need room again, and are not too few
/// for it.
pub(super) fn fits_well(rows: u32, capacity: u32) -> bool {
    let wanted = rows + rows / 8;
    wanted < capacity && 2 * wanted > capacity
}

/// Whether a window of an event of time `t` reaches to events that were forgotten.
pub(super) fn approximate(
    body: Body<'_>,
    layout: &Layout,
    scratch: &Scratch,
    t: EventTime,
    horizon: EventTime,
) -> bool {
    let forgotten = EventTime(body.forgotten());
    if !layout.stays && !layout.has_session {
        return t.before(layout.longest) < forgotten;
    }
    let flags = body.flags();
    let mut windows = layout.windows.iter().enumerate();
    windows.any(|(index, w)| match w.window {
        Window::Sliding { .. } | Window::Calendar { .. } | Window::Decay { .. } => {
            w.window.start(t).is_some_and(|start| start < forgotten)
        }
        // It may go on before the first event held of it, when no silence lies between that and one forgotten.
        Window::Session { gap } => {
            let (low, high) = scratch.ranges[index];
            let edge = if low == high {
                t
            } else {
                EventTime(body.time(low))
            };
            forgotten > EventTime::MIN && edge.before(gap) <= forgotten
        }
        Window::Forever => {
            let mut cells = layout.cells[w.cells.clone()].iter();
            let misses = forgotten > EventTime::MIN && cells.any(Cell::walks);
            flags & RENEWED != 0 || t < forgotten || misses
        }
        Window::Last { n } => {
            t < horizon
                || (flags != 0 && {
                    let (count, first) = scratch.counted(body, layout, index);
                    count < u64::from(n) || first.is_some_and(|first| first < forgotten)
                })
        }
    })
}
