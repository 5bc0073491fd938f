//! `tollgate check`: everything that is wrong with packs and pipeline configurations, in one run.
//!
//! The idea: a file is taken for a configuration when it has a key that only configurations have; a configuration's
//! pack is checked with it, and with `--sample` run over events ([`sample`]); what a pack without errors is estimated to
//! take comes last ([`estimates`]). The invariant: every finding of every file is reported, whatever was found before.

mod estimates;
mod sample;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::ruleset::RuleSet;

use self::estimates::Estimates;
use self::sample::{Sample, SampleError};
use super::arguments::{CheckArgs, Report};
use super::{Exit, Io, render};
use crate::config::{self, Config, System};
use crate::finding::{Finding, Severity, SourceText, any_error};
use crate::pack;

/// What was found in some files.
#[derive(Debug, Default)]
pub struct Found {
    /// What is wrong with configurations.
    pub config: Vec<Finding>,
    /// What is wrong with packs.
    pub pack: Vec<Finding>,
    /// What both point into.
    pub texts: Vec<SourceText>,
}

impl Found {
    /// Everything, configurations first.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.config.iter().chain(&self.pack).cloned().collect()
    }

    /// The code a command with these findings ends with.
    #[must_use]
    pub fn exit(&self, strict: bool) -> Exit {
        if any_error(&self.config) {
            Exit::Config
        } else if any_error(&self.pack) {
            Exit::Rule
        } else if strict && !(self.config.is_empty() && self.pack.is_empty()) {
            Exit::Findings
        } else {
            Exit::Ok
        }
    }
}

/// Reads and compiles a pack.
pub fn load_pack(path: &Path, found: &mut Found) -> Option<RuleSet> {
    let loaded = pack::load(path);
    found.texts.extend(loaded.texts);
    found.pack.extend(loaded.findings);
    compile(&loaded.source?, found)
}

/// The name findings about a pack's own text carry: that of its file, as [`load_pack`] reads it.
fn file_of(pack: &Path) -> String {
    pack::locate(pack).map_or_else(
        |_| pack.display().to_string(),
        |file| file.display().to_string(),
    )
}

/// Compiles a pack whose texts are there.
pub fn compile(source: &rules::definition::PackSource, found: &mut Found) -> Option<RuleSet> {
    match rules::compile::compile(source) {
        Ok(rules) => {
            found
                .pack
                .extend(rules.warnings.iter().cloned().map(Finding::from));
            Some(rules)
        }
        Err(wrong) => {
            found.pack.extend(wrong.into_iter().map(Finding::from));
            None
        }
    }
}

/// Reads a configuration and its pack.
pub fn load_config(
    path: &Path,
    lookup: System,
    found: &mut Found,
) -> Option<(Config, Arc<RuleSet>)> {
    let checked = config::load(path, &lookup);
    found.config.extend(checked.findings);
    found.texts.push(checked.text);
    let config = checked.config?;
    let rules = load_pack(&config.pack, found)?;
    let file = path.display().to_string();
    found
        .config
        .extend(config::compare_with_pack(&config, &rules, &file));
    Some((config, Arc::new(rules)))
}

pub(super) fn run(args: &CheckArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let mut seen: Vec<&PathBuf> = Vec::new();
    let mut packs = Vec::new();
    let lookup = System {
        allow_insecure_perms: args.allow_insecure_perms,
    };
    for file in &args.files {
        if seen.contains(&file) {
            continue;
        }
        seen.push(file);
        packs.extend(file_or_pack(file, lookup, &mut found));
    }
    let (samples, failed) = sampled(args, &packs, &mut found);
    let estimates = packs.iter().enumerate().map(|(at, (_, rules))| {
        let spreads = samples.get(at).map(|sample| sample.spreads.as_slice());
        Estimates::new(rules, spreads)
    });
    let estimates: Vec<Estimates> = estimates.collect();
    match args.output {
        Report::Text => {
            report(&found, Report::Text, io)?;
            samples.iter().try_for_each(|sample| sample.text(io.out))?;
            estimates.iter().try_for_each(|each| each.text(io.out))?;
        }
        Report::Json => {
            let mut whole = render::value(&found.all(), &found.texts);
            whole["estimates"] = estimates.iter().map(Estimates::json).collect();
            if args.sample.is_some() {
                whole["samples"] = samples.iter().map(Sample::json).collect();
            }
            writeln!(io.out, "{whole:#}")?;
        }
    }
    let exit = found.exit(args.strict);
    let Some(error) = failed else {
        return Ok(exit);
    };
    writeln!(io.err, "error: {error}")?;
    Ok(match exit {
        Exit::Ok | Exit::Findings => Exit::Outside,
        wrong => wrong,
    })
}

/// Reads a configuration with its pack, or a pack, whichever is there: where the pack lies, and the pack.
pub fn file_or_pack(
    file: &Path,
    lookup: System,
    found: &mut Found,
) -> Option<(PathBuf, Arc<RuleSet>)> {
    if is_config(file) {
        load_config(file, lookup, found).map(|(config, rules)| (config.pack, rules))
    } else {
        load_pack(file, found).map(|rules| (file.to_owned(), Arc::new(rules)))
    }
}

/// What each pack makes of the sample, if there is one; the first that cannot be had ends it.
fn sampled(
    args: &CheckArgs,
    packs: &[(PathBuf, Arc<RuleSet>)],
    found: &mut Found,
) -> (Vec<Sample>, Option<SampleError>) {
    let mut samples = Vec::new();
    let Some(events) = &args.sample else {
        return (samples, None);
    };
    for (path, rules) in packs {
        match sample::run(args, events, &file_of(path), rules) {
            Ok((sample, findings)) => {
                found.pack.extend(findings);
                samples.push(sample);
            }
            Err(error) => return (samples, Some(error)),
        }
    }
    (samples, None)
}

/// Shows what was found, with a line that sums it up.
///
/// # Errors
/// When nothing more can be written.
pub fn report(found: &Found, output: Report, io: &mut Io<'_>) -> io::Result<()> {
    let all = found.all();
    match output {
        Report::Json => writeln!(io.out, "{:#}", render::value(&all, &found.texts)),
        Report::Text => {
            render::text(&all, &found.texts, io.color, io.out)?;
            writeln!(io.out, "{}", summary(&all))
        }
    }
}

fn summary(findings: &[Finding]) -> String {
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "no problems found".to_owned(),
        (errors, warnings) => format!(
            "{}, {}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    }
}

/// Whether a file is a pipeline configuration: a key at its left edge says so, even when the rest is not YAML.
fn is_config(path: &Path) -> bool {
    if path.is_dir() {
        return false;
    }
    let Ok(bytes) = pack::read_bytes(path, config::CONFIG_BYTES_MAX) else {
        // What cannot be read is reported as a configuration; a pack is most often a directory.
        return true;
    };
    let text = String::from_utf8_lossy(&bytes);
    let has = |keys: &[&str]| {
        text.lines()
            .any(|line| keys.iter().any(|key| line.starts_with(key)))
    };
    if has(&["schema:", "features:", "rules:", "policy:"]) {
        return false;
    }
    let named_pack = path.file_name().is_some_and(|name| name == pack::PACK_FILE);
    has(&["source:", "sinks:", "delivery:", "state:", "http:"]) || !named_pack
}
