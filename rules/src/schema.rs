//! What an event looks like: its fields, which of them is the id and which the time, and how far a time may stray.
//!
//! The invariant: the columns of a step are exactly [`Schema::arrow`], in this order. Decoders make them so; nothing
//! behind the decoder checks again.

use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Schema as ArrowSchema, SchemaRef};

use crate::time::Span;
use crate::value::{Type, Value};

/// How a timestamp stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeEncoding {
    /// `2026-01-01T00:05:00Z`.
    Rfc3339,
    /// Whole seconds since the epoch.
    Seconds,
    /// Whole milliseconds since the epoch.
    Millis,
    /// Whole microseconds since the epoch.
    Micros,
}

/// One field of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name rules know it by.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// How a timestamp is written; of no meaning for other types.
    pub encoding: TimeEncoding,
    /// May be missing or null.
    pub optional: bool,
    /// The column, or the JSON pointer when it begins with `/`; the field's own name when absent.
    pub from: Option<String>,
    /// Stands in for a missing value.
    pub default: Option<Value>,
    /// Must never be shown: no rule may put it in a text that leaves.
    pub sensitive: bool,
}

/// What is done with an event that claims to come from the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuturePolicy {
    /// Its time becomes the broker's append time plus `max_future`.
    Clamp,
    /// It is rejected.
    DeadLetter,
}

/// The fields of an event and the bounds on its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// All fields, in the order written.
    pub fields: Vec<Field>,
    /// Index of the field that identifies an event.
    pub id: usize,
    /// Index of the field that holds the event time; a required timestamp.
    pub time: usize,
    /// An event further behind its partition than this is late.
    pub max_lateness: Span,
    /// An event further ahead of its append time than this is answered by `future_policy`; absent: never.
    pub max_future: Option<Span>,
    /// See [`FuturePolicy`].
    pub future_policy: FuturePolicy,
    /// How long, in event time, an id is remembered.
    pub dedup_horizon: Span,
}

impl Schema {
    /// The columns of a step.
    #[must_use]
    pub fn arrow(&self) -> SchemaRef {
        let field = |f: &Field| ArrowField::new(&f.name, f.ty.arrow(), true);
        Arc::new(ArrowSchema::new(
            self.fields.iter().map(field).collect::<Vec<_>>(),
        ))
    }
}
