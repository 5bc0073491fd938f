//! Decisions as a test reads them: parsed, and cut down to what does not depend on where the event lay.
//!
//! The invariant: two decisions of one event compare equal exactly when outcome, score, hits, values, flags, time and
//! pack are the same; position and decision id belong to the place in the log.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Of the event.
    pub event_id: String,
    /// Its own.
    pub decision_id: String,
    /// The rest, without position and ids, as canonical text.
    pub said: String,
}

/// Reads one decision from its JSON.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn parse(bytes: &[u8]) -> Decision {
    let mut value: Value = serde_json::from_slice(bytes).unwrap_or_else(|error| {
        panic!(
            "not a decision: {error}: {}",
            String::from_utf8_lossy(bytes)
        )
    });
    let object = value.as_object_mut().expect("a decision is an object");
    let mut take = |name: &str| {
        object
            .shift_remove(name)
            .unwrap_or_else(|| panic!("a decision without {name}"))
    };
    let text = |value: Value| value.as_str().expect("ids are text").to_owned();
    let (event_id, decision_id) = (text(take("event_id")), text(take("decision_id")));
    let _ = take("position");
    for name in [
        "outcome",
        "score",
        "hits",
        "values",
        "flags",
        "pack",
        "event_time",
    ] {
        assert!(object.contains_key(name), "a decision without {name}");
    }
    Decision {
        event_id,
        decision_id,
        said: value.to_string(),
    }
}

/// Hands over each decision of an NDJSON file, in order.
///
/// # Panics
/// When a line is none.
pub fn each(path: &Path, mut take: impl FnMut(Decision)) {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for line in BufReader::new(file).split(b'\n') {
        take(parse(&line.expect("a readable file")));
    }
}

/// All decisions of an NDJSON file, in order.
///
/// # Panics
/// As [`each`].
#[must_use]
pub fn read(path: &Path) -> Vec<Decision> {
    let mut all = Vec::new();
    each(path, |decision| all.push(decision));
    all
}
