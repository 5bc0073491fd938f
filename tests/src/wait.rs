//! Waiting for something that shows no event: asking again and again, up to a deadline.
//!
//! The invariant: nothing is taken to have happened because time has passed.

use std::thread;
use std::time::{Duration, Instant};

/// Between two times that something is asked: who asks without a pause takes a core from those it asks about.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks again and again until it is so.
///
/// # Panics
/// When it is not within the deadline.
pub fn until(deadline: Duration, so: impl Fn() -> bool) {
    assert!(within(deadline, so), "not so within {deadline:?}");
}

/// Asks again and again; whether it was so before the deadline.
#[must_use]
pub fn within(deadline: Duration, so: impl Fn() -> bool) -> bool {
    found(deadline, || so().then_some(())).is_some()
}

/// Asks again and again until there is an answer; none when there is none before the deadline.
pub fn found<T>(deadline: Duration, ask: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || started.elapsed() > deadline {
            return answer;
        }
        thread::park_timeout(PAUSE);
    }
}
