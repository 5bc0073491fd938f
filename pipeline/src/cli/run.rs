//! `tollgate run`: the main job, until its source ends or it is stopped.

use std::io;
use std::sync::Arc;

use super::arguments::{Report, RunArgs};
use super::check::{Found, load_config, report};
use super::start::{self, Ended};
use super::{Exit, Io};
use crate::clock::SystemClock;
use crate::config::System;
use crate::console::{Console, ConsoleError, Health};
use crate::failpoint;
use crate::finding::any_error;
use crate::metrics::Metrics;
use crate::observe::Nobody;
use crate::shutdown::Shutdown;

pub(super) fn run(args: &RunArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let lookup = System {
        allow_insecure_perms: args.allow_insecure_perms,
    };
    let loaded = load_config(&args.config, lookup, &mut found);
    if loaded.is_none() || any_error(&found.all()) {
        report_to_err(&found, io)?;
        return Ok(found.exit(false));
    }
    for finding in found.all() {
        let (code, file, message) = (finding.code.id(), finding.file, finding.message);
        tracing::warn!(code, file, message, "configuration or pack");
    }
    let Some((config, rules)) = loaded else {
        return Ok(Exit::Config);
    };
    if let Err(cause) = failpoint::arm() {
        writeln!(io.err, "error: {cause}")?;
        return Ok(Exit::Config);
    }
    let shutdown = Shutdown::new();
    let metrics = match Metrics::new() {
        Ok(metrics) => metrics,
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    if let Err(error) = shutdown.on_signals() {
        return failed(&error, Exit::Outside, io);
    }
    let health = Health::new();
    let console = config
        .http
        .map(|address| Console::start(address, Arc::clone(&metrics), health.clone()));
    let _console = match console.transpose() {
        Ok(console) => console,
        Err(error @ ConsoleError::NotLoopback(_)) => return failed(&error, Exit::Config, io),
        Err(error) => return failed(&error, Exit::Outside, io),
    };
    if let Some(console) = &_console {
        tracing::info!(address = %console.address(), "serving /metrics, /healthz and /readyz");
    }
    let around = start::Surroundings {
        clock: SystemClock::shared(),
        metrics,
        health,
        shutdown: shutdown.clone(),
        observer: Box::new(Nobody),
    };
    let ended = start::run(&config, rules, around, args.accept_missing);
    finish(ended, &shutdown, io)
}

/// Tells how it ended.
pub(super) fn finish(ended: Ended, shutdown: &Shutdown, io: &mut Io<'_>) -> io::Result<Exit> {
    match ended {
        Ok(told) => {
            writeln!(io.err, "{told}")?;
            let interrupted = shutdown.reason() == Some(crate::shutdown::Reason::Interrupted);
            Ok(if interrupted {
                Exit::Interrupted
            } else {
                Exit::Ok
            })
        }
        Err(failure) => {
            writeln!(io.err, "error: {}", failure.message)?;
            Ok(failure.exit)
        }
    }
}

pub(super) fn report_to_err(found: &Found, io: &mut Io<'_>) -> io::Result<()> {
    let mut turned = Io {
        out: &mut *io.err,
        err: &mut io::sink(),
        color: io.color,
    };
    report(found, Report::Text, &mut turned)
}

pub(super) fn failed(
    error: &dyn std::error::Error,
    exit: Exit,
    io: &mut Io<'_>,
) -> io::Result<Exit> {
    writeln!(io.err, "error: {error}")?;
    Ok(exit)
}
