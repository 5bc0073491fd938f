//! What the readers of the sections share: a mapping with the keys it may have, and the values one expects in it.
//!
//! The idea: every question about a mapping either has an answer or leaves a finding. The invariant: no method here
//! complains twice about the same thing, and none stops the reading.

use std::ops::Range;

use super::tree::{Node, Text, Tree};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;

/// A mapping whose keys are known.
pub(crate) struct Fields<'n> {
    /// "a feature": what this is a mapping of.
    what: &'static str,
    /// Where a missing key is reported.
    at: Range<usize>,
    entries: &'n [(Text, Node)],
}

impl<'n> Fields<'n> {
    /// Takes a node as a mapping; keys that are not `known` are noted.
    pub(crate) fn of(
        node: &'n Node,
        what: &'static str,
        at: Range<usize>,
        known: &[&str],
        findings: &mut Findings<'_>,
    ) -> Option<Fields<'n>> {
        let Tree::Mapping(entries) = &node.value else {
            let message = format!("{what} must be a mapping, this is {}", node.kind());
            findings
                .error(Code::WrongValue, place(node, &at), message)
                .help(format!("it has the keys {}", known.join(", ")));
            return None;
        };
        for (key, value) in entries {
            if !known.contains(&key.text.as_str()) {
                unknown_key(key, value, what, known, findings);
            }
        }
        Some(Fields { what, at, entries })
    }

    /// The key and value; a key without a value is noted and counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<(&'n Text, &'n Node)> {
        self.entries
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(name, node)| (name, node))
    }

    /// The key and value; their absence is noted.
    pub(crate) fn required(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Option<(&'n Text, &'n Node)> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} needs `{key}`", self.what);
            findings.error(Code::MissingKey, self.at.clone(), message);
        }
        found
    }

    /// A single value.
    pub(crate) fn text(&self, key: &str, findings: &mut Findings<'_>) -> Option<Text> {
        let (name, node) = self.get(key)?;
        text(node, name, findings)
    }

    /// A single value; its absence is noted.
    pub(crate) fn required_text(&self, key: &str, findings: &mut Findings<'_>) -> Option<Text> {
        let (name, node) = self.required(key, findings)?;
        text(node, name, findings)
    }

    /// A sequence of single values; one alone stands for a sequence of one.
    pub(crate) fn texts(&self, key: &str, findings: &mut Findings<'_>) -> Option<Vec<Text>> {
        let (name, node) = self.get(key)?;
        texts(node, name, findings)
    }

    /// A mapping of names to things, each read by `read`.
    pub(crate) fn named<T>(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
        read: impl Fn(&Text, &Node, &mut Findings<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some((name, node)) = self.get(key) else {
            return Vec::new();
        };
        entries(node, name, findings)
            .iter()
            .filter_map(|(name, node)| read(name, node, findings))
            .collect()
    }

    /// A mapping of names to single values.
    pub(crate) fn pairs(&self, key: &str, findings: &mut Findings<'_>) -> Vec<(Text, Text)> {
        self.named(key, findings, |name, node, findings| {
            Some((name.clone(), text(node, name, findings)?))
        })
    }
}

/// A single value, or a finding.
pub(crate) fn text(node: &Node, name: &Text, findings: &mut Findings<'_>) -> Option<Text> {
    let text = node.text();
    if text.is_none() {
        let message = format!(
            "`{}` must be a single value, this is {}",
            name.text,
            node.kind()
        );
        findings
            .error(Code::WrongValue, place(node, &name.span), message)
            .help(quote(node));
    }
    text
}

/// A sequence of single values, or one alone.
pub(crate) fn texts(node: &Node, name: &Text, findings: &mut Findings<'_>) -> Option<Vec<Text>> {
    let Tree::Sequence(items) = &node.value else {
        return text(node, name, findings).map(|one| vec![one]);
    };
    let read: Vec<Text> = items
        .iter()
        .filter_map(|item| text(item, name, findings))
        .collect();
    (read.len() == items.len()).then_some(read)
}

/// The entries of a mapping that may have any keys.
pub(crate) fn entries<'n>(
    node: &'n Node,
    name: &Text,
    findings: &mut Findings<'_>,
) -> &'n [(Text, Node)] {
    match &node.value {
        Tree::Mapping(entries) => entries,
        _ => {
            let message = format!(
                "`{}` must be a mapping of names, this is {}",
                name.text,
                node.kind()
            );
            findings.error(Code::WrongValue, place(node, &name.span), message);
            &[]
        }
    }
}

/// Where to point for a value: nothing has no place of its own.
fn place(node: &Node, key: &Range<usize>) -> Range<usize> {
    if node.span.is_empty() {
        key.clone()
    } else {
        node.span.clone()
    }
}

/// What to try when a bracket or a brace made something else of a text.
fn quote(node: &Node) -> Option<String> {
    matches!(node.value, Tree::Mapping(_) | Tree::Sequence(_)).then(|| {
        "put quotes around a text that begins with a bracket or a brace, or holds a colon"
            .to_owned()
    })
}

fn unknown_key(
    key: &Text,
    value: &Node,
    what: &'static str,
    known: &[&str],
    findings: &mut Findings<'_>,
) {
    // `{ agg: last(ts, lat), … }` falls apart at its comma; the rest becomes a key without a value.
    let torn = value.kind() == "nothing" && value.span.is_empty() && !is_word(&key.text);
    let help = if torn {
        Some("put quotes around a text that holds a comma".to_owned())
    } else {
        findings
            .did_you_mean(&key.text, known.iter().copied())
            .or_else(|| Some(format!("it has the keys {}", known.join(", "))))
    };
    let shown: String = key.text.chars().take(64).collect();
    findings
        .error(
            Code::UnknownKey,
            key.span.clone(),
            format!("unknown key `{}` in {what}", shown.escape_debug()),
        )
        .help(help);
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
