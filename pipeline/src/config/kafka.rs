//! What a configuration says about a Kafka cluster: brokers, topic, and properties by librdkafka's names.
//!
//! The idea: which properties may be set is known to the connector, which knows the client; here its answers get a
//! place and a code. The invariant: no `Debug` shows a property's value.

use std::collections::BTreeMap;
use std::path::Path;

use super::fill::{Fill, Filled, Lookup};
use super::secret::is_secret;
use super::section::{Notes, Section, scalar};
use super::value::{Kind, Value};
use crate::error_code::Code;
use crate::finding::Finding;

/// One topic of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// Properties of the client.
    pub properties: Properties,
    /// Whether cleartext to other machines was allowed.
    pub insecure: bool,
}

/// Properties of the client.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub BTreeMap<String, String>);

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.0.keys().map(|name| (name, "***")))
            .finish()
    }
}

/// Where a sink finds what it does not say itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inherited<'a> {
    /// Nowhere, being the source itself.
    Nothing,
    /// Nowhere, the source being on no cluster: it must name its brokers.
    Elsewhere,
    /// The cluster of the source.
    From(&'a Kafka),
    /// The source is wrong, which has been noted; a sink that relies on it is not to blame.
    Unknown,
}

/// Reads the parts a source and a sink have in common. Without brokers of its own a sink is on the cluster of the
/// source, with its properties unless it has some of its own.
pub(super) fn read(
    section: Section<'_>,
    inline_secrets: bool,
    inherited: Inherited<'_>,
    notes: &mut Notes<'_>,
) -> Option<Kafka> {
    let insecure = section.flag("insecure", notes);
    let properties = properties(section, inline_secrets, notes);
    let topic = topic(section, notes);
    if section.get("brokers").is_none() {
        match inherited {
            Inherited::Nothing | Inherited::Elsewhere => {}
            Inherited::Unknown => return None,
            Inherited::From(source) => {
                let own = section.get("properties");
                let insecure = match section.get("insecure") {
                    Some(_) => insecure,
                    None => source.insecure,
                };
                let properties = match own {
                    Some(_) => properties,
                    None => source.properties.clone(),
                };
                // What is taken as it is has been checked with the source; what replaces it may drop the encryption.
                if let Some(value) = own.or(section.get("insecure")) {
                    check_brokers(&source.brokers, &properties, insecure, value, notes);
                }
                return Some(Kafka {
                    brokers: source.brokers.clone(),
                    topic: topic?,
                    properties,
                    insecure,
                });
            }
        }
    }
    let help = matches!(inherited, Inherited::Elsewhere)
        .then_some("only where the source is kafka a sink takes its brokers from there");
    let value = section.need_with("brokers", help, notes)?;
    let text = scalar(value, "brokers", notes)?;
    check_brokers(text.text(), &properties, insecure, value, notes);
    Some(Kafka {
        brokers: text.text().to_owned(),
        topic: topic?,
        properties,
        insecure,
    })
}

/// The name of a topic, by Kafka's own rule; the embedded log keeps to it too.
pub(super) fn topic(section: Section<'_>, notes: &mut Notes<'_>) -> Option<String> {
    let value = section.need("topic", notes)?;
    let name = scalar(value, "topic", notes)?;
    let text = name.text();
    if text.is_empty()
        || text.len() > 249
        || !text.chars().all(fits_name)
        || matches!(text, "." | "..")
    {
        let message = format!("`{}` cannot be the name of a topic", name.quoted());
        let help = "a topic has letters, digits, `.`, `_` and `-`, at most 249 of them".to_owned();
        notes.error_with(Code::BadName, &value.span, message, help);
        return None;
    }
    Some(text.to_owned())
}

/// What a name on a cluster is made of.
pub(super) fn fits_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn properties(section: Section<'_>, inline_secrets: bool, notes: &mut Notes<'_>) -> Properties {
    let Some(value) = section.get("properties") else {
        return Properties::default();
    };
    let Kind::Map(entries) = &value.kind else {
        notes.error(
            Code::WrongValue,
            &value.span,
            "properties must be a mapping of names to values",
        );
        return Properties::default();
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
    for problem in connectors::kafka::check_properties(&read) {
        let name = problem.name.as_str();
        let span = entries
            .iter()
            .find(|(key, _)| key.text == name)
            .map_or(&value.span, |(key, _)| &key.span);
        let message = format!("property `{name}` is refused: {}", problem.reason);
        let help = problem
            .did_you_mean
            .map(|near| format!("did you mean `{near}`?"));
        notes.error_with(Code::Property, span, message, help);
    }
    Properties(read)
}

fn note_inline_secret(name: &str, value: &Value, allowed: bool, notes: &mut Notes<'_>) {
    let message = format!("`{name}` is a secret written into the configuration");
    let variable = name.to_ascii_uppercase().replace('.', "_");
    let finding = Finding::error(Code::InlineSecret, notes.file, value.span.clone(), message)
        .help(format!("write `${{env:{variable}}}` or `${{file:PATH}}`"));
    notes.add(if allowed { finding.warning() } else { finding });
}

fn check_brokers(
    brokers: &str,
    properties: &Properties,
    insecure: bool,
    value: &Value,
    notes: &mut Notes<'_>,
) {
    if let Some(reason) = connectors::kafka::check_brokers(brokers, &properties.0, insecure) {
        notes.error(Code::Brokers, &value.span, format!("brokers: {reason}"));
    }
}

/// Reads a property from a command line: `NAME=VALUE`, with `${env:NAME}` and `${file:PATH}` filled in.
///
/// # Errors
/// What is wrong with it. A secret in plain sight is: every user of the machine can read a command line.
pub fn property(text: &str, lookup: &dyn Lookup) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write NAME=VALUE")?;
    let fill = Fill {
        file: "--property",
        base: Path::new(""),
        lookup,
    };
    match fill.fill(value, &(0..0)) {
        Filled::Text(value) => Ok((name.to_owned(), value)),
        Filled::Unchanged if is_secret(name) => Err(format!(
            "`{name}` is a secret and a command line is no secret; write '${{env:NAME}}' or '${{file:PATH}}'"
        )),
        Filled::Unchanged => Ok((name.to_owned(), value.to_owned())),
        Filled::Failed(problems) => {
            let said: Vec<String> = problems
                .into_iter()
                .map(|problem| problem.message)
                .collect();
            Err(format!("{name}: {}", said.join("; ")))
        }
    }
}
