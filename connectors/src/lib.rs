//! Bytes and batches: where events come from and where decisions go. Knows no rule.
//!
//! The one idea: four contracts in prose ([`source`], [`sink`], [`log`], [`snapshots`]) and one suite ([`conformance`]) that every
//! implementation passes. The invariant: the only type spoken with the rest of the project is Arrow's; no metric is
//! registered and no thread is left behind here.
//!
//! Modules in reading order: what travels ([`record`]), the contracts ([`source`], [`sink`], [`log`]), bytes to
//! columns ([`mod@format`]) and what is wrong with them ([`reject`]), then one module per connector, and where snapshots
//! are kept ([`snapshots`]).

pub mod conformance;
pub mod embedded;
pub mod file;
pub mod format;
pub mod generate;
pub mod kafka;
pub mod log;
pub mod memory;
pub mod record;
pub mod reject;
pub mod sink;
pub mod snapshots;
pub mod source;
pub mod stdout;
