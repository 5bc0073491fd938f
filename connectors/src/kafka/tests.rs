//! What needs no broker: properties, addresses, and that no secret is printed. The rest is in the broker tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use super::*;

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Row C5 of the bad inputs.
#[test]
fn c5_properties_outside_the_list_are_refused() {
    let refused = [
        ("plugin.library.paths", "/tmp/x.so", "native code"),
        ("ssl.engine.location", "/tmp/x.so", "native code"),
        ("ssl.providers", "legacy", "native code"),
        ("sasl.kerberos.kinit.cmd", "rm -rf /", "shell command"),
        ("test.mock.num.brokers", "3", "mock"),
        ("open_cb", "x", "interface"),
        (
            "enable.ssl.certificate.verification",
            "false",
            "pose as the broker",
        ),
        (
            "ssl.endpoint.identification.algorithm",
            "none",
            "pose as the broker",
        ),
        (
            "sasl.oauthbearer.token.endpoint.url",
            "http://169.254.169.254/",
            "credentials",
        ),
        ("sasl.mechanism", "OAUTHBEARER", "mechanisms"),
        ("enable.auto.commit", "true", "after the outputs"),
        ("auto.offset.reset", "latest", "silently"),
        ("isolation.level", "read_uncommitted", "withdrawn"),
        ("transactional.id", "x", "name"),
        ("group.id", "x", "name"),
        ("group.protocol", "consumer", "classic"),
        ("acks", "1", "lost"),
        ("max.in.flight.requests.per.connection", "100", "order"),
    ];
    for (name, value, reason) in refused {
        let problems = check_properties(&properties(&[(name, value)]));
        assert_eq!(problems.len(), 1, "{name}");
        assert_eq!(problems[0].name, name);
        assert!(
            problems[0].reason.contains(reason),
            "{name}: {}",
            problems[0].reason
        );
        assert!(
            !problems[0].reason.contains(value),
            "{name}: the value is repeated"
        );
    }
}

#[test]
fn all_problems_come_at_once_and_good_properties_pass() {
    let good = [
        ("linger.ms", "1"),
        ("enable.ssl.certificate.verification", "true"),
        ("sasl.mechanism", "PLAIN"),
    ];
    assert_eq!(check_properties(&properties(&good)), vec![]);
    let bad = [
        ("group.id", "x"),
        ("linger.ms", "1"),
        ("test.mock.num.brokers", "1"),
        ("zzz", "1"),
    ];
    assert_eq!(check_properties(&properties(&bad)).len(), 3);
}

#[test]
fn a_misspelt_property_is_guessed() {
    for (written, meant) in [
        ("linger.m", Some("linger.ms")),
        ("seccurity.protocol", Some("security.protocol")),
        ("session.timeout", Some("session.timeout.ms")),
        ("nothing.like.anything.at.all", None),
    ] {
        assert_eq!(
            check_properties(&properties(&[(written, "x")]))[0].did_you_mean,
            meant,
            "{written}"
        );
    }
}

/// Every property that may be set is one that librdkafka knows.
#[test]
fn the_list_is_made_of_real_properties() {
    let numbers = "1000";
    for name in properties::ALLOWED {
        let mut config = rdkafka::ClientConfig::new();
        config.set(*name, numbers);
        let Err(rdkafka::error::KafkaError::ClientConfig(result, ..)) =
            config.create_native_config()
        else {
            continue;
        };
        assert_ne!(
            result,
            rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN,
            "{name}"
        );
    }
    for name in properties::ALLOWED {
        let refused = properties::REFUSED
            .iter()
            .any(|(refused, _)| refused == name);
        assert!(!refused, "{name} is both allowed and refused");
    }
}

/// Row C6 of the bad inputs.
#[test]
fn c6_plaintext_leaves_this_machine_only_when_told() {
    let none = BTreeMap::new();
    let ssl = properties(&[("security.protocol", "SSL")]);
    let sasl = properties(&[("security.protocol", "sasl_plaintext")]);
    let cases = [
        ("127.0.0.1:9092", &none, false, false),
        ("localhost:9092,[::1]:9092,127.0.0.2", &none, false, false),
        ("PLAINTEXT://localhost:9092", &none, false, false),
        ("kafka:9092", &none, false, true),
        ("127.0.0.1:9092,10.0.0.7:9092", &none, false, true),
        ("localhost.example.com:9092", &none, false, true),
        ("[2001:db8::1]:9092", &none, false, true),
        ("kafka:9092", &none, true, false),
        ("kafka:9092", &ssl, false, false),
        ("kafka:9092", &sasl, false, true),
        ("", &none, true, true),
        (" , ", &none, false, true),
    ];
    for (brokers, properties, insecure, refused) in cases {
        let problem = check_brokers(brokers, properties, insecure);
        assert_eq!(problem.is_some(), refused, "{brokers}: {problem:?}");
    }
}

#[test]
fn no_secret_is_printed() {
    let secret = "hunter2-the-password";
    let mut settings = KafkaSettings::new("127.0.0.1:1", "app");
    settings.properties = properties(&[("sasl.password", secret), ("linger.ms", secret)]);
    assert!(!format!("{settings:?}").contains(secret));
    let error = KafkaProducer::new(&settings).err().unwrap().to_string();
    assert!(
        error.contains("linger.ms") && !error.contains(secret),
        "{error}"
    );
}

/// Row K1: nothing answers there.
#[test]
fn an_unreachable_cluster_is_told_with_its_cause() {
    // A port that was free a moment ago and on which nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut settings = KafkaSettings::new(&format!("127.0.0.1:{port}"), "app");
    settings.properties = properties(&[("socket.timeout.ms", "1000")]);
    let error = KafkaSource::new(&settings, "swipes").err().unwrap();
    assert!(error.retry && error.cause.contains("refused"), "{error}");
}
