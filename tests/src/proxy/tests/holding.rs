//! Tests of held requests.

use super::*;

const HELD: Fault = Fault::Hold(Api::EndTxn);

/// A client whose `EndTxn`, with number 1, is held.
fn holding(broker: &Broker, proxy: &Proxy) -> Client {
    let client = connected(broker, proxy);
    let before = proxy.count_of(HELD);
    proxy.hold_request(Api::EndTxn);
    client.send(Api::EndTxn, 1);
    assert!(proxy.wait_for(HELD, before + 1, SOON));
    client
}

#[test]
fn a_held_request_waits_with_all_behind_it_but_no_other_connection_does() {
    let (broker, proxy) = start();
    let other = connected(&broker, &proxy);
    let client = holding(&broker, &proxy);
    client.send(Api::Heartbeat, 2);
    other.send(Api::EndTxn, 7);
    other.gets(7);
    assert_eq!(broker.request(), (26, 7));
    assert!(client.hears_nothing());
    assert!(broker.hears_nothing());
    assert_eq!(proxy.seen(Api::EndTxn), 1);
    assert_eq!(proxy.release(), 1);
    client.gets(1);
    client.gets(2);
    assert_eq!((broker.request(), broker.request()), ((26, 1), (12, 2)));
    assert_eq!(proxy.count_of(Fault::Release(Api::EndTxn)), 1);
    assert_eq!(proxy.release(), 0, "it is released once only");
}

#[test]
fn a_held_request_lets_the_answers_before_it_through() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    broker.answer(false);
    client.send(Api::Heartbeat, 8);
    proxy.hold_request(Api::EndTxn);
    client.send(Api::EndTxn, 9);
    assert!(proxy.wait_for(HELD, 1, SOON));
    broker.answer(true);
    client.gets(8);
    proxy.release();
    client.gets(9);
}

#[test]
fn a_held_request_arrives_after_its_client_has_gone_and_come_back() {
    let (broker, proxy) = start();
    let client = holding(&broker, &proxy);
    drop(client);
    assert!(
        broker.hears_nothing(),
        "the broker must not see the client's end before the request"
    );
    let again = connected(&broker, &proxy);
    again.send(Api::InitProducerId, 5);
    again.gets(5);
    assert_eq!(broker.request(), (22, 5));
    assert_eq!(proxy.release(), 1);
    assert_eq!(
        broker.event(),
        Event::Request {
            connection: 0,
            key: 26,
            correlation: 1
        }
    );
    assert!(proxy.wait_answered(Api::EndTxn, 1, SOON));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    again.send(Api::Heartbeat, 6);
    again.gets(6);
}

#[test]
fn the_way_to_the_broker_stays_open_until_the_late_request_is_answered() {
    let (broker, proxy) = start();
    drop(holding(&broker, &proxy));
    broker.answer(false);
    proxy.release();
    assert_eq!(broker.request(), (26, 1));
    assert!(broker.hears_nothing());
    broker.answer(true);
    assert!(proxy.wait_answered(Api::EndTxn, 1, SOON));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
}

#[test]
fn a_held_request_survives_a_reset_and_refusal_of_its_client() {
    let (broker, proxy) = start();
    let client = holding(&broker, &proxy);
    assert_eq!(proxy.reset(), 1);
    assert!(client.is_closed());
    proxy.refuse(true);
    assert_eq!(
        proxy.count_of(Fault::Refuse),
        0,
        "the client was cut off already"
    );
    assert!(broker.hears_nothing());
    assert_eq!(proxy.release(), 1);
    assert_eq!(broker.request(), (26, 1));
    assert!(proxy.wait_answered(Api::EndTxn, 1, SOON));
}

#[test]
fn a_dropped_request_never_arrives_and_its_connection_ends() {
    let (broker, proxy) = start();
    let client = holding(&broker, &proxy);
    client.send(Api::Heartbeat, 2);
    assert_eq!(proxy.drop_held(), 1);
    assert!(client.is_closed());
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
    assert_eq!(proxy.count_of(Fault::DropHeld(Api::EndTxn)), 1);
    assert_eq!((proxy.drop_held(), proxy.release()), (0, 0));
}

#[test]
fn several_are_held_and_released_together() {
    let (broker, proxy) = start();
    let clients = [(); 3].map(|()| holding(&broker, &proxy));
    assert_eq!(proxy.release(), 3);
    for client in &clients {
        client.gets(1);
    }
    assert_eq!(
        (
            proxy.count_of(HELD),
            proxy.count_of(Fault::Release(Api::EndTxn))
        ),
        (3, 3)
    );
    clients[0].send(Api::EndTxn, 2);
    clients[0].gets(2);
}

#[test]
fn two_requests_of_one_connection_are_held_one_after_the_other() {
    let (broker, proxy) = start();
    proxy.hold_request(Api::EndTxn);
    let client = holding(&broker, &proxy);
    client.send(Api::EndTxn, 2);
    assert_eq!(proxy.release(), 1);
    client.gets(1);
    assert!(proxy.wait_for(HELD, 2, SOON));
    assert!(client.hears_nothing());
    assert_eq!(proxy.release(), 1);
    client.gets(2);
}

#[test]
fn a_released_request_can_still_be_lost_or_swallowed_by_a_black_hole() {
    let (broker, proxy) = start();
    let client = holding(&broker, &proxy);
    proxy.black_hole(true);
    proxy.lose_response(Api::EndTxn, 1);
    proxy.release();
    assert!(proxy.wait_for(Fault::BlackHole, 1, SOON));
    assert!(broker.hears_nothing());
    proxy.black_hole(false);
    assert!(client.is_closed());
    assert_eq!(broker.request(), (26, 1));
    assert_eq!(proxy.count_of(Fault::LoseResponse(Api::EndTxn)), 1);
}
