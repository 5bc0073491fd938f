//! Reads `sinks:`: per stream one sink or a list of them.

use std::ops::Range;
use std::path::Path;

use super::section::{Notes, Section, scalar};
use super::source::{has_ending, one_of};
use super::value::{Kind, Value};
use super::{Bounds, FileKind, Packing, Sink, connector, kafka};
use crate::error_code::Code;

/// The streams, in the order of [`Streams`].
const STREAMS: [&str; 3] = ["decisions", "alerts", "dead_letters"];

/// Sinks one stream may have.
const SINKS_MAX: usize = 16;

/// The framings of a pack of decisions; the first is the default.
const PACKINGS: [&str; 3] = ["none", "ndjson", "arrow"];

/// What may be said of packing, in a sink of decisions that is a log.
const PACKING_KEYS: [&str; 3] = ["packing", "packing_rows", "packing_bytes"];

/// A sink and its place.
pub(super) type Placed = (Sink, Range<usize>);

/// What each stream goes to.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) all: [Vec<Placed>; 3],
    /// How each sink of decisions wants them packed.
    pub(super) packing: Vec<Packing>,
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
        let reader = Reader {
            path: &path,
            base,
            secrets,
            cluster,
            packs: *stream == "decisions",
        };
        let one = std::slice::from_ref(value);
        let items = match &value.kind {
            Kind::List(items) if items.is_empty() || items.len() > SINKS_MAX => {
                notes.error(
                    Code::NotExactlyOne,
                    &value.span,
                    format!("{path} names one to {SINKS_MAX} sinks"),
                );
                &[]
            }
            Kind::List(items) => items.as_slice(),
            _ => one,
        };
        for item in items {
            let (placed, packing) = reader.read(item, notes);
            sinks.extend(placed);
            if reader.packs {
                streams.packing.push(packing);
            }
        }
    }
    Some(streams)
}

/// What is the same for every sink of a stream.
struct Reader<'a> {
    path: &'a str,
    base: &'a Path,
    secrets: bool,
    cluster: kafka::Inherited<'a>,
    /// Whether its sinks may ask for several to a record.
    packs: bool,
}

impl Reader<'_> {
    /// A sink and its packing. Where it cannot be read that has been noted, and no configuration comes of it.
    fn read(&self, value: &Value, notes: &mut Notes<'_>) -> (Option<Placed>, Packing) {
        let mut packing = Packing::None;
        let placed = self.read_one(value, &mut packing, notes);
        (placed, packing)
    }

    fn read_one(
        &self,
        value: &Value,
        packing: &mut Packing,
        notes: &mut Notes<'_>,
    ) -> Option<Placed> {
        let path = self.path;
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
                let section = Section::open(inside, &inner, &self.known(&known), notes)?;
                let sink = kafka::read(section, self.secrets, self.cluster, notes);
                *packing = read_packing(section, notes)?;
                Sink::Kafka(sink?)
            }
            "file" => read_file(inside, &inner, self.base, notes)?,
            _ => {
                let section = Section::open(inside, &inner, &self.known(&["topic"]), notes)?;
                let topic = kafka::topic(section, notes);
                *packing = read_packing(section, notes)?;
                Sink::Embedded { topic: topic? }
            }
        };
        Some((sink, inside.span.clone()))
    }

    fn known(&self, keys: &[&'static str]) -> Vec<&'static str> {
        let packing = if self.packs { &PACKING_KEYS[..] } else { &[] };
        keys.iter().chain(packing).copied().collect()
    }
}

/// How many decisions share a record. Where a stream has no packing its keys were noted as unknown.
fn read_packing(section: Section<'_>, notes: &mut Notes<'_>) -> Option<Packing> {
    let default = Bounds::DEFAULT;
    let count = |value: Option<u64>, default: usize| {
        value.map_or(default, |value| {
            usize::try_from(value).unwrap_or(usize::MAX)
        })
    };
    let framing = section.word("packing", &PACKINGS, notes);
    // A message of a million bytes is what a broker takes unless it is told otherwise.
    let rows = section.integer("packing_rows", 1..=10_000, notes);
    let bytes = section.integer("packing_bytes", 1_024..=900_000, notes);
    let bounds = Bounds {
        rows: count(rows?, default.rows),
        bytes: count(bytes?, default.bytes),
    };
    let framing = framing?;
    for key in ["packing_rows", "packing_bytes"] {
        if framing == "none"
            && let Some(value) = section.get(key)
        {
            let message = format!("{key} says nothing without `packing`");
            let help = "say `packing: ndjson` or `packing: arrow`, or leave it out".to_owned();
            notes.error_with(Code::WrongValue, &value.span, message, help);
            return None;
        }
    }
    Some(match framing {
        "ndjson" => Packing::Ndjson(bounds),
        "arrow" => Packing::Arrow(bounds),
        _ => Packing::None,
    })
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
