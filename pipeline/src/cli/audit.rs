//! `tollgate audit`: whether the topics of an application hold what its commits say.

use std::io;

use super::arguments::{AuditArgs, Report as Form};
use super::check::{Found, load_config};
use super::run::{failed, report_to_err};
use super::{Exit, Io};
use crate::clock::SystemClock;
use crate::config::System;
use crate::delivery::audit::{Fault, Report};
use crate::finding::any_error;
use crate::topology::installation;

pub(super) fn run(args: &AuditArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let lookup = System {
        allow_insecure_perms: args.allow_insecure_perms,
    };
    let loaded = load_config(&args.config, lookup, &mut found);
    let Some((config, _)) = loaded.filter(|_| !any_error(&found.all())) else {
        report_to_err(&found, io)?;
        return Ok(found.exit(false));
    };
    let report = match installation::audit(&config, &SystemClock::shared()) {
        Ok(report) => report,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    match args.output {
        Form::Text => text(&report, io)?,
        Form::Json => json(&report, io)?,
    }
    Ok(if report.is_clean() {
        Exit::Ok
    } else {
        Exit::Findings
    })
}

fn text(report: &Report, io: &mut Io<'_>) -> io::Result<()> {
    let [decisions, alerts, letters] = report.outputs;
    writeln!(
        io.out,
        "{} commits, {decisions} decisions, {alerts} alerts, {letters} dead letters",
        report.commits
    )?;
    for fault in Fault::ALL {
        let Some((count, told)) = report.faults.get(&fault) else {
            continue;
        };
        writeln!(io.out, "{}: {count}", fault.name())?;
        for one in told {
            writeln!(io.out, "  {one}")?;
        }
    }
    if report.before > 0 {
        let before = report.before;
        writeln!(io.out, "{before} of them before the journal, which was cut")?;
    }
    if report.is_clean() {
        writeln!(io.out, "clean")?;
    }
    Ok(())
}

fn json(report: &Report, io: &mut Io<'_>) -> io::Result<()> {
    let [decisions, alerts, letters] = report.outputs;
    let faults: serde_json::Map<String, serde_json::Value> = Fault::ALL
        .iter()
        .map(|fault| {
            let (count, told) = report.faults.get(fault).cloned().unwrap_or_default();
            let told = serde_json::json!({ "count": count, "first": told });
            (fault.word().to_owned(), told)
        })
        .collect();
    let whole = serde_json::json!({
        "clean": report.is_clean(),
        "commits": report.commits,
        "decisions": decisions,
        "alerts": alerts,
        "dead_letters": letters,
        "before_journal": report.before,
        "faults": faults,
    });
    writeln!(io.out, "{whole}")
}
