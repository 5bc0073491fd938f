//! The log: fixed messages with fields, on standard error, as text or JSON.
//!
//! The invariant: it is set up once, before anything is done, and standard output holds results only.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::arguments::{Command, LogFormat};

/// Sets it up. `RUST_LOG` decides how much; without it a run tells what it does, and other commands only what is wrong.
pub(super) fn start(format: LogFormat, command: &Command) {
    let default = match command {
        Command::Run(_) => "info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A test or an embedding program may have set up its own; that one stays.
    let _set = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
