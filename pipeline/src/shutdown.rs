//! The wish to stop: set once, by a signal or by the program itself, and looked at by every loop.
//!
//! The idea: SIGTERM and SIGINT only raise a flag; the worker sees it, stops the intake, drains, commits and returns
//! by itself. The invariant: a flag once raised stays raised, with its first reason. A second signal ends the process
//! at once with exit code 1, which is safe because recovery never depends on a clean end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why the program was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGTERM: a normal end, exit code 0.
    Terminated,
    /// SIGINT: ctrl-c, exit code 130.
    Interrupted,
    /// The program decided so itself: its time is up, or a part of it failed.
    Finished,
}

/// The flag; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    state: Arc<AtomicU8>,
}

/// The signals of this process could not be listened to.
#[derive(Debug, thiserror::Error)]
#[error("listen to signals: {0}")]
pub struct SignalError(#[source] std::io::Error);

// === impl Shutdown ===

impl Shutdown {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Whether to stop.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.state.load(Ordering::Acquire) != 0
    }

    /// Why, if so.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self.state.load(Ordering::Acquire) {
            1 => Some(Reason::Terminated),
            2 => Some(Reason::Interrupted),
            3 => Some(Reason::Finished),
            _ => None,
        }
    }

    /// Raises the flag; true if it was not raised before.
    pub fn request(&self, reason: Reason) -> bool {
        let code = match reason {
            Reason::Terminated => 1,
            Reason::Interrupted => 2,
            Reason::Finished => 3,
        };
        self.state
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Listens to SIGTERM and SIGINT on a thread of its own for the rest of the process.
    ///
    /// # Errors
    /// [`SignalError`] when the handlers cannot be installed.
    pub fn on_signals(&self) -> Result<(), SignalError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SignalError)?;
        let (mut term, mut int) = {
            let _inside = runtime.enter();
            use tokio::signal::unix::{SignalKind, signal};
            (
                signal(SignalKind::terminate()).map_err(SignalError)?,
                signal(SignalKind::interrupt()).map_err(SignalError)?,
            )
        };
        let flag = self.clone();
        let listen = move || {
            runtime.block_on(async move {
                let mut signals = 0u32;
                loop {
                    let reason = tokio::select! {
                        _ = term.recv() => Reason::Terminated,
                        _ = int.recv() => Reason::Interrupted,
                    };
                    signals += 1;
                    if signals > 1 {
                        tracing::warn!("second signal: stopping at once");
                        std::process::exit(1);
                    }
                    tracing::info!(?reason, "asked to stop: draining; once more stops at once");
                    flag.request(reason);
                }
            });
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listen)
            .map_err(SignalError)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let flag = Shutdown::new();
        let seen = flag.clone();
        assert!(!seen.requested());
        assert_eq!(seen.reason(), None);
        assert!(flag.request(Reason::Interrupted));
        assert!(!flag.request(Reason::Terminated));
        assert!(seen.requested());
        assert_eq!(seen.reason(), Some(Reason::Interrupted));
    }
}
