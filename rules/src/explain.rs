//! The sentence a hit says: a template of values.
//!
//! SKELETON.

/// A checked template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {}
