//! What an answer is read from: the events of a feature's window, and texts that are made for the answer.
//!
//! The invariant: nothing changes by reading.

use super::layout::{FeatureLayout, Layout, TIME};
use super::row::Rows;
use super::store::halves;
use crate::aggregate::cell::{Heap, Span};
use crate::time::EventTime;

/// As [`super::store::read`], for a feature whose text no event brought.
pub(super) fn text(
    feature: &FeatureLayout,
    record: &[u64],
    rows: Rows<'_>,
    layout: &Layout,
    heap: &Heap,
) -> Option<String> {
    let span = span(feature, record, rows, layout);
    layout.cells[feature.cell?].text(feature.aggregate, &span, &heap.texts)
}

/// The events of a feature's window at the record's time.
pub(super) fn span<'a>(
    feature: &FeatureLayout,
    record: &[u64],
    rows: Rows<'a>,
    layout: &Layout,
) -> Span<'a> {
    let window = &layout.windows[feature.window];
    let (low, high) = halves(record[window.at]);
    Span {
        rows,
        low,
        high,
        window: window.window,
        at: EventTime(record[TIME].cast_signed()),
    }
}
