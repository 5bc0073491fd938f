//! Row E10 of the table of bad input at a real broker: an event of the year 2099 is held to `max_future` where the broker
//! says when it took the record; where it does not, the event stands and the run says at its start that it will.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::time::Duration;

use tests::broker::Broker;
use tests::process::{self, Running};
use tests::topic::{self, Reader, Record};

const DEADLINE: Duration = Duration::from_secs(120);
const WARNING: &str = "max_future has no effect";

const PACK: &str = "pack: small
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m, max_future: 30s, on_future: dead_letter }
  fields: { id: text, ts: timestamp }
rules:
  - { id: ALL-01, when: ts IS NOT NULL, then: { action: review, score: 1 } }
policy: { order: [review, approve] }
";

/// Runs a pack over a topic with this setting and one event of 2099 in it. Gives what came out where, and what the run
/// said.
fn outcome(broker: &Broker, name: &str, kind: &str, pack: &str) -> (&'static str, String) {
    let address = broker.address();
    let [input, output, dead] = ["in", "out", "dead"].map(|end| format!("{name}-{end}"));
    topic::create_with(&address, &input, 1, &[("message.timestamp.type", kind)]);
    for topic in [&output, &dead] {
        topic::create(&address, topic, 1);
    }
    let event = Record {
        value: Some(br#"{"id":"a","ts":"2099-01-01T00:00:00Z"}"#.to_vec()),
        ..Record::default()
    };
    topic::produce(&address, &input, [event]);
    let scratch = process::scratch();
    let config = format!(
        "name: {name}
pack: pack.yaml
source: {{ kafka: {{ brokers: \"{address}\", topic: {input} }} }}
sinks:
  decisions: {{ kafka: {{ topic: {output} }} }}
  dead_letters: {{ kafka: {{ topic: {dead} }} }}
state: {{ dir: ./state }}
"
    );
    fs::write(scratch.path().join("pack.yaml"), pack).unwrap();
    fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
    let running = Running::tollgate(scratch.path(), &["run", "pipeline.yaml"]);
    let _ = running.line(DEADLINE, |line| line.text.contains("live"));
    let place = if kind == "LogAppendTime" {
        let message = Reader::new(&address, &dead).next(DEADLINE);
        assert!(
            message
                .headers
                .contains(&("tollgate-code".to_owned(), b"E2009".to_vec())),
            "{message:?}"
        );
        "dead letters"
    } else {
        let _ = Reader::new(&address, &output).next(DEADLINE);
        "decisions"
    };
    running.signal("TERM");
    (place, running.wait(DEADLINE).success().stderr)
}

#[test]
fn e10_without_the_brokers_time_max_future_has_no_effect_and_the_run_says_so() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (place, said) = outcome(broker, "appended", "LogAppendTime", PACK);
    assert_eq!(place, "dead letters");
    assert!(!said.contains(WARNING), "{said}");

    let (place, said) = outcome(broker, "created", "CreateTime", PACK);
    assert_eq!(place, "decisions");
    assert_eq!(said.matches(WARNING).count(), 1, "{said}");
    assert!(said.contains("CreateTime"), "{said}");

    let unbounded = PACK.replace(", max_future: 30s, on_future: dead_letter", "");
    let (_, said) = outcome(broker, "unbounded", "CreateTime", &unbounded);
    assert!(!said.contains(WARNING), "nothing was promised: {said}");
}
