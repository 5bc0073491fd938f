//! How often each rule of a pack hits on a sample of events: the dry run that finds an alert storm before it starts.
//!
//! The idea: the engine that runs live decides the sample, and its own counts are the answer. The invariant: a repeated
//! event is not decided again and counts for nothing; a rule that is off hits on nothing.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use rules::diagnostic::Code;
use rules::evaluate::RuleCounts;
use rules::ruleset::{Mode, Rule, RuleSet};
use rules::state::estimate::Spread;
use serde_json::json;

use crate::cli::arguments::CheckArgs;
use crate::cli::replay::{Replay, ReplayError, STEP_ROWS};
use crate::finding::{AnyCode, Finding, Severity};

/// What a pack made of a sample.
#[derive(Debug)]
pub(super) struct Sample {
    /// The file of the events, as the user named it.
    file: String,
    /// The version of the pack.
    pack: String,
    /// Events that were decided.
    events: u64,
    rejected: u64,
    rules: Vec<RuleRow>,
    /// How the keys of each group of the pack hold their events at the end.
    pub(super) spreads: Vec<Spread>,
}

/// One rule of it.
#[derive(Debug)]
struct RuleRow {
    id: String,
    mode: Mode,
    hits: u64,
    alerts: u64,
    /// Share of the events it hit on.
    rate: f64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SampleError {
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("{0}: none of its records is an event of the pack")]
    Nothing(String),
}

/// Runs a pack over the sample, and notes each live rule that hits on too much of it.
pub(super) fn run(
    args: &CheckArgs,
    events: &Path,
    pack_file: &str,
    rules: &Arc<RuleSet>,
) -> Result<(Sample, Vec<Finding>), SampleError> {
    let file = events.display().to_string();
    let mut sums = vec![RuleCounts::default(); rules.rules.len()];
    let (mut decided, mut repeated) = (0, 0);
    let told = Replay::open(events, rules, STEP_ROWS, 1)?.run(|_, out| {
        decided += out.decisions.len();
        repeated += out.counts.duplicates;
        for (sum, counts) in sums.iter_mut().zip(&out.counts.rules) {
            sum.hits += counts.hits;
            sum.alerts += counts.alerts;
        }
        Ok::<_, ReplayError>(())
    })?;
    let events = u64::try_from(decided)
        .unwrap_or_default()
        .saturating_sub(repeated);
    if events == 0 {
        return Err(SampleError::Nothing(file));
    }
    let row = |(rule, counts): (&Rule, &RuleCounts)| RuleRow {
        id: rule.id.clone(),
        mode: rule.mode,
        hits: counts.hits,
        alerts: counts.alerts,
        rate: share(counts.hits, events),
    };
    let sample = Sample {
        file,
        pack: rules.version.clone(),
        events,
        rejected: told.rejected,
        rules: rules.rules.iter().zip(&sums).map(row).collect(),
        spreads: told.spreads,
    };
    let findings = rules.rules.iter().zip(&sample.rules);
    let findings = findings
        .filter(|(_, row)| row.mode == Mode::Live && row.rate > args.max_match_rate)
        .map(|(rule, row)| sample.too_often(rule, row, args, pack_file));
    let findings = findings.collect();
    Ok((sample, findings))
}

/// Of counts far below 2^53.
#[allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a share to show"
)]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

impl Sample {
    fn too_often(&self, rule: &Rule, row: &RuleRow, args: &CheckArgs, file: &str) -> Finding {
        let help =
            "narrow it, try it with `mode: shadow`, or accept it with --max-match-rate or --force";
        Finding {
            code: AnyCode::Pack(Code::MatchRate),
            severity: if args.force {
                Severity::Warning
            } else {
                Severity::Error
            },
            file: file.to_owned(),
            span: rule.place.clone(),
            message: format!(
                "this live rule hits on {:.2} % of the events of {}, the limit is {} %",
                row.rate * 100.0,
                self.file,
                args.max_match_rate * 100.0
            ),
            label: format!("{} of {} events", row.hits, self.events),
            help: Some(help.to_owned()),
        }
    }

    /// A table for people.
    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{} over {}: {} events, {} rejected",
            self.pack, self.file, self.events, self.rejected
        )?;
        let width = self
            .rules
            .iter()
            .map(|row| row.id.len())
            .max()
            .unwrap_or(0)
            .max(4);
        writeln!(
            out,
            "{:width$}  {:6}  {:>10}  {:>10}  {:>10}",
            "rule", "mode", "hits", "alerts", "match rate"
        )?;
        for row in &self.rules {
            writeln!(
                out,
                "{:width$}  {:6}  {:>10}  {:>10}  {:>8.2} %",
                row.id,
                row.mode.name(),
                row.hits,
                row.alerts,
                row.rate * 100.0
            )?;
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        let rule = |row: &RuleRow| {
            json!({
                "rule": row.id,
                "mode": row.mode.name(),
                "hits": row.hits,
                "alerts": row.alerts,
                "match_rate": row.rate,
            })
        };
        json!({
            "pack": self.pack,
            "file": self.file,
            "events": self.events,
            "rejected": self.rejected,
            "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
        })
    }
}
