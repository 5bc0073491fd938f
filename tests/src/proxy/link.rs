//! What is known of one client's connection and its counterpart to the broker.
//!
//! Idea: the requests in flight are kept in the order of sending. The broker answers in that order, so an answer also
//! tells that older requests without one (a `Produce` with acks=0) will get none.
//!
//! Invariant: a link that is cut has both its sockets shut down and stays cut; `client_gone` is set before its
//! client's socket is shut. At most one request is held, because all later ones of the link wait behind it.

use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use super::frame::Api;

/// What is to become of a held request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is kept on.
    Wait,
    /// It goes to the broker.
    Forward,
    /// It is thrown away and its connection ended.
    Drop,
}

/// A request that was passed on and whose response is not yet delivered.
#[derive(Debug)]
struct Sent {
    correlation: i32,
    api: Api,
    lose: bool,
    answered: bool,
}

/// One client's connection and its counterpart to the broker.
#[derive(Debug)]
pub(super) struct Link {
    client: Arc<TcpStream>,
    upstream: Option<Arc<TcpStream>>,
    in_flight: VecDeque<Sent>,
    /// The request held last and its fate; the forwarding thread waits for the fate.
    held: Option<(Api, Verdict)>,
    /// The client has ended its side, or was cut off.
    pub(super) client_gone: bool,
    cut: bool,
}

impl Link {
    pub(super) fn new(client: Arc<TcpStream>) -> Self {
        Self {
            client,
            upstream: None,
            in_flight: VecDeque::new(),
            held: None,
            client_gone: false,
            cut: false,
        }
    }

    pub(super) fn attach(&mut self, upstream: Arc<TcpStream>) {
        self.upstream = Some(upstream);
    }

    /// Shuts the client's side only, so that requests on their way still reach the broker.
    pub(super) fn close_client(&mut self) {
        self.client_gone = true;
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Shuts both sides; this wakes the threads that read or write them.
    pub(super) fn cut(&mut self) {
        self.cut = true;
        self.close_client();
        if let Some(upstream) = &self.upstream {
            let _ = upstream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Starts to hold a request.
    pub(super) fn hold(&mut self, api: Api) {
        self.held = Some((api, Verdict::Wait));
    }

    pub(super) fn is_holding(&self) -> bool {
        matches!(self.held, Some((_, Verdict::Wait)))
    }

    /// Decides on the request that is held, if there is one, and returns its API.
    pub(super) fn settle(&mut self, verdict: Verdict) -> Option<Api> {
        let (api, fate) = self
            .held
            .as_mut()
            .filter(|(_, fate)| *fate == Verdict::Wait)?;
        *fate = verdict;
        Some(*api)
    }

    /// What was decided on the held request.
    pub(super) fn verdict(&self) -> Verdict {
        self.held.map_or(Verdict::Forward, |(_, verdict)| verdict)
    }

    /// Notes a request that is passed on.
    pub(super) fn send(&mut self, correlation: i32, api: Api, lose: bool) {
        self.in_flight.push_back(Sent {
            correlation,
            api,
            lose,
            answered: false,
        });
    }

    /// Notes that a response arrived and returns the API it belongs to, the first time only.
    pub(super) fn note_answer(&mut self, correlation: i32) -> Option<Api> {
        let sent = self
            .in_flight
            .iter_mut()
            .find(|sent| sent.correlation == correlation)?;
        let first = !std::mem::replace(&mut sent.answered, true);
        first.then_some(sent.api)
    }

    /// The API of the request with that number, if its response is to be lost.
    pub(super) fn loses(&self, correlation: i32) -> Option<Api> {
        let sent = self
            .in_flight
            .iter()
            .find(|sent| sent.correlation == correlation)?;
        sent.lose.then_some(sent.api)
    }

    /// Forgets a request whose response is done with, and older ones, which will get none.
    pub(super) fn retire(&mut self, correlation: i32) {
        if let Some(place) = self
            .in_flight
            .iter()
            .position(|sent| sent.correlation == correlation)
        {
            self.in_flight.drain(..=place);
        }
    }

    /// Whether all that was passed on was answered.
    pub(super) fn is_drained(&self) -> bool {
        self.in_flight.is_empty()
    }
}
