//! Clocks: the only place of the project that reads one.
//!
//! The idea: whoever needs the time is given a [`Clock`], so that a test gives it a [`ManualClock`] and a replay is
//! not disturbed by the real one. The invariant: no clock decides anything about an event; event time comes out of
//! the event, and what is read here ends in metrics, logs and time-outs only.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall time in microseconds since 1970-01-01T00:00:00Z; may jump either way.
    fn wall_us(&self) -> i64;

    /// Time since the clock was made; never goes back.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_us: AtomicI64,
    elapsed_us: AtomicI64,
}

// === impl SystemClock ===

impl SystemClock {
    /// A clock that counts from now.
    #[must_use]
    #[allow(
        clippy::disallowed_methods,
        reason = "this module is where clocks are read"
    )]
    pub fn new() -> SystemClock {
        SystemClock {
            start: Instant::now(),
        }
    }

    /// The same, shared.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(SystemClock::new())
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this module is where clocks are read"
    )]
    fn wall_us(&self) -> i64 {
        // A clock before 1970 is a broken machine; zero says so without stopping anything.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this module is where clocks are read"
    )]
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

// === impl ManualClock ===

impl ManualClock {
    /// A clock at this wall time.
    #[must_use]
    pub fn at(wall_us: i64) -> ManualClock {
        ManualClock {
            wall_us: AtomicI64::new(wall_us),
            elapsed_us: AtomicI64::new(0),
        }
    }

    /// Lets time pass, on the wall and since the start.
    pub fn advance(&self, by: Duration) {
        let us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.wall_us.fetch_add(us, Ordering::Relaxed);
        self.elapsed_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Sets the wall clock, as an administrator would; the time since the start goes on.
    pub fn set_wall(&self, wall_us: i64) {
        self.wall_us.store(wall_us, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn wall_us(&self) -> i64 {
        self.wall_us.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        let us = self.elapsed_us.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(us).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_clock_leaves_the_elapsed_time_alone() {
        let clock = ManualClock::at(1_000);
        clock.advance(Duration::from_micros(5));
        clock.set_wall(3);
        assert_eq!(clock.wall_us(), 3);
        assert_eq!(clock.elapsed(), Duration::from_micros(5));
    }

    #[test]
    fn the_machines_clock_is_after_2025_and_never_goes_back() {
        let clock = SystemClock::new();
        assert!(clock.wall_us() > 1_735_689_600_000_000);
        let first = clock.elapsed();
        assert!(clock.elapsed() >= first);
    }
}
