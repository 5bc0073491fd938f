//! An asynchronous client behind calls that wait: one runtime on the caller's thread, and an end to all waiting.
//!
//! The one idea: nothing is under way between two calls, so there is no thread to look after, no queue to bound, and a
//! failure belongs to the call that returns it. The invariant: every wait has a bound, whatever the other side does. A
//! request has one ([`Patience::request`]), its repetitions have one ([`Patience::attempts`]), and so has the whole call.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::Location;
use crate::snapshots::{SUFFIX, SnapshotError, named};

/// Threads for the names of hosts, which the system resolves only by calls that wait; they end by themselves.
const RESOLVERS: usize = 2;

/// How long a store is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// One request with its body and its answer.
    pub request: Duration,
    /// How often a request is sent at most; also after an answer that says to come again later.
    pub attempts: usize,
    /// One call of a store: all of its requests, and the pauses between them.
    pub call: Duration,
}

impl Default for Patience {
    /// Enough for four parts of 8 MiB side by side over a line of 5 Mbit/s; and no call is longer than three minutes.
    fn default() -> Self {
        Self {
            request: Duration::from_secs(60),
            attempts: 5,
            call: Duration::from_secs(180),
        }
    }
}

impl Patience {
    pub(super) fn retries(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(10),
                base: 2.0,
            },
            max_retries: self.attempts.saturating_sub(1),
            retry_timeout: self.call,
        }
    }

    /// As the client's settings. A connection that nobody looked at for longer may be closed by the other side, so it
    /// is not used again.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let connect = self.request.min(Duration::from_secs(5));
        let millis = |time: Duration| format!("{} ms", time.as_millis().max(1));
        vec![
            ("timeout".to_owned(), millis(self.request)),
            ("connect_timeout".to_owned(), millis(connect)),
            (
                "pool_idle_timeout".to_owned(),
                millis(Duration::from_secs(4)),
            ),
        ]
    }
}

/// A bucket, and how its calls are waited for.
pub(super) struct Client {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) location: Location,
    call: Duration,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Client {
    pub(super) fn new(
        location: Location,
        options: &[(String, String)],
        patience: &Patience,
    ) -> Result<Self, SnapshotError> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(RESOLVERS).build();
        let runtime = runtime.map_err(|source| SnapshotError::File {
            operation: format!("wait for {location}"),
            source,
        })?;
        Ok(Self {
            store: location.client(options, patience)?,
            location,
            call: patience.call,
            runtime: Some(runtime),
        })
    }

    /// The object of a snapshot: where it is, and how messages call it.
    pub(super) fn object(&self, name: &str) -> Result<(Path, String), SnapshotError> {
        let file = format!("{}{SUFFIX}", named(name)?);
        let shown = format!("{}/{file}", self.location);
        Ok((self.location.prefix().clone().join(file), shown))
    }

    /// Waits for what a call of the store comes to, but not for ever.
    pub(super) fn wait<T>(
        &self,
        operation: impl Fn() -> String,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, SnapshotError> {
        let late = || SnapshotError::TimedOut {
            operation: operation(),
            after: self.call,
        };
        let Some(runtime) = &self.runtime else {
            return Err(late());
        };
        let done = runtime.block_on(async { tokio::time::timeout(self.call, call).await });
        done.map_err(|_| late())?
            .map_err(|source| SnapshotError::Object {
                operation: operation(),
                source: Box::new(source),
            })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A resolver may hang for as long as the system lets it; nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
