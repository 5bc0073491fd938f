//! The client's side of a broker: filling topics, reading them, and the bare loop beside which the whole is measured.
//!
//! The invariant: the bare loop reads and writes through the very connectors that `tollgate run` does, and does nothing
//! between the two: what `tollgate` needs beyond it is what deciding costs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use connectors::kafka::{
    KafkaProducer, KafkaSettings, KafkaSink, KafkaSource, create_topic, partition_count,
};
use connectors::record::{Batch, OutRecord, RawBatch};
use connectors::sink::{Payload, Sink};
use connectors::source::{Source, SourceEvent};
use pipeline::operator::output::{Bounds, CONTENT_TYPE, COUNT};

use super::swipes::Swipes;

/// A poll without news; Kafka's client wants to be polled more often than each 100 ms.
const WAIT: Duration = Duration::from_millis(20);
/// Records between two flushes of the bare loop: what `tollgate` commits after.
const FLUSH_EVERY: u64 = 10_000;

/// Returns once the broker has said anything, if only that there is no such topic.
pub(crate) fn wait(broker: &str) {
    let settings = KafkaSettings::new(broker, "measure");
    for _ in 0..60 {
        match partition_count(&settings, "no-such-topic") {
            Err(failure) if failure.retry => {}
            _ => return,
        }
    }
    panic!("no broker at {broker}");
}

/// Makes a topic of one partition and puts the first lines of a file into it.
pub(crate) fn load(broker: &str, file: &str, count: u64, topic: &str) {
    let settings = KafkaSettings::new(broker, "measure");
    create_topic(&settings, topic, 1, &[]).expect("the topic is made");
    if count == 0 {
        return;
    }
    let lines = BufReader::new(File::open(file).expect("the events are there")).split(b'\n');
    let record = |line: std::io::Result<Vec<u8>>| OutRecord {
        key: None,
        value: Some(line.expect("a line")),
        headers: Vec::new(),
    };
    let records = lines.map(record).take(usize::try_from(count).unwrap());
    let producer = KafkaProducer::new(&settings).expect("a producer");
    let loaded = producer.load(topic, records).expect("all are written");
    assert_eq!(loaded, count, "the file has fewer lines");
}

/// Makes a topic and puts the first so many swipes into it.
pub(crate) fn fill(broker: &str, topic: &str, partitions: u32, swipes: Swipes, count: u64) {
    let settings = KafkaSettings::new(broker, "measure");
    create_topic(&settings, topic, partitions, &[]).expect("the topic is made");
    let producer = KafkaProducer::new(&settings).expect("a producer");
    let records = (0..count).map(|number| swipes.record(number));
    let filled = producer.load(topic, records).expect("all are written");
    assert_eq!(filled, count);
}

/// Reads until so many decisions have come, packed or not.
pub(crate) fn drain(broker: &str, topic: &str, count: u64) {
    let mut seen = 0;
    each_batch(broker, "drain", topic, |batch| {
        let of_record = |row: usize| {
            let headers = batch.headers.get(row);
            let packed = headers.and_then(|headers| headers.iter().find(|(name, _)| name == COUNT));
            let digits = packed.and_then(|(_, value)| std::str::from_utf8(value.as_ref()?).ok());
            digits.map_or(1, |digits| digits.parse::<u64>().expect("digits"))
        };
        seen += (0..batch.len()).map(of_record).sum::<u64>();
        seen < count
    });
    assert_eq!(
        seen, count,
        "{topic} has brought more decisions than there are events"
    );
}

/// Reads and writes, nothing else: for as many records read as a pack holds, a pack of so many bytes to each is written.
pub(crate) fn bare_loop(broker: &str, input: &str, output: &str, count: u64, bytes: usize) {
    let settings = KafkaSettings::new(broker, "bare");
    let producer = KafkaProducer::new(&settings).expect("a producer");
    let mut sink = KafkaSink::new(&settings, &producer, output).expect("the topic is there");
    let rows = u64::try_from(Bounds::DEFAULT.rows).unwrap();
    let pack = vec![b'x'; bytes * Bounds::DEFAULT.rows];
    let (mut read, mut packed, mut flushed) = (0, 0, 0);
    each_batch(broker, "bare", input, |batch| {
        read += batch.len() as u64;
        let header = |name: &[u8], value: &[u8]| (name.to_vec(), Some(value.to_vec()));
        let record = |_| OutRecord {
            key: Some(format!("{input}/0").into_bytes()),
            value: Some(pack.clone()),
            headers: vec![
                header(CONTENT_TYPE, b"application/x-ndjson"),
                header(COUNT, rows.to_string().as_bytes()),
            ],
        };
        let records: Vec<OutRecord> = (packed..read / rows).map(record).collect();
        packed = read / rows;
        sink.write(Payload::Records(&records)).expect("it is taken");
        if read - flushed >= FLUSH_EVERY {
            flushed = read;
            sink.flush().expect("it is acknowledged");
        }
        read < count
    });
    sink.close().expect("all is acknowledged");
}

/// Hands over the batches of a topic from its beginning, as long as more are wanted.
fn each_batch(broker: &str, group: &str, topic: &str, mut wanted: impl FnMut(&RawBatch) -> bool) {
    let settings = KafkaSettings::new(broker, &format!("{group}-{topic}"));
    let mut source = KafkaSource::new(&settings, topic).expect("the topic is there");
    loop {
        match source.poll(WAIT).expect("the topic can be read") {
            SourceEvent::Assigned(assigned) => {
                let starts = assigned
                    .iter()
                    .map(|found| (found.partition, found.log_start));
                source
                    .start(&starts.collect::<Vec<_>>())
                    .expect("it starts");
            }
            SourceEvent::Batch(Batch::Raw(batch)) if !wanted(&batch) => return,
            SourceEvent::Halted { cause, .. } => panic!("{topic}: {cause}"),
            _ => {}
        }
    }
}
