//! Secrets in a configuration's text: which they are, and the text without them.
//!
//! The idea: a finding is shown with its line, so the text that is shown must not hold a secret, whoever points at
//! it. The invariant: masking changes no offset and no line end, so every finding still points at its place.

use std::ops::Range;

use super::value::{Kind, Value};

/// Whether nobody may read the value of a key of this name; by librdkafka's names and what people call such things.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "secret",
        "key.pem",
        "oauthbearer.config",
        "token",
        "passwd",
        "account_key",
    ]
    .iter()
    .any(|part| name.contains(part))
        || name == "access_key"
}

/// The text with every secret replaced by stars. Without values (the text is not YAML) whole lines are masked.
pub(super) fn masked(text: &str, value: Option<&Value>) -> String {
    let mut spans = Vec::new();
    match value {
        Some(value) => collect(value, &mut spans),
        None => lines(text, &mut spans),
    }
    let mut bytes = text.as_bytes().to_vec();
    for byte in spans
        .into_iter()
        .flat_map(|span| bytes_of(span, text.len()))
    {
        if let Some(byte) = bytes
            .get_mut(byte)
            .filter(|byte| !byte.is_ascii_whitespace())
        {
            *byte = b'*';
        }
    }
    // Whole scalars are masked, so no character was cut; should one be, nothing is shown rather than too much.
    String::from_utf8(bytes).unwrap_or_default()
}

fn bytes_of(span: Range<usize>, end: usize) -> Range<usize> {
    span.start.min(end)..span.end.min(end)
}

/// The places of values of secret keys; what is to be filled in is a name, not a secret.
fn collect(value: &Value, spans: &mut Vec<Range<usize>>) {
    match &value.kind {
        Kind::Null | Kind::Scalar(_) => {}
        Kind::List(items) => items.iter().for_each(|item| collect(item, spans)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                match &value.kind {
                    Kind::Scalar(scalar) if scalar.names_a_secret_elsewhere() => {}
                    _ if is_secret(&key.text) => spans.push(value.span.clone()),
                    _ => collect(value, spans),
                }
            }
        }
    }
}

/// Lines that name a secret, from the name on, and the deeper lines below them.
fn lines(text: &str, spans: &mut Vec<Range<usize>>) {
    let (mut at, mut below) = (0, None);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let here = at..at + line.len();
        at += line.len();
        if line.trim().is_empty() {
            continue;
        }
        if below.is_some_and(|above| indent > above) {
            spans.push(here);
            continue;
        }
        let colon = line.find(':').filter(|_| is_secret(line));
        below = colon.map(|_| indent);
        if let Some(colon) = colon {
            spans.push(here.start + colon + 1..here.end);
        }
    }
}
