//! Tests of the faults of the network: delay, black hole, reset and refusal.

use std::time::Instant;

use super::*;

#[test]
fn a_delay_holds_each_frame_both_ways_but_not_one_after_another() {
    const DELAY: Duration = Duration::from_millis(150);
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    proxy.delay(DELAY);
    let begun = Instant::now();
    (1..=40).for_each(|correlation| client.send(Api::Fetch, correlation));
    (1..=40).for_each(|correlation| client.gets(correlation));
    let took = begun.elapsed();
    assert!(took >= 2 * DELAY, "{took:?} is too short");
    assert!(took < 40 * DELAY, "{took:?} is too long");
    assert_eq!(proxy.count_of(Fault::Delay), 80);
}

#[test]
fn a_delay_switched_off_lets_the_waiting_frames_go() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    proxy.delay(Duration::from_secs(3600));
    client.send(Api::Fetch, 1);
    client.send(Api::Fetch, 2);
    assert!(proxy.wait_for(Fault::Delay, 2, SOON));
    assert!(broker.hears_nothing());
    proxy.delay(Duration::ZERO);
    client.gets(1);
    client.gets(2);
    client.send(Api::Fetch, 3);
    client.gets(3);
    assert_eq!(proxy.count_of(Fault::Delay), 2);
}

#[test]
fn a_black_hole_keeps_requests_and_ends_until_it_is_off() {
    let (broker, proxy) = start();
    let (client, leaving) = (connected(&broker, &proxy), connected(&broker, &proxy));
    proxy.black_hole(true);
    (1..=3).for_each(|correlation| client.send(Api::Fetch, correlation));
    leaving.send(Api::EndTxn, 9);
    assert!(proxy.wait_for(Fault::BlackHole, 4, SOON));
    drop(leaving);
    assert!(client.hears_nothing());
    assert!(broker.hears_nothing());
    proxy.black_hole(false);
    (1..=3).for_each(|correlation| client.gets(correlation));
    assert!(
        proxy.wait_answered(Api::EndTxn, 1, SOON),
        "the request of the client that left arrives late"
    );
    assert_eq!(
        (proxy.count_of(Fault::BlackHole), proxy.seen(Api::Fetch)),
        (4, 3)
    );
}

#[test]
fn a_black_hole_keeps_responses_and_the_end_of_the_broker() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    broker.answer(false);
    client.send(Api::Fetch, 1);
    client.write(&request(HANG_UP, 2, b""));
    assert!(proxy.wait_seen(Api::Other, 1, SOON));
    proxy.black_hole(true);
    broker.answer(true);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    assert_eq!((broker.request(), broker.request()), ((1, 1), (HANG_UP, 2)));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert_eq!(proxy.answered(Api::Fetch), 1);
    assert!(client.hears_nothing());
    proxy.black_hole(false);
    client.gets(1);
    assert!(client.is_closed());
}

#[test]
fn a_black_hole_hides_the_end_of_either_side_from_the_other() {
    let (broker, proxy) = start();
    let (leaving, staying) = (connected(&broker, &proxy), connected(&broker, &proxy));
    broker.answer(false);
    staying.write(&request(HANG_UP, 1, b""));
    assert_eq!(broker.request(), (HANG_UP, 1));
    proxy.black_hole(true);
    drop(leaving);
    assert!(broker.hears_nothing());
    broker.answer(true);
    assert_eq!(broker.event(), Event::Closed { connection: 1 });
    assert!(staying.hears_nothing());
    proxy.black_hole(false);
    assert!(staying.is_closed());
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert_eq!(
        proxy.count_of(Fault::BlackHole),
        0,
        "only frames are counted"
    );
}

#[test]
fn a_black_hole_hides_that_there_is_no_broker() {
    let proxy = Proxy::start(nobody(), any_port());
    proxy.black_hole(true);
    let client = Client::connect(&proxy);
    assert!(client.hears_nothing());
    proxy.black_hole(false);
    assert!(client.is_closed());
    assert_eq!(proxy.count_of(Fault::NoUpstream), 1);
}

#[test]
fn a_black_hole_also_keeps_frames_that_a_delay_held_before() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    proxy.delay(Duration::from_secs(3600));
    client.send(Api::Fetch, 1);
    assert!(proxy.wait_for(Fault::Delay, 1, SOON));
    proxy.black_hole(true);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    proxy.delay(Duration::ZERO);
    assert!(broker.hears_nothing());
    proxy.black_hole(false);
    client.gets(1);
}

#[test]
fn a_new_connection_in_a_black_hole_is_accepted_but_silent() {
    let (broker, proxy) = start();
    proxy.black_hole(true);
    let client = Client::connect(&proxy);
    client.send(Api::ApiVersions, 1);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    assert!(client.hears_nothing());
    assert!(broker.hears_nothing());
    proxy.black_hole(false);
    client.gets(1);
}

#[test]
fn a_reset_closes_all_connections_and_new_ones_work() {
    let (broker, proxy) = start();
    let clients = [(); 3].map(|()| connected(&broker, &proxy));
    assert_eq!(proxy.reset(), 3);
    for client in &clients {
        assert!(client.is_closed());
        assert!(matches!(broker.event(), Event::Closed { .. }));
    }
    assert_eq!(proxy.count_of(Fault::Reset), 3);
    connected(&broker, &proxy);
}

#[test]
fn a_reset_drops_the_frames_that_wait() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    proxy.black_hole(true);
    client.send(Api::EndTxn, 1);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    proxy.reset();
    assert!(client.is_closed());
    proxy.black_hole(false);
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert_eq!(proxy.seen(Api::EndTxn), 0);
}

#[test]
fn refusing_closes_old_and_new_connections() {
    let (broker, proxy) = start();
    let old = connected(&broker, &proxy);
    proxy.refuse(true);
    assert!(old.is_closed());
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert!(Client::connect(&proxy).is_closed());
    assert!(Client::connect(&proxy).is_closed());
    assert_eq!(proxy.count_of(Fault::Refuse), 3);
    assert!(broker.hears_nothing());
    proxy.refuse(false);
    connected(&broker, &proxy);
    assert_eq!(proxy.count_of(Fault::Refuse), 3);
}

#[test]
fn healing_switches_everything_off() {
    let (broker, proxy) = start();
    let (client, holding) = (connected(&broker, &proxy), connected(&broker, &proxy));
    proxy.hold_request(Api::EndTxn);
    holding.send(Api::EndTxn, 1);
    assert!(proxy.wait_for(Fault::Hold(Api::EndTxn), 1, SOON));
    proxy.lose_request(Api::Fetch, 5);
    proxy.lose_response(Api::Fetch, 5);
    proxy.hold_request(Api::Fetch);
    proxy.delay(Duration::from_secs(3600));
    proxy.black_hole(true);
    client.send(Api::Fetch, 1);
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    proxy.heal();
    client.gets(1);
    holding.gets(1);
    proxy.refuse(true);
    proxy.heal();
    connected_again(&proxy);
}

fn connected_again(proxy: &Proxy) {
    let client = Client::connect(proxy);
    client.send(Api::Metadata, 1);
    client.gets(1);
}
