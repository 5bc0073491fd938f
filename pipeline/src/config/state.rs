//! What a configuration says about where state is kept: a directory, and a place for snapshots.
//!
//! The invariant: what is no address of a bucket, or no option of its client, is noted here and not when it is used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use connectors::snapshots::object::Location;
use rules::time::Span;

use super::properties::{Properties, key_span};
use super::section::{Notes, Section, meant, scalar};
use super::value::{Kind, Value};
use crate::error_code::Code;

/// How often a snapshot is begun unless told.
const SNAPSHOT_EVERY: Duration = Duration::from_mins(1);

/// How often a run looks at what it has written unless told.
pub const AUDIT_EVERY: Duration = Duration::from_mins(1);

/// What stands in place of a duration where a run shall not look.
const OFF: &str = "off";

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The directory of this application: `dir` of the configuration with the application's name behind it.
    pub dir: PathBuf,
    /// A bucket for snapshots; without one they are kept in the directory.
    pub snapshots: Option<Bucket>,
    /// How often a snapshot is begun.
    pub snapshot_every: Duration,
    /// How often a run compares what it has written since with its commits, and removes those nobody needs any more; `None`:
    /// it does not.
    pub audit_every: Option<Duration>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `s3://BUCKET/PREFIX`, `gs://…`, `az://…`.
    pub url: String,
    /// Options of its client.
    pub options: Properties,
}

/// Reads `state`, all of which may be left out.
pub(super) fn read(
    all: Section<'_>,
    base: &Path,
    name: &str,
    inline_secrets: bool,
    notes: &mut Notes<'_>,
) -> Option<State> {
    let Some(value) = all.get("state") else {
        return Some(State {
            dir: base.join("state").join(name),
            snapshots: None,
            snapshot_every: SNAPSHOT_EVERY,
            audit_every: Some(AUDIT_EVERY),
        });
    };
    let known = ["dir", "snapshots", "snapshot_every", "audit_every"];
    let section = Section::open(value, "state", &known, notes)?;
    let every = Span(100_000)..=Span::seconds(86_400);
    let snapshot_every = section.duration("snapshot_every", SNAPSHOT_EVERY, every.clone(), notes);
    let audit_every = match section.get("audit_every") {
        Some(value) if scalar(value, "audit_every", notes)?.text() == OFF => Some(None),
        _ => section
            .duration("audit_every", AUDIT_EVERY, every, notes)
            .map(Some),
    };
    let snapshots = match section.get("snapshots") {
        Some(value) => Some(bucket(value, inline_secrets, notes)?),
        None => None,
    };
    let dir = match section.get("dir") {
        Some(value) => base.join(scalar(value, "dir", notes)?.text()),
        None => base.join("state"),
    };
    Some(State {
        dir: dir.join(name),
        snapshots,
        snapshot_every: snapshot_every?,
        audit_every: audit_every?,
    })
}

/// An address alone, or with options.
fn bucket(value: &Value, inline_secrets: bool, notes: &mut Notes<'_>) -> Option<Bucket> {
    if let Kind::Scalar(_) = &value.kind {
        let url = scalar(value, "snapshots", notes)?.text().to_owned();
        location(&url, value, notes)?;
        let options = Properties::default();
        return Some(Bucket { url, options });
    }
    let section = Section::open(value, "state.snapshots", &["bucket", "options"], notes)?;
    let place = section.need("bucket", notes)?;
    let url = scalar(place, "bucket", notes)?.text().to_owned();
    let location = location(&url, place, notes)?;
    let Some(value) = section.get("options") else {
        let options = Properties::default();
        return Some(Bucket { url, options });
    };
    let options = Properties::read(value, "options", inline_secrets, notes)?;
    let known = location.options();
    let unknown = options
        .0
        .keys()
        .filter(|name| !known.contains(&name.as_str()));
    for name in unknown {
        let message = format!("option `{name}` is none of this kind of bucket");
        let span = key_span(value, name);
        notes.error_with(Code::Property, span, message, meant(name, known));
    }
    Some(Bucket { url, options })
}

fn location(url: &str, value: &Value, notes: &mut Notes<'_>) -> Option<Location> {
    let location = Location::parse(url);
    let location = location.map_err(|error| {
        let help = "write `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`";
        notes.error_with(
            Code::WrongValue,
            &value.span,
            error.to_string(),
            help.to_owned(),
        );
    });
    location.ok()
}
