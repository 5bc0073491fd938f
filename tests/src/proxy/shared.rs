//! The lock around the state, and the waiting for its changes.
//!
//! Idea: one mutex guards all of it and one condition variable tells of every change, so any thread can wait for
//! anything (a switch turned off, a request released, a count reached) without polling.
//!
//! Invariant: every change is told, and nobody blocks on a socket while holding the lock.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::State;

/// The state with its lock and the broker's address.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) upstream: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    pub(super) fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Locks for reading, or for a wait. A panic elsewhere must not keep `Drop` from closing, so poison is ignored.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells all who wait.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.tell();
        result
    }

    /// Tells all who wait of a change made under [`Shared::lock`].
    pub(super) fn tell(&self) {
        self.changed.notify_all();
    }

    pub(super) fn wait_until(&self, timeout: Duration, reached: impl Fn(&State) -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| !reached(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for the next change, at most that long.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Duration,
    ) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, at_most)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}
