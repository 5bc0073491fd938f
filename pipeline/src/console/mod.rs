//! HTTP: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever runs the process.
//!
//! The idea: [`health::Health`] is what the worker says about itself, [`server`] answers from it and from the metrics
//! on threads of its own. The invariant: nothing here can slow the worker or be made to hold more than a bounded
//! number of connections and bytes; it listens on loopback only.

pub mod health;
pub mod server;

pub use self::health::{Health, State};
pub use self::server::{Console, ConsoleError};
