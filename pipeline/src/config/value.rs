//! What a configuration holds, value by value, with its place and with `${…}` filled in.
//!
//! The idea: the YAML tree of `rules` is turned once into values that remember what was written and what it means;
//! every reader behind this sees only the meaning. The invariant: [`Scalar::quoted`] is the only text of a scalar
//! that a message may show, and it never holds what was filled in.

use std::ops::Range;

use rules::definition::tree::{Node, Tree};

use super::fill::{Fill, Filled};
use crate::finding::Finding;

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What it is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Nothing: empty, `~` or `null`.
    Null,
    Scalar(Scalar),
    List(Vec<Value>),
    Map(Vec<(Key, Value)>),
}

/// The key of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// A single value.
#[derive(Clone)]
pub(super) struct Scalar {
    written: String,
    /// What it means when something was filled in.
    filled: Option<String>,
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Scalar").field(&self.written).finish()
    }
}

impl Scalar {
    /// What it means.
    pub(super) fn text(&self) -> &str {
        self.filled.as_deref().unwrap_or(&self.written)
    }

    /// What a message may show: as it was written, cut, without control characters.
    pub(super) fn quoted(&self) -> String {
        const SHOWN_MAX: usize = 60;
        let shown = self.written.chars().take(SHOWN_MAX);
        let mut text: String = shown
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if self.written.chars().nth(SHOWN_MAX).is_some() {
            text.push('…');
        }
        text
    }

    /// Whether it only says where a secret is.
    pub(super) fn names_a_secret_elsewhere(&self) -> bool {
        let inner = self
            .written
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        inner.is_some_and(|inner| !inner.contains(['$', '}']))
    }

    /// Whether it came from the environment or a file.
    pub(super) fn is_filled(&self) -> bool {
        self.filled.is_some()
    }
}

/// Turns a tree into values; what cannot be filled in is noted and stays as written.
pub(super) fn from_tree(node: &Node, fill: &Fill<'_>, findings: &mut Vec<Finding>) -> Value {
    let kind = match &node.value {
        Tree::Scalar(scalar) if scalar.is_null() => Kind::Null,
        Tree::Scalar(scalar) => {
            let filled = match fill.fill(&scalar.text, &node.span) {
                Filled::Unchanged => None,
                Filled::Text(text) => Some(text),
                Filled::Failed(found) => {
                    findings.extend(found);
                    None
                }
            };
            Kind::Scalar(Scalar {
                written: scalar.text.clone(),
                filled,
            })
        }
        Tree::Sequence(items) => Kind::List(
            items
                .iter()
                .map(|item| from_tree(item, fill, findings))
                .collect(),
        ),
        Tree::Mapping(entries) => {
            let pair = |(key, value): &(rules::definition::tree::Text, Node)| {
                let key = Key {
                    text: key.text.clone(),
                    span: key.span.clone(),
                };
                (key, from_tree(value, fill, findings))
            };
            Kind::Map(entries.iter().map(pair).collect())
        }
    };
    Value {
        span: node.span.clone(),
        kind,
    }
}
