//! The events a pack is measured on: of files, or made up; decided once, so that what its rules read is there.
//!
//! The invariant: there is at least one event, and no more than asked for.

use std::sync::Arc;

use arrow::array::{AsArray, BinaryArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use connectors::format::json::JsonDecoder;
use connectors::format::{Decoder, Limits};
use connectors::generate::{Config, Generator};
use rules::evaluate::{Engine, Step, StepOutput, Taken};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

use super::super::arguments::BenchArgs;
use super::super::replay::{Replay, ReplayError};
use crate::operator::wanted;
use crate::topology::BuildError;

/// Why there are no events.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error(transparent)]
    Replay(ReplayError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{0}: none of its records is an event of the pack")]
    Nothing(String),
    #[error("made-up swipes are no events of this pack: name files of its events with --events")]
    NoSwipes,
    /// As many as were asked for; no failure.
    #[error("enough")]
    Enough,
}

impl From<ReplayError> for StreamError {
    fn from(error: ReplayError) -> StreamError {
        match error {
            ReplayError::Build(error) => StreamError::Build(error),
            other => StreamError::Replay(other),
        }
    }
}

/// The steps of the stream, taken by an engine.
pub(super) fn steps(args: &BenchArgs, rules: &Arc<RuleSet>) -> Result<Vec<Taken>, StreamError> {
    if args.events.is_empty() {
        made_up(args, rules)
    } else {
        of_files(args, rules)
    }
}

fn of_files(args: &BenchArgs, rules: &Arc<RuleSet>) -> Result<Vec<Taken>, StreamError> {
    let (count, step) = (whole(args.count), whole(args.batch_size));
    let (mut steps, mut rows) = (Vec::new(), 0);
    for path in &args.events {
        let before = rows;
        let read = Replay::open(path, rules, step, 1)?.run(|events, out| {
            steps.push(Taken::new(events, out));
            rows += events.num_rows();
            if rows < count {
                Ok(())
            } else {
                Err(StreamError::Enough)
            }
        });
        match read {
            Ok(_) if rows == before => {
                return Err(StreamError::Nothing(path.display().to_string()));
            }
            Ok(_) => {}
            Err(StreamError::Enough) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(steps)
}

fn made_up(args: &BenchArgs, rules: &Arc<RuleSet>) -> Result<Vec<Taken>, StreamError> {
    let mut generator = Generator::new(Config::default());
    let lines = (0..args.count).map(|_| {
        let mut line = Vec::new();
        generator.next_event().write_json(&mut line);
        line
    });
    let lines = BinaryArray::from_iter_values(lines.collect::<Vec<_>>());
    let decoder = JsonDecoder::new(wanted::columns(&rules.schema), Limits::DEFAULT);
    let mut decoder = decoder.map_err(BuildError::from)?;
    let events = decoder.decode(&lines).rows;
    if events.num_rows() == 0 {
        return Err(StreamError::NoSwipes);
    }
    Ok(taken(&events, rules, whole(args.batch_size)))
}

/// Cuts the events into steps of one partition and has an engine take them.
fn taken(events: &RecordBatch, rules: &Arc<RuleSet>, step: usize) -> Vec<Taken> {
    let mut engine = Engine::new(Arc::clone(rules), "bench", HashSeed::FIXED);
    let mut out = StepOutput::default();
    let rows = events.num_rows();
    let starts = (0..rows).step_by(step.max(1));
    let steps = starts.map(|from| {
        let events = events.slice(from, step.min(rows - from));
        let times = events.columns().get(rules.schema.time);
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.map_or(&[][..], |times| times.values());
        let times: Vec<EventTime> = times.iter().map(|time| EventTime(*time)).collect();
        let first = i64::try_from(from).unwrap_or(i64::MAX);
        let offsets: Vec<i64> = (first..).take(times.len()).collect();
        engine.step(
            &Step {
                events: &events,
                times: &times,
                partitions: &vec![0; times.len()],
                offsets: &offsets,
            },
            &mut out,
        );
        Taken::new(&events, &out)
    });
    steps.collect()
}

fn whole(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
