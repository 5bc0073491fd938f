//! Whether a key with a record that was read from a snapshot can be worked with.
//!
//! The invariant: of a key that passes, what [`super::store`] promises holds as far as anything is looked up by it: the
//! ring is its own and in order, windows are rows of it, and running values count what is in them.

use super::arena::{Block, Blocks};
use super::layout::{
    FLAGS, NEWEST, OLDEST, RENEWED, RING, ROWS, SHORT, TIME, VACANT, WindowLayout,
};
use super::row::{Place, Rows, value};
use super::store::{Store, halves, ring};
use crate::aggregate::cell::Span;
use crate::snapshot::{Claims, Fault, sure};
use crate::time::EventTime;
use crate::window::Window;

impl Store {
    /// Checks the record of an index; how many events it holds.
    pub(super) fn check_record(
        &self,
        index: u32,
        claims: &mut Claims,
        blocks: &mut Blocks,
    ) -> Result<u32, Fault> {
        let record = self.keys.record(index);
        sure(record[FLAGS] <= SHORT | RENEWED, "a key has unknown flags")?;
        let width = self.layout.row.width;
        let room = match record[RING] {
            VACANT => 0,
            block => blocks.claim(block, &self.arena).map(Block::words)? / width,
        };
        let (head, tail) = halves(record[ROWS]);
        sure(
            head <= tail && tail as usize <= room,
            "a key has more events than room",
        )?;
        let rows = Rows::new(ring(record, &self.arena), &self.layout.row);
        check_times(record, rows, head, tail)?;
        self.check_texts(rows, head, tail, claims)?;
        for window in &self.layout.windows {
            self.check_window(window, record, rows, claims)?;
        }
        Ok(tail - head)
    }

    fn check_texts(
        &self,
        rows: Rows<'_>,
        head: u32,
        tail: u32,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        let layout = &self.layout.row;
        for (input, place) in layout.places.iter().enumerate() {
            if !matches!(place, Place::Text(_)) {
                continue;
            }
            let texts = (head..tail).filter_map(|at| value(rows.row(at), layout, input));
            texts.into_iter().try_for_each(|text| claims.text(text))?;
        }
        Ok(())
    }

    fn check_window(
        &self,
        window: &WindowLayout,
        record: &[u64],
        rows: Rows<'_>,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        let (head, tail) = halves(record[ROWS]);
        let (low, high) = halves(record[window.at]);
        sure(
            head <= low && low <= high && high <= tail,
            "a window is beyond the events of its key",
        )?;
        let at = EventTime(record[TIME].cast_signed());
        if window.window.holds_current() {
            let end = rows.after(head, tail, at);
            sure(high == end, "a window ends at another time")?;
        }
        if let Window::Last { .. } = window.window {
            let counted = (low..high).filter(|at| rows.passes(*at, window.filter));
            let same = counted.count() as u64 == record[window.at + 1];
            sure(same, "a window counts other events")?;
        }
        let span = Span {
            rows,
            low,
            high,
            window: window.window,
            at,
        };
        let mut cells = self.layout.cells[window.cells.clone()].iter();
        cells
            .try_for_each(|cell| cell.check(record, Some(&span), rows.layout(), &self.heap, claims))
    }
}

/// Whether rows are in order, and the record knows the times of the first and of the last one ever.
fn check_times(record: &[u64], rows: Rows<'_>, head: u32, tail: u32) -> Result<(), Fault> {
    let times = (head..tail).map(|at| rows.time(at).0);
    sure(times.is_sorted(), "events of a key are out of order")?;
    let oldest = match head == tail {
        true => i64::MAX,
        false => rows.time(head).0,
    };
    let newest = match head == tail {
        true => i64::MIN,
        false => rows.time(tail - 1).0,
    };
    sure(
        record[OLDEST].cast_signed() == oldest && newest <= record[NEWEST].cast_signed(),
        "a key has other times than its events",
    )
}
