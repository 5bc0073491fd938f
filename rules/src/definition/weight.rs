//! What a copy of a value costs: counted before an alias is written out.
//!
//! The invariant: a tree's depth is bounded when it is built, so the recursion here is too.

use super::tree::{Node, Tree};

/// Values and bytes a copy of this takes. The depth is bounded, so is the recursion.
pub(super) fn weight(node: &Node) -> (usize, usize) {
    let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
    match &node.value {
        Tree::Scalar(scalar) => (1, scalar.text.len()),
        Tree::Sequence(items) => items.iter().map(weight).fold((1, 0), add),
        Tree::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| add((1, key.text.len()), weight(value)))
            .fold((1, 0), add),
    }
}

/// How many collections stand inside one another.
pub(super) fn depth(node: &Node) -> usize {
    match &node.value {
        Tree::Scalar(_) => 0,
        Tree::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Tree::Mapping(entries) => {
            1 + entries
                .iter()
                .map(|(_, value)| depth(value))
                .max()
                .unwrap_or(0)
        }
    }
}
