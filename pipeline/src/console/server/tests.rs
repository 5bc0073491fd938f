//! Tests of the server over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::health::State;
use super::*;

fn console() -> (Console, Health, Arc<Metrics>) {
    let (metrics, health) = (Metrics::new().unwrap(), Health::new());
    let free = "127.0.0.1:0".parse().unwrap();
    let console = Console::start(free, Arc::clone(&metrics), health.clone()).unwrap();
    (console, health, metrics)
}

/// Sends bytes, returns all that comes back.
fn talk(console: &Console, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(console.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A server that refuses may close before all was sent; what came until then is the answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn page(console: &Console, path: &str) -> String {
    talk(
        console,
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
    )
}

#[test]
fn metrics_are_served_as_text() {
    let (console, _, metrics) = console();
    metrics.late.inc();
    let answer = page(&console, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(
        answer.contains("\ntollgate_late_events_total 1\n"),
        "{answer}"
    );
}

#[test]
fn health_follows_the_worker() {
    let (console, health, _) = console();
    assert!(page(&console, "/healthz").starts_with("HTTP/1.1 503"));
    let lease = health.lease();
    assert!(page(&console, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(page(&console, "/readyz").starts_with("HTTP/1.1 503"));
    health.set(State::Ready);
    let ready = page(&console, "/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 200") && ready.contains(r#""ready":true"#),
        "{ready}"
    );
    health.set(State::Halted {
        reason: "swipes[0]@7: bad checksum".to_owned(),
    });
    let halted = page(&console, "/readyz");
    assert!(halted.starts_with("HTTP/1.1 503"), "{halted}");
    assert!(
        halted.contains(r#""state":"halted","reason":"swipes[0]@7: bad checksum""#),
        "{halted}"
    );
    drop(lease);
    assert!(page(&console, "/healthz").starts_with("HTTP/1.1 503"));
}

#[test]
fn what_is_not_there_is_404_and_nothing_can_be_posted() {
    let (console, _, _) = console();
    assert!(page(&console, "/").starts_with("HTTP/1.1 404"));
    assert!(page(&console, "/../etc/passwd").starts_with("HTTP/1.1 404"));
    let post = talk(
        &console,
        b"POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx",
    );
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

#[test]
fn too_many_headers_are_refused() {
    let (console, _, _) = console();
    let mut request = b"GET /metrics HTTP/1.1\r\n".to_vec();
    for n in 0..HEADERS + 1 {
        request.extend_from_slice(format!("h{n}: x\r\n").as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    let answer = talk(&console, &request);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[test]
fn headers_without_end_are_refused() {
    let (console, _, _) = console();
    let mut request = b"GET /metrics HTTP/1.1\r\nlong: ".to_vec();
    request.resize(HEADER_BYTES + 1024, b'a');
    let answer = talk(&console, &request);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[test]
fn a8_only_loopback_is_listened_on() {
    let any = "0.0.0.0:0".parse().unwrap();
    let refused = Console::start(any, Metrics::new().unwrap(), Health::new()).unwrap_err();
    assert!(refused.to_string().contains("only loopback"), "{refused}");
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let (console, health, metrics) = console();
    let refused = Console::start(console.address(), metrics, health).unwrap_err();
    assert!(matches!(refused, ConsoleError::Bind { .. }), "{refused}");
    assert!(
        refused.to_string().contains(&console.address().to_string()),
        "{refused}"
    );
}
