//! `tollgate gen` into a topic: the bytes of the file, keyed by card, by the rules a configuration has for clusters.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tests::broker::Broker;
use tests::process::{self, Finished};
use tests::topic;

const DEADLINE: Duration = Duration::from_secs(120);

fn generate(directory: &std::path::Path, more: &[&str]) -> Finished {
    let all = [&["gen", "--seed", "5", "--count", "3000"], more].concat();
    process::tollgate_ends(directory, &all, DEADLINE)
}

#[test]
fn the_same_seed_makes_the_same_bytes_in_a_topic_as_in_a_file() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "made-up", 1);
    let scratch = process::scratch();
    let _ = generate(scratch.path(), &["--out", "a.ndjson"]).success();
    let to = ["--kafka", address.as_str(), "--topic", "made-up"];
    let property = ["--property", "linger.ms=5"];
    let _ = generate(scratch.path(), &[&to[..], &property[..]].concat()).success();
    let mut found = Vec::new();
    for message in topic::read(&address, "made-up") {
        let value = message.value.unwrap();
        let event: Value = serde_json::from_slice(&value).unwrap();
        let card = event["card_id"].as_str().unwrap();
        assert_eq!(
            message.key.as_deref(),
            Some(card.as_bytes()),
            "keyed by card"
        );
        found.extend(value);
        found.push(b'\n');
    }
    let expected = fs::read(scratch.path().join("a.ndjson")).unwrap();
    assert_eq!(expected.iter().filter(|byte| **byte == b'\n').count(), 3000);
    assert!(found == expected, "the topic has other bytes than the file");
}

#[test]
fn a_cluster_is_refused_by_the_rules_of_a_configuration() {
    let scratch = process::scratch();
    let refused = |brokers: &str, property: &str, wanted: &str| {
        let to = ["--kafka", brokers, "--topic", "t", "--property", property];
        let done = generate(scratch.path(), &to).exited(3);
        assert!(done.stderr.contains(wanted), "{property}: {}", done.stderr);
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    };
    let here = "127.0.0.1:1";
    refused(
        here,
        "plugin.library.paths=evil.so",
        "`plugin.library.paths` is refused",
    );
    refused(here, "sasl.password=hunter2", "`sasl.password` is a secret");
    refused(here, "client.rack", "write NAME=VALUE");
    refused(
        here,
        "client.rack=${env:TOLLGATE_TEST_UNSET}",
        "TOLLGATE_TEST_UNSET",
    );
    refused(
        "kafka.example:9092",
        "client.rack=a",
        "security.protocol is plaintext",
    );
}
