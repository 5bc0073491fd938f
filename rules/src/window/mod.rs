//! Which events a feature is computed over, relative to the event's own time `t`.
//!
//! SKELETON: the variants are fixed for now.

use crate::time::Span;

/// A window of a key's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// `(t - from, t - to]`; a plain sliding window has `to` = 0.
    Sliding {
        /// How far back the open end lies; greater than `to`.
        from: Span,
        /// How far back the closed end lies.
        to: Span,
    },
    /// The last `n` events (those the filter takes) by (time, order taken), at most up to `t`.
    Last {
        /// At least 1.
        n: u32,
    },
    /// Every event up to `t`.
    Forever,
}
