//! What the worker says about itself: alive, and ready or why not.
//!
//! The invariant: `alive` is true exactly while a [`Lease`] exists; the worker holds one for as long as it runs, so
//! that a worker that returned or panicked is reported, whatever it said last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the worker is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Opening source and sinks.
    Starting,
    /// Folding the log again up to the committed offset.
    Refolding {
        /// Events folded so far.
        events: u64,
    },
    /// Deciding events.
    Ready,
    /// A partition stands still until an operator acts.
    Halted {
        /// Which, where and why.
        reason: String,
    },
    /// Draining on request.
    Stopping,
    /// Ended.
    Ended {
        /// How.
        reason: String,
    },
}

/// Shared by the worker, which tells, and the console, which answers.
#[derive(Clone, Debug)]
pub struct Health {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    alive: AtomicBool,
    state: Mutex<State>,
}

/// The worker is alive while it holds this.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
}

// === impl State ===

impl State {
    /// The word in the answer of `/readyz`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Refolding { .. } => "refolding",
            State::Ready => "ready",
            State::Halted { .. } => "halted",
            State::Stopping => "stopping",
            State::Ended { .. } => "ended",
        }
    }

    /// The sentence beside it.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            State::Starting => "opening source and sinks".to_owned(),
            State::Refolding { events } => {
                format!("folding the log again up to the committed offset: {events} events so far")
            }
            State::Ready => "deciding events".to_owned(),
            State::Stopping => "draining".to_owned(),
            State::Halted { reason } | State::Ended { reason } => reason.clone(),
        }
    }
}

// === impl Health ===

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

impl Health {
    /// Nobody is alive yet; [`State::Starting`].
    #[must_use]
    pub fn new() -> Health {
        Health {
            shared: Arc::new(Shared {
                alive: AtomicBool::new(false),
                state: Mutex::new(State::Starting),
            }),
        }
    }

    /// Taken by the worker when it begins.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.shared.alive.store(true, Ordering::Release);
        Lease {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Whether a lease is held.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.shared.alive.load(Ordering::Acquire)
    }

    /// Says what the worker is doing.
    pub fn set(&self, state: State) {
        // A poisoned lock means that a reader panicked; the state itself is whole.
        *self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What the worker said last.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether events are being decided.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.alive() && self.state() == State::Ready
    }
}

// === impl Lease ===

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.alive.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_alive_while_it_holds_the_lease() {
        let health = Health::new();
        assert!(!health.alive());
        let lease = health.lease();
        health.set(State::Ready);
        assert!(health.alive() && health.ready());
        drop(lease);
        assert!(!health.alive() && !health.ready());
    }

    #[test]
    fn only_the_ready_state_is_ready() {
        let health = Health::new();
        let _lease = health.lease();
        for state in [
            State::Starting,
            State::Refolding { events: 3 },
            State::Halted {
                reason: "swipes[0]@7: bad checksum".to_owned(),
            },
            State::Stopping,
            State::Ended {
                reason: "source is read".to_owned(),
            },
        ] {
            health.set(state.clone());
            assert!(!health.ready(), "{state:?}");
            assert!(!state.reason().is_empty());
        }
    }
}
