//! `tollgate features`: the feature table for training, by the very engine that runs live.

use std::io;
use std::sync::Arc;

use super::arguments::{FeaturesArgs, Report};
use super::check::{Found, load_pack, report};
use super::run::failed;
use super::{Exit, Io};
use crate::features::{self, FeaturesError};
use crate::topology::BuildError;

pub(super) fn run(args: &FeaturesArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let Some(rules) = load_pack(&args.pack, &mut found) else {
        report(&found, Report::Text, io)?;
        return Ok(Exit::Rule);
    };
    let rules = Arc::new(rules);
    let step_rows = usize::try_from(args.batch_size).unwrap_or(usize::MAX);
    let mut shown = super::progress::Progress::rows("events");
    let made = features::run(&rules, &args.data, &args.out, step_rows, &mut |rows| {
        shown.at(rows)
    });
    shown.finish();
    let summary = match made {
        Ok(summary) => summary,
        Err(error @ FeaturesError::Open(BuildError::Wanted(_))) => {
            return failed(&error, Exit::Rule, io);
        }
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    writeln!(
        io.err,
        "{}: {} rows, {} columns",
        args.out.display(),
        summary.rows,
        features::width(&rules)
    )?;
    for (code, count) in &summary.rejected {
        writeln!(
            io.err,
            "left out: {count} records, {} {}",
            code.id(),
            code.name()
        )?;
    }
    Ok(Exit::Ok)
}
