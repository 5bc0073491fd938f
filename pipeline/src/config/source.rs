//! Reads `source:`: exactly one of kafka, file, embedded and generate.

use std::path::Path;

use super::section::{Notes, Section, scalar};
use super::value::{Kind, Value};
use super::{Generate, KeyField, Shared, Source, Start, connector, kafka};
use crate::error_code::Code;

/// Endings of files a source reads.
const ENDINGS: [&str; 4] = ["ndjson", "jsonl", "csv", "parquet"];

/// Reads it.
pub(super) fn read(
    value: &Value,
    base: &Path,
    secrets: bool,
    notes: &mut Notes<'_>,
) -> Option<(Source, Start)> {
    let kinds = connector::sources();
    let section = Section::open(value, "source", &kinds, notes)?;
    let (kind, inside) = one_of(section, &kinds, "source", notes)?;
    let earliest = |source| (source, Start::Earliest);
    match kind {
        "kafka" => read_kafka(inside, secrets, notes),
        "file" => {
            let section = Section::open(inside, "source.file", &["path"], notes)?;
            let value = section.need("path", notes)?;
            let path = scalar(value, "path", notes)?;
            if !has_ending(path.text(), &ENDINGS) {
                let message = format!("`{}` is a file of no kind that is read", path.quoted());
                let help = format!("the ending must be one of {}", ENDINGS.join(", "));
                notes.error_with(Code::FileKind, &value.span, message, help);
                return None;
            }
            Some(earliest(Source::File {
                path: base.join(path.text()),
            }))
        }
        "embedded" => {
            let section = Section::open(inside, "source.embedded", &["topic", "key"], notes)?;
            let topic = kafka::topic(section, notes);
            let key = read_key(section, notes)?;
            Some(earliest(Source::Embedded { topic: topic?, key }))
        }
        _ => read_generate(inside, notes).map(|made| earliest(Source::Generate(made))),
    }
}

fn read_kafka(value: &Value, secrets: bool, notes: &mut Notes<'_>) -> Option<(Source, Start)> {
    let known = [
        "brokers",
        "topic",
        "start",
        "format",
        "properties",
        "insecure",
        "instance",
        "key",
        "shared",
    ];
    let section = Section::open(value, "source.kafka", &known, notes)?;
    let start = match section.word("start", &["earliest", "latest"], notes) {
        Some("latest") => Start::Latest,
        _ => Start::Earliest,
    };
    read_format(section, notes);
    let instance = read_instance(section, notes);
    let key = read_key(section, notes);
    let shared = read_shared(section, notes);
    let kafka = kafka::read(section, secrets, kafka::Inherited::Nothing, notes)?;
    let source = Source::Kafka {
        kafka,
        instance: instance?,
        key: key?,
        shared: shared?,
    };
    Some((source, start))
}

/// Which fields there are only the pack knows; it is asked by [`super::compare_with_pack`].
fn read_key(section: Section<'_>, notes: &mut Notes<'_>) -> Option<Option<KeyField>> {
    let Some(value) = section.get("key") else {
        return Some(None);
    };
    let name = scalar(value, "key", notes)?.text().to_owned();
    Some(Some(KeyField {
        name,
        span: value.span.clone(),
    }))
}

/// Whether the records of a key are all in one partition is known only where the key is.
fn read_shared(section: Section<'_>, notes: &mut Notes<'_>) -> Option<Option<Shared>> {
    let Some(value) = section
        .get("shared")
        .filter(|_| section.flag("shared", notes))
    else {
        return Some(None);
    };
    if section.get("key").is_none() {
        let message = "shared: `key` is missing, the field whose value is the key of each record";
        let help =
            "instances share partitions where all events of a key are in one of them; name the key";
        notes.error_with(
            Code::WrongValue,
            &value.span,
            message.to_owned(),
            help.to_owned(),
        );
        return None;
    }
    Some(Some(Shared {
        span: value.span.clone(),
    }))
}

/// The broker knows an instance as `name-instance`, by the rule of a topic's name.
fn read_instance(section: Section<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let Some(value) = section.get("instance") else {
        return Some("0".to_owned());
    };
    let name = scalar(value, "instance", notes)?;
    let text = name.text();
    if text.is_empty() || text.len() > 64 || !text.chars().all(kafka::fits_name) {
        let message = format!("`{}` cannot be the name of an instance", name.quoted());
        let help =
            "an instance has letters, digits, `.`, `_` and `-`, at most 64 of them".to_owned();
        notes.error_with(Code::BadName, &value.span, message, help);
        return None;
    }
    Some(text.to_owned())
}

/// The one key of a mapping that must have exactly one of these.
pub(super) fn one_of<'a>(
    section: Section<'a>,
    kinds: &[&'static str],
    what: &str,
    notes: &mut Notes<'_>,
) -> Option<(&'static str, &'a Value)> {
    let here: Vec<_> = section
        .entries()
        .iter()
        .filter_map(|(key, value)| {
            let kind = kinds.iter().find(|kind| **kind == key.text)?;
            Some((*kind, key, value))
        })
        .collect();
    match here.as_slice() {
        [(kind, _, value)] => Some((*kind, *value)),
        [] => {
            // An unknown key has been noted already and says more than this would.
            if section.entries().is_empty() {
                let message = format!("{what} must be one of {}", kinds.join(", "));
                notes.error(Code::NotExactlyOne, section.span(), message);
            }
            None
        }
        [_, (_, second, _), ..] => {
            let message = format!("{what} must be exactly one of {}", kinds.join(", "));
            notes.error(Code::NotExactlyOne, &second.span, message);
            None
        }
    }
}

/// Whether a path or glob ends in one of these.
pub(super) fn has_ending(path: &str, endings: &[&str]) -> bool {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        endings
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
}

fn read_format(section: Section<'_>, notes: &mut Notes<'_>) {
    let Some(value) = section.get("format") else {
        return;
    };
    let Some(format) = scalar(value, "format", notes) else {
        return;
    };
    match format.text() {
        "json" => {}
        "avro" | "protobuf" | "arrow_ipc" | "csv" => {
            let message = format!("format `{}` cannot be read from Kafka yet", format.quoted());
            notes.error_with(Code::NotYet, &value.span, message, "use `json`".to_owned());
        }
        _ => {
            let message = format!("format: `{}` is unknown", format.quoted());
            notes.error_with(
                Code::WrongValue,
                &value.span,
                message,
                "use `json`".to_owned(),
            );
        }
    }
}

fn read_generate(value: &Value, notes: &mut Notes<'_>) -> Option<Generate> {
    if let Kind::Null = value.kind {
        notes.error(
            Code::WrongValue,
            &value.span,
            "source.generate must be a mapping; `{}` takes all defaults",
        );
        return None;
    }
    let known = ["seed", "rate", "count", "cards", "fraud"];
    let section = Section::open(value, "source.generate", &known, notes)?;
    let seed = section.integer("seed", 0..=u64::MAX, notes);
    let rate = section.rate("rate", notes);
    let count = section.integer("count", 0..=1_000_000_000_000, notes);
    let cards = section.integer("cards", 1..=50_000_000, notes);
    let fraud = section.number("fraud", 0.01, 0.0..=1.0, notes);
    Some(Generate {
        seed: seed?.unwrap_or(1),
        rate: rate?,
        count: count?,
        cards: cards?.unwrap_or(20_000),
        fraud: fraud?,
    })
}
