//! What the suites and the tests need of a cluster: topics of their own, records by number, reading back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrow::array::Array;
use connectors::conformance::Outcome;
use connectors::conformance::log::{Bound, LogRig};
use connectors::conformance::sink::SinkRig;
use connectors::conformance::source::{Seen, SourceRig};
use connectors::kafka::{
    KafkaCommitLog, KafkaProducer, KafkaSettings, KafkaSink, KafkaSource, KafkaTransactionLog,
    create_topic, read::read_partition,
};
use connectors::record::{OutRecord, partition_of_key};
use connectors::sink::Sink;
use connectors::source::{Source, SourceEvent};
use tests::broker::Broker;

pub(super) const WAIT: Duration = Duration::from_millis(20);

/// Settings of an application nobody else has.
pub(super) fn settings(broker: &Broker) -> KafkaSettings {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    KafkaSettings::new(
        &broker.address(),
        &format!("app-{}-{number}", std::process::id()),
    )
}

/// A key that goes to this partition.
pub(super) fn key_of(partition: u32, partitions: u32) -> Vec<u8> {
    let mut keys = (0..1_000_u32).map(|key| key.to_string().into_bytes());
    keys.find(|key| partition_of_key(key, partitions) == partition)
        .unwrap()
}

pub(super) fn numbered(key: &[u8], numbers: std::ops::Range<usize>) -> Vec<OutRecord> {
    let record = |number: usize| OutRecord {
        key: Some(key.to_vec()),
        value: Some(number.to_string().into_bytes()),
        headers: Vec::new(),
    };
    numbers.map(record).collect()
}

pub(super) fn all(settings: &KafkaSettings, topic: &str, partition: u32) -> Vec<(i64, OutRecord)> {
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

pub(super) struct Rig {
    pub(super) settings: KafkaSettings,
    pub(super) producer: KafkaProducer,
    pub(super) topic: String,
    /// Kept while a commit log is in use: its member owns the partitions.
    source: Option<KafkaSource>,
    expected: BTreeMap<u32, Vec<Seen>>,
}

pub(super) const PARTITIONS: u32 = 3;

impl Rig {
    pub(super) fn boxed(broker: &Broker) -> Box<Self> {
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

    pub(super) fn out(&self) -> String {
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

/// The same with a commit log whose commits are transactions.
pub(super) struct ExactRig(pub(super) Box<Rig>);

impl ExactRig {
    pub(super) fn boxed(broker: &Broker) -> Box<Self> {
        Box::new(Self(Rig::boxed(broker)))
    }
}

impl LogRig for ExactRig {
    fn open(&mut self) -> Result<Bound, String> {
        let rig = &mut self.0;
        rig.source = None;
        let mut source = KafkaSource::new(&rig.settings, &rig.topic).unwrap();
        assigned(&mut source, PARTITIONS as usize);
        let producer = KafkaProducer::transactional(&rig.settings).unwrap();
        let log = KafkaTransactionLog::new(&rig.settings, &producer, &source).unwrap();
        let sink = KafkaSink::new(&rig.settings, &producer, &rig.out()).unwrap();
        rig.source = Some(source);
        Ok((Box::new(log), Box::new(sink)))
    }

    fn outputs(&mut self) -> Result<Vec<Vec<u8>>, String> {
        LogRig::outputs(&mut *self.0)
    }

    fn fences(&self) -> bool {
        false
    }
}

/// Polls until so many partitions are assigned.
pub(super) fn assigned(source: &mut KafkaSource, count: usize) -> Vec<(u32, i64)> {
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
pub(super) fn until(
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
