//! Reads `sinks:`: per stream one sink or a list of them.

use std::ops::Range;
use std::path::Path;

use super::section::{Notes, Section, scalar};
use super::source::{has_ending, one_of};
use super::value::{Kind, Value};
use super::{FileKind, Sink, connector, kafka};
use crate::error_code::Code;

/// The streams, in the order of [`Streams`].
const STREAMS: [&str; 3] = ["decisions", "alerts", "dead_letters"];

/// Sinks one stream may have.
const SINKS_MAX: usize = 16;

/// A sink and its place.
pub(super) type Placed = (Sink, Range<usize>);

/// What each stream goes to.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) all: [Vec<Placed>; 3],
}

impl Streams {
    /// Name and sinks of each stream.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &Vec<Placed>)> {
        STREAMS.into_iter().zip(&self.all)
    }
}

/// Reads it.
pub(super) fn read(
    value: &Value,
    base: &Path,
    secrets: bool,
    cluster: kafka::Inherited<'_>,
    notes: &mut Notes<'_>,
) -> Option<Streams> {
    let section = Section::open(value, "sinks", &STREAMS, notes)?;
    section.need("decisions", notes);
    let mut streams = Streams::default();
    for (stream, sinks) in STREAMS.iter().zip(&mut streams.all) {
        let Some(value) = section.get(stream) else {
            continue;
        };
        let path = format!("sinks.{stream}");
        match &value.kind {
            Kind::List(items) if items.is_empty() || items.len() > SINKS_MAX => {
                notes.error(
                    Code::NotExactlyOne,
                    &value.span,
                    format!("{path} names one to {SINKS_MAX} sinks"),
                );
            }
            Kind::List(items) => {
                sinks.extend(
                    items
                        .iter()
                        .filter_map(|item| read_one(item, &path, base, secrets, cluster, notes)),
                );
            }
            _ => sinks.extend(read_one(value, &path, base, secrets, cluster, notes)),
        }
    }
    Some(streams)
}

fn read_one(
    value: &Value,
    path: &str,
    base: &Path,
    secrets: bool,
    cluster: kafka::Inherited<'_>,
    notes: &mut Notes<'_>,
) -> Option<Placed> {
    // `alerts: stdout` needs no mapping, because there is nothing to say about it.
    if let Kind::Scalar(word) = &value.kind
        && word.text() == "stdout"
    {
        return Some((Sink::Stdout, value.span.clone()));
    }
    let kinds = connector::sinks();
    let section = Section::open(value, path, &kinds, notes)?;
    if let Some((key, _)) = section
        .entries()
        .iter()
        .find(|(key, _)| key.text == "stdout")
        && section.entries().len() == 1
    {
        return read_stdout(section, key.span.clone(), path, notes);
    }
    let (kind, inside) = one_of(section, &kinds, path, notes)?;
    let inner = format!("{path}.{kind}");
    let sink = match kind {
        "kafka" => {
            let known = ["brokers", "topic", "properties", "insecure"];
            let section = Section::open(inside, &inner, &known, notes)?;
            Sink::Kafka(kafka::read(section, secrets, cluster, notes)?)
        }
        "file" => read_file(inside, &inner, base, notes)?,
        _ => {
            let section = Section::open(inside, &inner, &["topic"], notes)?;
            let topic = kafka::topic(section, notes)?;
            Sink::Embedded { topic }
        }
    };
    Some((sink, inside.span.clone()))
}

/// `stdout:`, `stdout: {}` and `stdout: true` all say the same.
fn read_stdout(
    section: Section<'_>,
    span: Range<usize>,
    path: &str,
    notes: &mut Notes<'_>,
) -> Option<Placed> {
    let empty = match section.get("stdout").map(|value| &value.kind) {
        None => true,
        Some(Kind::Map(entries)) => entries.is_empty(),
        Some(Kind::Scalar(word)) => word.text() == "true",
        Some(_) => false,
    };
    if !empty {
        notes.error(
            Code::WrongValue,
            &span,
            format!("{path}.stdout has nothing to set; write `stdout: {{}}`"),
        );
        return None;
    }
    Some((Sink::Stdout, span))
}

fn read_file(value: &Value, path: &str, base: &Path, notes: &mut Notes<'_>) -> Option<Sink> {
    let section = Section::open(value, path, &["path"], notes)?;
    let value = section.need("path", notes)?;
    let written = scalar(value, "path", notes)?;
    let kind = if has_ending(written.text(), &["ndjson", "jsonl"]) {
        FileKind::Ndjson
    } else if has_ending(written.text(), &["parquet"]) {
        FileKind::Parquet
    } else {
        let message = format!(
            "`{}` is a file of no kind that is written",
            written.quoted()
        );
        let help = "the ending must be one of ndjson, jsonl, parquet".to_owned();
        notes.error_with(Code::FileKind, &value.span, message, help);
        return None;
    };
    Some(Sink::File {
        path: base.join(written.text()),
        kind,
    })
}
