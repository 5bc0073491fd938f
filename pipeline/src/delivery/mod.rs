//! Delivery: what is written down with each commit, and how a restart finds its way back.
//!
//! The idea: the input log is the truth and the state a fold over it. A commit writes the outputs, a
//! [`control::ControlRecord`] and the input offsets; a restart folds the log again in the journaled order, silently,
//! up to the committed offsets ([`recovery`]), and finds the outputs it had ([`digest`]); a [`snapshot`] spares it the
//! beginning. An [`audit`] compares them with what is there. The invariant: no output is written for a record below them.

pub mod audit;
pub mod control;
pub mod digest;
pub mod recovery;
pub mod snapshot;
