//! What the tests share: a real broker, the built binary, the test data, and readers of this repository's own sources.
//!
//! The one idea: a scenario in `tests/tests/` reads like its description, because starting, waiting and reading live
//! here. The invariant: a helper asserts as a test does (it panics with what it saw), waits with a deadline and never
//! sleeps, ends only processes it started, and what cannot be had on this machine is skipped with a printed line.
//!
//! Modules in reading order: where things lie ([`place`]), the data ([`data`], [`handbook`]), what came out ([`decisions`]), a process under test ([`process`]), a
//! broker ([`broker`]) with its clients ([`topic`]) and what may lie between ([`proxy`](mod@proxy)), a bucket
//! ([`s3`](mod@s3)), the sources as text ([`sources`]) and the packages they
//! depend on ([`graph`]). [`crash`] is what an application must survive. [`fuzz`] makes inputs nobody thought of; [`dice`] are its choices;
//! [`reference`](mod@reference) and [`expression`] say naively what comes of events and of expressions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests assert, print skip lines and keep deadlines"
)]

pub mod broker;
pub mod crash;
pub mod data;
pub mod decisions;
pub mod dice;
pub mod disk;
pub mod expression;
pub mod fuzz;
pub mod graph;
pub mod handbook;
pub mod place;
pub mod process;
pub mod proxy;
pub mod reference;
pub mod s3;
pub mod sources;
pub mod topic;
pub mod wait;
