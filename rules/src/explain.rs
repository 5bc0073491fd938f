//! The sentence a hit says: a template of values.
//!
//! SKELETON.

use std::collections::BTreeMap;

use crate::expression::Problem;
use crate::ruleset::Column;
use crate::value::Value;

/// A checked template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {}

impl Template {
    /// Reads a template over columns (the pack's, then the rule's `let`s) and parameters.
    ///
    /// # Errors
    /// Every problem, with its place in the text.
    pub fn parse(
        _text: &str,
        _columns: &[Column],
        _params: &BTreeMap<String, Value>,
    ) -> Result<Template, Vec<Problem>> {
        Ok(Template {})
    }
}
