//! Tests of the proxy against a fake broker, and what they share.
//!
//! Idea: the fake broker tells of each request and each end of a connection through a channel, and answers a request
//! with its correlation id and body, unless its answers are held up. The client is a plain socket. Both read and write
//! the wire format by their own few lines, so that a mistake in the proxy's reading is not made twice.
//!
//! Invariant: nothing sleeps. What must happen is waited for with a long timeout (`SOON`); that something does not
//! happen is checked with a short one (`QUIET`), which can only make a test too lenient, never fail it wrongly.

mod holding;
mod losing;
mod network;
mod plain;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::{Api, Fault, Proxy};

const SOON: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_millis(60);

/// A key that the fake broker does not answer, as a broker does not answer a `Produce` with acks=0.
const UNANSWERED: i16 = 99;

/// A key at which the fake broker closes the connection.
const HANG_UP: i16 = 98;

/// The version that the test client puts in its requests.
const VERSION: i16 = 4;

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Request {
        connection: usize,
        key: i16,
        correlation: i32,
    },
    Closed {
        connection: usize,
    },
}

struct Broker {
    address: SocketAddr,
    events: Receiver<Event>,
    answering: Arc<(Mutex<bool>, Condvar)>,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let (told, events) = mpsc::channel();
        let answering = Arc::new((Mutex::new(true), Condvar::new()));
        let gate = Arc::clone(&answering);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (told, gate) = (told.clone(), Arc::clone(&gate));
                thread::spawn(move || {
                    let _ = serve(&stream.unwrap(), connection, &told, &gate);
                    let _ = told.send(Event::Closed { connection });
                });
            }
        });
        Self {
            address,
            events,
            answering,
        }
    }

    /// Holds answers up, or lets them go.
    fn answer(&self, on: bool) {
        *self.answering.0.lock().unwrap() = on;
        self.answering.1.notify_all();
    }

    fn event(&self) -> Event {
        self.events
            .recv_timeout(SOON)
            .expect("the broker must hear something")
    }

    /// The next event must be a request; returns its key and number.
    fn request(&self) -> (i16, i32) {
        match self.event() {
            Event::Request {
                key, correlation, ..
            } => (key, correlation),
            closed @ Event::Closed { .. } => panic!("a request was expected, not {closed:?}"),
        }
    }

    fn hears_nothing(&self) -> bool {
        self.events.recv_timeout(QUIET).is_err()
    }
}

fn serve(
    mut stream: &TcpStream,
    connection: usize,
    told: &Sender<Event>,
    gate: &(Mutex<bool>, Condvar),
) -> io::Result<()> {
    loop {
        let payload = read_payload(stream)?;
        let key = i16::from_be_bytes(payload[..2].try_into().unwrap());
        let correlation = i32::from_be_bytes(payload[4..8].try_into().unwrap());
        let _ = told.send(Event::Request {
            connection,
            key,
            correlation,
        });
        drop(
            gate.1
                .wait_while(gate.0.lock().unwrap(), |answering| !*answering)
                .unwrap(),
        );
        match key {
            UNANSWERED => {}
            HANG_UP => return Ok(()),
            _ => stream.write_all(&framed(&payload[4..]))?,
        }
    }
}

fn read_payload(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut payload = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut payload)?;
    Ok(payload)
}

fn framed(payload: &[u8]) -> Vec<u8> {
    [
        &u32::try_from(payload.len()).unwrap().to_be_bytes(),
        payload,
    ]
    .concat()
}

fn request(key: i16, correlation: i32, body: &[u8]) -> Vec<u8> {
    framed(
        &[
            &key.to_be_bytes(),
            &VERSION.to_be_bytes(),
            &correlation.to_be_bytes()[..],
            body,
        ]
        .concat(),
    )
}

fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// An address where nobody listens; a port that was free a moment ago could be taken by a test running beside.
fn nobody() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 1).into()
}

struct Client(TcpStream);

impl Client {
    fn connect(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect_timeout(&proxy.address(), SOON).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    fn write(&self, bytes: &[u8]) {
        (&self.0).write_all(bytes).unwrap();
    }

    fn send(&self, api: Api, correlation: i32) {
        self.write(&request(api as i16, correlation, b"body"));
    }

    /// The next response: its number and body.
    fn receive(&self) -> (i32, Vec<u8>) {
        let payload = read_payload(&self.0).expect("a response must come");
        (
            i32::from_be_bytes(payload[..4].try_into().unwrap()),
            payload[4..].to_vec(),
        )
    }

    fn gets(&self, correlation: i32) {
        assert_eq!(self.receive(), (correlation, b"body".to_vec()));
    }

    /// Whether the connection ends now, with nothing more to read.
    fn is_closed(&self) -> bool {
        match (&self.0).read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Whether the connection stays open and silent.
    fn hears_nothing(&self) -> bool {
        self.0.set_read_timeout(Some(QUIET)).unwrap();
        let heard = (&self.0).read(&mut [0]).map_err(|error| error.kind());
        self.0.set_read_timeout(Some(SOON)).unwrap();
        matches!(
            heard,
            Err(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
        )
    }
}

fn start() -> (Broker, Proxy) {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.address, any_port());
    (broker, proxy)
}

/// A client whose connection has been used, so that the proxy surely knows it.
fn connected(broker: &Broker, proxy: &Proxy) -> Client {
    let client = Client::connect(proxy);
    client.send(Api::ApiVersions, 0);
    client.gets(0);
    assert_eq!(broker.request(), (Api::ApiVersions as i16, 0));
    client
}
