//! Reads the whole file: tree, filled-in values, parts, comparisons.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use rules::time::Span;

use super::fill::{Fill, Lookup};
use super::kafka::Inherited;
use super::secret::masked;
use super::section::{Notes, Section, scalar, word};
use super::sinks::{self, Streams};
use super::value::{self, Kind, Value};
use super::{Config, Delivery, Mode, Sinks, Source, Start, WORKERS_MAX, check, source, state};
use crate::error_code::Code;
use crate::finding::{Finding, any_error};

/// The keys of the file.
const KEYS: [&str; 9] = [
    "name",
    "pack",
    "source",
    "sinks",
    "delivery",
    "state",
    "http",
    "workers",
    "allow_inline_secrets",
];

/// What was read, with the places the comparisons need. A part is `None` when something in it was noted.
pub(super) struct Written<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) source: Option<(Source, Start, Range<usize>)>,
    pub(super) streams: Option<Streams>,
    pub(super) mode: Option<(Mode, Range<usize>)>,
}

/// Reads a text: what it says, what is wrong with it, and the text as it may be shown.
pub(super) fn read(
    file: &str,
    text: &str,
    base: &Path,
    lookup: &dyn Lookup,
) -> (Option<Config>, Vec<Finding>, String) {
    let (tree, found) = rules::definition::tree::read(file, text);
    let mut notes = Notes {
        file,
        found: found.into_iter().map(Finding::from).collect(),
    };
    let Some(tree) = tree else {
        return (None, notes.found, masked(text, None));
    };
    let fill = Fill { file, base, lookup };
    let mut unfilled = Vec::new();
    let value = value::from_tree(&tree, &fill, &mut unfilled);
    notes.found.extend(unfilled);
    let config = read_all(&value, base, &mut notes);
    let mut found = notes.found;
    found.sort_by_key(|finding| (finding.span.start, finding.span.end));
    (
        config.filter(|_| !any_error(&found)),
        found,
        masked(text, Some(&value)),
    )
}

fn read_all(value: &Value, base: &Path, notes: &mut Notes<'_>) -> Option<Config> {
    let all = Section::open(value, "", &KEYS, notes)?;
    let secrets = all.flag("allow_inline_secrets", notes);
    let name = read_name(all, notes);
    let pack = read_pack(all, base, notes);
    let source = all.need("source", notes).and_then(|value| {
        let (source, start) = source::read(value, base, secrets, notes)?;
        Some((source, start, value.span.clone()))
    });
    let cluster = match &source {
        Some((Source::Kafka { kafka, .. }, ..)) => Inherited::From(kafka),
        Some(_) => Inherited::Elsewhere,
        None => Inherited::Unknown,
    };
    let streams = all
        .need("sinks", notes)
        .and_then(|value| sinks::read(value, base, secrets, cluster, notes));
    let (delivery, mode) = read_delivery(all, notes);
    let state = state::read(all, base, name.unwrap_or_default(), secrets, notes);
    let http = match all.get("http") {
        Some(value) => Section::open(value, "http", &["listen"], notes)
            .and_then(|section| section.address("listen", notes))
            .map(Some),
        None => Some(None),
    };
    let workers = all.integer("workers", 1..=u64::from(WORKERS_MAX), notes);
    let written = Written {
        name,
        source,
        streams,
        mode,
    };
    check::compare(&written, notes);
    let (source, start, _) = written.source?;
    let Streams { all, packing } = written.streams?;
    let [decisions, alerts, dead_letters] = all.map(without_places);
    Some(Config {
        name: name?.to_owned(),
        pack: pack?,
        source,
        sinks: Sinks {
            decisions,
            packing,
            alerts,
            dead_letters,
        },
        delivery: delivery?,
        state: state?,
        http: http?,
        start,
        workers: u16::try_from(workers?.unwrap_or(1)).ok()?,
    })
}

fn without_places(sinks: Vec<sinks::Placed>) -> Vec<super::Sink> {
    sinks.into_iter().map(|(sink, _)| sink).collect()
}

fn read_name<'a>(all: Section<'a>, notes: &mut Notes<'_>) -> Option<&'a str> {
    let value = all.need("name", notes)?;
    let name = scalar(value, "name", notes)?;
    let text = name.text();
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins || text.len() > 64 || !text.chars().all(fits) {
        let message = format!("`{}` cannot be the name of an application", name.quoted());
        let help = "use lower-case letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit";
        notes.error_with(Code::BadName, &value.span, message, help.to_owned());
        return None;
    }
    Some(text)
}

fn read_pack(all: Section<'_>, base: &Path, notes: &mut Notes<'_>) -> Option<std::path::PathBuf> {
    let value = all.need("pack", notes)?;
    let written = scalar(value, "pack", notes)?;
    let path = base.join(written.text());
    match crate::pack::locate(&path) {
        Ok(_) => Some(path),
        Err(error) => {
            let message = format!(
                "there is no pack at `{}`: {}",
                written.quoted(),
                error.reason()
            );
            notes.error_with(
                Code::NoPack,
                &value.span,
                message,
                crate::pack::nearest(&path),
            );
            None
        }
    }
}

/// The modes of delivery; the first is the default.
const MODES: &[&str] = &["exactly_once", "at_least_once"];

fn mode_of(word: &str) -> Mode {
    match word {
        "at_least_once" => Mode::AtLeastOnce,
        _ => Mode::ExactlyOnce,
    }
}

/// The whole of it, and the mode with its place where it is written: what is promised is compared even when a duration
/// is wrong. Without one it is exactly once, where there is anything to promise.
fn read_delivery(
    all: Section<'_>,
    notes: &mut Notes<'_>,
) -> (Option<Delivery>, Option<(Mode, Range<usize>)>) {
    let default = Delivery {
        mode: Mode::ExactlyOnce,
        commit_every: Duration::from_millis(50),
        commit_records: 10_000,
        merge_wait: Duration::from_millis(200),
        hang_after: Duration::from_secs(90),
    };
    let Some(value) = all.get("delivery") else {
        return (Some(default), None);
    };
    // `delivery: at_least_once`, where there is no more to say.
    if let Kind::Scalar(_) = &value.kind {
        let mode = word(value, "delivery", MODES, notes).map(mode_of);
        let delivery = mode.map(|mode| Delivery { mode, ..default });
        return (delivery, mode.map(|mode| (mode, value.span.clone())));
    }
    let known = [
        "mode",
        "commit_every",
        "commit_records",
        "merge_wait",
        "hang_after",
    ];
    let Some(section) = Section::open(value, "delivery", &known, notes) else {
        return (None, None);
    };
    let written = section.get("mode").map(|value| value.span.clone());
    let mode = section.word("mode", MODES, notes).map(mode_of);
    let every = Span(1_000)..=Span::seconds(60);
    let commit_every = section.duration("commit_every", default.commit_every, every.clone(), notes);
    let merge_wait = section.duration("merge_wait", default.merge_wait, every, notes);
    let long = Span::seconds(1)..=Span::seconds(600);
    let hang_after = section.duration("hang_after", default.hang_after, long, notes);
    let commit_records = section.integer("commit_records", 1..=1_000_000, notes);
    let read = || {
        Some(Delivery {
            mode: mode?,
            commit_every: commit_every?,
            commit_records: commit_records?.unwrap_or(default.commit_records),
            merge_wait: merge_wait?,
            hang_after: hang_after?,
        })
    };
    (read(), mode.zip(written))
}
