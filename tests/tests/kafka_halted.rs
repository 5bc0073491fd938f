//! Row E5 of the table of bad input at the level of a run: a batch that cannot be read halts its partition; the process
//! goes on with the others, is not ready, and says on `/readyz` and in its metrics why. A restart changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::broker::Broker;
use tests::process::{self, Running};
use tests::topic::{self, Reader, Record};

const DEADLINE: Duration = Duration::from_secs(120);

const PACK: &str = "pack: small
event: swipe
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp(s) }
rules:
  - { id: ALL-01, when: ts IS NOT NULL, then: { action: review, score: 1 } }
policy: { order: [review, approve] }
";

/// One call makes one batch.
fn produce(address: &str, partition: i32, events: std::ops::Range<u32>) {
    let record = |i: u32| Record {
        value: Some(
            format!(r#"{{"id":"p{partition}-{i}","ts":{}}}"#, 1_767_225_600 + i).into_bytes(),
        ),
        partition: Some(partition),
        ..Record::default()
    };
    topic::produce(address, "halted-in", events.map(record));
}

/// The page once it holds all of this.
fn page(running: &Running, listen: &str, path: &str, wanted: &[&str]) -> (u16, String) {
    let started = Instant::now();
    let mut last = String::new();
    loop {
        assert!(
            started.elapsed() < DEADLINE,
            "no {wanted:?} on {path}, last {last}; {:?}",
            running.lines()
        );
        if let Some((status, body)) = process::try_get(listen, path) {
            if wanted.iter().all(|wanted| body.contains(wanted)) {
                return (status, body);
            }
            last = body;
        }
    }
}

/// Ids of the events decided next, sorted.
fn decided(reader: &mut Reader, count: usize) -> Vec<String> {
    let mut ids: Vec<String> = (0..count)
        .map(|_| {
            let message = reader.next(DEADLINE);
            let decision: Value = serde_json::from_slice(&message.value.unwrap()).unwrap();
            decision["event_id"].as_str().unwrap().to_owned()
        })
        .collect();
    ids.sort_unstable();
    ids
}

fn ids(partition: i32, events: std::ops::Range<u32>) -> Vec<String> {
    events.map(|i| format!("p{partition}-{i}")).collect()
}

#[test]
fn e5_a_halted_partition_makes_a_run_unready_and_is_named_while_the_others_go_on() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let address = broker.address();
    topic::create(&address, "halted-in", 2);
    topic::create(&address, "halted-out", 1);
    produce(&address, 1, 0..5);
    produce(&address, 1, 5..6);
    produce(&address, 1, 6..9);
    broker.damage("halted-in", 1, b"p1-5");

    let scratch = process::scratch();
    let listen = process::free_address();
    let config = format!(
        "name: halted
pack: pack.yaml
source: {{ kafka: {{ brokers: \"{address}\", topic: halted-in }} }}
sinks: {{ decisions: {{ kafka: {{ topic: halted-out }} }} }}
state: {{ dir: ./state }}
http: {{ listen: \"{listen}\" }}
"
    );
    fs::write(scratch.path().join("pack.yaml"), PACK).unwrap();
    fs::write(scratch.path().join("pipeline.yaml"), config).unwrap();
    let mut reader = Reader::new(&address, "halted-out");

    for (round, new) in [0..4_u32, 4..8].into_iter().enumerate() {
        let running = Running::tollgate(scratch.path(), &["run", "pipeline.yaml"]);
        let said = [
            r#""state":"halted""#,
            "partition 1 stands still at offset 5",
        ];
        let (status, _) = page(&running, &listen, "/readyz", &said);
        assert_eq!(status, 503);
        assert_eq!(process::get(&listen, "/healthz").0, 200, "it is at work");
        let _ = page(
            &running,
            &listen,
            "/metrics",
            &["\ntollgate_source_halted_partitions 1\n"],
        );
        // The other partition goes on, and nothing behind the damage was taken.
        produce(&address, 0, new.clone());
        let before = if round == 0 { ids(1, 0..5) } else { vec![] };
        let mut wanted = [ids(0, new), before].concat();
        wanted.sort_unstable();
        assert_eq!(decided(&mut reader, wanted.len()), wanted, "round {round}");
        running.signal("TERM");
        let _ = running.wait(DEADLINE).success();
    }
    assert_eq!(
        topic::committed(&address, "halted", "halted-in"),
        [Some(8), Some(5)],
        "what cannot be read is not committed"
    );
}
