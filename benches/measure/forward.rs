//! The bare loop beside which deliveries are measured: consume, produce, commit, nothing else.
//!
//! The idea: what it costs to go through a broker and back with these guarantees, whoever does it. The invariant: it reads,
//! writes and commits through the very connectors that `tollgate run` does, as often, with outputs of the size of
//! events, and never looks into a record.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::Array;
use connectors::kafka::{
    KafkaCommitLog, KafkaProducer, KafkaSettings, KafkaSink, KafkaSource, KafkaTransactionLog,
};
use connectors::log::{ALL_RECORDS, CommitLog, Scope};
use connectors::record::{Batch, OutRecord, RawBatch};
use connectors::sink::{Payload, Sink};
use connectors::source::{Source, SourceEvent};
use pipeline::clock::{Clock, SystemClock};

/// The longest poll.
const WAIT: Duration = Duration::from_millis(20);
/// Bytes of a control record of `tollgate`, about.
const CONTROL: usize = 600;

/// Goes on until it is ended.
pub(crate) fn run(broker: &str, input: &str, output: &str, mode: &str, every: Duration) {
    let settings = KafkaSettings::new(broker, output);
    let mut source = KafkaSource::new(&settings, input).expect("the topic is there");
    let (producer, mut log): (_, Box<dyn CommitLog>) = match mode {
        "exactly_once" => {
            let producer = KafkaProducer::transactional(&settings).expect("a producer");
            let log = KafkaTransactionLog::new(&settings, &producer, &source).expect("a log");
            (producer, Box::new(log))
        }
        "at_least_once" => {
            let producer = KafkaProducer::new(&settings).expect("a producer");
            let log = KafkaCommitLog::new(&settings, &producer, &source).expect("a log");
            (producer, Box::new(log))
        }
        other => panic!("no such mode: {other}"),
    };
    let mut sink = KafkaSink::new(&settings, &producer, output).expect("the topic is there");
    log.fence().expect("nobody else is there");
    let clock: Arc<dyn Clock> = SystemClock::shared();
    let control = [(0, vec![b'x'; CONTROL])];
    let (mut offsets, mut first): (Vec<(u32, i64)>, Option<Duration>) = (Vec::new(), None);
    loop {
        let past = |first| clock.elapsed().saturating_sub(first);
        let left = first.map_or(WAIT, |first| every.saturating_sub(past(first)).min(WAIT));
        match source.poll(left).expect("the topic can be read") {
            SourceEvent::Assigned(assigned) => {
                log.committed(Scope::Whole, ALL_RECORDS).expect("offsets");
                offsets = assigned
                    .iter()
                    .map(|found| (found.partition, found.log_start))
                    .collect();
                source.start(&offsets).expect("it starts");
                log.begin().expect("it begins");
                println!("ready");
            }
            SourceEvent::Batch(Batch::Raw(batch)) => {
                sink.write(Payload::Records(&copies(&batch)))
                    .expect("it is taken");
                let next = batch.offsets.last().map_or(0, |last| last + 1);
                let mut known = offsets.iter_mut();
                if let Some(of) = known.find(|(partition, _)| *partition == batch.partition) {
                    of.1 = next;
                }
                first.get_or_insert_with(|| clock.elapsed());
            }
            SourceEvent::Halted { cause, .. } => panic!("{input}: {cause}"),
            _ => {}
        }
        if first.is_some_and(|first| past_due(&*clock, first, every)) {
            log.commit(&offsets, &control).expect("it is committed");
            log.begin().expect("it begins");
            first = None;
        }
    }
}

fn past_due(clock: &dyn Clock, first: Duration, every: Duration) -> bool {
    clock.elapsed().saturating_sub(first) >= every
}

fn copies(batch: &RawBatch) -> Vec<OutRecord> {
    let copy = |row: usize| OutRecord {
        key: (batch.keys.is_valid(row)).then(|| batch.keys.value(row).to_vec()),
        value: (batch.values.is_valid(row)).then(|| batch.values.value(row).to_vec()),
        headers: Vec::new(),
    };
    (0..batch.len()).map(copy).collect()
}
