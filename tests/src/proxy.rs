//! A TCP proxy for tests, between Kafka clients and one broker, that injects faults.
//!
//! Idea: the broker advertises the proxy's address, so everything a client sends comes through here, one upstream
//! connection for each accepted one. Bytes are moved frame by frame, so a fault can be aimed at one kind of request
//! (`Api`), above all "the commit was done but its answer was lost". Faults are switched by the test's thread while
//! traffic runs, and each is counted when it happens, so that a test can wait for it and assert it.
//!
//! Invariant: on one connection, frames leave in the order in which they came and unaltered, and after a frame that is
//! not forwarded nothing later is: the connection ends there, as a TCP stream would. A switch set by a method holds for
//! every frame that arrives after the method returned.
//!
//! Give the broker a separate inter-broker listener that does not lead through the proxy. Otherwise the broker's own
//! requests to itself (`WriteTxnMarkers`, the check of `AddPartitionsToTxn`) are counted and hit by faults as well.
//! Only plaintext connections are understood: with TLS or old SASL tokens the frames could not be read.

mod frame;
mod link;
mod pump;
mod shared;
mod state;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use frame::Api;
use link::Verdict;
use shared::Shared;
pub use state::Fault;
use state::State;

/// How long dropping a proxy waits for its threads before it leaves them to end by themselves.
const CLOSING: Duration = Duration::from_secs(5);

/// A running proxy; dropping it closes its port and all its connections.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy to `upstream` that listens at `listen`; port 0 takes a free one, see [`Proxy::address`].
    ///
    /// The broker need not run yet: a connection made before is closed at once and counted [`Fault::NoUpstream`].
    ///
    /// # Panics
    /// When the address cannot be listened at.
    #[must_use]
    pub fn start(upstream: SocketAddr, listen: SocketAddr) -> Self {
        let listener = TcpListener::bind(listen).expect("the proxy's port must be free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared::new(upstream));
        let theirs = Arc::clone(&shared);
        let acceptor = thread::spawn(move || pump::accept_all(&listener, &theirs));
        Self {
            shared,
            address,
            acceptor: Some(acceptor),
        }
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Holds each frame, in both directions, for `delay` from its arrival (a latency: frames do not queue up one
    /// after another's delay). Zero turns it off and lets go all frames that wait. Counted per frame.
    pub fn delay(&self, delay: Duration) {
        self.shared.change(|state| state.delay = delay);
    }

    /// While on, connections stay open and new ones are accepted, but nothing is forwarded, not even a close.
    /// Frames are kept and forwarded in order when it is switched off. Counted per frame that was kept.
    pub fn black_hole(&self, on: bool) {
        self.shared.change(|state| state.black_hole = on);
    }

    /// Closes all connections now and drops the frames in them; new ones are accepted. Returns and counts how many
    /// clients were cut off. A request held by [`Proxy::hold_request`] survives: only its client's side is closed.
    pub fn reset(&self) -> usize {
        self.shared.change(|state| state.close_all(Fault::Reset))
    }

    /// While on, new connections are closed as soon as they are accepted; switching it on also closes the existing
    /// ones, as [`Proxy::reset`] does. Counted per connection.
    pub fn refuse(&self, on: bool) {
        self.shared.change(|state| {
            state.refuse = on;
            if on {
                state.close_all(Fault::Refuse);
            }
        });
    }

    /// The next `count` requests of `api` (in addition to those armed before) reach the broker, but its answer is
    /// swallowed and the client's connection closed. Answers to earlier requests are delivered first. Counted when
    /// the answer is swallowed, so the broker has then done what was asked.
    pub fn lose_response(&self, api: Api, count: u64) {
        self.shared
            .change(|state| state.arm(Fault::LoseResponse(api), count));
    }

    /// The next `count` requests of `api` (in addition to those armed before) are not forwarded and the connection
    /// is closed, after the answers to earlier requests were delivered. To the client it is the same as a lost
    /// response. Nothing that follows on that connection is forwarded either.
    pub fn lose_request(&self, api: Api, count: u64) {
        self.shared
            .change(|state| state.arm(Fault::LoseRequest(api), count));
    }

    /// Keeps the next request of `api` back until [`Proxy::release`] or [`Proxy::drop_held`]; later frames on its
    /// connection wait behind it. Called twice, it keeps two. The upstream connection stays open even when the client
    /// has gone, so that the request arrives late. Wait for [`Fault::Hold`] before releasing. The loss faults are
    /// looked at when the request is released.
    pub fn hold_request(&self, api: Api) {
        self.shared.change(|state| state.arm(Fault::Hold(api), 1));
    }

    /// Lets all requests that are held now go to the broker and returns how many. To know that the broker has one,
    /// wait with [`Proxy::wait_answered`]: a `reset` right after `release` may still overtake it.
    pub fn release(&self) -> usize {
        self.shared.change(|state| state.settle(Verdict::Forward))
    }

    /// Throws all requests that are held now away, ends their connections, and returns how many there were.
    pub fn drop_held(&self) -> usize {
        self.shared.change(|state| state.settle(Verdict::Drop))
    }

    /// Switches every fault off: no delay, no black hole, no refusing, nothing armed; held requests are released.
    pub fn heal(&self) {
        self.shared.change(|state| {
            state.delay = Duration::ZERO;
            state.black_hole = false;
            state.refuse = false;
            state.disarm();
            state.settle(Verdict::Forward);
        });
    }

    /// How often a fault has happened since the start.
    #[must_use]
    pub fn count_of(&self, fault: Fault) -> u64 {
        self.shared.lock().count_of(fault)
    }

    /// Waits until a fault has happened `at_least` that often since the start; false when `timeout` passed first.
    #[must_use]
    pub fn wait_for(&self, fault: Fault, at_least: u64, timeout: Duration) -> bool {
        self.shared
            .wait_until(timeout, |state| state.count_of(fault) >= at_least)
    }

    /// How many requests of an API were passed on to the broker (not those lost, nor those still held).
    #[must_use]
    pub fn seen(&self, api: Api) -> u64 {
        self.shared.lock().seen(api)
    }

    /// Waits until `at_least` requests of an API were passed on; false when `timeout` passed first.
    #[must_use]
    pub fn wait_seen(&self, api: Api, at_least: u64, timeout: Duration) -> bool {
        self.shared
            .wait_until(timeout, |state| state.seen(api) >= at_least)
    }

    /// How many requests of an API the broker has answered, whether or not the answer went on to the client.
    #[must_use]
    pub fn answered(&self, api: Api) -> u64 {
        self.shared.lock().answered(api)
    }

    /// Waits until the broker has answered `at_least` requests of an API; false when `timeout` passed first.
    #[must_use]
    pub fn wait_answered(&self, api: Api, at_least: u64, timeout: Duration) -> bool {
        self.shared
            .wait_until(timeout, |state| state.answered(api) >= at_least)
    }

    /// The protocol version of the last request of an API that was passed on.
    #[must_use]
    pub fn version(&self, api: Api) -> Option<i16> {
        self.shared.lock().version(api)
    }

    /// An address at which the proxy itself can reach its listener, also when that listens on all interfaces.
    fn own_address(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let v4 = address.is_ipv4();
            address.set_ip(if v4 {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.change(State::shut);
        // `accept` cannot be interrupted, so a connection is made that it will return with.
        let woken = TcpStream::connect_timeout(&self.own_address(), CLOSING).is_ok();
        if let Some(acceptor) = self.acceptor.take()
            && (woken || acceptor.is_finished())
        {
            let _ = acceptor.join();
        }
        self.shared.wait_until(CLOSING, State::is_empty);
    }
}
