//! A call with a limit of our own.
//!
//! The idea: `rd_kafka_send_offsets_to_transaction` takes a timeout and does not look at it while it waits for the group's
//! coordinator (librdkafka's issue 5456); where that broker was missing from the metadata for a moment, as one that is restarted is,
//! nothing wakes the call up any more (5511). So a thread makes the call, and what is not answered in time is left to it. The
//! invariant: whoever gives a call up never uses its producer again, and goes on with one that shuts it out.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// The answer of a call, or nothing when there is none within the limit.
///
/// # Errors
/// When there can be no thread for it.
pub(super) fn bounded<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<Option<T>> {
    let (told, answer) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("offsets".to_owned())
        .spawn(move || {
            // Nobody listens to an answer that comes too late.
            let _ = told.send(call());
        })?;
    match answer.recv_timeout(limit) {
        Ok(answer) => Ok(Some(answer)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        // It has panicked.
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(()) => Ok(None),
            Err(panic) => std::panic::resume_unwind(panic),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_time_is_given_and_a_late_one_is_not_waited_for() {
        let soon = bounded(Duration::from_secs(60), || 7);
        assert_eq!(soon.expect("a thread"), Some(7));
        let (release, held) = mpsc::sync_channel::<()>(1);
        let never = bounded(Duration::from_millis(20), move || held.recv().is_ok());
        assert_eq!(never.expect("a thread"), None);
        release.send(()).expect("the call still waits");
    }
}
