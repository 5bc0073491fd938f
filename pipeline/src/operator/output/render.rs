//! Decisions and alerts as records: what `rules` writes, under the key the event came with.
//!
//! The invariant: a record without a key comes from a source without keys.

use std::ops::Range;

use connectors::record::OutRecord;
use rules::decision::View;

use crate::delivery::digest::Digest;
use crate::operator::merge::Merged;

/// Most decisions have no hit and about this many bytes.
const TYPICAL_BYTES: usize = 320;

/// Room for one more like the last, or a little longer.
fn room_like(last: usize) -> Vec<u8> {
    Vec::with_capacity(last + last / 8)
}

/// One record per decision of these rows.
pub(crate) fn decisions(view: &View<'_>, step: &Merged, rows: Range<usize>) -> Vec<OutRecord> {
    let mut last = TYPICAL_BYTES;
    let record = |row| {
        let mut json = room_like(last.max(TYPICAL_BYTES));
        view.write_decision(row, &mut json);
        last = json.len();
        keyed(step, row, json)
    };
    rows.map(record).collect()
}

/// The digest of the decisions of a step, each as its JSON.
pub(super) fn digest(view: &View<'_>, rows: usize) -> Digest {
    let (mut digest, mut json) = (Digest::default(), Vec::with_capacity(TYPICAL_BYTES));
    for row in 0..rows {
        json.clear();
        view.write_decision(row, &mut json);
        digest.add(&json);
    }
    digest
}

/// One record per alert.
pub(super) fn alerts(view: &View<'_>, step: &Merged) -> Vec<OutRecord> {
    let mut last = 2 * TYPICAL_BYTES;
    let record = |hit: &rules::evaluate::Hit| {
        let mut json = room_like(last);
        view.write_alert(hit, &mut json);
        last = json.len();
        keyed(step, hit.row, json)
    };
    view.alerts().map(record).collect()
}

fn keyed(step: &Merged, row: usize, json: Vec<u8>) -> OutRecord {
    OutRecord {
        key: step.key(row).map(<[u8]>::to_vec),
        value: Some(json),
        headers: Vec::new(),
    }
}
