//! Raw figures: a line of JSON per record, a file per measure.
//!
//! The invariant: a record is only ever added; commit, machine, load and date are read where it is made, never given.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use pipeline::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use super::MEASURES;

/// One call of a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Of [`super::Measure`].
    pub id: String,
    /// In UTC, to the minute.
    pub date: String,
    /// The commit measured; with a `+` when files differed from it.
    pub commit: String,
    /// Cores and their name.
    pub machine: String,
    /// Processes that wanted to run, on average over the minute before.
    pub load: String,
    /// What was called.
    pub command: String,
    /// Of the figures.
    pub unit: String,
    /// What they shall reach, as it was then.
    pub goal: Option<f64>,
    /// One per run.
    pub figures: Vec<f64>,
}

impl Record {
    /// The least, the median and the greatest figure.
    #[must_use]
    pub fn spread(&self) -> (f64, f64, f64) {
        let mut sorted = self.figures.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        (
            sorted[0],
            f64::midpoint(low, high),
            sorted[sorted.len() - 1],
        )
    }
}

/// All records, in the order of the measures, then of time.
///
/// # Panics
/// When a file cannot be read, is of no measure, or a line is no record with figures.
#[must_use]
pub fn all(results: &Path) -> Vec<Record> {
    let raw = results.join("raw");
    // Before the first record there is no folder.
    let mut files: Vec<_> = fs::read_dir(&raw)
        .into_iter()
        .flatten()
        .map(|file| file.expect("an entry").path())
        .collect();
    let place = |id: &str| MEASURES.iter().position(|measure| measure.id == id);
    files.sort();
    let mut records = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a raw file");
        for line in text.lines() {
            let record: Record = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
            let name = format!("{}.jsonl", record.id);
            assert!(
                file.ends_with(&name),
                "{}: a record of {name}",
                file.display()
            );
            assert!(
                place(&record.id).is_some(),
                "{}: no such measure",
                record.id
            );
            assert!(
                !record.figures.is_empty(),
                "{name}: a record without figures"
            );
            records.push(record);
        }
    }
    records.sort_by(|x, y| (place(&x.id), &x.date).cmp(&(place(&y.id), &y.date)));
    records
}

/// Adds a record of these figures, one per run.
///
/// # Panics
/// When there is no such measure, no figure, or the file cannot be written.
pub fn keep(results: &Path, id: &str, command: &str, figures: &[f64]) {
    let measure = MEASURES.iter().find(|measure| measure.id == id);
    let measure = measure.unwrap_or_else(|| panic!("{id}: no such measure"));
    assert!(!figures.is_empty(), "{id}: no figures");
    let record = Record {
        id: id.to_owned(),
        date: date(),
        commit: commit(results),
        machine: machine(),
        load: load(),
        command: command.to_owned(),
        unit: measure.unit.to_owned(),
        goal: measure.goal,
        figures: figures.to_vec(),
    };
    let raw = results.join("raw");
    fs::create_dir_all(&raw).expect("a folder for raw figures");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(raw.join(format!("{id}.jsonl")));
    let line = serde_json::to_string(&record).expect("a record as JSON");
    writeln!(file.expect("the raw file"), "{line}").expect("the record is written");
}

fn date() -> String {
    let seconds = SystemClock::new().wall_us() / 1_000_000;
    let mut date = Command::new("date");
    date.args(["-u", "-d", &format!("@{seconds}"), "+%FT%RZ"]);
    words(date)
}

fn commit(results: &Path) -> String {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(results).args(arguments);
        words(git)
    };
    let changed = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ":/",
        ":!.",
    ]);
    let mark = if changed.is_empty() { "" } else { "+" };
    format!("{}{mark}", git(&["rev-parse", "--short=7", "HEAD"]))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map_or("unknown", |name| name.trim_start_matches(['\t', ' ', ':']));
    format!("{cores} cores, {name}")
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

fn words(mut command: Command) -> String {
    let done = command.output().expect("the command starts");
    assert!(done.status.success(), "{command:?} fails");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
