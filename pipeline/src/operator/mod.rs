//! The operators of the graph, one per file: decode → merge → (the engine of `rules`) → output.
//!
//! The invariant: each hands on Arrow columns and keeps the order of a partition; none reads a clock.

pub mod decode;
pub mod merge;
pub mod output;
pub mod wanted;
