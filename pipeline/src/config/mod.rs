//! The configuration of a run: `pipeline.yaml`, written → checked.
//!
//! The idea: the file becomes values with their places ([`value`]), `${…}` is filled in ([`fill`]), each part is read
//! ([`section`], [`source`], [`sinks`], [`kafka`]) and the parts are compared ([`mod@check`]); everything that is wrong is
//! reported at once. The invariant: a [`Config`] exists only when nothing is wrong, its paths are absolute or relative
//! to the working directory, and no `Debug` of it shows a secret.

mod check;
mod connector;
mod fill;
mod kafka;
mod properties;
mod read;
mod secret;
mod section;
mod sinks;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod with_pack;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::connector::{CONNECTORS, Connector};
pub use self::fill::{Lookup, SECRET_BYTES_MAX, SecretProblem, System};
pub use self::kafka::{Kafka, property};
pub use self::properties::Properties;
pub use self::section::parse_rate;
pub use self::state::{AUDIT_EVERY, Bucket, State};
pub use self::with_pack::compare_with_pack;
pub use crate::crew::WORKERS_MAX;
use crate::finding::{Finding, SourceText};
pub use crate::operator::output::{Bounds, Packing};

/// Bytes a configuration may hold.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// A checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The application: prefixes the consumer group, the control topic and the state directory.
    pub name: String,
    /// The pack: a directory or a pack file.
    pub pack: PathBuf,
    /// Where events come from.
    pub source: Source,
    /// Where outputs go.
    pub sinks: Sinks,
    /// When outputs are committed.
    pub delivery: Delivery,
    /// Where state is kept.
    pub state: State,
    /// Where HTTP listens; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// How an application starts that has committed nothing yet.
    pub start: Start,
    /// How many threads decide: from 1 to [`WORKERS_MAX`]; it shows in no output.
    pub workers: u16,
}

/// Where events come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A topic of a Kafka cluster.
    Kafka {
        /// Where and how.
        kafka: Kafka,
        /// Which process of the application this is: of two with the same one the older is shut out.
        instance: String,
        /// What the key of each record must be.
        key: Option<KeyField>,
        /// Whether several processes share the partitions.
        shared: Option<Shared>,
    },
    /// Files, read to their end.
    File {
        /// A path or a glob.
        path: PathBuf,
    },
    /// A topic of the log in the state directory.
    Embedded {
        /// The topic.
        topic: String,
        /// What the key of each record must be.
        key: Option<KeyField>,
    },
    /// Made-up events.
    Generate(Generate),
}

/// That several processes share the partitions of the input: each partition has a state of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Where the configuration says so, for what only the pack can tell.
    pub span: Range<usize>,
}

impl Source {
    /// Whether several processes share its partitions.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(
            self,
            Source::Kafka {
                shared: Some(_),
                ..
            }
        )
    }
}

/// The field of the pack whose text is the key of each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyField {
    /// Its name.
    pub name: String,
    /// Where the configuration names it, for what only the pack can tell.
    pub span: Range<usize>,
}

/// What the generator makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    /// The same seed gives the same events.
    pub seed: u64,
    /// Events per second; `None`: as fast as it goes.
    pub rate: Option<f64>,
    /// How many; `None`: endless.
    pub count: Option<u64>,
    /// How many cards.
    pub cards: u64,
    /// Share of events that belong to a fraud.
    pub fraud: f64,
}

/// Where an application begins that has committed nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record.
    #[default]
    Earliest,
    /// Behind the newest record.
    Latest,
}

/// Where outputs go; each may go to several sinks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sinks {
    /// One per event; never empty.
    pub decisions: Vec<Sink>,
    /// How each of those wants them packed; one that is not named here has them one by one.
    pub packing: Vec<Packing>,
    /// Acting hits.
    pub alerts: Vec<Sink>,
    /// Records that became no event.
    pub dead_letters: Vec<Sink>,
}

/// One sink.
#[derive(Clone, Debug, PartialEq)]
pub enum Sink {
    /// A topic of a Kafka cluster.
    Kafka(Kafka),
    /// One file.
    File {
        /// Its path.
        path: PathBuf,
        /// What it holds.
        kind: FileKind,
    },
    /// A topic of the log in the state directory.
    Embedded {
        /// The topic.
        topic: String,
    },
    /// Lines on the standard output.
    Stdout,
}

/// What a sink's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One JSON object per line.
    Ndjson,
    /// Columns.
    Parquet,
}

/// When outputs are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What is promised.
    pub mode: Mode,
    /// At the latest after this time.
    pub commit_every: Duration,
    /// At the latest after this many records.
    pub commit_records: u64,
    /// How long a silent partition is waited for once all have been read to their ends.
    pub merge_wait: Duration,
    /// How long a call that ends a transaction may take before the process ends itself.
    pub hang_after: Duration,
}

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is lost; a crash can repeat outputs, with the same ids.
    AtLeastOnce,
    /// Outputs, journal and offsets become visible together; only where they are in one log.
    ExactlyOnce,
}

/// What reading a configuration brought.
#[derive(Debug)]
pub struct Checked {
    /// The configuration, unless something is wrong.
    pub config: Option<Config>,
    /// Everything that is wrong, and warnings.
    pub findings: Vec<Finding>,
    /// The text the findings point into, with stars for secrets.
    pub text: SourceText,
}

/// Reads and checks a configuration file.
#[must_use]
pub fn load(path: &Path, lookup: &dyn Lookup) -> Checked {
    let file = path.display().to_string();
    match crate::pack::read_bytes(path, CONFIG_BYTES_MAX) {
        Ok(bytes) => {
            let base = path.parent().unwrap_or(Path::new(""));
            match rules::definition::SourceFile::from_bytes(&file, bytes, CONFIG_BYTES_MAX) {
                Ok(source) => check(&file, &source.text, base, lookup),
                Err(found) => unread(file, found.into()),
            }
        }
        Err(error) => {
            let found = Finding::error(
                crate::error_code::Code::Unreadable,
                &file,
                0..0,
                error.reason(),
            );
            unread(file, found)
        }
    }
}

/// Checks a configuration's text; `base` is what its paths are relative to.
#[must_use]
pub fn check(file: &str, text: &str, base: &Path, lookup: &dyn Lookup) -> Checked {
    let (config, findings, text) = read::read(file, text, base, lookup);
    let file = file.to_owned();
    Checked {
        config,
        findings,
        text: SourceText { file, text },
    }
}

fn unread(file: String, finding: Finding) -> Checked {
    Checked {
        config: None,
        findings: vec![finding],
        text: SourceText {
            file,
            text: String::new(),
        },
    }
}

impl Config {
    /// The topic of journal and offsets.
    #[must_use]
    pub fn control_topic(&self) -> String {
        format!("{}.control", self.name)
    }
}
