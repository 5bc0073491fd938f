//! Exact state: one store of events per key, shared by all windows and aggregates of that key.
//!
//! SKELETON: the signatures here are what `evaluate` calls; the bodies come.

use arrow::array::{ArrayRef, BooleanArray};

use crate::aggregate::Aggregate;
use crate::ruleset::Scope;
use crate::time::EventTime;
use crate::value::Type;
use crate::window::Window;

/// What a group's store computes; made from [`crate::ruleset::Group`] without its expressions.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Types of the key's fields; empty: one group of all events.
    pub key: Vec<Type>,
    /// Types of the values kept per event.
    pub inputs: Vec<Type>,
    /// How many filters there are, at most 64.
    pub filters: usize,
    /// What is computed.
    pub features: Vec<FeaturePlan>,
    /// Events may arrive this far behind their partition's watermark.
    pub max_lateness: crate::time::Span,
}

/// One feature of a group.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    /// The function.
    pub aggregate: Aggregate,
    /// Indices into [`GroupPlan::inputs`].
    pub args: Vec<usize>,
    /// Index of the filter.
    pub filter: Option<usize>,
    /// Which events.
    pub window: Window,
    /// Whether the current one is among them.
    pub scope: Scope,
}

/// The rows of one step as one group sees them, all of one length.
#[derive(Debug)]
pub struct GroupStep<'a> {
    /// The key's columns; a row with a null part has no key: its features are null and it is not stored.
    pub keys: &'a [ArrayRef],
    /// One column per [`GroupPlan::inputs`].
    pub inputs: &'a [ArrayRef],
    /// One column per filter; null counts as false.
    pub filters: &'a [BooleanArray],
    /// Event times.
    pub times: &'a [EventTime],
    /// False for a late event or a duplicate: it is answered from the state, and never added. For an event that is
    /// late (not a duplicate) `with_current` still counts the event itself; a duplicate is already in the state.
    pub added: &'a [bool],
    /// True for a duplicate: it does not count itself a second time.
    pub duplicate: &'a [bool],
    /// Per row: no event taken from here on has a time before this, as far as exactness is promised. Events older
    /// than this less the longest window may be forgotten.
    pub horizon: &'a [EventTime],
}

/// How much a group holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSize {
    /// Keys known.
    pub keys: usize,
    /// Events held over all keys.
    pub events: usize,
    /// Bytes allocated for all of it.
    pub bytes: usize,
}
