//! `tollgate rule bench`: what each feature and each rule of a pack takes per event, the dearest first.
//!
//! The idea: the engine takes a stream once and keeps what it saw; then every part runs over it by itself ([`measure`])
//! while the clock is read before and after. Of several rounds the quickest counts: what disturbs a measurement only
//! ever makes it longer. The invariant: the figures add up to more than the whole, since together the features of one
//! key share its events and rules share what they ask, and the report says so.

mod measure;
mod stream;

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;

use self::measure::{FeatureRow, Measured, RuleRow};
use self::stream::StreamError;
use super::arguments::{BenchArgs, Report};
use super::check::{Found, load_pack, report};
use super::{Exit, Io};
use crate::clock::SystemClock;
use crate::topology::BuildError;

pub(super) fn run(args: &BenchArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let Some(rules) = load_pack(&args.pack, &mut found).map(Arc::new) else {
        report(&found, args.output, io)?;
        return Ok(found.exit(false));
    };
    let steps = match stream::steps(args, &rules) {
        Ok(steps) => steps,
        Err(error) => {
            writeln!(io.err, "error: {error}")?;
            return Ok(match error {
                StreamError::NoSwipes => Exit::Config,
                StreamError::Build(BuildError::Wanted(_)) => Exit::Rule,
                _ => Exit::Outside,
            });
        }
    };
    let measured = measure::measure(&rules, &steps, &SystemClock::new());
    match args.output {
        Report::Text => text(args, &rules.version, &measured, io.out)?,
        Report::Json => {
            let whole = value(args, &rules.version, &measured);
            writeln!(io.out, "{whole:#}")?;
        }
    }
    Ok(Exit::Ok)
}

fn text(args: &BenchArgs, pack: &str, all: &Measured, out: &mut dyn Write) -> io::Result<()> {
    let (events, step) = (all.events, args.batch_size);
    writeln!(
        out,
        "{pack} over {}: {events} events, steps of {step}",
        over(args)
    )?;
    let (whole, rules) = (all.whole, all.rules_together);
    writeln!(
        out,
        "an event takes {whole:.0} ns of one core, {rules:.0} of them the conditions of all rules together\n"
    )?;
    let names = all.features.iter().map(|row| row.name.len());
    let names = names.chain(all.rules.iter().map(|row| row.id.len()));
    let width = names.max().unwrap_or(0).max("feature".len());
    let (ns, share, bytes, keys) = ("ns/event", "share", "bytes/key", "keys");
    let guess = "estimate";
    writeln!(
        out,
        "{:width$}  {ns:>10}  {guess:>10}  {share:>7}  {bytes:>10}  {guess:>10}  {keys:>10}",
        "feature"
    )?;
    for row in all.features.iter().take(args.top) {
        writeln!(
            out,
            "{:width$}  {:>10.1}  {:>10.1}  {:>6.1}%  {:>10}  {:>10.0}  {:>10}",
            row.name,
            row.ns,
            row.estimated.ns,
            row.share * 100.0,
            row.bytes_per_key,
            row.estimated.bytes.sampled.unwrap_or_default(),
            row.keys
        )?;
    }
    more(all.features.len(), args.top, out)?;
    let hits = "hits";
    writeln!(
        out,
        "\n{:width$}  {ns:>10}  {guess:>10}  {share:>7}  {hits:>10}",
        "rule"
    )?;
    for row in all.rules.iter().take(args.top) {
        writeln!(
            out,
            "{:width$}  {:>10.1}  {:>10.1}  {:>6.1}%  {:>10}",
            row.id,
            row.ns,
            row.estimated_ns,
            row.share * 100.0,
            row.hits
        )?;
    }
    more(all.rules.len(), args.top, out)?;
    writeln!(
        out,
        "\nEach by itself. Together they take less: features of one key share its events, rules what they ask."
    )
}

fn more(all: usize, shown: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "and {rest} more"),
    }
}

/// What the events are.
fn over(args: &BenchArgs) -> String {
    if args.events.is_empty() {
        return "made-up swipes".to_owned();
    }
    let files = args.events.iter();
    let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
    files.join(", ")
}

fn value(args: &BenchArgs, pack: &str, all: &Measured) -> serde_json::Value {
    let feature = |row: &FeatureRow| {
        json!({
            "feature": row.name,
            "ns_per_event": row.ns,
            "estimated_ns_per_event": row.estimated.ns,
            "share": row.share,
            "bytes_per_key": row.bytes_per_key,
            "estimated_bytes_per_key": row.estimated.bytes.sampled,
            "keys": row.keys,
        })
    };
    let rule = |row: &RuleRow| {
        json!({
            "rule": row.id,
            "mode": row.mode.name(),
            "ns_per_event": row.ns,
            "estimated_ns_per_event_at_most": row.estimated_ns,
            "share": row.share,
            "hits": row.hits,
        })
    };
    json!({
        "pack": pack,
        "events": all.events,
        "batch_size": args.batch_size,
        "ns_per_event": all.whole,
        "rules_together_ns_per_event": all.rules_together,
        "features": all.features.iter().map(feature).collect::<Vec<_>>(),
        "rules": all.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}
