//! Metrics: what the process counts and how it is read.
//!
//! The idea: [`catalogue`] says what there is, [`Metrics`] holds one typed handle per entry, [`pack::PackSeries`] the
//! series of one pack's rules, resolved once so that the hot loop never looks a label up. The invariant: this is the
//! only module that registers a metric, and every entry of the catalogue is registered exactly once.

pub mod catalogue;
pub mod pack;
mod process;
mod register;

use std::sync::Arc;

use connectors::log::Counts;
use prometheus::{
    Counter, Encoder, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use self::catalogue as c;
use self::register::Register;
use crate::delivery::audit::Fault;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The stages an event goes through: values of the series label `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Taking records from the source.
    Source,
    /// Bytes to columns.
    Decode,
    /// Merging partitions into steps.
    Merge,
    /// Windows and features, rules and policy.
    Decide,
    /// Writing outputs.
    Sink,
    /// Making outputs and offsets durable.
    Commit,
}

/// One handle per entry of the catalogue; see the entry of the same name for what it says.
#[derive(Debug)]
#[allow(
    missing_docs,
    reason = "each field is documented by its catalogue entry, which is what users read"
)]
pub struct Metrics {
    registry: Registry,
    pub source_records: IntCounterVec,
    pub source_bytes: IntCounterVec,
    pub source_lag: IntGaugeVec,
    pub source_halted: IntGauge,
    pub events: IntCounterVec,
    pub late: IntCounter,
    pub duplicates: IntCounter,
    pub clamped: IntCounter,
    pub refolded: IntCounter,
    pub decisions: IntCounterVec,
    pub approximate: IntCounter,
    pub rule_hits: IntCounterVec,
    pub rule_faults: IntCounterVec,
    pub alerts: IntCounterVec,
    pub suppressed: IntCounterVec,
    pub dead_letters: IntCounterVec,
    pub step_events: Histogram,
    pub stage_seconds: HistogramVec,
    pub decision_latency: Histogram,
    pub commit_seconds: Histogram,
    pub commits: IntCounterVec,
    pub commit_repairs: IntCounterVec,
    pub snapshots: IntCounterVec,
    pub snapshots_found: IntCounterVec,
    pub snapshot_seconds: Histogram,
    pub snapshot_pause_seconds: Histogram,
    pub snapshot_bytes: IntGauge,
    pub snapshot_time: IntGauge,
    pub audit_faults: IntCounterVec,
    pub audited_commits: IntCounter,
    pub audits: IntCounterVec,
    pub audit_seconds: Histogram,
    pub audit_time: IntGauge,
    pub control_records: IntGauge,
    pub failures: IntCounterVec,
    pub queue_depth: IntGaugeVec,
    pub watermark: GaugeVec,
    pub state_bytes: IntGaugeVec,
    pub state_keys: IntGaugeVec,
    pub state_events: IntGaugeVec,
    pub state_evictions: IntCounterVec,
    pub dedup_bytes: IntGauge,
    pub ready: IntGauge,
    pub build_info: IntGaugeVec,
    pub pack_info: IntGaugeVec,
    pub start_time: Gauge,
    cpu_seconds: Counter,
    resident_bytes: IntGauge,
}

/// The catalogue contradicts itself: a programmer's error, found by the tests.
#[derive(Debug, thiserror::Error)]
#[error("register metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

// === impl Stage ===

impl Stage {
    /// Every stage, in the order events meet them.
    pub const ALL: [Stage; 6] = [
        Stage::Source,
        Stage::Decode,
        Stage::Merge,
        Stage::Decide,
        Stage::Sink,
        Stage::Commit,
    ];

    /// The value of the series label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Source => "source",
            Stage::Decode => "decode",
            Stage::Merge => "merge",
            Stage::Decide => "decide",
            Stage::Sink => "sink",
            Stage::Commit => "commit",
        }
    }
}

// === impl Metrics ===

impl Metrics {
    /// Registers every metric with a registry of its own.
    ///
    /// # Errors
    /// [`MetricsError`] when the catalogue contradicts itself.
    pub fn new() -> Result<Arc<Metrics>, MetricsError> {
        let registry = Registry::new();
        let r = Register::new(&registry);
        let made = Metrics {
            source_records: r.counters(&c::SOURCE_RECORDS)?,
            source_bytes: r.counters(&c::SOURCE_BYTES)?,
            source_lag: r.gauges(&c::SOURCE_LAG)?,
            source_halted: r.gauge(&c::SOURCE_HALTED)?,
            events: r.counters(&c::EVENTS_TAKEN)?,
            late: r.counter(&c::LATE)?,
            duplicates: r.counter(&c::DUPLICATES)?,
            clamped: r.counter(&c::CLAMPED)?,
            refolded: r.counter(&c::REFOLDED)?,
            decisions: r.counters(&c::DECISIONS)?,
            approximate: r.counter(&c::APPROXIMATE)?,
            rule_hits: r.counters(&c::RULE_HITS)?,
            rule_faults: r.counters(&c::RULE_FAULTS)?,
            alerts: r.counters(&c::ALERTS)?,
            suppressed: r.counters(&c::SUPPRESSED)?,
            dead_letters: r.counters(&c::DEAD_LETTERS)?,
            step_events: r.histogram(&c::STEP_EVENTS)?,
            stage_seconds: r.histograms(&c::STAGE_SECONDS)?,
            decision_latency: r.histogram(&c::DECISION_LATENCY)?,
            commit_seconds: r.histogram(&c::COMMIT_SECONDS)?,
            commits: r.counters(&c::COMMITS)?,
            commit_repairs: r.counters(&c::COMMIT_REPAIRS)?,
            snapshots: r.counters(&c::SNAPSHOTS)?,
            snapshots_found: r.counters(&c::SNAPSHOTS_FOUND)?,
            snapshot_seconds: r.histogram(&c::SNAPSHOT_SECONDS)?,
            snapshot_pause_seconds: r.histogram(&c::SNAPSHOT_PAUSE_SECONDS)?,
            snapshot_bytes: r.gauge(&c::SNAPSHOT_BYTES)?,
            snapshot_time: r.gauge(&c::SNAPSHOT_TIME)?,
            audit_faults: r.counters(&c::AUDIT_FAULTS)?,
            audited_commits: r.counter(&c::AUDITED_COMMITS)?,
            audits: r.counters(&c::AUDITS)?,
            audit_seconds: r.histogram(&c::AUDIT_SECONDS)?,
            audit_time: r.gauge(&c::AUDIT_TIME)?,
            control_records: r.gauge(&c::CONTROL_RECORDS)?,
            failures: r.counters(&c::FAILURES)?,
            queue_depth: r.gauges(&c::QUEUE_DEPTH)?,
            watermark: r.float_gauges(&c::WATERMARK)?,
            state_bytes: r.gauges(&c::STATE_BYTES)?,
            state_keys: r.gauges(&c::STATE_KEYS)?,
            state_events: r.gauges(&c::STATE_EVENTS)?,
            state_evictions: r.counters(&c::STATE_EVICTIONS)?,
            dedup_bytes: r.gauge(&c::DEDUP_BYTES)?,
            ready: r.gauge(&c::READY)?,
            build_info: r.gauges(&c::BUILD_INFO)?,
            pack_info: r.gauges(&c::PACK_INFO)?,
            start_time: r.float_gauge(&c::START_TIME)?,
            cpu_seconds: r.float_counter(&c::CPU_SECONDS)?,
            resident_bytes: r.gauge(&c::RESIDENT_BYTES)?,
            registry: registry.clone(),
        };
        made.begin();
        Ok(Arc::new(made))
    }

    /// Brings the series whose labels are known beforehand into being, so that a rate over them starts at zero.
    fn begin(&self) {
        for stage in Stage::ALL {
            self.failures.with_label_values(&[stage.name()]);
            self.stage_seconds.with_label_values(&[stage.name()]);
        }
        for result in ["ok", "failed"] {
            self.commits.with_label_values(&[result]);
            self.snapshots.with_label_values(&[result]);
            self.audits.with_label_values(&[result]);
        }
        for fault in Fault::ALL {
            self.audit_faults.with_label_values(&[fault.word()]);
        }
        for result in ["restored", "refused"] {
            self.snapshots_found.with_label_values(&[result]);
        }
        for (what, _) in Counts::default().named() {
            self.commit_repairs.with_label_values(&[what]);
        }
        for code in connectors::reject::RejectCode::ALL {
            self.dead_letters.with_label_values(&[code.id()]);
        }
        let version = env!("CARGO_PKG_VERSION");
        self.build_info.with_label_values(&[version]).set(1);
    }

    /// Everything as Prometheus reads it; the figures of the process are taken now.
    ///
    /// # Errors
    /// [`MetricsError`] when a metric cannot be written as text.
    pub fn encode(&self) -> Result<Vec<u8>, MetricsError> {
        if let Some(usage) = process::usage() {
            let more = usage.cpu_seconds - self.cpu_seconds.get();
            if more > 0.0 {
                self.cpu_seconds.inc_by(more);
            }
            self.resident_bytes.set(usage.resident_bytes);
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
