//! Tests of lost responses and lost requests.

use super::*;

/// The APIs whose loss the proxy is made for.
const APIS: [Api; 8] = [
    Api::EndTxn,
    Api::TxnOffsetCommit,
    Api::AddOffsetsToTxn,
    Api::AddPartitionsToTxn,
    Api::Produce,
    Api::InitProducerId,
    Api::OffsetFetch,
    Api::Heartbeat,
];

#[test]
fn a_lost_response_was_asked_for_at_the_broker_and_the_client_is_cut_off() {
    for api in APIS {
        let (broker, proxy) = start();
        let client = connected(&broker, &proxy);
        proxy.lose_response(api, 1);
        client.send(api, 5);
        assert!(client.is_closed());
        assert_eq!(broker.request(), (api as i16, 5));
        assert_eq!(broker.event(), Event::Closed { connection: 0 });
        assert_eq!(
            (
                proxy.count_of(Fault::LoseResponse(api)),
                proxy.seen(api),
                proxy.answered(api)
            ),
            (1, 1, 1)
        );
    }
}

#[test]
fn a_lost_request_never_reaches_the_broker_and_the_client_is_cut_off() {
    for api in APIS {
        let (broker, proxy) = start();
        let client = connected(&broker, &proxy);
        proxy.lose_request(api, 1);
        client.send(api, 5);
        assert!(client.is_closed());
        assert_eq!(broker.event(), Event::Closed { connection: 0 });
        assert_eq!(
            (
                proxy.count_of(Fault::LoseRequest(api)),
                proxy.seen(api),
                proxy.answered(api)
            ),
            (1, 0, 0)
        );
    }
}

#[test]
fn as_many_are_lost_as_were_asked_for_on_whatever_connection() {
    let (broker, proxy) = start();
    proxy.lose_response(Api::EndTxn, 1);
    proxy.lose_response(Api::EndTxn, 1);
    proxy.lose_request(Api::Produce, 2);
    for lost in [Api::EndTxn, Api::Produce, Api::EndTxn, Api::Produce] {
        let client = connected(&broker, &proxy);
        client.send(lost, 1);
        assert!(client.is_closed());
        let closed = std::iter::repeat_with(|| broker.event())
            .find(|event| matches!(event, Event::Closed { .. }));
        assert!(closed.is_some());
    }
    let client = connected(&broker, &proxy);
    for (correlation, api) in (1..).zip([Api::EndTxn, Api::Produce]) {
        client.send(api, correlation);
        client.gets(correlation);
    }
    assert_eq!(proxy.count_of(Fault::LoseResponse(Api::EndTxn)), 2);
    assert_eq!(proxy.count_of(Fault::LoseRequest(Api::Produce)), 2);
    assert_eq!((proxy.seen(Api::EndTxn), proxy.seen(Api::Produce)), (3, 1));
}

#[test]
fn a_lost_response_lets_earlier_answers_through_and_other_apis_alone() {
    let (broker, proxy) = start();
    let (client, other) = (connected(&broker, &proxy), connected(&broker, &proxy));
    broker.answer(false);
    proxy.lose_response(Api::EndTxn, 1);
    client.send(Api::Heartbeat, 1);
    client.send(Api::TxnOffsetCommit, 2);
    client.send(Api::EndTxn, 3);
    client.send(Api::Heartbeat, 4);
    assert!(proxy.wait_seen(Api::Heartbeat, 2, SOON));
    assert_eq!(
        proxy.count_of(Fault::LoseResponse(Api::EndTxn)),
        0,
        "it is not lost before it is there"
    );
    broker.answer(true);
    client.gets(1);
    client.gets(2);
    assert!(client.is_closed(), "nothing may come after what was lost");
    assert!(
        proxy.wait_answered(Api::Heartbeat, 2, SOON),
        "the broker still handles what was sent"
    );
    other.send(Api::EndTxn, 5);
    other.gets(5);
}

#[test]
fn a_lost_request_lets_earlier_answers_through_and_nothing_after_it() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    broker.answer(false);
    proxy.lose_request(Api::EndTxn, 1);
    client.send(Api::Heartbeat, 1);
    client.send(Api::EndTxn, 2);
    client.send(Api::Produce, 3);
    assert!(proxy.wait_for(Fault::LoseRequest(Api::EndTxn), 1, SOON));
    broker.answer(true);
    client.gets(1);
    assert!(client.is_closed());
    assert_eq!(broker.request(), (Api::Heartbeat as i16, 1));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
}

#[test]
fn a_response_is_lost_even_if_the_client_has_gone_before() {
    let (broker, proxy) = start();
    let client = connected(&broker, &proxy);
    broker.answer(false);
    proxy.lose_response(Api::EndTxn, 1);
    client.send(Api::EndTxn, 1);
    assert_eq!(broker.request(), (26, 1));
    drop(client);
    assert!(
        broker.hears_nothing(),
        "the broker's side stays open until it has answered"
    );
    broker.answer(true);
    assert!(proxy.wait_for(Fault::LoseResponse(Api::EndTxn), 1, SOON));
    assert_eq!(broker.event(), Event::Closed { connection: 0 });
}
