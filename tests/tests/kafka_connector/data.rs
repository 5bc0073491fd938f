//! Records that are strange or damaged, and when a flush is over.

use std::collections::BTreeMap;

use connectors::conformance::log::LogRig;
use connectors::conformance::source::SourceRig;
use connectors::kafka::{KafkaSink, KafkaSource, control_topic};
use connectors::log::{ALL_RECORDS, Scope};
use connectors::record::OutRecord;
use connectors::sink::Sink;
use connectors::source::{Source, SourceEvent};
use tests::broker::Broker;

use crate::rig::*;

#[test]
fn a_flush_ends_when_everything_is_acknowledged() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let rig = Rig::boxed(broker);
    let mut sink = KafkaSink::new(&rig.settings, &rig.producer, &rig.out()).unwrap();
    let records = numbered(b"k", 0..3);
    for round in 1..=5 {
        sink.write(connectors::sink::Payload::Records(&records))
            .unwrap();
        sink.flush().unwrap();
        let there = all(&rig.settings, &rig.out(), 0).len();
        assert_eq!(there, round * records.len());
    }
}

/// Row E6 of the bad inputs.
#[test]
fn e6_headers_of_any_bytes_and_any_number_do_no_harm() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let rig = Rig::boxed(broker);
    let strange = vec![
        (b"\xff\xfe".to_vec(), Some(b"\xff".to_vec())),
        (Vec::new(), None),
    ];
    let many: Vec<_> = (0..10_000_u32)
        .map(|n| (n.to_be_bytes().map(|b| b | 1).to_vec(), Some(vec![1])))
        .collect();
    let record = |headers| OutRecord {
        key: None,
        value: Some(b"{}".to_vec()),
        headers,
    };
    rig.producer
        .load(
            &rig.out(),
            [record(strange.clone()), record(many), record(Vec::new())],
        )
        .unwrap();
    let read = all(&rig.settings, &rig.out(), 0);
    assert_eq!(read[0].1.headers, strange);
    assert_eq!(
        (read.len(), read[1].1.headers.len(), read[2].1.headers.len()),
        (3, 256, 0)
    );
}

/// Row E5: one byte of the broker's log is changed; the partition halts before that record, the others go on.
#[test]
fn e5_a_damaged_batch_halts_its_partition_only() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let mut rig = Rig::boxed(broker);
    rig.create(5).unwrap();
    let damaged = OutRecord {
        value: Some(b"to-be-damaged".to_vec()),
        ..numbered(&key_of(1, PARTITIONS), 5..6)[0].clone()
    };
    rig.producer.load(&rig.topic, [damaged]).unwrap();
    rig.producer
        .load(&rig.topic, numbered(&key_of(1, PARTITIONS), 6..9))
        .unwrap();
    broker.damage(&rig.topic, 1, b"to-be-damaged");
    let mut source = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    let starts = assigned(&mut source, PARTITIONS as usize);
    source.start(&starts).unwrap();
    let mut seen: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let mut halts = Vec::new();
    let mut quiet = 0;
    while quiet < 100 || halts.is_empty() {
        quiet += 1;
        assert!(quiet < 3_000, "no halt; seen {seen:?}");
        match source.poll(WAIT).unwrap() {
            SourceEvent::Batch(connectors::record::Batch::Raw(batch)) => {
                seen.entry(batch.partition)
                    .or_default()
                    .extend(batch.offsets);
                quiet = 0;
            }
            SourceEvent::Halted {
                partition,
                offset,
                cause,
            } => halts.push((partition, offset, cause)),
            _ => {}
        }
    }
    println!("{halts:?}");
    assert_eq!(
        (halts.len(), halts[0].0, halts[0].1),
        (1, 1, 5),
        "{halts:?}"
    );
    let first_five: Vec<i64> = (0..5).collect();
    assert_eq!(
        seen,
        (0..PARTITIONS)
            .map(|partition| (partition, first_five.clone()))
            .collect()
    );
}

/// Far more records than are read at a time: as many as are needed come, without a gap, and no more than a few times that.
#[test]
fn a_long_journal_is_read_from_its_end() {
    const ALL: usize = 60_000;
    let Some(broker) = Broker::shared() else {
        return;
    };
    let mut rig = Rig::boxed(broker);
    let (mut log, _sink) = LogRig::open(&mut *rig).unwrap();
    log.fence().unwrap();
    let text = |number: usize| format!("{number:05}");
    let records = (0..ALL).map(|number| OutRecord {
        key: None,
        value: Some(text(number).into_bytes()),
        headers: Vec::new(),
    });
    let control = control_topic(&rig.settings.application);
    rig.producer.load(&control, records).unwrap();
    let mut told = |from: usize| {
        let wanted = text(from);
        let enough = |record: &[u8]| record <= wanted.as_bytes();
        log.committed(Scope::Whole, &enough).unwrap().control
    };
    for (from, at_most) in [(ALL - 1, 10_000), (ALL - 20_000, 30_000), (0, ALL)] {
        let told = told(from);
        assert!(
            (ALL - from..=at_most).contains(&told.len()),
            "{}",
            told.len()
        );
        let last = (ALL - told.len()..ALL).map(text);
        assert!(last.eq(told.into_iter().map(|it| String::from_utf8(it).unwrap())));
    }
    let all = log.committed(Scope::Whole, ALL_RECORDS).unwrap().control;
    assert_eq!(all.len(), ALL);
}
