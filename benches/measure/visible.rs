//! When a decision can be read: from the moment its event was due to the moment a reader of committed records has it.
//!
//! The idea: one thread sends events on a schedule settled beforehand, another reads what comes out, one clock for both; an
//! event that has to wait to be sent, or that whoever decides is late with, is charged for all of it (no coordinated
//! omission). How late the sender itself was says what the machine did meanwhile. The invariant: each event comes out once;
//! all that were due behind the first seconds are in the histogram.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use connectors::kafka::{KafkaProducer, KafkaSettings, KafkaSink, KafkaSource};
use connectors::record::Batch;
use connectors::sink::{Payload, Sink};
use connectors::source::{Source, SourceEvent};
use hdrhistogram::Histogram;
use pipeline::clock::{Clock, SystemClock};

use super::swipes::{Swipes, number_of};

/// Due in the first so many, an event is not counted: connections are made, code is warmed up.
const WARM: Duration = Duration::from_secs(3);
/// Between two looks at what is due.
const TICK: Duration = Duration::from_micros(500);
/// The longest poll of the reader.
const WAIT: Duration = Duration::from_millis(20);
/// Without any news for so long, the rest will not come.
const QUIET: Duration = Duration::from_secs(120);
/// Later than this, whoever decides is behind.
const BEHIND: Duration = Duration::from_millis(250);
/// When for so long all that was due came in time, it has caught up.
const CAUGHT_UP: Duration = Duration::from_secs(1);

/// Which events, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) swipes: Swipes,
    /// Number of the first.
    pub(crate) first: u64,
    /// Per second.
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
}

impl Load {
    fn count(&self) -> u64 {
        self.rate * self.seconds
    }

    /// When an event is due, from the start.
    fn due(&self, at: u64) -> Duration {
        Duration::from_nanos(at * 1_000_000_000 / self.rate)
    }
}

/// Sends events to one topic and waits for their decisions in another; prints a line of JSON, all times in milliseconds.
pub(crate) fn run(broker: &str, input: &str, output: &str, load: Load) {
    let mut settings = KafkaSettings::new(broker, &format!("visible-{output}-{}", load.first));
    let short = ("fetch.wait.max.ms".to_owned(), "20".to_owned());
    settings.properties.extend([short]);
    let mut reader = KafkaSource::new(&settings, output).expect("the topic is there");
    at_the_end(&mut reader);
    let clock: Arc<dyn Clock> = SystemClock::shared();
    let start = clock.elapsed();
    let sender = {
        let (clock, settings, input) = (Arc::clone(&clock), settings.clone(), input.to_owned());
        thread::spawn(move || send(&settings, &input, load, (&*clock, start)))
    };
    let seen = read(&mut reader, output, load, (&*clock, start));
    let late = sender.join().expect("all are sent");
    let ms =
        |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    println!(
        "{{\"events\":{},\"p50\":{},\"p99\":{},\"p99.9\":{},\"max\":{},\"behind\":{},\"sender\":{{\"p50\":{},\"p99\":{},\"p99.9\":{},\"max\":{}}}}}",
        seen.latencies.len(),
        ms(&seen.latencies, 0.5),
        ms(&seen.latencies, 0.99),
        ms(&seen.latencies, 0.999),
        seen.latencies.max() as f64 / 1e3,
        seen.behind.as_secs_f64() * 1e3,
        ms(&late, 0.5),
        ms(&late, 0.99),
        ms(&late, 0.999),
        late.max() as f64 / 1e3,
    );
}

/// Waits until it is given the partitions, and has it read what comes from now on.
fn at_the_end(reader: &mut KafkaSource) {
    loop {
        if let SourceEvent::Assigned(found) = reader.poll(WAIT).expect("it can be read") {
            let ends = found.iter().map(|found| (found.partition, found.log_end));
            reader.start(&ends.collect::<Vec<_>>()).expect("it starts");
            return;
        }
    }
}

/// Sends each event when it is due; how late it was, in microseconds.
fn send(
    settings: &KafkaSettings,
    topic: &str,
    load: Load,
    (clock, start): (&dyn Clock, Duration),
) -> Histogram<u64> {
    let producer = KafkaProducer::new(settings).expect("a producer");
    let mut sink = KafkaSink::new(settings, &producer, topic).expect("the topic is there");
    let mut late = Histogram::new(3).expect("three digits");
    let mut at = 0;
    while at < load.count() {
        let past = clock.elapsed().saturating_sub(start);
        let mut records = Vec::new();
        while at < load.count() && load.due(at) <= past {
            note(&mut late, past.saturating_sub(load.due(at)));
            records.push(load.swipes.record(load.first + at));
            at += 1;
        }
        sink.write(Payload::Records(&records))
            .expect("they are taken");
        thread::park_timeout(TICK);
    }
    sink.close().expect("all are acknowledged");
    late
}

/// What the reader has seen.
struct Seen {
    /// In microseconds.
    latencies: Histogram<u64>,
    /// A time it is behind: when the first event of it was due, when the last one was whose decision came too late, and when
    /// that decision came.
    late: Option<(Duration, Duration, Duration)>,
    /// The longest such time.
    behind: Duration,
}

impl Seen {
    fn take(&mut self, due: Duration, now: Duration) {
        if due < WARM {
            return;
        }
        let took = now.saturating_sub(due);
        note(&mut self.latencies, took);
        if took > BEHIND {
            let goes_on = self.late.filter(|late| due < late.1 + CAUGHT_UP);
            let (from, last, end) = goes_on.unwrap_or((due, due, now));
            self.late = Some((from.min(due), last.max(due), end.max(now)));
            self.behind = self.behind.max(end.max(now).saturating_sub(from.min(due)));
        }
    }
}

fn read(
    reader: &mut KafkaSource,
    topic: &str,
    load: Load,
    (clock, start): (&dyn Clock, Duration),
) -> Seen {
    let mut seen = Seen {
        latencies: Histogram::new(3).expect("three digits"),
        late: None,
        behind: Duration::ZERO,
    };
    let mut there = vec![false; usize::try_from(load.count()).unwrap()];
    let (mut left, mut news) = (there.len(), clock.elapsed());
    while left > 0 {
        let event = reader.poll(WAIT).expect("the topic can be read");
        let now = clock.elapsed();
        let SourceEvent::Batch(Batch::Raw(batch)) = event else {
            assert!(now < news + QUIET, "{left} decisions do not come");
            continue;
        };
        news = now;
        // A message may hold several, a line each.
        let values = batch.values.iter().flatten();
        let decisions = values.flat_map(|value| value.split(|byte| *byte == b'\n'));
        for decision in decisions.filter(|decision| !decision.is_empty()) {
            // Those of events before these are none of ours.
            let number = number_of(decision).expect("a decision names its event");
            let Some(at) = number.checked_sub(load.first) else {
                continue;
            };
            let there = &mut there[usize::try_from(at).unwrap()];
            assert!(!*there, "{topic}: event {number} came out twice");
            *there = true;
            left -= 1;
            seen.take(load.due(at), now.saturating_sub(start));
        }
    }
    seen
}

fn note(histogram: &mut Histogram<u64>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    histogram.record(micros).expect("it grows");
}
