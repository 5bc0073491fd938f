//! What the test's thread and the forwarding threads decide by: switches, counters and the connections.
//!
//! Idea: each method is one step taken under the lock of `Shared`, and none of them blocks (shutting a socket down does
//! not). Whether a frame may pass is decided here; waiting and writing are done by the pumps.
//!
//! Invariant: a fault is counted in the same step in which it takes effect or is decided, so whoever sees the effect
//! sees the count. A link that is cut gets no request and no response any more.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::frame::{Api, Frame};
use super::link::{Link, Verdict};

/// A thing that was done to the traffic; each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A frame was delayed.
    Delay,
    /// A frame was kept back because of a black hole.
    BlackHole,
    /// A connection was closed by a reset.
    Reset,
    /// A connection was closed because connections are refused.
    Refuse,
    /// The answer to a request of this API was swallowed and the client's connection closed.
    LoseResponse(Api),
    /// A request of this API was not forwarded and its connection closed.
    LoseRequest(Api),
    /// A request of this API was held.
    Hold(Api),
    /// A held request of this API was released.
    Release(Api),
    /// A held request of this API was thrown away.
    DropHeld(Api),
    /// Not injected: a frame had an impossible length and its connection was closed.
    BadFrame,
    /// Not injected: the broker could not be connected to and the client's connection was closed.
    NoUpstream,
}

/// All that the lock guards.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) delay: Duration,
    pub(super) black_hole: bool,
    pub(super) refuse: bool,
    closing: bool,
    /// How many requests are yet to be hit, by the fault that waits for them.
    armed: BTreeMap<Fault, u64>,
    counts: BTreeMap<Fault, u64>,
    seen: BTreeMap<Api, u64>,
    answered: BTreeMap<Api, u64>,
    versions: BTreeMap<Api, i16>,
    links: BTreeMap<u64, Link>,
    next_link: u64,
}

impl State {
    pub(super) fn arm(&mut self, fault: Fault, count: u64) {
        *self.armed.entry(fault).or_default() += count;
    }

    pub(super) fn disarm(&mut self) {
        self.armed.clear();
    }

    /// Uses one of the armed faults up, if there is one, and counts it.
    pub(super) fn strike(&mut self, fault: Fault) -> bool {
        let hit = self.take_armed(fault);
        if hit {
            self.count(fault);
        }
        hit
    }

    fn take_armed(&mut self, fault: Fault) -> bool {
        let left = self.armed.get_mut(&fault).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    pub(super) fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }

    pub(super) fn count_of(&self, fault: Fault) -> u64 {
        self.counts.get(&fault).copied().unwrap_or_default()
    }

    pub(super) fn seen(&self, api: Api) -> u64 {
        self.seen.get(&api).copied().unwrap_or_default()
    }

    pub(super) fn answered(&self, api: Api) -> u64 {
        self.answered.get(&api).copied().unwrap_or_default()
    }

    pub(super) fn version(&self, api: Api) -> Option<i16> {
        self.versions.get(&api).copied()
    }

    /// Takes a new connection in, or refuses it.
    pub(super) fn admit(&mut self, client: &Arc<TcpStream>) -> Option<u64> {
        if self.refuse {
            self.count(Fault::Refuse);
        }
        if self.refuse || self.closing {
            return None;
        }
        self.next_link += 1;
        self.links
            .insert(self.next_link, Link::new(Arc::clone(client)));
        Some(self.next_link)
    }

    /// Adds the broker's side of a link; false when the link was cut meanwhile.
    pub(super) fn attach(&mut self, id: u64, upstream: &Arc<TcpStream>) -> bool {
        self.live(id)
            .map(|link| link.attach(Arc::clone(upstream)))
            .is_some()
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.links.remove(&id);
    }

    /// The link, unless it is cut.
    pub(super) fn live(&mut self, id: u64) -> Option<&mut Link> {
        self.links.get_mut(&id).filter(|link| !link.is_cut())
    }

    pub(super) fn cut(&mut self, id: u64) {
        if let Some(link) = self.live(id) {
            link.cut();
        }
    }

    /// Closes all connections for this reason, except that a held request keeps its way to the broker.
    pub(super) fn close_all(&mut self, reason: Fault) -> usize {
        let mut clients = 0;
        for link in self.links.values_mut() {
            clients += usize::from(!link.client_gone);
            if link.is_holding() {
                link.close_client();
            } else {
                link.cut();
            }
        }
        *self.counts.entry(reason).or_default() += clients as u64;
        clients
    }

    /// Decides on all held requests.
    pub(super) fn settle(&mut self, verdict: Verdict) -> usize {
        let mut settled = Vec::new();
        for api in self
            .links
            .values_mut()
            .filter_map(|link| link.settle(verdict))
        {
            settled.push(if verdict == Verdict::Forward {
                Fault::Release(api)
            } else {
                Fault::DropHeld(api)
            });
        }
        for fault in &settled {
            self.count(*fault);
        }
        settled.len()
    }

    /// Notes a request that is about to be passed on; false when it must not be.
    pub(super) fn pass_request(&mut self, id: u64, frame: &Frame) -> bool {
        let (api, correlation) = (frame.api(), frame.correlation());
        if self.live(id).is_none() || self.strike(Fault::LoseRequest(api)) {
            return false;
        }
        let lose = self.take_armed(Fault::LoseResponse(api));
        *self.seen.entry(api).or_default() += 1;
        self.versions.insert(api, frame.version());
        let link = self.live(id).expect("the link was live above");
        link.send(correlation, api, lose);
        true
    }

    /// Counts a response when it arrives from the broker.
    pub(super) fn note_answer(&mut self, id: u64, frame: &Frame) {
        if let Some(api) = self
            .links
            .get_mut(&id)
            .and_then(|link| link.note_answer(frame.correlation()))
        {
            *self.answered.entry(api).or_default() += 1;
        }
    }

    /// Whether a response may go to the client; if it is to be lost, the client is cut off and the loss counted.
    pub(super) fn pass_response(&mut self, id: u64, frame: &Frame) -> bool {
        let Some(link) = self.live(id) else {
            return false;
        };
        let Some(api) = link.loses(frame.correlation()) else {
            return true;
        };
        link.close_client();
        self.count(Fault::LoseResponse(api));
        false
    }

    /// Notes that a response was delivered or swallowed.
    pub(super) fn retire(&mut self, id: u64, frame: &Frame) {
        if let Some(link) = self.links.get_mut(&id) {
            link.retire(frame.correlation());
        }
    }

    /// Whether all that was passed on was answered.
    pub(super) fn is_drained(&mut self, id: u64) -> bool {
        self.live(id).is_none_or(|link| link.is_drained())
    }

    /// Ends everything for good, held requests too.
    pub(super) fn shut(&mut self) {
        self.closing = true;
        self.links.values_mut().for_each(Link::cut);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}
