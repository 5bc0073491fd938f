//! What an analyst writes and what it means: events in, decisions out.
//!
//! The one idea: everything here is a pure function of the events, the pack and the order the events are taken in.
//! The invariant: no I/O, no clock, no randomness, no thread, and no iteration order of a hash map ever shows.
//!
//! Modules in reading order: what a value is ([`value`], [`time`], [`schema`]), what the author wrote
//! ([`definition`]) and what is wrong with it ([`diagnostic`]), what was proven about it ([`compile`],
//! [`expression`], [`list`], [`ruleset`]), what runs ([`aggregate`], [`window`], [`state`], [`evaluate`], [`policy`]),
//! what is saved of it ([`snapshot`]), and what comes out ([`decision`], [`explain`]); [`testcase`] runs the author's own
//! tests.

pub mod aggregate;
pub mod compile;
pub mod decision;
pub mod definition;
pub mod diagnostic;
pub mod evaluate;
pub mod explain;
pub mod expression;
pub mod list;
pub mod policy;
pub mod ruleset;
pub mod schema;
pub mod snapshot;
pub mod state;
pub mod testcase;
pub mod time;
pub mod value;
pub mod window;
