//! The application's one producer: idempotent, bounded, drained without waiting longer than needed.
//!
//! The invariant: a failed delivery is remembered until the process ends, so no later flush can look good; where the
//! producer is transactional, until its transaction is aborted, so no later commit can. Sinks and the commit log share
//! it; all of them live on one thread.

use std::ffi::CString;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::context::Quiet;
use super::event::Kind;
use super::settings::KafkaSettings;
use super::{KafkaFailure, raw};
use crate::record::OutRecord;

/// Milliseconds of one wait for acknowledgements; a wait ends early when there is news.
const SLICE_MS: i32 = 2;
/// Milliseconds for which librdkafka is told not to linger: its threads send what is queued when they wake up.
const SEND_NOW_MS: i32 = 1;
/// Slices without news after which a call gives up for now: some 10 s.
const QUIET_SLICES_MAX: u32 = 4_000;
/// Records between two looks at the queue of acknowledgements.
const LOOK_EVERY: u32 = 512;

/// A handle on the producer; a clone is another handle on the same.
#[derive(Clone)]
pub struct KafkaProducer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: KafkaSettings,
    transactional: bool,
    state: Mutex<State>,
}

/// librdkafka's producer and the queue its reports come by.
#[derive(Clone)]
struct Client {
    queue: Arc<raw::Queue>,
    producer: Arc<BaseProducer<Quiet>>,
}

impl Client {
    fn new(settings: &KafkaSettings, transactional: bool) -> Result<Client, KafkaFailure> {
        let config = match transactional {
            true => settings.transactional_producer(),
            false => settings.producer(),
        };
        let made = config.create_with_context::<_, BaseProducer<Quiet>>(Quiet::default());
        let failed = |cause: String| KafkaFailure::new("make a kafka producer", cause, false);
        let producer = Arc::new(made.map_err(|error| failed(describe(&error)))?);
        let queue = raw::Queue::of_producer(&producer)
            .ok_or_else(|| failed("it has no queue".to_owned()))?;
        let queue = Arc::new(queue);
        Ok(Client { queue, producer })
    }
}

struct State {
    client: Client,
    since_look: u32,
    acknowledged: u64,
    /// The first delivery that was given up.
    failed: Option<String>,
    /// The last trouble of the client, to explain a wait.
    trouble: Option<String>,
}

impl KafkaProducer {
    /// A producer for these settings; it connects by itself, later.
    ///
    /// # Errors
    /// When the settings are refused.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaFailure> {
        Self::made(settings, false)
    }

    /// A producer whose records are part of the transactions of a [`super::KafkaTransactionLog`], which begins and ends
    /// them. It is named after application and instance, so that a process with the same ones shuts it out.
    ///
    /// # Errors
    /// When the settings are refused.
    pub fn transactional(settings: &KafkaSettings) -> Result<Self, KafkaFailure> {
        Self::made(settings, true)
    }

    fn made(settings: &KafkaSettings, transactional: bool) -> Result<Self, KafkaFailure> {
        settings.check()?;
        let state = State {
            client: Client::new(settings, transactional)?,
            since_look: 0,
            acknowledged: 0,
            failed: None,
            trouble: None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                settings: settings.clone(),
                transactional,
                state: Mutex::new(state),
            }),
        })
    }

    /// Another client in place of this one, for all who share it: a transactional one that was fenced is of no more use.
    pub(super) fn renew(&self) -> Result<(), KafkaFailure> {
        let client = Client::new(&self.inner.settings, self.inner.transactional)?;
        let mut state = self.state();
        state.client = client;
        state.failed = None;
        Ok(())
    }

    pub(super) fn is_transactional(&self) -> bool {
        self.inner.transactional
    }

    /// librdkafka's producer as it is now.
    pub(super) fn client(&self) -> Arc<BaseProducer<Quiet>> {
        self.state().client.producer.clone()
    }

    /// Whether this client has lost a connection, or waited for an answer in vain, since this was asked last or it was made. Says
    /// so where its settings have it tell ([`KafkaSettings::transactional_producer`]).
    pub(super) fn has_lost(&self) -> bool {
        let Client { queue, producer } = self.state().client.clone();
        while let Some(event) = queue.poll(0) {
            self.note(event);
        }
        let lost = &producer.client().context().lost;
        lost.swap(false, Ordering::AcqRel)
    }

    /// What went wrong with a record of this transaction is of the past.
    pub(super) fn forgive(&self) {
        self.state().failed = None;
    }

    /// Takes a record; waits while the queue is full. In a transaction that went wrong it does nothing more: the commit
    /// will fail, and all of its records are sent again.
    ///
    /// # Errors
    /// When the record is refused (too large, no such topic), an earlier one was given up, or the queue stays full.
    pub fn send(
        &self,
        topic: &CString,
        partition: Option<i32>,
        record: &OutRecord,
    ) -> Result<(), KafkaFailure> {
        let transactional = self.inner.transactional;
        let client = self.state().client.clone();
        let mut quiet = 0;
        loop {
            if transactional && self.state().failed.is_some() {
                return Ok(());
            }
            match raw::produce(&client.producer, topic, partition.unwrap_or(-1), record) {
                Ok(()) => break,
                Err(RDKafkaErrorCode::QueueFull) if quiet < QUIET_SLICES_MAX => {
                    quiet = if self.look(SLICE_MS) { 0 } else { quiet + 1 };
                    self.good("send to kafka")?;
                }
                Err(code) if transactional && !is_of_the_record(code) => {
                    self.state().failed.get_or_insert(code.to_string());
                }
                Err(code) => {
                    let cause = self.explained(format!("{}: {code}", topic.to_string_lossy()));
                    return Err(KafkaFailure::new(
                        "send to kafka",
                        cause,
                        code == RDKafkaErrorCode::QueueFull,
                    ));
                }
            }
        }
        let look = {
            let mut state = self.state();
            state.since_look += 1;
            state.since_look >= LOOK_EVERY
        };
        if look {
            while self.look(0) {}
            self.state().since_look = 0;
        }
        self.good("send to kafka")
    }

    /// Sends what is queued at once, whatever the linger, and waits until every record taken is acknowledged.
    ///
    /// # Errors
    /// With `retry` when the cluster does not answer for now: the records are kept, call again. Without, when a record
    /// was given up.
    pub fn flush(&self) -> Result<(), KafkaFailure> {
        let queue = self.state().client.queue.clone();
        let (mut quiet, mut news) = (0, false);
        loop {
            // Reports that lie there count as in flight: each of them would be waited for.
            while self.look(0) {}
            self.delivered()?;
            if queue.in_flight() == 0 {
                return Ok(());
            }
            // This takes as long as it is given, so only where nothing is on its way.
            if !news {
                queue.send_now(SEND_NOW_MS);
            }
            news = self.look(SLICE_MS);
            quiet = if news { 0 } else { quiet + 1 };
            if quiet >= QUIET_SLICES_MAX {
                let cause = self.explained(format!(
                    "{} records wait for their acknowledgement",
                    queue.in_flight()
                ));
                return Err(KafkaFailure::new("flush to kafka", cause, true));
            }
        }
    }

    fn delivered(&self) -> Result<(), KafkaFailure> {
        let state = self.state();
        state.failed.as_ref().map_or(Ok(()), |text| {
            Err(KafkaFailure::new("flush to kafka", text.clone(), false))
        })
    }

    /// Records acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.state().acknowledged
    }

    /// Sends keyed records to a topic as fast as the cluster takes them, and waits for all: to fill a topic.
    ///
    /// # Errors
    /// As [`KafkaProducer::send`] and [`KafkaProducer::flush`], the latter tried again for a while.
    pub fn load(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = OutRecord>,
    ) -> Result<u64, KafkaFailure> {
        let name = topic_name(topic)?;
        let mut count = 0;
        for record in records {
            self.send(&name, None, &record)?;
            count += 1;
        }
        self.flush().or_else(|error| {
            if error.retry {
                self.flush()
            } else {
                Err(error)
            }
        })?;
        Ok(count)
    }

    /// Takes the next event; `true` when it was news of records.
    pub(super) fn look(&self, wait_ms: i32) -> bool {
        let queue = self.state().client.queue.clone();
        queue.poll(wait_ms).is_some_and(|event| self.note(event))
    }

    /// Whether it is news of records.
    fn note(&self, mut event: raw::Event) -> bool {
        let mut state = self.state();
        let producer = Arc::clone(&state.client.producer);
        match event.kind() {
            Kind::Delivered { count, failed } => {
                state.acknowledged += count as u64;
                if let Some(text) = failed {
                    state.failed.get_or_insert(text);
                }
                true
            }
            Kind::ClientError { text, fatal, .. } => {
                if fatal {
                    state.failed.get_or_insert(text);
                } else {
                    state.trouble = Some(text);
                }
                false
            }
            Kind::Log { facility, text } => {
                let context = producer.client().context();
                context.log(RDKafkaLogLevel::Info, &facility, &text);
                false
            }
            _ => false,
        }
    }

    /// What is wrong with a transaction is told when it is to be committed.
    fn good(&self, operation: &str) -> Result<(), KafkaFailure> {
        let state = self.state();
        match &state.failed {
            Some(text) if !self.inner.transactional => {
                Err(KafkaFailure::new(operation, text.clone(), false))
            }
            _ => Ok(()),
        }
    }

    fn explained(&self, cause: String) -> String {
        self.state()
            .trouble
            .as_ref()
            .map_or(cause.clone(), |trouble| format!("{cause} ({trouble})"))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A topic's name as librdkafka wants it.
pub(super) fn topic_name(topic: &str) -> Result<CString, KafkaFailure> {
    CString::new(topic).map_err(|_| KafkaFailure::new("name a topic", "a NUL in the name", false))
}

/// Whether the record itself is refused, so that it would be again in the next transaction.
fn is_of_the_record(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::QueueFull
            | RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition
    )
}

/// An error in words, without the value of a property: librdkafka repeats it in what it says of a bad one.
pub(super) fn describe(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, name, _) => {
            format!("property {name}: a value that librdkafka refuses")
        }
        other => match other.rdkafka_error_code() {
            Some(code) => code.to_string(),
            None => other.to_string(),
        },
    }
}

/// Whole milliseconds for librdkafka.
pub(super) fn millis(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)
}
