//! `tollgate features`: the features of a pack over a file, by the very engine that decides live.
//!
//! The idea: file → rows → engine, as in a run, and the feature columns of each step go into a table ([`table`]). The
//! invariant: one row per record in the order of the file, less those rejected, and the bytes of the table do not
//! depend on how the records are cut into steps.

mod table;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use connectors::sink::SinkError;
use connectors::source::{Source, SourceError, SourceEvent};
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

use self::table::{Table, TableKind};
use super::arguments::FeaturesArgs;
use super::check::{Found, load_pack};
use super::progress::Progress;
use super::run::report_to_err;
use super::{Exit, Io};
use crate::operator::decode::{Decode, Segment};
use crate::topology::{self, BuildError};

/// How long to wait for a file; it is always there.
const WAIT: Duration = Duration::from_millis(100);

/// Why it failed.
#[derive(Debug, thiserror::Error)]
enum FeaturesError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{0}")]
    Halted(String),
    #[error("compute features: {0}")]
    Compute(#[from] ArrowError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error("write {path}: {source}")]
    Write { path: String, source: io::Error },
}

/// What came of it.
#[derive(Debug, Default)]
struct Told {
    rows: u64,
    rejected: u64,
    /// The first rejects by code.
    codes: std::collections::BTreeMap<&'static str, u64>,
}

pub(super) fn run(args: &FeaturesArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let Some(rules) = load_pack(&args.pack, &mut found).map(Arc::new) else {
        report_to_err(&found, io)?;
        return Ok(found.exit(false));
    };
    let Some(kind) = TableKind::of(&args.out) else {
        writeln!(
            io.err,
            "error: {}: the ending must be parquet, csv or ndjson",
            args.out.display()
        )?;
        return Ok(Exit::Config);
    };
    match compute(args, kind, &rules) {
        Ok(told) => {
            writeln!(io.err, "{} rows, {} rejected", told.rows, told.rejected)?;
            for (code, count) in told.codes {
                writeln!(io.err, "  {code} {count}")?;
            }
            Ok(Exit::Ok)
        }
        Err(error) => {
            writeln!(io.err, "error: {error}")?;
            Ok(
                if matches!(error, FeaturesError::Build(BuildError::Wanted(_))) {
                    Exit::Rule
                } else {
                    Exit::Outside
                },
            )
        }
    }
}

fn compute(
    args: &FeaturesArgs,
    kind: TableKind,
    rules: &Arc<RuleSet>,
) -> Result<Told, FeaturesError> {
    let (mut source, mut decode) = topology::open_file(&args.data, rules)?;
    let schema = schema(rules);
    let table = Table::create(&args.out, kind, Arc::clone(&schema))?;
    let batch = usize::try_from(args.batch_size).unwrap_or(usize::MAX);
    let mut run = Run {
        engine: Engine::new(Arc::clone(rules), "features", HashSeed::FIXED),
        out: StepOutput::default(),
        schema,
        id: rules.schema.id,
        table,
        told: Told::default(),
        batch,
    };
    let progress = drive(&mut source, &mut decode, &mut run)?;
    run.table.close()?;
    progress.finish();
    Ok(run.told)
}

/// Reads the file to its end.
fn drive(
    source: &mut dyn Source,
    decode: &mut Decode,
    run: &mut Run,
) -> Result<Progress, FeaturesError> {
    let mut progress = Progress::of(0, "records");
    loop {
        match source.poll(WAIT)? {
            SourceEvent::Assigned(assigned) => {
                let total: i64 = assigned.iter().map(|a| a.log_end - a.log_start).sum();
                progress = Progress::of(u64::try_from(total).unwrap_or_default(), "records");
                let starts: Vec<(u32, i64)> = assigned
                    .iter()
                    .map(|a| (a.partition, a.log_start))
                    .collect();
                source.start(&starts)?;
            }
            SourceEvent::Batch(batch) => {
                let segment = decode.run(batch, 0)?;
                run.take(&segment)?;
                progress.at(run.told.rows + run.told.rejected);
            }
            SourceEvent::Halted { offset, cause, .. } => {
                return Err(FeaturesError::Halted(format!(
                    "{} stops at record {offset}: {cause}",
                    source.topic()
                )));
            }
            SourceEvent::Finished => return Ok(progress),
            SourceEvent::Revoked(_)
            | SourceEvent::Lost(_)
            | SourceEvent::CaughtUp { .. }
            | SourceEvent::Idle => {}
        }
    }
}

/// Engine and table.
struct Run {
    engine: Engine,
    out: StepOutput,
    schema: SchemaRef,
    id: usize,
    table: Table,
    told: Told,
    batch: usize,
}

impl Run {
    fn take(&mut self, segment: &Segment) -> Result<(), FeaturesError> {
        for letter in &segment.dead {
            self.told.rejected += 1;
            *self.told.codes.entry(letter.code.id()).or_default() += 1;
        }
        let (rows, mut from) = (segment.rows.num_rows(), 0);
        while from < rows {
            let count = self.batch.min(rows - from);
            let events = segment.rows.slice(from, count);
            let partitions = vec![segment.partition; count];
            let here = from..from + count;
            self.engine.step(
                &Step {
                    events: &events,
                    times: segment.times.get(here.clone()).unwrap_or_default(),
                    partitions: &partitions,
                    offsets: segment.offsets.get(here).unwrap_or_default(),
                },
                &mut self.out,
            );
            let rows = self.rows(&events)?;
            self.table.write(rows)?;
            self.told.rows += u64::try_from(count).unwrap_or_default();
            from += count;
        }
        Ok(())
    }

    fn rows(&self, events: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let flags = |flag: fn(&rules::evaluate::Flags) -> bool| -> ArrayRef {
            Arc::new(
                self.out
                    .decisions
                    .iter()
                    .map(|decision| Some(flag(&decision.flags)))
                    .collect::<BooleanArray>(),
            )
        };
        let mut columns = vec![
            Arc::clone(events.column(self.id)),
            flags(|f| f.late),
            flags(|f| f.duplicate),
        ];
        columns.extend(self.out.features.iter().cloned());
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// The event's id under its own name, two flags, then every feature column.
fn schema(rules: &RuleSet) -> SchemaRef {
    let fields = rules.schema.fields.len();
    let id = rules
        .schema
        .fields
        .get(rules.schema.id)
        .map(|id| Field::new(&id.name, id.ty.arrow(), true));
    let flags = ["late", "duplicate"].map(|name| Field::new(name, DataType::Boolean, true));
    let features = rules
        .columns
        .iter()
        .skip(fields)
        .map(|column| Field::new(&column.name, column.ty.arrow(), true));
    Arc::new(Schema::new(
        id.into_iter()
            .chain(flags)
            .chain(features)
            .collect::<Vec<_>>(),
    ))
}
