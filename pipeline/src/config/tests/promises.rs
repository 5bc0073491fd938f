//! What a configuration promises, what it leaves out, and what would not hold.

use super::*;

/// Exactly once unless another mode is declared, and refused where it cannot be had.
#[test]
fn exactly_once_is_had_where_outputs_and_offsets_are_in_one_log() {
    let text = |source: &str, sink: &str, delivery: &str| {
        format!(
            "name: a\npack: p.yaml\nsource: {source}\nsinks: {{ decisions: {sink} }}\n{delivery}"
        )
    };
    let (embedded, kafka) = (
        "{ embedded: { topic: swipes } }",
        "{ kafka: { brokers: \"a:1,b:1\", topic: swipes, insecure: true } }",
    );
    let had = [
        (embedded, "{ embedded: { topic: d } }"),
        (kafka, "{ kafka: { topic: d } }"),
        (
            kafka,
            "{ kafka: { brokers: \"B:1, a:1\", topic: d, insecure: true } }",
        ),
    ];
    let refused = [
        (
            embedded,
            "{ kafka: { brokers: \"a:1\", topic: d, insecure: true } }",
        ),
        (embedded, "{ file: { path: d.ndjson } }"),
        (
            kafka,
            "{ kafka: { brokers: \"c:1\", topic: d, insecure: true } }",
        ),
        (
            kafka,
            "{ kafka: { topic: d, properties: { client.rack: a } } }",
        ),
        (kafka, "[{ kafka: { topic: d } }, stdout]"),
    ];
    let unsaid = |text: &str| checked(text, &Fake::default());
    for (source, sink) in had {
        let config = unsaid(&text(source, sink, "")).config;
        assert_eq!(config.unwrap().delivery.mode, Mode::ExactlyOnce, "{sink}");
    }
    for (source, sink) in refused {
        let found = unsaid(&text(source, sink, "")).findings;
        let ids: Vec<&str> = found.iter().map(|found| found.code.id()).collect();
        assert_eq!(ids, ["E1019"], "{sink}");
        let declared = text(source, sink, "delivery: at_least_once\n");
        assert_eq!(unsaid(&declared).findings, [], "{sink}");
    }
    find(
        &text(embedded, "{ file: { path: d.ndjson } }", ""),
        expect![[r#"
            4:29 E1019 error: exactly_once needs decisions in topics of the embedded log, as the source is (or declare `delivery: at_least_once`: after a crash decisions and alerts may come twice, with the same ids)
        "#]],
    );
    find(
        &text(kafka, "stdout", "delivery: { mode: exactly_once }\n"),
        expect![[r#"
            5:19 E1019 error: exactly_once needs decisions in topics of the cluster of the source, with the properties it has there (or declare `delivery: at_least_once`: after a crash decisions and alerts may come twice, with the same ids)
        "#]],
    );
    find(
        &text(
            "{ file: { path: s.ndjson } }",
            "stdout",
            "delivery: { mode: exactly_once }\n",
        ),
        expect![[r#"
            5:19 E1019 error: exactly_once needs a source that keeps offsets: kafka or embedded (or declare `delivery: at_least_once`: after a crash decisions and alerts may come twice, with the same ids)
        "#]],
    );
    find(
        &text("{ file: { path: s.ndjson } }", "stdout", ""),
        expect![[r#""#]],
    );
}

#[test]
fn a_sink_without_brokers_is_on_the_cluster_of_the_source() {
    let text = r#"
name: card-fraud
pack: p.yaml
source:
  kafka: { brokers: "127.0.0.1:9092", topic: swipes, start: earliest, format: json, properties: { fetch.min.bytes: 7 } }
sinks:
  decisions:    { kafka: { topic: decisions } }
  alerts:       { kafka: { topic: alerts, properties: { linger.ms: 3 } } }
  dead_letters: { kafka: { topic: swipes.dead, brokers: "127.0.0.1:9093" } }
delivery: at_least_once
"#;
    let checked = checked(text, &Fake::default());
    assert_eq!(checked.findings, []);
    let sinks = checked.config.unwrap().sinks;
    let said = |sinks: &[Sink]| match sinks {
        [Sink::Kafka(kafka)] => (
            kafka.brokers.clone(),
            kafka.properties.0.keys().cloned().collect::<Vec<_>>(),
        ),
        other => panic!("{other:?}"),
    };
    let own = |name: &str| vec![name.to_owned()];
    assert_eq!(
        said(&sinks.decisions),
        ("127.0.0.1:9092".to_owned(), own("fetch.min.bytes"))
    );
    assert_eq!(
        said(&sinks.alerts),
        ("127.0.0.1:9092".to_owned(), own("linger.ms"))
    );
    assert_eq!(
        said(&sinks.dead_letters),
        ("127.0.0.1:9093".to_owned(), vec![])
    );
}

#[test]
fn a_sink_that_drops_the_encryption_of_the_source_is_refused() {
    let text = |sink: &str| {
        format!(
            "name: a\npack: p.yaml\nsource: {{ kafka: {{ brokers: \"k.example:9092\", topic: t, \
             properties: {{ security.protocol: ssl }} }} }}\nsinks: {{ decisions: {{ kafka: {{ topic: d{sink} }} }} }}\ndelivery: at_least_once\n"
        )
    };
    find(&text(""), expect![""]);
    find(
        &text(", properties: { security.protocol: ssl }"),
        expect![""],
    );
    find(
        &text(", properties: { client.rack: a }"),
        expect![[r#"
            4:54 E1012 error: brokers: security.protocol is plaintext and k.example:9092 is not this machine: records and passwords would cross the network unencrypted; set security.protocol to ssl or sasl_ssl, or `insecure: true`
        "#]],
    );
    let open = "properties: { security.protocol: ssl }";
    let insecure = text(", insecure: false").replace(open, "insecure: true");
    find(
        &insecure,
        expect![[r#"
            4:52 E1012 error: brokers: security.protocol is plaintext and k.example:9092 is not this machine: records and passwords would cross the network unencrypted; set security.protocol to ssl or sasl_ssl, or `insecure: true`
        "#]],
    );
}

#[test]
fn the_documented_sample_is_accepted() {
    // Of the four sources the sample lists, the one its sinks go with.
    find(
        r#"
name: card-fraud                       # application id: prefixes consumer group, transactional ids, control topic, state directory
pack: p.yaml                           # a directory (pack.yaml, tests.yaml, lists/) or a pack file
source:                                # exactly one
  kafka:    { brokers: "127.0.0.1:9092", topic: swipes, start: earliest, format: json, properties: { client.rack: a } }
sinks:                                 # all but decisions may be left out; each any of kafka, file (ndjson, parquet), embedded, stdout; a list sends to several
  decisions:    { kafka: { topic: decisions } }
  alerts:       { kafka: { topic: alerts } }
  dead_letters: { kafka: { topic: swipes.dead } }
delivery: { mode: exactly_once, commit_every: 50ms, commit_records: 10000 }
state:    { dir: "./state", snapshot_every: 60s }
http:     { listen: "127.0.0.1:9900" } # /metrics /healthz /readyz /api/…
"#,
        expect![""],
    );
}

#[test]
fn a_commit_has_at_most_a_million_records() {
    let with = |records: &str| format!("{GOOD}delivery: {{ commit_records: {records} }}\n");
    find(&with("1000000"), expect![""]);
    find(
        &with("1000001"),
        expect![[r#"
            5:29 E1005 error: commit_records: `1000001` is not a whole number from 1 to 1000000
        "#]],
    );
}

#[test]
fn there_are_one_to_sixty_four_workers() {
    let with = |workers: &str| format!("{GOOD}workers: {workers}\n");
    let workers = |text: &str| checked(text, &Fake::default()).config.unwrap().workers;
    assert_eq!((workers(GOOD), workers(&with("64"))), (1, 64));
    for wrong in ["0", "65", "two"] {
        let found = checked(&with(wrong), &Fake::default()).findings;
        let [found] = found.as_slice() else {
            panic!("{found:?}")
        };
        let message = format!("workers: `{wrong}` is not a whole number from 1 to 64");
        assert_eq!((found.code.id(), &found.message), ("E1005", &message));
    }
}

#[test]
fn without_a_cluster_at_the_source_a_sink_must_name_its_brokers() {
    find(
        "name: a\npack: p.yaml\nsource: { embedded: { topic: swipes } }\nsinks: { decisions: { kafka: { topic: d } } }\n",
        expect![[r#"
            4:30 E1004 error: `brokers` is missing in sinks.decisions.kafka (only where the source is kafka a sink takes its brokers from there)
        "#]],
    );
}

#[test]
fn what_would_not_hold_is_said_before_a_run() {
    find(
        "name: a\npack: p.yaml\nsource: { embedded: { topic: swipes } }\n\
         sinks: { decisions: { file: { path: d.parquet } } }\nstate: { dir: s, snapshot_every: 10s }\n\
         delivery: at_least_once\n",
        expect![[r#"
            4:29 E1017 error: decisions of a source without an end cannot go to one Parquet file yet (write .ndjson, or a topic: a Parquet file is not readable before its last row)
        "#]],
    );
    let bounded = "name: a\npack: p.yaml\nsource: { file: { path: s.ndjson } }\nsinks: { decisions: { file: { path: d.parquet } } }\n";
    assert_eq!(checked(bounded, &Fake::default()).findings, []);
}

#[test]
fn a_silent_partition_is_waited_for_within_bounds() {
    let with = |wait: &str| format!("{GOOD}delivery: {{ merge_wait: {wait} }}\n");
    find(&with("1ms"), expect![""]);
    find(&with("1m"), expect![""]);
    for wait in ["0s", "61s"] {
        let found = checked(&with(wait), &Fake::default()).findings;
        let [found] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (found.code.id(), found.message.as_str()),
            (
                "E1005",
                format!("merge_wait: `{wait}` is out of range").as_str()
            )
        );
    }
}

#[test]
fn an_instance_has_a_name_the_broker_can_keep() {
    let with = |instance: &str| {
        format!(
            "name: a\npack: p.yaml\nsource: {{ kafka: {{ brokers: \"127.0.0.1:1\", topic: t, instance: {instance} }} }}\n\
             sinks: {{ decisions: stdout }}\ndelivery: at_least_once\n"
        )
    };
    let instance = |text: &str| match checked(text, &Fake::default()).config.unwrap().source {
        Source::Kafka { instance, .. } => instance,
        other => panic!("{other:?}"),
    };
    assert_eq!(instance(&with("~")), "0");
    assert_eq!(instance(&with("7")), "7");
    let longest = "a".repeat(64);
    assert_eq!(instance(&with(&longest)), longest);
    find(
        &with("\"a b\""),
        expect![[r#"
        3:64 E1006 error: `a b` cannot be the name of an instance (an instance has letters, digits, `.`, `_` and `-`, at most 64 of them)
    "#]],
    );
    find(
        &with(&"a".repeat(65)),
        expect![[r#"
        3:64 E1006 error: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…` cannot be the name of an instance (an instance has letters, digits, `.`, `_` and `-`, at most 64 of them)
    "#]],
    );
}
