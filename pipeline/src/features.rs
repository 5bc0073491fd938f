//! The feature table for training: what each event's features were, by the very engine that runs live.
//!
//! The idea: one partition, taken in the order of the file; no rules, sinks or commits. The invariant: the table does
//! not depend on how many events a step holds, to the last byte, because rows are cut anew before they are written.

mod table;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::error::ArrowError;
use connectors::reject::RejectCode;
use connectors::sink::SinkError;
use connectors::source::{Source, SourceError, SourceEvent};
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;

use self::table::Table;
use crate::operator::decode::{Decode, Segment};
use crate::topology::{BuildError, open_file};

/// What a table came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written.
    pub rows: u64,
    /// Records left out, by why.
    pub rejected: BTreeMap<RejectCode, u64>,
}

/// Why a table could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FeaturesError {
    /// The events cannot be opened.
    #[error(transparent)]
    Open(#[from] BuildError),
    /// The events cannot be read.
    #[error(transparent)]
    Read(#[from] SourceError),
    /// A record cannot be read, and the ones behind it would not be what they were.
    #[error("read events: record {offset}: {cause}")]
    Halted {
        /// Its number from 0.
        offset: i64,
        /// Why.
        cause: String,
    },
    /// The table cannot be written.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// A broken invariant: columns that do not fit together.
    #[error("make the feature table: {0}")]
    Columns(#[from] ArrowError),
}

/// Reads `data`, writes `out`, in steps of `step_rows` events; tells `progress` how many rows there are so far.
///
/// # Errors
/// [`FeaturesError`].
pub fn run(
    rules: &Arc<RuleSet>,
    data: &Path,
    out: &Path,
    step_rows: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<Summary, FeaturesError> {
    let (mut source, mut decode) = open_file(&data.to_string_lossy(), rules, step_rows)?;
    let mut run = Run {
        engine: Engine::new(Arc::clone(rules), "features"),
        table: Table::create(out, rules)?,
        out: StepOutput::default(),
        summary: Summary::default(),
        step_rows: step_rows.max(1),
    };
    loop {
        match source.poll(Duration::ZERO)? {
            SourceEvent::Assigned(assigned) => {
                let starts: Vec<(u32, i64)> = assigned
                    .iter()
                    .map(|a| (a.partition, a.log_start))
                    .collect();
                source.start(&starts)?;
            }
            SourceEvent::Batch(batch) => {
                run.segment(&decoded(&mut decode, batch)?)?;
                progress(run.summary.rows);
            }
            SourceEvent::Halted { offset, cause, .. } => {
                return Err(FeaturesError::Halted { offset, cause });
            }
            SourceEvent::Finished => break,
            SourceEvent::CaughtUp { .. } | SourceEvent::Revoked(_) | SourceEvent::Idle => {}
        }
    }
    run.table.close()?;
    Ok(run.summary)
}

/// Columns of the table of a pack.
#[must_use]
pub fn width(rules: &RuleSet) -> usize {
    table::schema(rules).fields().len()
}

fn decoded(decode: &mut Decode, batch: connectors::record::Batch) -> Result<Segment, ArrowError> {
    decode.run(batch, 0)
}

/// A table in the making.
struct Run {
    engine: Engine,
    table: Table,
    out: StepOutput,
    summary: Summary,
    step_rows: usize,
}

impl Run {
    fn segment(&mut self, segment: &Segment) -> Result<(), FeaturesError> {
        for letter in &segment.dead {
            *self.summary.rejected.entry(letter.code).or_default() += 1;
        }
        let partitions = vec![segment.partition; self.step_rows];
        let steps = segment
            .times
            .chunks(self.step_rows)
            .zip(segment.offsets.chunks(self.step_rows));
        let mut start = 0;
        for (times, offsets) in steps {
            let events = segment.rows.slice(start, times.len());
            start += times.len();
            let partitions = partitions.get(..times.len()).unwrap_or_default();
            let step = Step {
                events: &events,
                times,
                partitions,
                offsets,
            };
            self.engine.step(&step, &mut self.out);
            self.table.push(&events, &self.out)?;
            self.summary.rows += u64::try_from(times.len()).unwrap_or_default();
        }
        Ok(())
    }
}
