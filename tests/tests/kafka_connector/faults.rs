//! Rebalances, fencing, gaps, and a broker that goes away.

use std::collections::{BTreeMap, BTreeSet};

use connectors::conformance::source::SourceRig;
use connectors::kafka::{KafkaCommitLog, KafkaProducer, KafkaSink, KafkaSource};
use connectors::log::{ALL_RECORDS, CommitLog, LogError, Scope};
use connectors::record::Batch;
use connectors::sink::Sink;
use connectors::source::{Source, SourceEvent};
use tests::broker::Broker;

use crate::rig::*;

/// Row C8: the older of two processes with one instance is fenced, knows it, and can commit no more.
#[test]
fn c8_the_older_of_two_with_one_instance_is_fenced() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let mut rig = Rig::boxed(broker);
    rig.create(3).unwrap();
    let mut old = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    assigned(&mut old, PARTITIONS as usize);
    let mut old_log = KafkaCommitLog::new(&rig.settings, &rig.producer, &old).unwrap();
    old_log.fence().unwrap();
    old_log.begin().unwrap();
    old_log.commit(&[(0, 1)], &[(0, b"old".to_vec())]).unwrap();
    let mut new = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    let mut new_log = KafkaCommitLog::new(&rig.settings, &rig.producer, &new).unwrap();
    new_log.fence().unwrap();
    let refused = old_log
        .begin()
        .and_then(|()| old_log.commit(&[(0, 2)], &[(0, b"zombie".to_vec())]));
    assert!(
        matches!(refused, Err(LogError::Fenced { .. })),
        "{refused:?}"
    );
    assert_eq!(
        new_log
            .committed(Scope::Whole, ALL_RECORDS)
            .unwrap()
            .offsets,
        vec![(0, 1)]
    );
    assigned(&mut new, PARTITIONS as usize);
    until(&mut old, |event| {
        event.is_err_and(|error| error.is_fenced())
    });
    for _ in 0..50 {
        let event = new.poll(WAIT).unwrap();
        assert!(matches!(event, SourceEvent::Idle), "{event:?}");
    }
}

/// A second instance takes over some partitions; the others are not disturbed, also where their end was just told.
#[test]
fn a_second_instance_shares_the_partitions() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let mut rig = Rig::boxed(broker);
    rig.create(100).unwrap();
    let mut first = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    let starts = assigned(&mut first, PARTITIONS as usize);
    first.start(&starts).unwrap();
    let mut ended = BTreeSet::new();
    while ended.len() < PARTITIONS as usize {
        if let SourceEvent::CaughtUp { partition, .. } = first.poll(WAIT).unwrap() {
            ended.insert(partition);
        }
    }
    let mut other = rig.settings.clone();
    other.instance = "1".to_owned();
    other.shared = true;
    let mut second = KafkaSource::new(&other, &rig.topic).unwrap();
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for _ in 0..3_000 {
        match first.poll(WAIT) {
            Ok(SourceEvent::Revoked(partitions) | SourceEvent::Lost(partitions)) => {
                lost.extend(partitions)
            }
            Ok(SourceEvent::Assigned(partitions)) if !partitions.is_empty() => {
                panic!("assigned again: {partitions:?}")
            }
            Ok(_) => {}
            Err(error) => assert!(error.retry, "{error}"),
        }
        if let Ok(SourceEvent::Assigned(partitions)) = second.poll(WAIT) {
            gained.extend(partitions.iter().map(|found| found.partition));
        }
        if !gained.is_empty() {
            break;
        }
    }
    assert_eq!(lost, gained);
    assert!(
        !lost.is_empty() && first.start(&[(lost[0], 0)]).is_err(),
        "a lost partition can still be started"
    );
    rig.append(2).unwrap();
    ended.retain(|partition| !lost.contains(partition));
    let mut seen: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for _ in 0..3_000 {
        let _ = second.poll(WAIT);
        match first.poll(WAIT) {
            Ok(SourceEvent::Batch(Batch::Raw(batch))) => {
                seen.entry(batch.partition)
                    .or_default()
                    .extend(&batch.offsets);
            }
            Ok(SourceEvent::Halted { cause, .. }) => panic!("halted: {cause}"),
            Ok(_) => {}
            Err(error) => assert!(error.retry, "{error}"),
        }
        if ended
            .iter()
            .all(|partition| seen.get(partition).is_some_and(|seen| seen.len() >= 2))
        {
            break;
        }
    }
    let wanted = ended.iter().map(|partition| (*partition, vec![100, 101]));
    assert_eq!(seen, wanted.collect());
}

/// Rows K2 and K3: what the log no longer has, or does not have yet, is told with its size.
#[test]
fn k2_k3_an_offset_outside_the_log_is_told_as_a_gap() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let mut rig = Rig::boxed(broker);
    rig.create(50).unwrap();
    delete_before(&broker.address(), &rig.topic, 0, 20);
    let mut source = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    assigned(&mut source, PARTITIONS as usize);
    let gap = source.start(&[(0, 5)]).unwrap_err().to_string();
    assert!(
        gap.ends_with(
            "offset 5 of partition 0 lies outside the log [20, 50): 15 records are no longer there"
        ),
        "{gap}"
    );
    let beyond = source.start(&[(0, 51)]).unwrap_err().to_string();
    assert!(
        beyond.contains("the topic was cut or made anew"),
        "{beyond}"
    );
    source.start(&[(0, 20)]).unwrap();
    until(&mut source, |event| match event.unwrap() {
        SourceEvent::Batch(connectors::record::Batch::Raw(batch)) => batch.offsets[0] == 20,
        SourceEvent::Idle => false,
        other => panic!("{other:?}"),
    });
}

fn delete_before(address: &str, topic: &str, partition: i32, offset: i64) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", address)
        .create()
        .unwrap();
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(admin.delete_records(&list, &AdminOptions::new()))
        .unwrap();
}

/// Row K1: a topic that is not there is told at once.
#[test]
fn k1_a_missing_topic_is_told_at_the_start() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let settings = settings(broker);
    let error = KafkaSource::new(&settings, "no-such-topic").err().unwrap();
    assert!(
        !error.retry && error.to_string().contains("no-such-topic"),
        "{error}"
    );
    let producer = KafkaProducer::new(&settings).unwrap();
    assert!(KafkaSink::new(&settings, &producer, "no-such-topic").is_err());
}

/// A broker that dies and comes back: what was not acknowledged arrives, once, and reading goes on.
#[test]
fn a_broker_that_comes_back_loses_and_repeats_nothing() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let mut rig = Rig::boxed(&broker);
    rig.create(10).unwrap();
    let mut source = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    let starts = assigned(&mut source, PARTITIONS as usize);
    source.start(&starts).unwrap();
    let mut sink = KafkaSink::new(&rig.settings, &rig.producer, &rig.out()).unwrap();
    sink.write(connectors::sink::Payload::Records(&numbered(b"k", 0..100)))
        .unwrap();
    sink.flush().unwrap();
    broker.kill();
    sink.write(connectors::sink::Payload::Records(&numbered(
        b"k",
        100..200,
    )))
    .unwrap();
    let waiting = sink.flush().unwrap_err();
    assert!(waiting.retry, "{waiting}");
    println!("{waiting}");
    broker.restart();
    for _ in 0..10 {
        match sink.flush() {
            Ok(()) => break,
            Err(error) => assert!(error.retry, "{error}"),
        }
    }
    sink.flush().unwrap();
    let values: Vec<_> = all(&rig.settings, &rig.out(), 0)
        .into_iter()
        .filter_map(|(_, record)| record.value)
        .collect();
    let wanted: Vec<_> = (0..200)
        .map(|number: u32| number.to_string().into_bytes())
        .collect();
    assert_eq!(values, wanted);
    rig.append(10).unwrap();
    let mut seen: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    until(&mut source, |event| {
        match event {
            Ok(SourceEvent::Batch(connectors::record::Batch::Raw(batch))) => {
                seen.entry(batch.partition)
                    .or_default()
                    .extend(batch.offsets);
            }
            Ok(SourceEvent::Halted { .. } | SourceEvent::Finished) => panic!("{event:?}"),
            Ok(_) => {}
            Err(error) => assert!(error.retry, "{error}"),
        }
        seen.values().map(Vec::len).sum::<usize>() >= 60
    });
    assert_eq!(
        seen,
        (0..PARTITIONS)
            .map(|partition| (partition, (0..20).collect()))
            .collect()
    );
}
