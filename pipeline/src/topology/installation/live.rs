//! The audit of a running application on Kafka: pass by pass what is new in its control topic and its outputs.
//!
//! The idea: markers of one transaction reach partitions at different moments, so what does not fit is held until all that
//! was written when it was seen, open transactions included, has been read; then it is judged. The beginning is cut the
//! same way: outputs are read from where the log reached *behind* the commits already there, so none read later is of
//! those; and the first commits, of which some outputs may lie before that, are not compared. The invariant: nothing is
//! asked of the worker, no group is joined, and a pass that fails is taken up where it stood.

use arrow::array::Array;
use connectors::kafka::read::committed_offsets;
use connectors::kafka::tail::{Tail, written_ends};
use connectors::kafka::{KafkaFailure, KafkaSettings};
use connectors::record::RawBatch;
use connectors::snapshots::SnapshotStore;

use super::AuditError;
use super::outputs::take;
use super::settings_of;
use super::trim::Trim;
use crate::config::{Config, Mode, Sink, Source};
use crate::delivery::audit::{Audit, Begin, Report, Stream};

/// A topic and how it is reached.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) settings: KafkaSettings,
    pub(super) name: String,
}

/// See the module.
#[derive(Debug)]
pub struct Live {
    app: String,
    exact: bool,
    input: Topic,
    control: Topic,
    outputs: Vec<(Stream, Topic)>,
    streams: Vec<(Stream, String)>,
    state: Option<State>,
    trim: Trim,
    /// First and next offset of each partition of the control topic.
    bounds: Vec<(i64, i64)>,
}

/// Where it stands.
#[derive(Debug)]
struct State {
    audit: Audit,
    journals: Vec<Reading>,
    /// Per topic of outputs the next offset of each partition.
    next: Vec<Vec<i64>>,
    /// What has to be read before what is held is judged.
    open: Option<Ends>,
}

/// A partition of the control topic.
#[derive(Debug)]
struct Reading {
    next: i64,
    /// The first record from this offset on is the last that is not compared.
    partly_to: Option<i64>,
}

/// How far the logs reached.
#[derive(Debug)]
struct Ends {
    control: Vec<i64>,
    outputs: Vec<Vec<i64>>,
}

impl Topic {
    fn tail(&self) -> Result<Tail, KafkaFailure> {
        Tail::open(&self.settings, &self.name)
    }

    pub(super) fn bounds(&self) -> Result<Vec<(i64, i64)>, KafkaFailure> {
        self.tail()?.bounds()
    }

    fn written(&self) -> Result<Vec<i64>, KafkaFailure> {
        written_ends(&self.settings, &self.name)
    }
}

impl Live {
    /// Of an application whose source is Kafka; others keep no commits, or lie in a log that only one can read.
    #[must_use]
    pub fn new(config: &Config) -> Option<Live> {
        let Source::Kafka { kafka, .. } = &config.source else {
            return None;
        };
        let topic = |name: &str| Topic {
            settings: settings_of(&config.name, kafka),
            name: name.to_owned(),
        };
        let sinks = &config.sinks;
        let all = [&sinks.decisions, &sinks.alerts, &sinks.dead_letters];
        let all = Stream::ALL.into_iter().zip(all);
        let outputs = all.flat_map(|(stream, sinks)| {
            sinks.iter().filter_map(move |sink| match sink {
                Sink::Kafka(kafka) => {
                    let settings = settings_of(&config.name, kafka);
                    let name = kafka.topic.clone();
                    Some((stream, Topic { settings, name }))
                }
                _ => None,
            })
        });
        let outputs: Vec<(Stream, Topic)> = outputs.collect();
        let streams = outputs
            .iter()
            .map(|(stream, it)| (*stream, it.name.clone()));
        Some(Live {
            app: config.name.clone(),
            exact: config.delivery.mode == Mode::ExactlyOnce,
            input: topic(&kafka.topic),
            control: topic(&config.control_topic()),
            streams: streams.collect(),
            outputs,
            state: None,
            trim: Trim::default(),
            bounds: Vec::new(),
        })
    }

    /// Reads what is new; what it found, and whether it came to the end. The first time it only notes where it begins.
    ///
    /// After an error the next pass goes on there; it begins anew where what was to be read next is gone.
    pub fn pass(&mut self, going: &dyn Fn() -> bool) -> (Report, Result<(), AuditError>) {
        let Some(mut state) = self.state.take() else {
            let begun = self.begin().map(|state| self.state = Some(state));
            return (Report::default(), begun);
        };
        let done = self.read_on(&mut state, going);
        let report = state.audit.report();
        if !matches!(done, Err(AuditError::Gone { .. })) {
            self.state = Some(state);
        }
        (report, done)
    }

    /// Records of the control topic, those of transactions' ends included.
    #[must_use]
    pub fn control_records(&self) -> i64 {
        self.bounds.iter().map(|(start, end)| end - start).sum()
    }

    /// Removes the control records nobody needs any more; how many offsets that were.
    ///
    /// # Errors
    /// [`AuditError`] when snapshots or topics cannot be looked at, or the cluster refuses.
    pub fn trim(
        &mut self,
        store: &dyn SnapshotStore,
        going: &dyn Fn() -> bool,
    ) -> Result<i64, AuditError> {
        // Of several journals a snapshot's name does not tell which one it is of.
        if self.bounds.len() != 1 {
            return Ok(0);
        }
        self.trim.cut(store, &self.input, &self.control, going)
    }

    fn begin(&mut self) -> Result<State, AuditError> {
        // In this order; see the module.
        self.bounds = self.control.bounds()?;
        let next = self.outputs.iter().map(|(_, topic)| topic.written());
        let next = next.collect::<Result<_, _>>()?;
        let partly = self.control.written()?;
        let journals = self.bounds.iter().zip(partly).map(|(bounds, to)| Reading {
            next: bounds.1,
            partly_to: Some(to),
        });
        let begins = vec![Begin::Joined; self.bounds.len()];
        Ok(State {
            audit: Audit::begin(&self.app, &begins, self.exact),
            journals: journals.collect(),
            next,
            open: None,
        })
    }

    fn read_on(&mut self, state: &mut State, going: &dyn Fn() -> bool) -> Result<(), AuditError> {
        // Before the records: so that of most outputs the commit is known.
        let tails = self.outputs.iter().map(|(_, topic)| topic.tail());
        let tails: Vec<Tail> = tails.collect::<Result<_, _>>()?;
        let ends = tails.iter().map(Tail::bounds);
        let ends: Vec<Vec<(i64, i64)>> = ends.collect::<Result<_, _>>()?;
        let committed = match self.exact {
            true => Vec::new(),
            false => committed_offsets(&self.input.settings, &self.input.name)?,
        };
        self.records(state, going)?;
        state.audit.committed(&committed);
        let topics = self.outputs.iter().zip(tails.iter().zip(&ends));
        for (((stream, topic), (tail, ends)), next) in topics.zip(&mut state.next) {
            for ((partition, bounds), next) in (0_u32..).zip(ends).zip(next) {
                check(&topic.name, partition, *bounds, *next)?;
                let (audit, from) = (&mut state.audit, *next);
                let mut some = |part: RawBatch| {
                    take(&part, &topic.name, *stream, audit);
                    *next = part.offsets.last().map_or(*next, |last| last + 1);
                    true
                };
                tail.read(partition, (from, bounds.1), going, &mut some)?;
                *next = bounds.1.max(*next);
            }
        }
        self.judge(state)
    }

    /// Reads the new control records.
    fn records(&mut self, state: &mut State, going: &dyn Fn() -> bool) -> Result<(), AuditError> {
        let tail = self.control.tail()?;
        self.bounds = tail.bounds()?;
        let (audit, trim) = (&mut state.audit, &mut self.trim);
        let journals = state.journals.iter_mut().zip(&self.bounds);
        for (journal, (reading, bounds)) in (0_u32..).zip(journals) {
            check(&self.control.name, journal, *bounds, reading.next)?;
            let from = reading.next;
            let mut some = |part: RawBatch| {
                let rows = part.offsets.iter().enumerate();
                for (row, offset) in rows.filter(|(row, _)| part.values.is_valid(*row)) {
                    let compared = reading.compares(*offset);
                    let told = audit.record(journal, part.values.value(row), compared);
                    if let Some((sequence, link)) = told {
                        trim.saw(sequence, link, *offset);
                    }
                }
                reading.next = part.offsets.last().map_or(reading.next, |last| last + 1);
                true
            };
            tail.read(journal, (from, bounds.1), going, &mut some)?;
            reading.next = bounds.1.max(reading.next);
        }
        Ok(())
    }

    /// Judges what was held if its time has come, and holds what does not fit now.
    fn judge(&self, state: &mut State) -> Result<(), AuditError> {
        let come = state.open.as_ref().is_some_and(|open| state.has_read(open));
        state.audit.settle(&self.streams, come);
        if come {
            state.open = None;
        }
        if state.open.is_none() && state.audit.waits() {
            let control = self.control.written()?;
            let outputs = self.outputs.iter().map(|(_, topic)| topic.written());
            let outputs: Vec<Vec<i64>> = outputs.collect::<Result<_, _>>()?;
            self.is_shorter(state, &outputs)?;
            state.audit.hold();
            state.open = Some(Ends { control, outputs });
        }
        Ok(())
    }

    /// A log that is shorter than it was has been made anew.
    fn is_shorter(&self, state: &State, written: &[Vec<i64>]) -> Result<(), AuditError> {
        let topics = self.outputs.iter().zip(&state.next).zip(written);
        for (((_, topic), next), written) in topics {
            let mut both = (0_u32..).zip(next.iter().zip(written));
            if let Some((partition, _)) = both.find(|(_, (next, written))| next > written) {
                return Err(gone(&topic.name, partition));
            }
        }
        Ok(())
    }
}

impl Reading {
    /// Whether what the record at this offset says was written can all be found.
    fn compares(&mut self, offset: i64) -> bool {
        let compares = self.partly_to.is_none();
        self.partly_to = self.partly_to.filter(|to| offset < *to);
        compares
    }
}

impl State {
    fn has_read(&self, open: &Ends) -> bool {
        let mut control = self.journals.iter().zip(&open.control);
        let mut outputs = self
            .next
            .iter()
            .flatten()
            .zip(open.outputs.iter().flatten());
        control.all(|(reading, end)| reading.next >= *end) && outputs.all(|(next, end)| next >= end)
    }
}

/// Whether a partition still has what is to be read next.
fn check(topic: &str, partition: u32, (start, _): (i64, i64), next: i64) -> Result<(), AuditError> {
    if start > next {
        return Err(gone(topic, partition));
    }
    Ok(())
}

fn gone(topic: &str, partition: u32) -> AuditError {
    AuditError::Gone {
        topic: topic.to_owned(),
        partition,
    }
}
