//! The auditor: a thread that compares what a run has written with its commits, while it goes on, and tells by metrics.
//!
//! The idea: it reads the topics as anybody could ([`crate::topology::installation::live`]), so it finds what the worker
//! cannot know of itself. Behind each audit it removes the control records that nobody needs any more. The invariant: the
//! worker shares nothing with it but counters; whatever goes wrong here is told and tried again, and neither slows nor ends
//! the run; at the end of a run it is given a moment and then left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use connectors::snapshots::SnapshotStore;

use crate::clock::Clock;
use crate::config::Config;
use crate::console::Health;
use crate::delivery::audit::Report;
use crate::metrics::Metrics;
use crate::topology::installation::AuditError;
use crate::topology::installation::live::Live;

/// Between two looks whether the run has begun to decide.
const LOOK: Duration = Duration::from_millis(100);
/// How long the end of a run waits for the thread: enough to notice, less than a call that hangs takes.
const FAREWELL: Duration = Duration::from_secs(2);

/// A handle; dropped, the thread ends.
#[derive(Debug)]
pub struct Auditor {
    stop: Arc<AtomicBool>,
    /// Taken first, so that the thread wakes up.
    awake: Option<SyncSender<()>>,
    ended: Receiver<()>,
}

/// What the thread has.
struct Desk {
    live: Live,
    every: Duration,
    store: Option<Arc<dyn SnapshotStore>>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    health: Health,
    stop: Arc<AtomicBool>,
    /// Whether the last one failed, so that it is told once.
    failing: bool,
    /// The same of removing records.
    refused: bool,
}

impl Auditor {
    /// Starts it for a run over Kafka that shall audit itself; for others there is none. `store` has the snapshots of the run.
    #[must_use]
    pub fn start(
        config: &Config,
        store: Option<Arc<dyn SnapshotStore>>,
        (clock, metrics): (&Arc<dyn Clock>, &Arc<Metrics>),
        health: &Health,
    ) -> Option<Auditor> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut desk = Desk {
            live: Live::new(config)?,
            every: config.state.audit_every?,
            store,
            clock: Arc::clone(clock),
            metrics: Arc::clone(metrics),
            health: health.clone(),
            stop: Arc::clone(&stop),
            failing: false,
            refused: false,
        };
        let (awake, sleep) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        let work = move || {
            desk.work(&sleep);
            // Nobody may be waiting any more.
            let _ = end.try_send(());
        };
        let started = thread::Builder::new().name("audit".to_owned()).spawn(work);
        if let Err(error) = started {
            tracing::warn!(%error, "there is no thread for the audit: this run is not audited");
            return None;
        }
        Some(Auditor {
            stop,
            awake: Some(awake),
            ended,
        })
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.awake = None;
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

/// Whether the run has ended meanwhile.
fn ends_within(time: Duration, sleep: &Receiver<()>) -> bool {
    sleep.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
}

impl Desk {
    fn work(&mut self, sleep: &Receiver<()>) {
        // Before that the control topic need not be there, and what lies in the topics is for the start to judge.
        while !self.health.ready() {
            if ends_within(LOOK, sleep) {
                return;
            }
        }
        loop {
            let begun = self.clock.elapsed();
            self.audit();
            let took = self.clock.elapsed().saturating_sub(begun);
            if ends_within(self.every.saturating_sub(took), sleep) {
                return;
            }
        }
    }

    fn audit(&mut self) {
        let stop = Arc::clone(&self.stop);
        let going = || !stop.load(Ordering::Acquire);
        let begun = self.clock.elapsed();
        let (report, done) = self.live.pass(&going);
        self.tell(&report);
        if !going() {
            return;
        }
        let took = self.clock.elapsed().saturating_sub(begun);
        self.metrics.audit_seconds.observe(took.as_secs_f64());
        let failed = done.is_err();
        match done {
            Ok(()) => {
                if self.failing {
                    tracing::info!("the audit goes on");
                }
                self.metrics
                    .audit_time
                    .set(self.clock.wall_us() / 1_000_000);
                self.trim(&going);
            }
            Err(error @ AuditError::Gone { .. }) => {
                tracing::warn!(%error, "the audit begins anew");
            }
            Err(error) if self.failing => tracing::debug!(%error, "the audit failed again"),
            Err(error) => tracing::warn!(%error, "the audit failed; it will go on where it was"),
        }
        self.failing = failed;
        let result = if failed { "failed" } else { "ok" };
        self.metrics.audits.with_label_values(&[result]).inc();
        self.metrics
            .control_records
            .set(self.live.control_records());
    }

    fn tell(&self, report: &Report) {
        let commits = u64::try_from(report.commits).unwrap_or(u64::MAX);
        self.metrics.audited_commits.inc_by(commits);
        for (fault, (count, told)) in &report.faults {
            let word = fault.word();
            let counter = self.metrics.audit_faults.with_label_values(&[word]);
            counter.inc_by(*count);
            for what in told {
                tracing::error!(fault = word, what, "the audit found a fault");
            }
            if *count > told.len() as u64 {
                tracing::error!(fault = word, count, "the audit found more faults of a kind");
            }
        }
    }

    /// Removes control records, if there are any that may go.
    fn trim(&mut self, going: &dyn Fn() -> bool) {
        let Some(store) = &self.store else {
            return;
        };
        match self.live.trim(store.as_ref(), going) {
            Ok(0) => self.refused = false,
            Ok(removed) => {
                self.refused = false;
                tracing::info!(removed, "removed old records of the control topic");
            }
            // Nothing is lost by it but room.
            Err(error) if self.refused => tracing::debug!(%error, "control records stay"),
            Err(error) => {
                self.refused = true;
                tracing::warn!(%error, "old records of the control topic stay where they are");
            }
        }
    }
}
