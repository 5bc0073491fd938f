//! What the worker reports: counters per step, gauges ten times a second, through handles resolved once.
//!
//! The invariant: nothing here decides anything; every series label comes from the pack, a list in the code, or the
//! partitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use connectors::log::Counts;
use connectors::record::Batch;
use prometheus::core::{AtomicI64, GenericGauge};
use prometheus::{Gauge, Histogram, IntCounter};
use rules::evaluate::{Sizes, StepOutput};
use rules::ruleset::RuleSet;

use super::task::Task;
use crate::metrics::pack::PackSeries;
use crate::metrics::{Metrics, Stage};
use crate::operator::merge::Merged;

/// Handles for one run.
pub(super) struct Meter {
    metrics: Arc<Metrics>,
    pack: PackSeries,
    partitions: BTreeMap<u32, Partition>,
    stages: BTreeMap<&'static str, Histogram>,
    buffered: GenericGauge<AtomicI64>,
    /// What tasks that are gone have counted.
    gone: Sizes,
}

/// Handles of one partition.
struct Partition {
    records: IntCounter,
    bytes: IntCounter,
    events: IntCounter,
    watermark: Gauge,
    lag: GenericGauge<AtomicI64>,
    newest: i64,
    log_end: i64,
}

impl Meter {
    pub(super) fn new(metrics: Arc<Metrics>, rules: &RuleSet) -> Meter {
        let pack = PackSeries::new(&metrics, rules);
        let stage = |stage: &Stage| {
            (
                stage.name(),
                metrics.stage_seconds.with_label_values(&[stage.name()]),
            )
        };
        let stages = Stage::ALL.iter().map(stage).collect();
        let buffered = metrics
            .queue_depth
            .with_label_values(&[Stage::Merge.name()]);
        Meter {
            pack,
            stages,
            buffered,
            gone: Sizes::default(),
            partitions: BTreeMap::new(),
            metrics,
        }
    }

    /// A stage took this long over one batch or step.
    pub(super) fn stage(&self, stage: Stage, took: Duration) {
        if let Some(histogram) = self.stages.get(stage.name()) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// A stage failed.
    pub(super) fn failure(&self, stage: Stage) {
        self.metrics
            .failures
            .with_label_values(&[stage.name()])
            .inc();
    }

    /// Passes a result on and counts it when it is a failure.
    pub(super) fn failed_at<T, E>(&self, stage: Stage, result: Result<T, E>) -> Result<T, E> {
        if result.is_err() {
            self.failure(stage);
        }
        result
    }

    /// The source handed over a batch.
    pub(super) fn taken(&mut self, batch: &Batch) {
        let (partition, records, bytes) = match batch {
            Batch::Raw(raw) => (raw.partition, raw.len(), raw.value_bytes()),
            Batch::Columns(columns) => (
                columns.partition,
                columns.rows.num_rows(),
                columns.rows.get_array_memory_size(),
            ),
        };
        let series = self.partition(partition);
        series.records.inc_by(count(records));
        series.bytes.inc_by(count(bytes));
    }

    /// The source says where a partition's log ends.
    pub(super) fn log_end(&mut self, partition: u32, next_offset: i64) {
        let series = self.partition(partition);
        series.log_end = series.log_end.max(next_offset);
    }

    /// A step was decided.
    pub(super) fn step(&mut self, merged: &Merged, out: &StepOutput, latency: Duration) {
        self.advance(merged);
        self.metrics
            .step_events
            .observe(rows_f64(merged.times.len()));
        self.metrics.decision_latency.observe(latency.as_secs_f64());
        self.metrics.clamped.inc_by(merged.clamped);
        self.pack.record(&self.metrics, out);
        for (_, letter) in &merged.dead {
            self.metrics
                .dead_letters
                .with_label_values(&[letter.code.id()])
                .inc();
        }
    }

    /// A step was folded silently.
    pub(super) fn refolded(&mut self, merged: &Merged) {
        self.metrics.refolded.inc_by(count(merged.times.len()));
    }

    /// A commit was made, or failed.
    pub(super) fn commit(&self, took: Duration, ok: bool) {
        self.metrics.commit_seconds.observe(took.as_secs_f64());
        self.stage(Stage::Commit, took);
        self.metrics
            .commits
            .with_label_values(&[if ok { "ok" } else { "failed" }])
            .inc();
        if !ok {
            self.failure(Stage::Commit);
        }
    }

    /// What commits have needed so far.
    pub(super) fn repairs(&self, counts: &Counts) {
        for (what, count) in counts.named() {
            let series = self.metrics.commit_repairs.with_label_values(&[what]);
            series.inc_by(count.saturating_sub(series.get()));
        }
    }

    /// A snapshot became durable.
    pub(super) fn snapshot(&self, took: Duration, bytes: u64, wall_us: i64) {
        self.metrics.snapshots.with_label_values(&["ok"]).inc();
        self.metrics.snapshot_seconds.observe(took.as_secs_f64());
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.metrics.snapshot_bytes.set(bytes);
        self.metrics.snapshot_time.set(wall_us / 1_000_000);
    }

    /// A snapshot was found, and was of use or not.
    pub(super) fn snapshot_found(&self, used: bool) {
        let result = if used { "restored" } else { "refused" };
        let found = self.metrics.snapshots_found.with_label_values(&[result]);
        found.inc();
    }

    /// A snapshot did not come to be.
    pub(super) fn snapshot_failed(&self) {
        self.metrics.snapshots.with_label_values(&["failed"]).inc();
    }

    /// Nothing was decided for so long, for a snapshot.
    pub(super) fn snapshot_pause(&self, took: Duration) {
        let pauses = &self.metrics.snapshot_pause_seconds;
        pauses.observe(took.as_secs_f64());
    }

    /// Brings the gauges up to date.
    pub(super) fn gauges(&mut self, tasks: &[Task], halted: usize) {
        let mut sizes = self.gone.clone();
        tasks
            .iter()
            .for_each(|task| sizes.join(&task.engine.sizes()));
        self.pack.set_sizes(&self.metrics, &sizes);
        self.metrics.source_halted.set(gauge(halted));
        let buffered = tasks.iter().map(|task| task.merge.buffered_rows());
        self.buffered.set(gauge(buffered.sum()));
        for (partition, position) in tasks.iter().flat_map(|task| task.merge.positions()) {
            let series = self.partition(partition);
            series.lag.set((series.log_end - position).max(0));
        }
    }

    /// A task is gone: its lag is nobody's here.
    pub(super) fn released(&mut self, task: &Task) {
        self.gone.join(&task.engine.sizes().gone());
        for (partition, _) in task.merge.positions() {
            self.partitions.remove(&partition);
            // There is none where nothing was measured yet.
            let _ = self
                .metrics
                .source_lag
                .remove_label_values(&[&partition.to_string()]);
        }
    }

    fn advance(&mut self, merged: &Merged) {
        let mut rows = merged.partitions.iter().zip(&merged.times).peekable();
        while let Some((partition, time)) = rows.next() {
            let series = self.partition(*partition);
            let mut events = 1;
            series.newest = series.newest.max(time.0);
            while let Some((_, time)) = rows.next_if(|(next, _)| *next == partition) {
                events += 1;
                series.newest = series.newest.max(time.0);
            }
            series.events.inc_by(events);
            series.watermark.set(micros_f64(series.newest) / 1e6);
        }
    }

    fn partition(&mut self, partition: u32) -> &mut Partition {
        let metrics = &self.metrics;
        self.partitions.entry(partition).or_insert_with(|| {
            let label = partition.to_string();
            Partition {
                records: metrics.source_records.with_label_values(&[&label]),
                bytes: metrics.source_bytes.with_label_values(&[&label]),
                events: metrics.events.with_label_values(&[&label]),
                watermark: metrics.watermark.with_label_values(&[&label]),
                lag: metrics.source_lag.with_label_values(&[&label]),
                newest: i64::MIN,
                log_end: 0,
            }
        })
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn gauge(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Exact up to 2^32 rows, far beyond any step.
fn rows_f64(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge shows seconds; a rounded microsecond does not show"
)]
fn micros_f64(micros: i64) -> f64 {
    micros as f64
}
