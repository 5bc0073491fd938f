//! The worker: one OS thread that owns source, operators, sinks and commit log, and has everything done in order.
//!
//! The idea: poll → decode → merge → step → write, and every few milliseconds a commit. Where there are more workers
//! than this one it has parts of a step, and batches ahead of it, done by a crew ([`crate::crew`]); what leaves here is
//! the same. Nothing overflows: a partition with too much buffered is paused at the source, and a sink that is slow
//! slows the loop. The invariant: what a commit covers is exactly what was written since the commit before it; on a wish to
//! stop the worker finishes the step at hand, commits and returns, and what was buffered is read again next time.

mod commit;
mod intake;
mod measure;
mod snapshot;
mod start;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use connectors::log::{CommitLog, LogError};
use connectors::sink::SinkError;
use connectors::snapshots::SnapshotStore;
use connectors::source::{Source, SourceError, SourceEvent};
use rules::evaluate::exchange::{Lost, StepError};
use rules::evaluate::{Step, StepOutput};
use rules::ruleset::RuleSet;

use crate::clock::Clock;
use crate::console::health::{Health, State};
use crate::crew::Crew;
use crate::delivery::recovery::RecoveryError;
use crate::metrics::{Metrics, Stage};
use crate::observe::{Observer, StepView};
use crate::operator::decode::Decode;
use crate::operator::merge::{MergeLimits, Merged, Taken};
use crate::operator::output::{Output, OutputError};
use crate::shutdown::Shutdown;

use self::intake::Intake;
use self::measure::Meter;
use self::task::Task;

/// How long a poll may wait when there is nothing to do. Kafka's client wants to be polled more often than each 100 ms.
const POLL_WAIT: Duration = Duration::from_millis(20);
/// How often the observer is called.
const TICK: Duration = Duration::from_millis(100);
/// How often the gauges are brought up to date: measuring the state walks all of it.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// Where a partition without a committed offset is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first record there is.
    Earliest,
    /// Behind the last record there is.
    Latest,
}

/// When to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// At the latest after this time.
    pub commit_every: Duration,
    /// At the latest after this many events.
    pub commit_records: u64,
}

/// All that a worker owns.
pub struct Parts {
    /// The application.
    pub app: String,
    /// Where events come from.
    pub source: Box<dyn Source>,
    /// Where to begin when nothing is committed.
    pub begin: Begin,
    /// Bytes to rows.
    pub decode: Decode,
    /// Windows, rules, policy.
    pub rules: Arc<RuleSet>,
    /// Decisions, alerts, dead letters to their sinks.
    pub output: Output,
    /// Offsets and journal; `None` for a bounded source that is read anew each time.
    pub log: Option<Box<dyn CommitLog>>,
    /// When to commit.
    pub delivery: Delivery,
    /// Bounds of the merge.
    pub limits: MergeLimits,
    /// How many threads decide, from 1.
    pub workers: u16,
    /// `None` without a log that could be read on from one.
    pub snapshots: Option<SnapshotPlan>,
    /// Whether each partition is a task of its own, so that instances can share them; else all are one.
    pub shared: bool,
    /// Whether to go on when the log no longer reaches back to where the state begins; else that is refused.
    pub accept_missing: bool,
}

/// Snapshots of a run.
#[derive(Clone)]
pub struct SnapshotPlan {
    /// Where they are kept.
    pub store: Arc<dyn SnapshotStore>,
    /// How often one is begun, at most.
    pub every: Duration,
    /// Whether they are written by a thread of its own; else by the worker.
    pub aside: bool,
}

/// What the worker tells the rest of the process.
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Readiness.
    pub health: Health,
    /// The wish to stop.
    pub shutdown: Shutdown,
    /// Who looks on.
    pub observer: Box<dyn Observer>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events decided.
    pub decisions: u64,
    /// Alerts raised.
    pub alerts: u64,
    /// Records that became no event.
    pub dead_letters: u64,
    /// Events folded again before the first decision.
    pub refolded: u64,
    /// Commits made.
    pub commits: u64,
}

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The commit log failed or another process took over.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state cannot be restored.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A broken invariant: columns that do not fit together.
    #[error("step: {0}")]
    Step(#[from] ArrowError),
    /// A step could not be decided.
    #[error(transparent)]
    Decide(#[from] StepError),
    /// A thread of the crew broke.
    #[error(transparent)]
    Worker(#[from] Lost),
    /// A thread of the crew could not be started.
    #[error("start the workers: {0}")]
    Start(#[from] std::io::Error),
    /// Outputs could not be rendered or written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The thread that keeps snapshots could not be started.
    #[error("start the keeper of snapshots: {0}")]
    Keeper(std::io::Error),
    /// Partitions moved to another instance.
    #[error(
        "partitions {0:?} were given to another instance; this pack keeps state by keys that need all partitions in \
         one place, so run one instance of an application"
    )]
    Revoked(Vec<u32>),
    /// The group has gone on without this process; what is not committed will be read again. [`run`] answers it.
    #[error("partitions {0:?} were lost to the group")]
    Lost(Vec<u32>),
}

/// A partition that stands still, where, and why.
type Halt = (u32, i64, String);

/// The running worker.
pub struct Worker {
    parts: Parts,
    around: Surroundings,
    crew: Crew,
    intake: Intake,
    tasks: Vec<Task>,
    /// The task that had the last turn.
    first: usize,
    meter: Meter,
    out: StepOutput,
    /// When the commit at hand was begun, or its first event came.
    since: Duration,
    /// Decisions and dead letters since the last commit.
    records: u64,
    /// The commit log is this worker's.
    fenced: bool,
    /// All was lost before.
    joins_again: bool,
    /// Within a commit.
    committing: bool,
    /// What the source said of its partitions within a commit.
    held: Vec<SourceEvent>,
    paused: Vec<u32>,
    halted: Vec<Halt>,
    finished: bool,
    summary: Summary,
    ticked: Duration,
    gauged: Option<Duration>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("app", &self.parts.app)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// Runs an application until its source is finished or it is asked to stop.
///
/// # Errors
/// [`RunError`]; what was committed before stays committed.
pub fn run(parts: Parts, around: Surroundings) -> Result<Summary, RunError> {
    let mut worker = Worker::new(parts, around)?;
    let mut ended = worker.go_on();
    while let Err(RunError::Lost(partitions)) = ended {
        ended = worker.lost(&partitions).and_then(|()| worker.go_on());
    }
    worker.around.health.set(State::Stopping);
    ended.map(|()| worker.summary)
}

/// What a turn of the loop came to.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// A step was decided or folded.
    progress: bool,
    /// No task has anything, or waits for anything.
    empty: bool,
}

impl Worker {
    /// The loop.
    fn go_on(&mut self) -> Result<(), RunError> {
        loop {
            if self.around.shutdown.requested() {
                break;
            }
            let turn = self.turn()?;
            if turn.empty && self.finished {
                break;
            }
            self.commit_if_due()?;
            let saved = self.save_some();
            self.tick();
            self.poll(turn.progress, turn.progress || saved)?;
        }
        self.commit()?;
        self.parts.output.close()?;
        self.gauge();
        self.tick_now();
        Ok(())
    }

    /// A step of each task, until a commit is full; then the next turn begins with the task behind.
    fn turn(&mut self) -> Result<Turn, RunError> {
        let mut turn = Turn {
            progress: false,
            empty: true,
        };
        let (mut tasks, mut live) = (std::mem::take(&mut self.tasks), false);
        let count = tasks.len();
        for _ in 0..count {
            self.first = (self.first + 1) % count;
            let Some(task) = tasks.get_mut(self.first) else {
                break;
            };
            if task.fold.is_some() {
                turn.progress |= self.fold_some(task)?;
                turn.empty = false;
                live |= task.fold.is_none();
            } else {
                match self.take(task)? {
                    Taken::Step(merged) => {
                        self.decide(task, Arc::from(merged))?;
                        (turn.progress, turn.empty) = (true, false);
                    }
                    Taken::Waiting => turn.empty = false,
                    Taken::Empty => {}
                }
            }
            if self.records >= self.parts.delivery.commit_records {
                break;
            }
        }
        self.tasks = tasks;
        if live {
            self.tell_ready();
        }
        Ok(turn)
    }

    /// The next step of the merge.
    fn take(&mut self, task: &mut Task) -> Result<Taken, RunError> {
        let started = self.around.clock.elapsed();
        let taken = task.merge.take(micros(started))?;
        self.meter.stage(
            Stage::Merge,
            self.around.clock.elapsed().saturating_sub(started),
        );
        Ok(taken)
    }

    /// Decides the events of a step and writes what comes of it.
    fn decide(&mut self, task: &mut Task, merged: Arc<Merged>) -> Result<(), RunError> {
        let clock = Arc::clone(&self.around.clock);
        let started = clock.elapsed();
        let mut out = std::mem::take(&mut self.out);
        let engine = &mut task.engine;
        engine.step_with(&step_of(&merged), &mut out, &mut self.crew)?;
        let out = Arc::new(out);
        let decided = clock.elapsed();
        self.meter
            .stage(Stage::Decide, decided.saturating_sub(started));
        let taken_at = merged.taken_at.unwrap_or_else(|| micros(decided));
        let latency =
            Duration::from_micros(u64::try_from(micros(decided) - taken_at).unwrap_or_default());
        let written = self.parts.output.write(&merged, &out, &mut self.crew);
        let written = self.meter.failed_at(Stage::Sink, written)?;
        self.meter
            .stage(Stage::Sink, clock.elapsed().saturating_sub(decided));
        task.journal.record(&merged);
        task.wrote(&written);
        self.records += written.decisions + written.dead_letters;
        self.summary.decisions += written.decisions;
        self.summary.alerts += written.alerts;
        self.summary.dead_letters += written.dead_letters;
        self.meter.step(&merged, &out, latency);
        let view = StepView {
            rules: task.engine.rules(),
            events: &merged.rows,
            output: &out,
            latency,
        };
        self.around.observer.step(&view);
        // Whoever wrote decisions is done; its buffers serve the next step.
        self.out = Arc::try_unwrap(out).unwrap_or_default();
        Ok(())
    }

    fn tick(&mut self) {
        if self.around.clock.elapsed().saturating_sub(self.ticked) >= TICK {
            self.tick_now();
        }
    }

    fn tick_now(&mut self) {
        self.ticked = self.around.clock.elapsed();
        if self
            .gauged
            .is_none_or(|gauged| self.ticked.saturating_sub(gauged) >= GAUGES_EVERY)
        {
            self.gauge();
        }
        self.around.observer.tick();
    }

    fn gauge(&mut self) {
        self.gauged = Some(self.ticked);
        self.meter.gauges(&self.tasks, self.halted.len());
    }
}

/// A merged step as the engine sees it.
fn step_of(merged: &Merged) -> Step<'_> {
    Step {
        events: &merged.rows,
        times: &merged.times,
        partitions: &merged.partitions,
        offsets: &merged.offsets,
    }
}

/// A time of the worker's clock in microseconds.
fn micros(elapsed: Duration) -> i64 {
    i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)
}
