//! A file through the engine, for commands that look at what comes out: `features` and `check --sample`.
//!
//! The idea: file → rows → engine, as in a run, without merge or delivery. The invariant: what is handed over does not
//! depend on how the records are cut into steps, but for where one step ends, nor on the number of workers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use connectors::file::FileSource;
use connectors::source::{Source, SourceError, SourceEvent};
use rules::evaluate::exchange::StepError;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::estimate::Spread;
use rules::state::seed::HashSeed;

use super::progress::Progress;
use crate::crew::Crew;
use crate::operator::decode::{Decode, Segment};
use crate::topology::{self, BuildError};

/// How long to wait for a file; it is always there.
const WAIT: Duration = Duration::from_millis(100);

/// Events per step when the user does not say.
pub(super) const STEP_ROWS: usize = 4_096;

/// Why a file could not be taken to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{0}")]
    Halted(String),
    #[error("decode: {0}")]
    Decode(#[from] ArrowError),
    #[error("start the workers: {0}")]
    Start(#[from] std::io::Error),
    #[error(transparent)]
    Step(#[from] StepError),
}

/// How many records there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) rows: u64,
    pub(super) rejected: u64,
    /// The rejects by code.
    pub(super) codes: BTreeMap<&'static str, u64>,
    /// How the keys of each group hold their events at the end.
    pub(super) spreads: Vec<Spread>,
}

/// A pack and the file it is fed.
pub(super) struct Replay {
    source: FileSource,
    decode: Decode,
    engine: Engine,
    crew: Crew,
    out: StepOutput,
    step_rows: usize,
    told: Told,
}

impl Replay {
    /// Opens a file (ndjson, csv or parquet by its ending) for so many workers.
    pub(super) fn open(
        path: &Path,
        rules: &Arc<RuleSet>,
        step_rows: usize,
        workers: u16,
    ) -> Result<Replay, ReplayError> {
        let (source, decode) = topology::open_file(path, rules)?;
        Ok(Replay {
            crew: Crew::new(workers)?,
            source,
            decode,
            engine: Engine::new(Arc::clone(rules), "features", HashSeed::FIXED),
            out: StepOutput::default(),
            step_rows: step_rows.max(1),
            told: Told::default(),
        })
    }

    /// Reads the file to its end and hands each step over with what came of it.
    pub(super) fn run<E: From<ReplayError>>(
        mut self,
        mut take: impl FnMut(&RecordBatch, &StepOutput) -> Result<(), E>,
    ) -> Result<Told, E> {
        let mut progress = Progress::of(0, "records");
        loop {
            match self.source.poll(WAIT).map_err(ReplayError::from)? {
                SourceEvent::Assigned(assigned) => {
                    let total: i64 = assigned.iter().map(|a| a.log_end - a.log_start).sum();
                    progress = Progress::of(u64::try_from(total).unwrap_or_default(), "records");
                    let starts: Vec<(u32, i64)> = assigned
                        .iter()
                        .map(|a| (a.partition, a.log_start))
                        .collect();
                    self.source.start(&starts).map_err(ReplayError::from)?;
                }
                SourceEvent::Batch(batch) => {
                    let segment = self.decode.run(batch, 0).map_err(ReplayError::from)?;
                    self.segment(&segment, &mut take)?;
                    progress.at(self.told.rows + self.told.rejected);
                }
                SourceEvent::Halted { offset, cause, .. } => {
                    let why = format!("{} stops at record {offset}: {cause}", self.source.topic());
                    return Err(ReplayError::Halted(why).into());
                }
                SourceEvent::Finished => {
                    progress.finish();
                    self.told.spreads = self.engine.spreads();
                    return Ok(self.told);
                }
                SourceEvent::Revoked(_)
                | SourceEvent::Lost(_)
                | SourceEvent::CaughtUp { .. }
                | SourceEvent::Idle => {}
            }
        }
    }

    fn segment<E: From<ReplayError>>(
        &mut self,
        segment: &Segment,
        take: &mut impl FnMut(&RecordBatch, &StepOutput) -> Result<(), E>,
    ) -> Result<(), E> {
        for letter in &segment.dead {
            self.told.rejected += 1;
            *self.told.codes.entry(letter.code.id()).or_default() += 1;
        }
        let (rows, mut from) = (segment.rows.num_rows(), 0);
        while from < rows {
            let count = self.step_rows.min(rows - from);
            let events = segment.rows.slice(from, count);
            let here = from..from + count;
            let step = Step {
                events: &events,
                times: segment.times.get(here.clone()).unwrap_or_default(),
                partitions: &vec![segment.partition; count],
                offsets: segment.offsets.get(here).unwrap_or_default(),
            };
            let decided = self.engine.step_with(&step, &mut self.out, &mut self.crew);
            decided.map_err(ReplayError::from)?;
            take(&events, &self.out)?;
            self.told.rows += u64::try_from(count).unwrap_or_default();
            from += count;
        }
        Ok(())
    }
}
