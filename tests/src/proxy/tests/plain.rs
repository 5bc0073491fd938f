//! Tests without injected faults: forwarding, the ends of connections, impossible frames, and the proxy's own end.

use std::net::Shutdown;
use std::time::Instant;

use super::super::frame::{Frame, MAX_FRAME, Reading, Sender as From};
use super::super::pump::LINGER;
use super::*;

#[test]
fn many_frames_pass_in_order_on_several_connections() {
    const FRAMES: i32 = 500;
    let (broker, proxy) = start();
    thread::scope(|scope| {
        for number in 0..4 {
            let client = Arc::new(Client::connect(&proxy));
            let writer = Arc::clone(&client);
            let body = move |correlation: i32| {
                vec![number; usize::try_from(correlation * 7 % 3000).unwrap()]
            };
            scope.spawn(move || {
                (0..FRAMES).for_each(|correlation| {
                    writer.write(&request(1, correlation, &body(correlation)))
                });
            });
            scope.spawn(move || {
                (0..FRAMES).for_each(|correlation| {
                    assert_eq!(client.receive(), (correlation, body(correlation)))
                });
            });
        }
    });
    let mut next = [0; 4];
    for event in broker.events.try_iter() {
        if let Event::Request {
            connection,
            correlation,
            ..
        } = event
        {
            assert_eq!(
                correlation, next[connection],
                "requests must reach the broker in order"
            );
            next[connection] += 1;
        }
    }
    assert_eq!(next, [FRAMES; 4]);
    assert_eq!(
        (proxy.seen(Api::Fetch), proxy.answered(Api::Fetch)),
        (2000, 2000)
    );
}

#[test]
fn a_large_frame_passes() {
    let (_broker, proxy) = start();
    let client = Client::connect(&proxy);
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|place| place.to_le_bytes()[0])
        .collect();
    client.write(&request(0, 5, &body));
    assert_eq!(client.receive(), (5, body));
}

#[test]
fn a_frame_in_single_bytes_passes_whole() {
    let (broker, proxy) = start();
    let client = Client::connect(&proxy);
    client.0.set_nodelay(true).unwrap();
    request(26, 7, b"body")
        .chunks(1)
        .for_each(|byte| client.write(byte));
    client.gets(7);
    assert_eq!(broker.request(), (26, 7));
    assert_eq!(proxy.version(Api::EndTxn), Some(VERSION));
    assert_eq!(proxy.version(Api::Produce), None);
}

#[test]
fn part_of_a_frame_is_dropped_when_the_client_ends() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    client.write(&request(26, 7, b"body")[..10]);
    drop(client);
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert_eq!(proxy.seen(Api::EndTxn), 0);
}

#[test]
fn a_half_closed_client_gets_its_answers_and_then_the_end() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    broker.answer(false);
    (1..=3).for_each(|correlation| client.send(Api::Fetch, correlation));
    client.0.shutdown(Shutdown::Write).unwrap();
    assert!(client.hears_nothing());
    broker.answer(true);
    (1..=3).for_each(|correlation| client.gets(correlation));
    assert!(client.is_closed());
    (1..=3).for_each(|correlation| assert_eq!(broker.request(), (1, correlation)));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
}

#[test]
fn a_request_without_an_answer_does_not_delay_the_end() {
    let (broker, proxy) = start();
    let client = Client::connect(&proxy);
    client.write(&request(UNANSWERED, 1, b""));
    client.send(Api::Fetch, 2);
    client.gets(2);
    assert_eq!(
        (broker.request(), broker.request()),
        ((UNANSWERED, 1), (1, 2))
    );
    let begun = Instant::now();
    drop(client);
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert!(
        begun.elapsed() < LINGER,
        "no answer to the first request may be awaited"
    );
}

#[test]
fn a_request_without_an_answer_does_not_disturb_the_next() {
    let (_broker, proxy) = start();
    let client = Client::connect(&proxy);
    client.write(&request(UNANSWERED, 1, b"body"));
    proxy.lose_response(Api::EndTxn, 1);
    client.send(Api::Fetch, 2);
    client.gets(2);
    client.send(Api::EndTxn, 3);
    assert!(client.is_closed());
    assert_eq!(
        (proxy.answered(Api::Other), proxy.answered(Api::EndTxn)),
        (0, 1)
    );
}

#[test]
fn the_end_of_the_broker_reaches_the_client_after_its_answers() {
    let (_broker, proxy) = start();
    let client = Client::connect(&proxy);
    client.send(Api::Fetch, 1);
    client.write(&request(HANG_UP, 2, b""));
    client.gets(1);
    assert!(client.is_closed());
}

#[test]
fn a_client_is_closed_when_there_is_no_broker() {
    let proxy = Proxy::start(nobody(), any_port());
    assert!(Client::connect(&proxy).is_closed());
    assert_eq!(proxy.count_of(Fault::NoUpstream), 1);
}

#[test]
fn an_impossible_length_closes_the_connection() {
    let (broker, proxy) = start();
    let too_long = u32::try_from(MAX_FRAME + 1).unwrap();
    for (count, length) in (1..).zip([too_long, u32::MAX, 7, 0]) {
        let client = connected(&broker, &proxy);
        client.write(&length.to_be_bytes());
        assert!(client.is_closed());
        assert_eq!(proxy.count_of(Fault::BadFrame), count);
        assert!(matches!(broker.event(), Event::Closed { .. }));
    }
}

#[test]
fn the_longest_length_is_read_and_one_more_is_not() {
    let read = |length: usize| {
        Frame::read(
            &u32::try_from(length).unwrap().to_be_bytes()[..],
            From::Broker,
        )
    };
    assert!(
        matches!(read(MAX_FRAME), Reading::End),
        "a part of a frame is an end"
    );
    assert!(matches!(read(MAX_FRAME + 1), Reading::Bad));
}

#[test]
fn every_named_api_is_found_by_its_key() {
    for (api, key) in [
        (Api::Produce, 0),
        (Api::OffsetFetch, 9),
        (Api::Heartbeat, 12),
        (Api::InitProducerId, 22),
    ] {
        assert_eq!(Api::from_key(key), api);
    }
    let transactional = [
        Api::AddPartitionsToTxn,
        Api::AddOffsetsToTxn,
        Api::EndTxn,
        Api::WriteTxnMarkers,
    ];
    assert_eq!([24, 25, 26, 27].map(Api::from_key), transactional);
    assert_eq!(
        [28, 4, -1].map(Api::from_key),
        [Api::TxnOffsetCommit, Api::Other, Api::Other]
    );
}

#[test]
fn waiting_in_vain_ends() {
    let (_broker, proxy) = start();
    assert!(!proxy.wait_for(Fault::Reset, 1, QUIET));
    assert!(!proxy.wait_seen(Api::EndTxn, 1, QUIET));
    assert!(!proxy.wait_answered(Api::EndTxn, 1, QUIET));
    assert!(proxy.wait_for(Fault::Reset, 0, Duration::ZERO));
}

#[test]
fn dropping_ends_all_threads_and_frees_the_port() {
    let (broker, proxy) = start();
    let address = proxy.address();
    let (idle, holding) = (connected(&broker, &proxy), connected(&broker, &proxy));
    proxy.hold_request(Api::EndTxn);
    holding.send(Api::EndTxn, 1);
    assert!(proxy.wait_for(Fault::Hold(Api::EndTxn), 1, SOON));
    proxy.delay(Duration::from_secs(3600));
    let delayed = Client::connect(&proxy);
    delayed.send(Api::Fetch, 1);
    assert!(proxy.wait_for(Fault::Delay, 1, SOON));
    proxy.black_hole(true);
    let silent = Client::connect(&proxy);
    silent.send(Api::Fetch, 1);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    let shared = Arc::downgrade(&proxy.shared);
    let begun = Instant::now();
    drop(proxy);
    assert!(
        begun.elapsed() < super::super::CLOSING,
        "dropping must not run into its timeout"
    );
    for client in [&idle, &holding, &delayed, &silent] {
        assert!(client.is_closed());
    }
    let again = Proxy::start(broker.address, address);
    connected_after_events(&broker, &again);
    // The links' threads let go of the state last of all, a moment after they have told of their end.
    while shared.strong_count() > 0 {
        assert!(begun.elapsed() < SOON, "a thread lives on");
        thread::yield_now();
    }
}

/// A request on a new proxy must come through, after the broker has told of the connections that ended.
fn connected_after_events(broker: &Broker, proxy: &Proxy) {
    let client = Client::connect(proxy);
    client.send(Api::EndTxn, 77);
    client.gets(77);
    let last = broker
        .events
        .try_iter()
        .find(|event| matches!(event, Event::Request { .. }));
    assert!(
        matches!(
            last,
            Some(Event::Request {
                correlation: 77,
                ..
            })
        ),
        "what was held must not arrive: {last:?}"
    );
}
