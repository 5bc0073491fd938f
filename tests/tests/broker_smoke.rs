//! The broker harness itself: what is produced is read back, and a broker keeps its data over a stop and a kill.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use tests::broker::Broker;
use tests::topic::{self, Record};

fn record(key: &str, value: &str) -> Record {
    let headers = vec![("trace".to_owned(), vec![0xff, 1])];
    Record {
        key: Some(key.into()),
        value: Some(value.into()),
        headers,
        ..Record::default()
    }
}

#[test]
fn what_is_produced_is_read_back_with_key_value_and_headers() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "smoke", 4);
    topic::produce(
        &address,
        "smoke",
        (0..1000).map(|i| record(&format!("k{}", i % 7), &format!("v{i}"))),
    );
    let read = topic::read(&address, "smoke");
    assert_eq!(read.len(), 1000);
    assert!(
        read.iter()
            .all(|message| message.headers == [("trace".to_owned(), vec![0xff, 1])])
    );
    for key in 0..7_u16 {
        let key = format!("k{key}").into_bytes();
        let mine: Vec<_> = read
            .iter()
            .filter(|message| message.key.as_ref() == Some(&key))
            .collect();
        let first = mine.first().unwrap();
        assert!(
            mine.iter()
                .all(|message| message.partition == first.partition),
            "one key, one partition"
        );
        let order: Vec<u32> = mine
            .iter()
            .map(|m| {
                std::str::from_utf8(&m.value.as_ref().unwrap()[1..])
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert!(order.is_sorted(), "order of a key is kept");
    }
    assert_eq!(
        topic::end_offsets(&address, "smoke").iter().sum::<i64>(),
        1000
    );
    assert_eq!(topic::committed(&address, "nobody", "smoke"), [None; 4]);
}

#[test]
fn data_survives_a_stop_and_a_kill() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "kept", 1);
    topic::produce(&address, "kept", [record("a", "1")]);
    broker.stop();
    broker.restart();
    topic::produce(&address, "kept", [record("a", "2")]);
    broker.kill();
    broker.restart();
    let values: Vec<_> = topic::read(&address, "kept")
        .into_iter()
        .filter_map(|message| message.value)
        .collect();
    assert_eq!(values, [b"1".to_vec(), b"2".to_vec()]);
}
