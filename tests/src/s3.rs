//! A server for tests that speaks as much of the protocol of Amazon S3 as a store of snapshots needs, with faults.
//!
//! Idea: what a bucket does is little (whole objects, uploads in parts that appear when they are completed, lists in
//! pages), so a map is a bucket. It is stricter than the real one where a client could get by with a mistake: pages are
//! short, and parts have their least size. Faults are aimed at one kind of request and each is counted.
//!
//! Invariant: it listens on loopback only, and a request that is not signed with the right key is refused and counted.
//! (The signature itself is not recomputed, only its shape is looked at.)

mod answer;
mod bucket;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use axum::Router;
use tokio::sync::oneshot;

pub use answer::{Fault, Request};
use answer::{Shared, State};

/// The id of the key that requests must be signed with.
pub const KEY: &str = "AKIATOLLGATETEST";

/// Its secret, which the server does not know.
pub const SECRET: &str = "not-a-secret";

/// A running server with one bucket; dropping it closes its port and all its connections.
#[derive(Debug)]
pub struct S3 {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3 {
    /// Starts a server with an empty bucket of this name.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    #[must_use]
    pub fn start(bucket: &str) -> Self {
        let shared = Arc::new(Shared {
            bucket: bucket.to_owned(),
            state: Mutex::new(State::default()),
        });
        let listener =
            std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a listener need not wait");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || serve(listener, theirs, stopped));
        Self {
            shared,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// What a client has to be told to reach it.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        options(&self.address.to_string(), KEY)
    }

    /// The next requests of a kind, as many as this, meet a fault; later calls for the same kind replace it.
    pub fn fault(&self, request: Request, fault: Fault, count: u64) {
        self.shared.lock().faults.insert(request, (fault, count));
    }

    /// From now on no request meets a fault.
    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many requests of a kind came, those that met a fault included.
    #[must_use]
    pub fn counted(&self, request: Request) -> u64 {
        self.shared
            .lock()
            .counts
            .get(&request)
            .copied()
            .unwrap_or_default()
    }

    /// How many requests were refused because they were not signed with the right key.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        self.shared.lock().unsigned
    }

    /// The keys of all objects, in order.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        self.shared.lock().bucket.keys()
    }

    /// How many uploads were begun and neither completed nor aborted.
    #[must_use]
    pub fn uploads(&self) -> usize {
        self.shared.lock().bucket.uploads()
    }

    /// Puts an object that no client under test wrote.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let _ = self.shared.lock().bucket.put(key, bytes.to_vec().into());
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a client has to be told to reach a server of this protocol at an address with this key.
#[must_use]
pub fn options(address: &str, key: &str) -> Vec<(String, String)> {
    let endpoint = format!("http://{address}");
    let pairs = [
        ("endpoint", endpoint.as_str()),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("access_key_id", key),
        ("secret_access_key", SECRET),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

fn serve(listener: std::net::TcpListener, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime can be made").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("it is a listener");
        let router = Router::new().fallback(answer::answer).with_state(shared);
        // Its connections end with the runtime, also those whose requests hang.
        tokio::select! {
            served = axum::serve(listener, router) => served.expect("it can accept"),
            _ = stopped => {}
        }
    });
}
