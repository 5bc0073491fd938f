//! The threads that accept connections and move frames.
//!
//! Idea: each direction of a link has two threads, one that reads frames into a queue as soon as they come and one that
//! takes them out, waits as the faults demand and writes them. Because reading never waits for writing, a delay is a
//! latency and the end of a client is noticed while its frames are kept back. The queues need no bound: clients limit
//! their requests in flight themselves.
//!
//! Invariant: only one thread writes to a socket, so frames stay whole and in order. When the thread of the requests
//! ends, the link is cut, hence the other three end too; the link is forgotten after all of them.
//!
//! The broker's side of a link ends later than the client's: requests already read are still passed on, and their
//! answers awaited for up to `LINGER`, because a broker may drop what it has read from a connection that ends.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{Frame, Reading, Sender};
use super::link::Verdict;
use super::shared::Shared;
use super::state::{Fault, State};

/// How long answers are awaited on a connection that is about to be ended.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// How long a connection to the broker may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How long to wait after `accept` failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A wait that only a change of the state is to end.
const FOREVER: Duration = Duration::from_secs(3600);

/// Accepts connections until the proxy closes.
pub(super) fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.lock().is_closing() {
        match listener.accept() {
            Ok((client, _)) => accept(shared, Arc::new(client)),
            Err(_) => {
                shared.wait_until(ACCEPT_PAUSE, State::is_closing);
            }
        }
    }
}

/// Starts a link for a connection, unless connections are refused: then dropping it closes it.
fn accept(shared: &Arc<Shared>, client: Arc<TcpStream>) {
    if let Some(id) = shared.change(|state| state.admit(&client)) {
        let pump = Pump {
            shared: Arc::clone(shared),
            id,
            client,
        };
        thread::spawn(move || pump.run());
    }
}

/// A frame with what decides how long it is kept.
struct Arrival {
    frame: Frame,
    hold: Hold,
}

/// How long something is kept before it is forwarded.
struct Hold {
    since: Instant,
    delay: Duration,
    /// Whether the black hole need not be counted (again).
    counted: bool,
}

impl Hold {
    /// For the end of a stream: it is kept by a black hole, but only frames are counted.
    fn uncounted() -> Self {
        Self {
            since: Instant::now(),
            delay: Duration::ZERO,
            counted: true,
        }
    }
}

/// What moves the frames of one link.
struct Pump {
    shared: Arc<Shared>,
    id: u64,
    client: Arc<TcpStream>,
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.shared.change(|state| state.remove(self.id));
    }
}

impl Pump {
    /// Runs the link to its end.
    fn run(&self) {
        let _ = self.client.set_nodelay(true);
        thread::scope(|scope| {
            let (requests, requests_out) = mpsc::channel();
            scope.spawn(move || self.read(&self.client, Sender::Client, &requests));
            if let Some(upstream) = self.connect() {
                let (responses, responses_out) = mpsc::channel();
                let broker = Arc::clone(&upstream);
                scope.spawn(move || self.read(&broker, Sender::Broker, &responses));
                scope.spawn(move || self.write_responses(responses_out));
                self.write_requests(&upstream, requests_out);
            }
            self.cut();
        });
    }

    /// Connects to the broker, but not while a black hole swallows everything.
    fn connect(&self) -> Option<Arc<TcpStream>> {
        if !self.wait_out(&mut Hold::uncounted()) {
            return None;
        }
        let Ok(upstream) = TcpStream::connect_timeout(&self.shared.upstream, CONNECT) else {
            self.shared.change(|state| state.count(Fault::NoUpstream));
            return None;
        };
        let _ = upstream.set_nodelay(true);
        let upstream = Arc::new(upstream);
        self.shared
            .change(|state| state.attach(self.id, &upstream))
            .then_some(upstream)
    }

    /// Reads frames until the stream ends or makes no sense. Then the queue's end is dropped, so the thread that writes
    /// finishes what is in it and cuts the link.
    fn read(&self, stream: &TcpStream, sender: Sender, queue: &mpsc::Sender<Arrival>) {
        loop {
            match Frame::read(stream, sender) {
                Reading::Frame(frame) => {
                    let hold = self.arrive(&frame, sender);
                    if queue.send(Arrival { frame, hold }).is_err() {
                        break;
                    }
                }
                Reading::Bad => {
                    self.shared.change(|state| state.count(Fault::BadFrame));
                    break;
                }
                Reading::End => break,
            }
        }
        if sender == Sender::Client {
            self.shared
                .change(|state| state.live(self.id).map(|link| link.client_gone = true));
        }
    }

    /// Counts the faults that meet a frame on its arrival.
    fn arrive(&self, frame: &Frame, sender: Sender) -> Hold {
        self.shared.change(|state| {
            if sender == Sender::Broker {
                state.note_answer(self.id, frame);
            }
            let (delay, counted) = (state.delay, state.black_hole);
            if counted {
                state.count(Fault::BlackHole);
            }
            if !delay.is_zero() {
                state.count(Fault::Delay);
            }
            Hold {
                since: Instant::now(),
                delay,
                counted,
            }
        })
    }

    /// Passes requests on until the client ends, or one is not to be passed on.
    fn write_requests(&self, mut upstream: &TcpStream, requests: Receiver<Arrival>) {
        for Arrival { frame, mut hold } in requests {
            // The second wait is for a request that was released into a black hole.
            let free =
                self.wait_out(&mut hold) && self.wait_released(&frame) && self.wait_out(&mut hold);
            if !free
                || !self
                    .shared
                    .change(|state| state.pass_request(self.id, &frame))
            {
                break;
            }
            if upstream.write_all(frame.bytes()).is_err() {
                break;
            }
        }
        self.drain();
    }

    /// Passes responses on until the broker ends; a client that is gone does not stop the reading of them.
    fn write_responses(&self, responses: Receiver<Arrival>) {
        for Arrival { frame, mut hold } in responses {
            if !self.wait_out(&mut hold) {
                break;
            }
            if self
                .shared
                .change(|state| state.pass_response(self.id, &frame))
            {
                let _ = (&*self.client).write_all(frame.bytes());
            }
            self.shared.change(|state| state.retire(self.id, &frame));
        }
        self.wait_out(&mut Hold::uncounted());
        self.cut();
    }

    /// Waits until neither a delay nor a black hole keeps the frame; false when the link was cut meanwhile.
    fn wait_out(&self, hold: &mut Hold) -> bool {
        let mut state = self.shared.lock();
        loop {
            if state.live(self.id).is_none() {
                return false;
            }
            let delay = hold.delay.saturating_sub(hold.since.elapsed());
            if state.black_hole {
                if !hold.counted {
                    hold.counted = true;
                    state.count(Fault::BlackHole);
                    self.shared.tell();
                }
                state = self.shared.wait(state, FOREVER);
            } else if delay.is_zero() || state.delay.is_zero() {
                return true;
            } else {
                state = self.shared.wait(state, delay);
            }
        }
    }

    /// Holds a request if one of its API is to be held; false when it is not to be forwarded.
    fn wait_released(&self, frame: &Frame) -> bool {
        let api = frame.api();
        let held = self.shared.change(|state| {
            let hit = state.live(self.id).is_some() && state.strike(Fault::Hold(api));
            hit.then(|| state.live(self.id).map(|link| link.hold(api)))
                .is_some()
        });
        if !held {
            return true;
        }
        let mut state = self.shared.lock();
        loop {
            match state.live(self.id).map(|link| link.verdict()) {
                Some(Verdict::Wait) => state = self.shared.wait(state, FOREVER),
                verdict => return verdict == Some(Verdict::Forward),
            }
        }
    }

    /// Waits until all requests passed on are answered and no black hole hides the end from the client.
    fn drain(&self) {
        let mut state = self.shared.lock();
        let mut deadline = Instant::now() + LINGER;
        while state.live(self.id).is_some() && (state.black_hole || !state.is_drained(self.id)) {
            if state.black_hole {
                deadline = Instant::now() + LINGER;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.shared.wait(state, left);
        }
    }

    fn cut(&self) {
        self.shared.change(|state| state.cut(self.id));
    }
}
