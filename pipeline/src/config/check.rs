//! Compares the parts of a configuration with one another: no output is the input, no two streams share one, and what
//! is promised can be kept.

use std::path::{Component, Path, PathBuf};

use super::read::Written;

use super::section::Notes;
use super::{FileKind, Mode, Sink, Source};
use crate::error_code::Code;

/// What an output is, for comparing: two that are equal are the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Topic { brokers: Vec<String>, topic: String },
    Embedded(String),
    File(PathBuf),
}

/// Notes what does not go together.
pub(super) fn compare(written: &Written<'_>, notes: &mut Notes<'_>) {
    cycles(written, notes);
    shared(written, notes);
    durable(written, notes);
    promise(written, notes);
}

fn cycles(written: &Written<'_>, notes: &mut Notes<'_>) {
    let (Some((source, _, source_span)), Some(streams)) = (&written.source, &written.streams)
    else {
        return;
    };
    let input = match source {
        Source::Kafka { kafka, .. } => Some(topic(&kafka.brokers, &kafka.topic)),
        Source::Embedded { topic, .. } => Some(Place::Embedded(topic.clone())),
        Source::File { path } => Some(Place::File(tidy(path))),
        Source::Generate(_) => None,
    };
    let control = written.name.map(|name| format!("{name}.control"));
    let is_control = |name: &str| control.as_deref() == Some(name);
    if let Source::Kafka {
        kafka: super::Kafka { topic, .. },
        ..
    }
    | Source::Embedded { topic, .. } = source
        && is_control(topic)
    {
        let message =
            format!("the source is `{topic}`, which holds this application's own journal");
        notes.error(Code::Cycle, source_span, message);
    }
    for (stream, sinks) in streams.named() {
        for (sink, span) in sinks {
            let Some(place) = place(sink) else { continue };
            if Some(&place) == input.as_ref() || reads(source, &place) {
                let message = format!("{stream} would be written to the source and read again");
                notes.error_with(
                    Code::Cycle,
                    span,
                    message,
                    "give them a topic or file of their own".to_owned(),
                );
            }
            if let Place::Topic { topic, .. } | Place::Embedded(topic) = &place
                && is_control(topic)
            {
                let message = format!(
                    "{stream} would be written to `{topic}`, which holds this application's own journal"
                );
                notes.error(Code::Cycle, span, message);
            }
        }
    }
}

/// Whether a glob of the source would take in a file that is written.
fn reads(source: &Source, place: &Place) -> bool {
    let (Source::File { path }, Place::File(written)) = (source, place) else {
        return false;
    };
    let pattern = tidy(path);
    let pattern = pattern
        .to_str()
        .and_then(|text| glob::Pattern::new(text).ok());
    pattern.is_some_and(|pattern| pattern.matches_path(written))
}

fn shared(written: &Written<'_>, notes: &mut Notes<'_>) {
    let Some(streams) = &written.streams else {
        return;
    };
    let mut taken: Vec<(Place, &str)> = Vec::new();
    for (stream, sinks) in streams.named() {
        for (sink, span) in sinks {
            let Some(place) = place(sink) else { continue };
            match taken.iter().find(|(other, _)| *other == place) {
                Some((_, first)) if *first == stream => {
                    notes.error(
                        Code::SharedOutput,
                        span,
                        format!("{stream} are written here twice"),
                    );
                }
                Some((_, first)) => {
                    notes.error(
                        Code::SharedOutput,
                        span,
                        format!("{stream} and {first} share one output"),
                    );
                }
                None => taken.push((place, stream)),
            }
        }
    }
}

/// A source that keeps offsets commits again and again; a Parquet file is none before it has its footer.
fn durable(written: &Written<'_>, notes: &mut Notes<'_>) {
    let (Some((source, ..)), Some(streams)) = (&written.source, &written.streams) else {
        return;
    };
    if !matches!(source, Source::Kafka { .. } | Source::Embedded { .. }) {
        return;
    }
    for (stream, sinks) in streams.named() {
        for (sink, span) in sinks {
            let Sink::File {
                kind: FileKind::Parquet,
                ..
            } = sink
            else {
                continue;
            };
            let message =
                format!("{stream} of a source without an end cannot go to one Parquet file yet");
            let help =
                "write .ndjson, or a topic: a Parquet file is not readable before its last row"
                    .to_owned();
            notes.error_with(Code::NotYet, span, message, help);
        }
    }
}

/// Exactly once, which is what is promised unless another mode is declared, needs one log for outputs and offsets: the
/// cluster of the source, or the embedded log. A file or a terminal cannot have it; a source that is no log has no
/// offsets, and nothing is promised unless it is written.
fn promise(written: &Written<'_>, notes: &mut Notes<'_>) {
    let declared = match &written.mode {
        Some((Mode::AtLeastOnce, _)) => return,
        Some((Mode::ExactlyOnce, span)) => Some(span),
        None => None,
    };
    let (Some((source, ..)), Some(streams)) = (&written.source, &written.streams) else {
        return;
    };
    let help = "or declare `delivery: at_least_once`: after a crash decisions and alerts may come twice, with the \
                same ids";
    let wanted = match source {
        Source::Kafka { .. } => {
            "topics of the cluster of the source, with the properties it has there"
        }
        Source::Embedded { .. } => "topics of the embedded log, as the source is",
        _ => {
            if let Some(span) = declared {
                let message = "exactly_once needs a source that keeps offsets: kafka or embedded";
                notes.error_with(Code::Promise, span, message, help.to_owned());
            }
            return;
        }
    };
    for (stream, sinks) in streams.named() {
        if let Some((_, span)) = sinks.iter().find(|(sink, _)| !in_one_log(source, sink)) {
            let message = format!("exactly_once needs {stream} in {wanted}");
            let span = declared.unwrap_or(span);
            notes.error_with(Code::Promise, span, message, help.to_owned());
            return;
        }
    }
}

/// Whether what is written there can be one with the offsets of the source.
fn in_one_log(source: &Source, sink: &Sink) -> bool {
    match (source, sink) {
        (Source::Kafka { kafka, .. }, Sink::Kafka(sink)) => {
            brokers(&kafka.brokers) == brokers(&sink.brokers) && kafka.properties == sink.properties
        }
        (Source::Embedded { .. }, Sink::Embedded { .. }) => true,
        _ => false,
    }
}

fn place(sink: &Sink) -> Option<Place> {
    match sink {
        Sink::Kafka(kafka) => Some(topic(&kafka.brokers, &kafka.topic)),
        Sink::Embedded { topic } => Some(Place::Embedded(topic.clone())),
        Sink::File { path, .. } => Some(Place::File(tidy(path))),
        Sink::Stdout => None,
    }
}

fn topic(names: &str, topic: &str) -> Place {
    Place::Topic {
        brokers: brokers(names),
        topic: topic.to_owned(),
    }
}

/// The same brokers in another order or case are the same cluster.
fn brokers(names: &str) -> Vec<String> {
    let mut brokers: Vec<String> = names
        .split(',')
        .map(|broker| {
            broker
                .trim()
                .to_ascii_lowercase()
                .replace("localhost", "127.0.0.1")
        })
        .collect();
    brokers.sort();
    brokers
}

/// Without `.` and `..`, as far as the text tells: the file need not be there yet.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}
