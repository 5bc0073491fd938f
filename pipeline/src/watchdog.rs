//! The watchdog: ends the process when a call that has a bound does not return.
//!
//! The idea: some calls of librdkafka were seen to hang for ever although they take a timeout, and a process that hangs
//! holds its partitions. One that is gone is started again and proves itself from the log. The invariant: a call that
//! returns in time is never the end of the process, however many there are.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// What is told to the watchdog: what is called now, if anything.
type News = Option<&'static str>;
/// News not heard yet: the watchdog does nothing but listen.
const NEWS: usize = 64;

/// A handle.
#[derive(Clone, Debug)]
pub struct Watchdog {
    news: SyncSender<News>,
}

impl Watchdog {
    /// A watchdog that ends the process when a call takes longer than this.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(limit: Duration) -> io::Result<Watchdog> {
        Watchdog::with(limit, move |call| {
            tracing::error!(call, ?limit, "no answer for too long; ending the process");
            std::process::abort();
        })
    }

    fn with(
        limit: Duration,
        bark: impl FnOnce(&'static str) + Send + 'static,
    ) -> io::Result<Watchdog> {
        let (news, told) = sync_channel(NEWS);
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&told, limit, bark))?;
        Ok(Watchdog { news })
    }

    /// A call begins.
    pub fn begun(&self, call: &'static str) {
        // Without its thread there is nobody to tell.
        let _ = self.news.send(Some(call));
    }

    /// It has returned.
    pub fn returned(&self) {
        let _ = self.news.send(None);
    }
}

/// Until all handles are gone, or it has barked.
fn watch(told: &Receiver<News>, limit: Duration, bark: impl FnOnce(&'static str)) {
    let mut calling: News = None;
    loop {
        let next = match calling {
            Some(_) => told.recv_timeout(limit),
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match (next, calling) {
            (Ok(news), _) => calling = news,
            (Err(RecvTimeoutError::Timeout), Some(call)) => return bark(call),
            (Err(_), _) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_call_that_does_not_return_is_named() {
        let (bark, heard) = sync_channel(1);
        let watchdog = Watchdog::with(Duration::from_millis(1), move |call| {
            bark.send(call).unwrap();
        })
        .unwrap();
        watchdog.begun("hang");
        assert_eq!(heard.recv().unwrap(), "hang");
    }

    #[test]
    fn calls_that_return_are_let_pass() {
        let (bark, heard) = sync_channel(1);
        let watchdog = Watchdog::with(Duration::from_secs(600), move |call| {
            bark.send(call).unwrap();
        })
        .unwrap();
        for _ in 0..1_000 {
            watchdog.begun("call");
            watchdog.returned();
        }
        drop(watchdog);
        // Its thread has ended without a word: the other end of the channel is gone.
        assert!(heard.recv().is_err());
    }
}
