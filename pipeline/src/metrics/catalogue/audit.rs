//! What a run finds out about what it has written.

use super::{Entry, counter, gauge, seconds};

/// Faults.
pub const AUDIT_FAULTS: Entry = counter(
    "tollgate_audit_faults_total",
    "faults",
    &["fault"],
    "Outputs and commits that are not as the commits say, by what is wrong; each is an error in the log.",
);
/// Commits compared.
pub const AUDITED_COMMITS: Entry = counter(
    "tollgate_audited_commits_total",
    "commits",
    &[],
    "Commits whose outputs were compared with their control record, while the run goes on.",
);
/// Passes.
pub const AUDITS: Entry = counter(
    "tollgate_audits_total",
    "audits",
    &["result"],
    "Audits of what was written since the one before, by result; one that failed is taken up by the next.",
);
/// Time of a pass.
pub const AUDIT_SECONDS: Entry = seconds(
    "tollgate_audit_seconds",
    &[],
    "Time of one audit, on a thread of its own.",
);
/// Time of the last pass.
pub const AUDIT_TIME: Entry = gauge(
    "tollgate_audit_time_seconds",
    "seconds",
    &[],
    "When the last audit came to its end, as Unix time; 0 before the first one of this process.",
);
/// Size of the control topic.
pub const CONTROL_RECORDS: Entry = gauge(
    "tollgate_control_records",
    "records",
    &[],
    "Records the control topic holds, ends of transactions included; old ones go when the input and the snapshots have passed them.",
);
