//! `tollgate features`: the features of a pack over a file, by the very engine that decides live.
//!
//! The idea: the feature columns of each step of a replay ([`super::replay`]) go into a table ([`table`]). The
//! invariant: one row per record in the order of the file, less those rejected, and the bytes of the table do not
//! depend on how the records are cut into steps.

mod table;

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use connectors::sink::SinkError;
use rules::evaluate::StepOutput;
use rules::ruleset::RuleSet;

use self::table::{Table, TableKind};
use super::arguments::FeaturesArgs;
use super::check::{Found, load_pack};
use super::replay::{Replay, ReplayError, Told};
use super::run::report_to_err;
use super::{Exit, Io};
use crate::topology::BuildError;

/// Why it failed.
#[derive(Debug, thiserror::Error)]
enum FeaturesError {
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("compute features: {0}")]
    Compute(#[from] ArrowError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error("write {path}: {source}")]
    Write { path: String, source: io::Error },
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
            Ok(match error {
                FeaturesError::Replay(ReplayError::Build(BuildError::Wanted(_))) => Exit::Rule,
                _ => Exit::Outside,
            })
        }
    }
}

fn compute(
    args: &FeaturesArgs,
    kind: TableKind,
    rules: &Arc<RuleSet>,
) -> Result<Told, FeaturesError> {
    let batch = usize::try_from(args.batch_size).unwrap_or(usize::MAX);
    let replay = Replay::open(&args.data, rules, batch, args.workers)?;
    let schema = schema(rules);
    let mut table = Table::create(&args.out, kind, Arc::clone(&schema))?;
    let told = replay.run(|events, out| {
        let rows = rows(&schema, rules.schema.id, events, out)?;
        table.write(rows)
    })?;
    table.close()?;
    Ok(told)
}

/// What a row of the table is made of: the id, two flags, every feature.
fn rows(
    schema: &SchemaRef,
    id: usize,
    events: &RecordBatch,
    out: &StepOutput,
) -> Result<RecordBatch, ArrowError> {
    let flags = |flag: fn(&rules::evaluate::Flags) -> bool| -> ArrayRef {
        let decisions = out.decisions.iter();
        let flags = decisions.map(|decision| Some(flag(&decision.flags)));
        Arc::new(flags.collect::<BooleanArray>())
    };
    let mut columns = vec![
        Arc::clone(events.column(id)),
        flags(|f| f.late),
        flags(|f| f.duplicate),
    ];
    columns.extend(out.features.iter().cloned());
    RecordBatch::try_new(Arc::clone(schema), columns)
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
