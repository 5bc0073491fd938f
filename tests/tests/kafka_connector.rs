//! The Kafka connector against a real broker: the conformance suites, and what only a broker can do to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrow::array::Array;
use connectors::conformance::log::{Bound, LogRig};
use connectors::conformance::sink::SinkRig;
use connectors::conformance::source::{Seen, SourceRig};
use connectors::conformance::{self, Outcome};
use connectors::kafka::{
    KafkaCommitLog, KafkaProducer, KafkaSettings, KafkaSink, KafkaSource, create_topic,
    log::read_partition,
};
use connectors::record::{OutRecord, partition_of_key};
use connectors::sink::Sink;
use connectors::source::{Source, SourceEvent};
use tests::broker::Broker;

const WAIT: Duration = Duration::from_millis(20);

/// Settings of an application nobody else has.
fn settings(broker: &Broker) -> KafkaSettings {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    KafkaSettings::new(
        &broker.address(),
        &format!("app-{}-{number}", std::process::id()),
    )
}

/// A key that goes to this partition.
fn key_of(partition: u32, partitions: u32) -> Vec<u8> {
    let mut keys = (0..1_000_u32).map(|key| key.to_string().into_bytes());
    keys.find(|key| partition_of_key(key, partitions) == partition)
        .unwrap()
}

fn numbered(key: &[u8], numbers: std::ops::Range<usize>) -> Vec<OutRecord> {
    let record = |number: usize| OutRecord {
        key: Some(key.to_vec()),
        value: Some(number.to_string().into_bytes()),
        headers: Vec::new(),
    };
    numbers.map(record).collect()
}

fn all(settings: &KafkaSettings, topic: &str, partition: u32) -> Vec<(i64, OutRecord)> {
    let batch = read_partition(settings, topic, partition).unwrap();
    let of = |array: &arrow::array::BinaryArray, row: usize| {
        array.is_valid(row).then(|| array.value(row).to_vec())
    };
    let headers = |row: usize| {
        batch
            .headers
            .get(row)
            .map(|headers| headers.to_vec())
            .unwrap_or_default()
    };
    let record = |row| OutRecord {
        key: of(&batch.keys, row),
        value: of(&batch.values, row),
        headers: headers(row),
    };
    (0..batch.len())
        .map(|row| (batch.offsets[row], record(row)))
        .collect()
}

struct Rig {
    settings: KafkaSettings,
    producer: KafkaProducer,
    topic: String,
    /// Kept while a commit log is in use: its member owns the partitions.
    source: Option<KafkaSource>,
    expected: BTreeMap<u32, Vec<Seen>>,
}

const PARTITIONS: u32 = 3;

impl Rig {
    fn boxed(broker: &Broker) -> Box<Self> {
        let settings = settings(broker);
        let producer = KafkaProducer::new(&settings).unwrap();
        let topic = format!("{}.in", settings.application);
        create_topic(&settings, &topic, PARTITIONS, &[]).unwrap();
        create_topic(&settings, &format!("{}.out", settings.application), 1, &[]).unwrap();
        Box::new(Self {
            settings,
            producer,
            topic,
            source: None,
            expected: BTreeMap::new(),
        })
    }

    fn out(&self) -> String {
        format!("{}.out", self.settings.application)
    }
}

impl SourceRig for Rig {
    fn create(&mut self, records: usize) -> Outcome {
        self.append(records).map(|_| ())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        Ok(Box::new(
            KafkaSource::new(&self.settings, &self.topic).map_err(|error| error.to_string())?,
        ))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        self.expected.clone()
    }

    fn append(&mut self, records: usize) -> Result<bool, String> {
        for partition in 0..PARTITIONS {
            let seen = self.expected.entry(partition).or_default();
            let records = numbered(
                &key_of(partition, PARTITIONS),
                seen.len()..seen.len() + records,
            );
            for record in &records {
                let offset = i64::try_from(seen.len()).unwrap();
                seen.push(Seen {
                    offset,
                    value: record.value.clone(),
                });
            }
            self.producer
                .load(&self.topic, records)
                .map_err(|error| error.to_string())?;
        }
        Ok(true)
    }

    fn patience(&self) -> usize {
        3_000
    }
}

impl SinkRig for Rig {
    fn open(&mut self) -> Result<Box<dyn Sink>, String> {
        Ok(Box::new(
            KafkaSink::new(&self.settings, &self.producer, &self.out()).unwrap(),
        ))
    }

    fn read(&mut self) -> Result<Vec<OutRecord>, String> {
        Ok(all(&self.settings, &self.out(), 0)
            .into_iter()
            .map(|(_, record)| record)
            .collect())
    }
}

impl LogRig for Rig {
    fn open(&mut self) -> Result<Bound, String> {
        self.source = None;
        let mut source = KafkaSource::new(&self.settings, &self.topic).unwrap();
        assigned(&mut source, PARTITIONS as usize);
        let log = KafkaCommitLog::new(&self.settings, &self.producer, &source).unwrap();
        let sink = KafkaSink::new(&self.settings, &self.producer, &self.out()).unwrap();
        self.source = Some(source);
        Ok((Box::new(log), Box::new(sink)))
    }

    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String> {
        Ok(all(&self.settings, &self.out(), 0)
            .into_iter()
            .filter_map(|(_, record)| record.value)
            .collect())
    }

    fn fences(&self) -> bool {
        false
    }
}

/// Polls until so many partitions are assigned.
fn assigned(source: &mut KafkaSource, count: usize) -> Vec<(u32, i64)> {
    let mut starts = Vec::new();
    for _ in 0..3_000 {
        match source.poll(WAIT) {
            Ok(SourceEvent::Assigned(partitions)) => {
                starts.extend(
                    partitions
                        .iter()
                        .map(|found| (found.partition, found.log_start)),
                );
            }
            Ok(SourceEvent::Idle) => {}
            Err(error) if error.retry => {}
            other => panic!("{other:?}"),
        }
        if starts.len() >= count {
            return starts;
        }
    }
    panic!("assigned only {starts:?}");
}

/// Polls until `done` says so of an event, or patience is over.
fn until(
    source: &mut KafkaSource,
    mut done: impl FnMut(Result<SourceEvent, connectors::source::SourceError>) -> bool,
) {
    for _ in 0..3_000 {
        if done(source.poll(WAIT)) {
            return;
        }
    }
    panic!("it did not come");
}

#[test]
fn the_source_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_sink_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::log::ALL, || -> Box<dyn LogRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

/// rdkafka's own flush never takes less than 100 ms.
#[test]
fn a_flush_ends_with_the_last_acknowledgement() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let rig = Rig::boxed(broker);
    let mut sink = KafkaSink::new(&rig.settings, &rig.producer, &rig.out()).unwrap();
    let records = numbered(b"k", 0..3);
    let mut times = Vec::new();
    for _ in 0..40 {
        #[allow(clippy::disallowed_methods, reason = "what is measured is the time")]
        let began = std::time::Instant::now();
        sink.write(connectors::sink::Payload::Records(&records))
            .unwrap();
        sink.flush().unwrap();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!(
        "flush of 3 records: least {:?}, median {:?}",
        times[0], times[20]
    );
    assert!(times[0] < Duration::from_millis(60), "{times:?}");
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
    damage(&format!("{}-1", rig.topic), b"to-be-damaged");
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

/// Changes a byte of what the broker has on disk for a partition.
fn damage(partition: &str, needle: &[u8]) {
    let temporary = std::env::temp_dir();
    let directories = std::fs::read_dir(&temporary)
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let logs = directories.map(|path| {
        path.join("data")
            .join(partition)
            .join("00000000000000000000.log")
    });
    let log = logs
        .into_iter()
        .find(|log| log.exists())
        .expect("the broker's log lies in its directory");
    let bytes = std::fs::read(&log).unwrap();
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap();
    use std::io::{Seek, Write};
    let mut file = std::fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.seek(std::io::SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"T").unwrap();
}

/// Row C8: the older of two processes with one instance id is fenced, and knows it.
#[test]
fn c8_the_older_of_two_with_one_instance_is_fenced() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let rig = Rig::boxed(broker);
    let mut old = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    assigned(&mut old, PARTITIONS as usize);
    let mut new = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
    assigned(&mut new, PARTITIONS as usize);
    until(&mut old, |event| {
        event.is_err_and(|error| error.is_fenced())
    });
    for _ in 0..50 {
        let event = new.poll(WAIT).unwrap();
        assert!(matches!(event, SourceEvent::Idle), "{event:?}");
    }
}

/// A second instance takes over some partitions; the others are not disturbed.
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
    let mut other = rig.settings.clone();
    other.instance = "1".to_owned();
    let mut second = KafkaSource::new(&other, &rig.topic).unwrap();
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for _ in 0..3_000 {
        match first.poll(WAIT) {
            Ok(SourceEvent::Revoked(partitions)) => lost.extend(partitions),
            Ok(SourceEvent::Assigned(partitions)) => panic!("assigned again: {partitions:?}"),
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
