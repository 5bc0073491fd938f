//! What a configuration says about a Kafka cluster: brokers, topic, and properties by librdkafka's names.
//!
//! The idea: which properties may be set is known to the connector, which knows the client; here its answers get a
//! place and a code. The invariant: brokers of other machines in cleartext are refused unless that was asked for.

use std::path::Path;

use super::fill::{Fill, Filled, Lookup};
use super::properties::{Properties, key_span};
use super::secret::is_secret;
use super::section::{Notes, Section, scalar};
use super::value::Value;
use crate::error_code::Code;

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
    let Some(read) = Properties::read(value, "properties", inline_secrets, notes) else {
        return Properties::default();
    };
    for problem in connectors::kafka::check_properties(&read.0) {
        let name = problem.name.as_str();
        let message = format!("property `{name}` is refused: {}", problem.reason);
        let help = problem
            .did_you_mean
            .map(|near| format!("did you mean `{near}`?"));
        let span = key_span(value, name);
        notes.error_with(Code::Property, span, message, help);
    }
    read
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
