//! `tollgate gen`: made-up swipes into a file or a topic; the same seed makes the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use connectors::generate::{Config, Event, Generator};
use connectors::kafka::{
    KafkaFailure, KafkaProducer, KafkaSettings, check_brokers, check_properties,
};
use connectors::record::OutRecord;

use super::arguments::GenArgs;
use super::progress::Progress;
use super::{Exit, Io};
use crate::clock::{Clock, SystemClock};
use crate::config::{System, property};

/// Events between two looks at the clock.
const STRIDE: u64 = 1_024;

/// Why it failed.
#[derive(Debug, thiserror::Error)]
enum GenError {
    #[error("write {0}: {1}")]
    File(String, #[source] io::Error),
    #[error(transparent)]
    Kafka(#[from] KafkaFailure),
    #[error("{0}")]
    Usage(String),
}

pub(super) fn run(args: &GenArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    match generate(args, io) {
        Ok(()) => Ok(Exit::Ok),
        // A reader of standard output that went away has what it wanted.
        Err(GenError::File(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => {
            writeln!(io.err, "error: {error}")?;
            Ok(match error {
                GenError::Usage(_) => Exit::Config,
                _ => Exit::Outside,
            })
        }
    }
}

fn generate(args: &GenArgs, io: &mut Io<'_>) -> Result<(), GenError> {
    let cluster = cluster(args)?;
    let mut labels = args.labels.as_deref().map(create).transpose()?;
    let clock = SystemClock::new();
    let progress = Progress::of(args.count, "events");
    let mut events = Paced::new(args, &clock, &progress);
    match (&cluster, &args.topic) {
        (Some(cluster), Some(topic)) => {
            let producer = KafkaProducer::new(cluster)?;
            let mut failed = Ok(());
            let records = std::iter::from_fn(|| {
                let event = events.next()?;
                failed = label(&event, &mut labels);
                failed.is_ok().then(|| record(&event))
            });
            producer.load(topic, records)?;
            failed?;
        }
        _ => {
            let path = args.out.as_deref().unwrap_or(Path::new("-"));
            if path == Path::new("-") {
                lines(&mut events, &mut labels, "standard output", &mut io.out)?;
            } else {
                let mut file = create(path)?;
                lines(&mut events, &mut labels, &file.name.clone(), &mut file.to)?;
            }
        }
    }
    if let Some(Named { name, mut to }) = labels {
        to.flush().map_err(|error| GenError::File(name, error))?;
    }
    progress.finish();
    Ok(())
}

/// How to reach the cluster, by the rules of a configuration; everything that is against them at once.
fn cluster(args: &GenArgs) -> Result<Option<KafkaSettings>, GenError> {
    let Some(brokers) = &args.kafka else {
        return Ok(None);
    };
    let lookup = System {
        allow_insecure_perms: false,
    };
    let mut settings = KafkaSettings::new(brokers, "tollgate-gen");
    settings.insecure = args.insecure;
    let mut wrong = Vec::new();
    for text in &args.properties {
        match property(text, &lookup) {
            Ok((name, value)) => drop(settings.properties.insert(name, value)),
            Err(problem) => wrong.push(format!("--property: {problem}")),
        }
    }
    for problem in check_properties(&settings.properties) {
        let (name, reason) = (problem.name, problem.reason);
        wrong.push(format!("--property: `{name}` is refused: {reason}"));
    }
    let encrypted = check_brokers(brokers, &settings.properties, args.insecure);
    wrong.extend(encrypted.map(|reason| format!("--kafka: {reason}")));
    if wrong.is_empty() {
        Ok(Some(settings))
    } else {
        Err(GenError::Usage(wrong.join("\nerror: ")))
    }
}

/// A file that can be named in a complaint.
struct Named {
    name: String,
    to: BufWriter<File>,
}

fn create(path: &Path) -> Result<Named, GenError> {
    let name = path.display().to_string();
    let made = File::create(path).map_err(|error| GenError::File(name.clone(), error))?;
    Ok(Named {
        name,
        to: BufWriter::with_capacity(1 << 16, made),
    })
}

fn lines(
    events: &mut Paced<'_>,
    labels: &mut Option<Named>,
    name: &str,
    to: &mut dyn Write,
) -> Result<(), GenError> {
    let failed = |error| GenError::File(name.to_owned(), error);
    let mut line = Vec::new();
    for event in events {
        line.clear();
        event.write_json(&mut line);
        line.push(b'\n');
        to.write_all(&line).map_err(failed)?;
        label(&event, labels)?;
    }
    to.flush().map_err(failed)
}

fn label(event: &Event, labels: &mut Option<Named>) -> Result<(), GenError> {
    let Some(Named { name, to }) = labels else {
        return Ok(());
    };
    let mut line = Vec::new();
    event.write_label(&mut line);
    line.push(b'\n');
    to.write_all(&line)
        .map_err(|error| GenError::File(name.clone(), error))
}

/// A swipe as a record, keyed by card.
pub(super) fn record(event: &Event) -> OutRecord {
    let (mut key, mut value) = (Vec::new(), Vec::new());
    event.write_card(&mut key);
    event.write_json(&mut value);
    OutRecord {
        key: Some(key),
        value: Some(value),
        ..OutRecord::default()
    }
}

/// So many events, no faster than asked for.
struct Paced<'a> {
    generator: Generator,
    left: u64,
    rate: Option<f64>,
    clock: &'a dyn Clock,
    progress: &'a Progress,
}

impl<'a> Paced<'a> {
    fn new(args: &GenArgs, clock: &'a dyn Clock, progress: &'a Progress) -> Paced<'a> {
        let cards = u32::try_from(args.cards).unwrap_or(u32::MAX);
        let stream = Config {
            seed: args.seed,
            cards,
            fraud: args.fraud,
            swipes_per_second: Config::natural_density(cards),
            ..Config::default()
        };
        Paced {
            generator: Generator::new(stream),
            left: args.count,
            rate: args.rate,
            clock,
            progress,
        }
    }
}

impl Iterator for Paced<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.left = self.left.checked_sub(1)?;
        let made = self.generator.handed_over();
        if made.is_multiple_of(STRIDE) {
            self.progress.at(made);
        }
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(made as f64 / rate);
            let early = due.saturating_sub(self.clock.elapsed());
            if !early.is_zero() {
                std::thread::sleep(early);
            }
        }
        Some(self.generator.next_event())
    }
}
