//! The catalogue of metrics: every name, kind, unit, series label and help text, in the order they are listed.
//!
//! The idea: one constant per metric and one list, [`ALL`]; registration, `tollgate list metrics` and the test of the
//! dashboards are derived from it. The invariant: names are `tollgate_<noun>_<unit>[_total]` in base units, and a
//! series label takes its values from the pack, from a list in this code or from the partitions, never from an event.

mod audit;
mod process;
mod snapshots;

pub use self::audit::*;
pub use self::process::*;
pub use self::snapshots::*;

/// What kind of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name in an exposition.
    pub name: &'static str,
    /// See [`Kind`].
    pub kind: Kind,
    /// What one of it is: `events`, `seconds`, `bytes`.
    pub unit: &'static str,
    /// Series labels, in order.
    pub labels: &'static [&'static str],
    /// What it says, in one line.
    pub help: &'static str,
    /// Upper bounds of a histogram; empty for the others.
    pub buckets: &'static [f64],
}

impl Kind {
    /// The word Prometheus uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// From a tenth of a millisecond to ten seconds, finest where a decision usually lies.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// Powers of four: a step holds one event or tens of thousands.
const EVENTS: &[f64] = &[
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0,
];

const fn entry(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Entry {
    let buckets: &[f64] = &[];
    Entry {
        name,
        kind,
        unit,
        labels,
        help,
        buckets,
    }
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Entry {
    entry(name, Kind::Counter, unit, labels, help)
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Entry {
    entry(name, Kind::Gauge, unit, labels, help)
}

const fn seconds(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Entry {
    let mut made = entry(name, Kind::Histogram, "seconds", labels, help);
    made.buckets = SECONDS;
    made
}

/// Records taken from the source, good or bad.
pub const SOURCE_RECORDS: Entry = counter(
    "tollgate_source_records_total",
    "records",
    &["partition"],
    "Records taken from the source, good or bad.",
);
/// Bytes of their values.
pub const SOURCE_BYTES: Entry = counter(
    "tollgate_source_bytes_total",
    "bytes",
    &["partition"],
    "Bytes of the values of records taken from the source.",
);
/// Lag by partition.
pub const SOURCE_LAG: Entry = gauge(
    "tollgate_source_lag_records",
    "records",
    &["partition"],
    "Records the log holds beyond the last one taken.",
);
/// Halted partitions.
pub const SOURCE_HALTED: Entry = gauge(
    "tollgate_source_halted_partitions",
    "partitions",
    &[],
    "Partitions that stand still because a record cannot be read.",
);
/// Events decided.
pub const EVENTS_TAKEN: Entry = counter(
    "tollgate_events_total",
    "events",
    &["partition"],
    "Events decided; records that became none are dead letters.",
);
/// Late events.
pub const LATE: Entry = counter(
    "tollgate_late_events_total",
    "events",
    &[],
    "Events older than their partition's watermark allows: decided, not added to any window.",
);
/// Duplicates.
pub const DUPLICATES: Entry = counter(
    "tollgate_duplicate_events_total",
    "events",
    &[],
    "Events whose id was taken before: decided again alike, counted once.",
);
/// Clamped events.
pub const CLAMPED: Entry = counter(
    "tollgate_clamped_events_total",
    "events",
    &[],
    "Events from further ahead than max_future allows, whose time was set to that bound.",
);
/// Refolded events.
pub const REFOLDED: Entry = counter(
    "tollgate_refolded_events_total",
    "events",
    &[],
    "Events folded again after a restart to rebuild the state; nothing is written for them.",
);
/// Decisions by outcome.
pub const DECISIONS: Entry = counter(
    "tollgate_decisions_total",
    "decisions",
    &["outcome"],
    "Decisions made, by outcome.",
);
/// Approximate decisions.
pub const APPROXIMATE: Entry = counter(
    "tollgate_approximate_decisions_total",
    "decisions",
    &[],
    "Decisions that read a feature declared approximate.",
);
/// Rule hits.
pub const RULE_HITS: Entry = counter(
    "tollgate_rule_hits_total",
    "hits",
    &["rule", "mode"],
    "Events at which a rule's condition held, shadow rules included.",
);
/// Rule faults.
pub const RULE_FAULTS: Entry = counter(
    "tollgate_rule_faults_total",
    "faults",
    &["rule", "cause"],
    "Values that became unknown inside a rule by an error of arithmetic, by cause.",
);
/// Alerts.
pub const ALERTS: Entry = counter(
    "tollgate_alerts_total",
    "alerts",
    &["rule"],
    "Alerts raised, by rule.",
);
/// Suppressed alerts.
pub const SUPPRESSED: Entry = counter(
    "tollgate_suppressed_alerts_total",
    "alerts",
    &["rule"],
    "Alerts that once_per or at_most kept back.",
);
/// Dead letters.
pub const DEAD_LETTERS: Entry = counter(
    "tollgate_dead_letters_total",
    "letters",
    &["code"],
    "Records that could not become events, by code.",
);
/// Size of steps.
pub const STEP_EVENTS: Entry = Entry {
    name: "tollgate_step_events",
    kind: Kind::Histogram,
    unit: "events",
    labels: &[],
    help: "Events per step.",
    buckets: EVENTS,
};
/// Time per step and stage.
pub const STAGE_SECONDS: Entry = seconds(
    "tollgate_stage_seconds",
    &["stage"],
    "Processing time of one batch or step in one stage.",
);
/// Latency of decisions.
pub const DECISION_LATENCY: Entry = seconds(
    "tollgate_decision_latency_seconds",
    &[],
    "From the source handing over the oldest event of a step until its decisions are made.",
);
/// Time per commit.
pub const COMMIT_SECONDS: Entry = seconds(
    "tollgate_commit_seconds",
    &[],
    "Time of one commit: flush of the outputs, control record, offsets.",
);
/// Commits.
pub const COMMITS: Entry = counter(
    "tollgate_commits_total",
    "commits",
    &["result"],
    "Commits, by result.",
);
/// Repairs of commits.
pub const COMMIT_REPAIRS: Entry = counter(
    "tollgate_commit_repairs_total",
    "repairs",
    &["what"],
    "What commits needed beyond themselves: calls asked again, transactions aborted or settled, clients renewed.",
);
/// Failures by stage.
pub const FAILURES: Entry = counter(
    "tollgate_failures_total",
    "failures",
    &["stage"],
    "Failed operations, retried or not, by stage.",
);
/// Queue depth.
pub const QUEUE_DEPTH: Entry = gauge(
    "tollgate_queue_events",
    "events",
    &["stage"],
    "Events waiting before a stage.",
);
/// Watermark.
pub const WATERMARK: Entry = gauge(
    "tollgate_watermark_seconds",
    "seconds",
    &["partition"],
    "Greatest event time taken, in seconds since the epoch.",
);
/// State bytes.
pub const STATE_BYTES: Entry = gauge(
    "tollgate_state_bytes",
    "bytes",
    &["feature"],
    "Memory held by the state; features of one key share a store, and each has its share.",
);
/// State keys.
pub const STATE_KEYS: Entry = gauge(
    "tollgate_state_keys",
    "keys",
    &["group"],
    "Keys with state, by the fields that make the key.",
);
/// State events.
pub const STATE_EVENTS: Entry = gauge(
    "tollgate_state_events",
    "events",
    &["group"],
    "Events held in windows, by the fields that make the key.",
);
/// Evictions.
pub const STATE_EVICTIONS: Entry = counter(
    "tollgate_state_evictions_total",
    "evictions",
    &["group", "what"],
    "Keys and events that had to go because the pack's limits were reached.",
);
/// Dedup bytes.
pub const DEDUP_BYTES: Entry = gauge(
    "tollgate_dedup_bytes",
    "bytes",
    &[],
    "Memory held to recognise duplicates.",
);
/// Readiness.
pub const READY: Entry = gauge(
    "tollgate_ready_state",
    "state",
    &[],
    "1 while events are decided, 0 while starting, rebuilding state, halted or stopping.",
);
/// Every metric, in the order `tollgate list metrics` shows.
pub const ALL: &[Entry] = &[
    SOURCE_RECORDS,
    SOURCE_BYTES,
    SOURCE_LAG,
    SOURCE_HALTED,
    EVENTS_TAKEN,
    LATE,
    DUPLICATES,
    CLAMPED,
    REFOLDED,
    DECISIONS,
    APPROXIMATE,
    RULE_HITS,
    RULE_FAULTS,
    ALERTS,
    SUPPRESSED,
    DEAD_LETTERS,
    STEP_EVENTS,
    STAGE_SECONDS,
    DECISION_LATENCY,
    COMMIT_SECONDS,
    COMMITS,
    COMMIT_REPAIRS,
    SNAPSHOTS,
    SNAPSHOTS_FOUND,
    SNAPSHOT_SECONDS,
    SNAPSHOT_PAUSE_SECONDS,
    SNAPSHOT_BYTES,
    SNAPSHOT_TIME,
    AUDIT_FAULTS,
    AUDITED_COMMITS,
    AUDITS,
    AUDIT_SECONDS,
    AUDIT_TIME,
    CONTROL_RECORDS,
    FAILURES,
    QUEUE_DEPTH,
    WATERMARK,
    STATE_BYTES,
    STATE_KEYS,
    STATE_EVENTS,
    STATE_EVICTIONS,
    DEDUP_BYTES,
    READY,
    BUILD_INFO,
    PACK_INFO,
    START_TIME,
    CPU_SECONDS,
    RESIDENT_BYTES,
];
