//! Decisions and alerts as records and as columns.
//!
//! The invariant: the rendering itself is `rules`'; here only keys are added.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use connectors::record::OutRecord;
use rules::decision::{self, View};

use crate::operator::merge::Merged;

/// One record per decision, under the key its event came with, or else the event's id.
pub(super) fn decisions(view: &View<'_>, step: &Merged) -> Vec<OutRecord> {
    let mut records = Vec::with_capacity(step.times.len());
    decision::write_decisions(view, |row, json| {
        records.push(record(view, step, row, json))
    });
    records
}

/// One record per alert.
pub(super) fn alerts(view: &View<'_>, step: &Merged) -> Vec<OutRecord> {
    let mut records = Vec::new();
    decision::write_alerts(view, |row, json| {
        records.push(record(view, step, row, json))
    });
    records
}

/// Decisions as columns.
pub(super) fn decision_columns(view: &View<'_>) -> Result<RecordBatch, ArrowError> {
    decision::decision_batch(view)
}

/// Alerts as columns.
pub(super) fn alert_columns(view: &View<'_>) -> Result<RecordBatch, ArrowError> {
    decision::alert_batch(view)
}

fn record(view: &View<'_>, step: &Merged, row: usize, json: &[u8]) -> OutRecord {
    let key = step
        .key(row)
        .map_or_else(|| view.event_id(row).into_bytes(), <[u8]>::to_vec);
    OutRecord {
        key: Some(key),
        value: Some(json.to_vec()),
        headers: Vec::new(),
    }
}
