//! Keys with few events: scanned at every answer, but for the sums of integers where there are more than a few rows.
//!
//! Modules in reading order: how such a key lies in memory (`shape`, `bodies`), its rows (`body`, `change`, `mark`,
//! `running`), how they are answered (`plan`, `reach`, `ladder`, `listed`, `cut`, `scan`), what events do to them (`take`,
//! `pass`, `forget`), and whether one that was saved can be worked with (`check`).

mod bodies;
mod body;
mod change;
mod check;
mod cut;
mod forget;
mod ladder;
mod listed;
mod mark;
mod pass;
mod plan;
mod reach;
mod running;
mod scan;
mod shape;
mod take;
#[cfg(test)]
mod tests;

pub(super) use bodies::Bodies;
pub(super) use listed::{What, is_listed};
pub(super) use pass::Appended;
pub(super) use plan::ScanPlan;
pub(super) use scan::Scratch;
pub(super) use shape::Shapes;
pub(super) use take::Arriving;
