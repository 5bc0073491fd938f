//! The command line, as the user types it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rules::time::Span;

use super::list::What;
use crate::config::WORKERS_MAX;

/// Real-time fraud detection: events in, decisions out, by rules an analyst writes.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// How the log on standard error is written; RUST_LOG says how much of it
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// What `tollgate` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch made-up card traffic with planted fraud being caught; needs nothing
    Demo(DemoArgs),
    /// Run a pipeline until its source ends or it is stopped
    Run(RunArgs),
    /// Say everything that is wrong with packs and pipeline configurations
    Check(CheckArgs),
    /// Compare the topics of an application with what its commits say: lost, duplicated, torn, out of order
    Audit(AuditArgs),
    /// Work on rules
    Rule {
        /// What to do with them.
        #[command(subcommand)]
        command: RuleCommand,
    },
    /// Compute the features of a pack over a file, for training
    Features(FeaturesArgs),
    /// Make up events
    Gen(GenArgs),
    /// List what there is
    List {
        /// Of what
        #[arg(value_enum)]
        what: What,
    },
    /// Explain an error code, such as E0102
    Explain {
        /// The code
        code: String,
    },
    /// Print a completion script for a shell
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub enum RuleCommand {
    /// Run the tests of a pack, in virtual time
    Test(TestArgs),
    /// Measure what each feature and each rule of a pack takes per event
    Bench(BenchArgs),
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// End after this time, such as 20s; without it ctrl-c ends it
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub for_: Option<Duration>,
    /// The same seed makes the same traffic
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Where /metrics listens [default: 127.0.0.1:9900, or a free port when that is taken]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// No colours and no status line that overwrites itself
    #[arg(long)]
    pub plain: bool,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The configuration
    #[arg(value_name = "PIPELINE.YAML")]
    pub config: PathBuf,
    /// Accept secret files that every user of the machine can read
    #[arg(long)]
    pub allow_insecure_perms: bool,
    /// Go on although the log no longer holds all events the state was made of, and no snapshot does
    #[arg(long)]
    pub accept_missing: bool,
}

/// Arguments of `audit`.
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// The configuration of the application
    #[arg(value_name = "PIPELINE.YAML")]
    pub config: PathBuf,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub output: Report,
    /// Accept secret files that every user of the machine can read
    #[arg(long)]
    pub allow_insecure_perms: bool,
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Packs (a directory or a file) and pipeline configurations
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub output: Report,
    /// Warnings make it fail too
    #[arg(long)]
    pub strict: bool,
    /// Also run the packs over these events (ndjson, csv or parquet, by the ending) and say how often each rule hits
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// A live rule that hits on more of the sample than this is an error
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = percent, requires = "sample")]
    pub max_match_rate: f64,
    /// Make that a warning
    #[arg(long, requires = "sample")]
    pub force: bool,
    /// Accept secret files that every user of the machine can read
    #[arg(long)]
    pub allow_insecure_perms: bool,
}

/// Arguments of `rule test`.
#[derive(Clone, Debug, Args)]
pub struct TestArgs {
    /// The pack: a directory or a file with tests.yaml beside it
    pub pack: PathBuf,
    /// How to report
    #[arg(long, value_enum, default_value_t)]
    pub output: Report,
    /// Also write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// Arguments of `rule bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// The pack: a directory or a file
    pub pack: PathBuf,
    /// The events (ndjson, csv or parquet, by the ending), file after file [default: made-up swipes]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub events: Vec<PathBuf>,
    /// Events at most
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: u32,
    /// Events per step
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_size: u32,
    /// How many of the dearest features and rules the tables show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// How to report; `json` has all features and rules
    #[arg(long, value_enum, default_value_t)]
    pub output: Report,
}

/// Arguments of `features`.
#[derive(Clone, Debug, Args)]
pub struct FeaturesArgs {
    /// The pack: a directory or a file
    #[arg(long)]
    pub pack: PathBuf,
    /// The events: ndjson, csv or parquet, by the ending
    #[arg(long)]
    pub data: PathBuf,
    /// The table: parquet, csv or ndjson, by the ending
    #[arg(long)]
    pub out: PathBuf,
    /// Events per step; the table does not depend on it
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_size: u32,
    /// Threads that compute; the table does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS_MAX)))]
    pub workers: u16,
}

/// Arguments of `gen`.
#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("to").required(true).args(["out", "kafka"])))]
pub struct GenArgs {
    /// Write NDJSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Produce to these brokers
    #[arg(long, value_name = "BROKERS", requires = "topic")]
    pub kafka: Option<String>,
    /// The topic
    #[arg(long, requires = "kafka")]
    pub topic: Option<String>,
    /// A property of the Kafka client by its librdkafka name; `${env:NAME}` and `${file:PATH}` are filled in
    #[arg(long = "property", value_name = "NAME=VALUE", requires = "kafka")]
    pub properties: Vec<String>,
    /// Let records and passwords cross the network unencrypted
    #[arg(long, requires = "kafka")]
    pub insecure: bool,
    /// The same seed makes the same bytes
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// How many events
    #[arg(long)]
    pub count: u64,
    /// Events per second, such as 1000/s; without it as fast as it goes
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// Write the labels to this file: which events are fraud, and of which kind
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// How many cards
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    pub cards: u64,
    /// Share of events that belong to a planted fraud
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    pub fraud: f64,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span = Span::parse(text).map_err(|error| error.to_string())?;
    let (least, most) = (Span(1_000), Span::seconds(7 * 86_400));
    if span < least || span > most {
        return Err(format!("out of range: write {least} to {most}"));
    }
    Ok(Duration::from_micros(span.0.unsigned_abs()))
}

fn rate(text: &str) -> Result<f64, String> {
    crate::config::parse_rate(text)
        .ok_or_else(|| "write a number and `/s`, `/m` or `/h`, such as `1000/s`".to_owned())
}

/// `10%` or `0.1`.
fn percent(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent
            .trim()
            .parse()
            .ok()
            .map(|percent: f64| percent / 100.0),
        None => text.parse().ok(),
    };
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a share such as `10%` or `0.1`".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a number from 0 to 1".to_owned())
}
