//! Whether a small key that was read from a snapshot can be worked with.
//!
//! The invariant: of a key that passes, every row, mask and value can be read and moved to any other class, whatever
//! events come: rows are in order and fit, their times can be told, no mask has a bit where no row is, and what lies
//! aside has this owner and no other.

use super::bodies::Bodies;
use super::body::{Body, FLAGS_SHIFT, bits, each};
use super::running::HOLDS;
use super::shape::{BASE, META, UNITS, WHOLE, Width};
use crate::aggregate::cell::Heap;
use crate::snapshot::{Claims, Fault, sure};
use crate::state::layout::{Layout, RENEWED, SHORT};
use crate::state::row::Place;

impl Bodies {
    /// Checks a key; how many events it holds.
    pub(in crate::state) fn check(
        &self,
        (class, index): (usize, u32),
        layout: &Layout,
        heap: &Heap,
        claims: &mut Claims,
    ) -> Result<u32, Fault> {
        let body = self.get(class, index);
        body.check_meta()?;
        body.check_times()?;
        body.check_masks()?;
        body.check_cuts()?;
        for past in &layout.scan.past {
            past.cell
                .check(body.words, None, &layout.row, heap, claims)?;
        }
        for (input, place) in layout.row.places.iter().enumerate() {
            let Place::Text(_) = place else {
                continue;
            };
            let column = body.column(layout.row.column(input));
            for row in each(body.mask(layout.row.present_bit(input))) {
                claims.text(column.get(row as usize))?;
            }
        }
        Ok(body.rows())
    }
}

impl Body<'_> {
    fn check_meta(&self) -> Result<(), Fault> {
        let meta = self.words[META];
        let holds = if self.shape.running > 0 { HOLDS } else { 0 };
        let known = 0xffff | (SHORT | RENEWED) << FLAGS_SHIFT | holds;
        let unit = match self.shape.width {
            Width::Wide => self.unit() == WHOLE,
            _ => self.unit() < UNITS.len(),
        };
        let fits = self.rows() <= self.shape.capacity;
        sure(meta & !known == 0 && unit && fits, "a key is none")
    }

    fn check_times(&self) -> Result<(), Fault> {
        let rows = self.rows();
        let in_order = (0..rows).is_sorted_by_key(|row| self.raw(row));
        sure(in_order, "events of a key are out of order")?;
        if rows == 0 || self.shape.width == Width::Wide {
            return Ok(());
        }
        // The last one is the farthest from the base.
        let offset = self.raw(rows - 1).cast_signed() * UNITS[self.unit()];
        let last = self.words[BASE].cast_signed().checked_add(offset);
        sure(last.is_some(), "an event of a key has no time")
    }

    /// No mask has a bit behind the rows.
    fn check_masks(&self) -> Result<(), Fault> {
        let shape = self.shape;
        let rows = bits(0, self.rows()) & shape.mask_ones;
        // The same in each mask of a word.
        let lowest = u64::MAX / shape.mask_ones;
        let masks = &self.words[shape.masks..shape.rows];
        let inside = masks.iter().all(|word| word & !(rows * lowest) == 0);
        sure(inside, "a key has a flag of no event")
    }

    /// No cut lies behind the rows, or before one that is farther from the event.
    fn check_cuts(&self) -> Result<(), Fault> {
        let shape = self.shape;
        if shape.running == 0 || !self.holds() {
            return Ok(());
        }
        let words = &self.words[shape.running..shape.masks];
        let cuts = words.iter().flat_map(|word| word.to_ne_bytes());
        let cuts = cuts.take(shape.runs.cuts.len());
        let all = cuts.map(u32::from).chain([self.rows()]);
        sure(all.is_sorted(), "the windows of a key are out of order")
    }
}
