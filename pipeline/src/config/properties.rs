//! Properties of a client: names and values by its own rules, some of them secrets.
//!
//! The invariant: no `Debug` shows a value, and a secret in plain sight is noted.

use std::collections::BTreeMap;
use std::ops::Range;

use super::secret::is_secret;
use super::section::{Notes, scalar};
use super::value::{Kind, Value};
use crate::error_code::Code;
use crate::finding::Finding;

/// Properties of a client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, String>);

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|name| (name, "***")))
            .finish()
    }
}

impl Properties {
    /// Reads a mapping of names to values; whether the client knows them is for its connector to say.
    pub(super) fn read(
        value: &Value,
        name: &str,
        inline_secrets: bool,
        notes: &mut Notes<'_>,
    ) -> Option<Properties> {
        let Kind::Map(entries) = &value.kind else {
            let message = format!("{name} must be a mapping of names to values");
            notes.error(Code::WrongValue, &value.span, message);
            return None;
        };
        let mut read = BTreeMap::new();
        for (key, value) in entries {
            let Some(text) = scalar(value, &key.text, notes) else {
                continue;
            };
            if is_secret(&key.text) && !text.is_filled() {
                note_inline_secret(&key.text, value, inline_secrets, notes);
            }
            read.insert(key.text.clone(), text.text().to_owned());
        }
        Some(Properties(read))
    }
}

/// Where the key of this name stands in a mapping.
pub(super) fn key_span<'a>(value: &'a Value, name: &str) -> &'a Range<usize> {
    let Kind::Map(entries) = &value.kind else {
        return &value.span;
    };
    let mut entries = entries.iter();
    let found = entries.find(|(key, _)| key.text == name);
    found.map_or(&value.span, |(key, _)| &key.span)
}

fn note_inline_secret(name: &str, value: &Value, allowed: bool, notes: &mut Notes<'_>) {
    let message = format!("`{name}` is a secret written into the configuration");
    let variable = name.to_ascii_uppercase().replace('.', "_");
    let finding = Finding::error(Code::InlineSecret, notes.file, value.span.clone(), message)
        .help(format!("write `${{env:{variable}}}` or `${{file:PATH}}`"));
    notes.add(if allowed { finding.warning() } else { finding });
}
