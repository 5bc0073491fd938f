//! One ring of events per key, in order of (event time, order taken), and windows that move over it.
//!
//! The idea: [`Store::seek`] moves all windows of a key to a time, forward as a rule and backward for an event out of
//! order; every answer is then read from running values, whatever the disorder. An event is put in where the windows
//! end, so nothing else has to move. The invariant: for every window `low..high` are exactly the rows held inside it at
//! the record's time, and its cells have taken exactly these (a `forever` window also those no longer held).
//! Forgetting is in [`super::forget`], what goes beyond the budget in [`super::budget`].

use super::arena::{Arena, Block};
use super::keys::Keys;
use super::layout::{
    FeatureLayout, Layout, NEWEST, OLDEST, RING, ROWS, TIME, VACANT, WindowLayout,
};
use super::reading;
use super::row::{Place, Rows, value};
use super::seed::HashSeed;
use super::small::Shapes;
use crate::aggregate::cell::{Cell, Entry, Heap, Side};
use crate::ruleset::Limits;
use crate::snapshot::Noted;
use crate::time::EventTime;
use crate::window::Window;

/// The state of one group.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) layout: Layout,
    pub(super) keys: Keys,
    pub(super) arena: Arena,
    pub(super) heap: Heap,
    /// Events held.
    pub(super) events: usize,
    /// The greatest time of an event forgotten with its key.
    pub(super) swept: i64,
    /// The greatest horizon so far.
    pub(super) horizon: EventTime,
    /// The next place the sweep looks at.
    pub(super) hand: u32,
    /// Places the next sweep looks at on top.
    pub(super) credit: u32,
    pub(super) limits: Limits,
    /// The next place whose key may have to go for another one.
    pub(super) clock: u32,
    pub(super) evicted_keys: u64,
    pub(super) evicted_events: u64,
    /// While it is written.
    pub(super) head: Noted,
}

/// Two row indices in one word.
pub(super) fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Back from [`pair`].
pub(super) fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

/// The words of a record's ring.
#[inline]
pub(super) fn ring<'a>(record: &[u64], arena: &'a Arena) -> &'a [u64] {
    match record[RING] {
        VACANT => &[],
        block => arena.get(Block::unpack(block)),
    }
}

/// One window of one record on the move.
pub(super) struct Cursor<'a> {
    pub(super) window: &'a WindowLayout,
    cells: &'a [Cell],
    pub(super) rows: Rows<'a>,
    record: &'a mut [u64],
    heap: &'a mut Heap,
    pub(super) low: u32,
    pub(super) high: u32,
    /// Events of a `last` window.
    count: u64,
}

impl<'a> Cursor<'a> {
    /// A window where the record says it stands.
    #[inline]
    pub(super) fn new(
        window: &'a WindowLayout,
        layout: &'a Layout,
        rows: Rows<'a>,
        record: &'a mut [u64],
        heap: &'a mut Heap,
    ) -> Cursor<'a> {
        let (low, high) = halves(record[window.at]);
        let count = match window.window {
            Window::Last { .. } => record[window.at + 1],
            _ => 0,
        };
        Cursor {
            window,
            cells: &layout.cells[window.cells.clone()],
            rows,
            record,
            heap,
            low,
            high,
            count,
        }
    }

    pub(super) fn enter(&mut self, index: u32, side: Side) {
        let entry = Entry {
            row: self.rows.row(index),
            layout: self.rows.layout(),
            index,
            side,
        };
        for cell in self.cells {
            cell.enter(&entry, self.record, self.heap);
        }
        self.count += u64::from(self.counted(&entry));
    }

    pub(super) fn leave(&mut self, index: u32, side: Side) {
        let entry = Entry {
            row: self.rows.row(index),
            layout: self.rows.layout(),
            index,
            side,
        };
        for cell in self.cells {
            cell.leave(&entry, self.record, self.heap);
        }
        self.count -= u64::from(self.counted(&entry));
    }

    /// Whether a `last` window counts the event.
    fn counted(&self, entry: &Entry<'_>) -> bool {
        matches!(self.window.window, Window::Last { .. })
            && self
                .window
                .filter
                .is_none_or(|filter| super::row::bit(entry.row, filter))
    }

    /// Lets the oldest go until a `last` window holds no more than its number.
    fn trim(&mut self) {
        if let Window::Last { n } = self.window.window {
            while self.count > u64::from(n) {
                self.leave(self.low, Side::Left);
                self.low += 1;
            }
        }
    }

    /// Takes older ones until a `last` window holds its number or there are no more.
    fn refill(&mut self, head: u32) {
        if let Window::Last { n } = self.window.window {
            while self.count < u64::from(n) && self.low > head {
                self.low -= 1;
                self.enter(self.low, Side::Left);
            }
        }
    }

    pub(super) fn forward(&mut self, t: EventTime, tail: u32) {
        let end = self.window.window.end(t);
        while self.high < tail && self.rows.time(self.high) <= end {
            self.fall_silent(self.rows.time(self.high));
            self.enter(self.high, Side::Right);
            self.high += 1;
            self.trim();
        }
        if let Some(start) = self.window.window.start(t) {
            while self.low < self.high && self.rows.time(self.low) <= start {
                self.leave(self.low, Side::Left);
                self.low += 1;
            }
        }
        self.fall_silent(t);
    }

    fn backward(&mut self, t: EventTime, head: u32) {
        if let Some(start) = self.window.window.start(t) {
            while self.low > head && self.rows.time(self.low - 1) > start {
                self.low -= 1;
                self.enter(self.low, Side::Left);
            }
        }
        let end = self.window.window.end(t);
        while self.high > head && self.rows.time(self.high - 1) > end {
            // A `last` window may have let go of everything before it came here.
            if self.low == self.high {
                self.low -= 1;
            } else {
                self.leave(self.high - 1, Side::Right);
            }
            self.high -= 1;
        }
        self.refill(head);
        self.join(t, head);
    }

    pub(super) fn save(self) {
        let at = self.window.at;
        self.record[at] = pair(self.low, self.high);
        if matches!(self.window.window, Window::Last { .. }) {
            self.record[at + 1] = self.count;
        }
    }
}

impl Store {
    /// A store without keys.
    pub(super) fn new(layout: Layout, limits: Limits, seed: HashSeed) -> Store {
        Store {
            keys: Keys::new(layout.stride, Shapes::new(&layout), seed),
            layout,
            arena: Arena::default(),
            heap: Heap::new(seed, limits),
            events: 0,
            swept: i64::MIN,
            horizon: EventTime::MIN,
            hand: 0,
            credit: 0,
            limits,
            clock: 0,
            evicted_keys: 0,
            evicted_events: 0,
            head: Noted::default(),
        }
    }

    /// Calls `step` with every window of a key in turn.
    pub(super) fn move_windows(&mut self, key: u32, step: impl Fn(&mut Cursor<'_>)) {
        let record = self.keys.record_mut(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        for window in &self.layout.windows {
            let heap = &mut self.heap;
            let mut cursor = Cursor::new(window, &self.layout, rows, record, heap);
            step(&mut cursor);
            cursor.save();
        }
    }

    /// Moves all windows of a key to time `t`.
    pub(super) fn seek(&mut self, key: u32, t: EventTime) {
        let record = self.keys.record_mut(key);
        let now = EventTime(record[TIME].cast_signed());
        record[TIME] = t.0.cast_unsigned();
        let (head, tail) = halves(record[ROWS]);
        if head == tail || t == now {
            return;
        }
        if t > now {
            self.move_windows(key, |cursor| cursor.forward(t, tail));
        } else {
            self.move_windows(key, |cursor| cursor.backward(t, head));
        }
    }

    /// Puts an event of the time the key was moved to into its place, behind those of the same time, and into the
    /// windows that hold it. With `forget`, events no longer needed may make room for it.
    pub(super) fn insert(&mut self, key: u32, row: &[u64], forget: bool) -> u32 {
        self.make_room(key, forget);
        let record = self.keys.record_mut(key);
        let t = EventTime(record[TIME].cast_signed());
        let (head, tail) = halves(record[ROWS]);
        let width = self.layout.row.width;
        let words = self.arena.get_mut(Block::unpack(record[RING]));
        let at = Rows::new(words, &self.layout.row).after(head, tail, t);
        let (from, to) = (at as usize * width, tail as usize * width);
        words.copy_within(from..to, from + width);
        words[from..from + width].copy_from_slice(row);
        words[from] = t.0.cast_unsigned();
        record[ROWS] = pair(head, tail + 1);
        if at == head {
            record[OLDEST] = t.0.cast_unsigned();
        }
        record[NEWEST] = t.0.max(record[NEWEST].cast_signed()).cast_unsigned();
        self.events += 1;
        self.move_windows(key, |cursor| {
            if cursor.window.window.holds_current() {
                debug_assert_eq!(cursor.high, at, "windows end where the event goes");
                cursor.enter(at, Side::Right);
                cursor.high += 1;
                cursor.trim();
            }
        });
        at
    }

    /// Takes out again the event that was the last one put in. The record's time must not have changed.
    pub(super) fn remove(&mut self, key: u32, at: u32) {
        let (head, tail) = halves(self.keys.record(key)[ROWS]);
        self.move_windows(key, |cursor| {
            if cursor.window.window.holds_current() {
                cursor.high -= 1;
                cursor.leave(at, Side::Right);
                cursor.refill(head);
            }
        });
        self.release_texts(key, at);
        let record = self.keys.record_mut(key);
        let width = self.layout.row.width;
        let words = self.arena.get_mut(Block::unpack(record[RING]));
        let (from, to) = (at as usize * width, tail as usize * width);
        words.copy_within(from + width..to, from);
        record[ROWS] = pair(head, tail - 1);
        let oldest = if tail - 1 == head {
            i64::MAX
        } else {
            words[head as usize * width].cast_signed()
        };
        record[OLDEST] = oldest.cast_unsigned();
        self.events -= 1;
    }

    /// Gives back the texts a row refers to.
    pub(super) fn release_texts(&mut self, key: u32, at: u32) {
        let layout = &self.layout.row;
        let rows = Rows::new(ring(self.keys.record(key), &self.arena), layout);
        for (input, place) in layout.places.iter().enumerate() {
            if matches!(place, Place::Text(_))
                && let Some(text) = value(rows.row(at), layout, input)
            {
                self.heap.texts.release(text);
            }
        }
    }

    /// What an answer is read from: the record, its rows, what both mean, and what does not fit in.
    pub(super) fn parts(&mut self, key: u32) -> (&mut [u64], Rows<'_>, &Layout, &Heap) {
        let record = self.keys.record_mut(key);
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        (record, rows, &self.layout, &self.heap)
    }
}

/// One member of one feature at the record's time; `None` is null.
#[inline]
pub(super) fn read(
    feature: &FeatureLayout,
    member: usize,
    record: &mut [u64],
    rows: Rows<'_>,
    layout: &Layout,
    heap: &Heap,
) -> Option<u64> {
    let (low, high) = halves(record[layout.windows[feature.window].at]);
    let Some(cell) = feature.cell else {
        return Some(u64::from(high - low));
    };
    let span = reading::span(feature, record, rows, layout);
    layout.cells[cell].read(
        feature.aggregate,
        member,
        feature.scale,
        &span,
        record,
        heap,
    )
}
