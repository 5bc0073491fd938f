//! What there is to know about snapshots.

use super::{Entry, counter, gauge, seconds};

/// Snapshots.
pub const SNAPSHOTS: Entry = counter(
    "tollgate_snapshots_total",
    "snapshots",
    &["result"],
    "Snapshots of the state, by result; without one a restart folds more of the log.",
);
/// Snapshots found at a start.
pub const SNAPSHOTS_FOUND: Entry = counter(
    "tollgate_found_snapshots_total",
    "snapshots",
    &["result"],
    "Snapshots looked at by a start, by what became of them: the state restored from it, or none because it was refused.",
);
/// Time of a snapshot.
pub const SNAPSHOT_SECONDS: Entry = seconds(
    "tollgate_snapshot_seconds",
    &[],
    "Time from freezing the state until its snapshot was durable, while events were decided.",
);
/// Pauses by snapshots.
pub const SNAPSHOT_PAUSE_SECONDS: Entry = seconds(
    "tollgate_snapshot_pause_seconds",
    &[],
    "How long deciding stood still for a snapshot, each time it did.",
);
/// Size of the last snapshot.
pub const SNAPSHOT_BYTES: Entry = gauge(
    "tollgate_snapshot_bytes",
    "bytes",
    &[],
    "Bytes of the last snapshot; 0 before the first one of this process.",
);
/// Time of the last snapshot.
pub const SNAPSHOT_TIME: Entry = gauge(
    "tollgate_snapshot_time_seconds",
    "seconds",
    &[],
    "When the last snapshot became durable, as Unix time; 0 before the first one of this process.",
);
