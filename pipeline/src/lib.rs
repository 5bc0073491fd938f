//! The operator graph, time, delivery, metrics, HTTP and commands: what ties `rules` and `connectors` together.
//!
//! The one idea: a run is configured ([`config`], [`pack`]), then built, then driven by one thread, the worker, with the
//! help of as many as it was given; everything around it ([`metrics`], [`console`], [`observe`]) looks on and cannot slow
//! it. The invariant: only this package
//! reads a clock ([`clock`]), registers a metric, or knows both a rule and a connector.
//!
//! Modules in reading order: what the user wrote ([`config`], [`pack`]) and what can be wrong with it
//! ([`finding`], [`error_code`]); what surrounds a run ([`clock`], [`seed`], [`shutdown`], [`watchdog`], [`failpoint`],
//! [`metrics`], [`console`], [`observe`]); the run itself ([`topology`] builds it, [`worker`] drives it, [`crew`] helps, [`operator`] and [`step`]
//! are what it does, [`delivery`] is what it remembers, [`auditor`] looks at what it wrote); and the commands ([`cli`]).

pub mod config;
pub mod error_code;
pub mod finding;
pub mod pack;

pub mod clock;
pub mod console;
pub mod failpoint;
pub mod metrics;
pub mod observe;
pub mod seed;
pub mod shutdown;
pub mod watchdog;

pub mod auditor;
pub mod crew;
pub mod delivery;
pub mod operator;
pub mod step;
pub mod topology;
pub mod worker;

pub mod cli;
