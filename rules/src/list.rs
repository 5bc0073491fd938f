//! Lists an expression or the policy can look a key up in: `in_list(card_id, 'trusted_cards')`.
//!
//! The invariant: a list is text keys in a set, looked up and never walked, so hash order cannot show.

use std::collections::HashSet;

/// One list, filled.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The name it is looked up by.
    pub name: String,
    /// The event field it is keyed by.
    pub key: String,
    /// Its entries, as text.
    pub entries: HashSet<String>,
}

/// All lists of a pack; an expression holds the index of the list it reads.
pub type Lists = Vec<List>;
