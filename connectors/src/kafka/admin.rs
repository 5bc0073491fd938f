//! Looking at a cluster and making topics: for starts, `check --online` and tests.
//!
//! The invariant: every call ends within [`ANSWER`], and says what the cluster or the network said.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Quiet;
use super::event::Kind;
use super::producer::describe;
use super::settings::KafkaSettings;
use super::{KafkaFailure, raw};

/// The longest wait for an answer of the cluster.
pub const ANSWER: Duration = Duration::from_secs(10);
/// Parts in which an answer is waited for.
const SLICES: u32 = 10;
/// The weight of trouble from which on waiting is no use.
const HOPELESS: u8 = 3;

/// How many partitions a topic has.
///
/// # Errors
/// When it is not there, may not be seen, or the cluster does not answer.
pub fn partition_count(settings: &KafkaSettings, topic: &str) -> Result<u32, KafkaFailure> {
    settings.check()?;
    let operation = format!("look up topic {topic}");
    let made = settings
        .reader()
        .create_with_context::<_, BaseConsumer<Quiet>>(Quiet::default());
    let consumer =
        Arc::new(made.map_err(|error| KafkaFailure::new(&operation, describe(&error), false))?);
    partitions_of(&consumer, topic, &operation)
}

/// As [`partition_count`], with a client that is there.
pub(super) fn partitions_of(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
    operation: &str,
) -> Result<u32, KafkaFailure> {
    let metadata = metadata_of(consumer, topic, operation)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found =
        found.ok_or_else(|| KafkaFailure::new(operation, "there is no such topic", false))?;
    if let Some(error) = found.error() {
        let code = RDKafkaErrorCode::from(error);
        let retry = matches!(code, RDKafkaErrorCode::LeaderNotAvailable);
        return Err(KafkaFailure::new(operation, code.to_string(), retry));
    }
    u32::try_from(found.partitions().len())
        .map_err(|_| KafkaFailure::new(operation, "too many partitions", false))
}

/// Asks in slices, and between them looks at what the client says: a refused password, or that no broker can be
/// reached, is known long before the time is over.
fn metadata_of(
    consumer: &Arc<BaseConsumer<Quiet>>,
    topic: &str,
    operation: &str,
) -> Result<Metadata, KafkaFailure> {
    let mut trouble: Option<(u8, String)> = None;
    let mut last = String::new();
    for _ in 0..SLICES {
        match consumer
            .client()
            .fetch_metadata(Some(topic), ANSWER / SLICES)
        {
            Ok(metadata) => return Ok(metadata),
            Err(error) => last = describe(&error),
        }
        look_for_trouble(consumer, &mut trouble);
        if trouble
            .as_ref()
            .is_some_and(|(weight, _)| *weight >= HOPELESS)
        {
            break;
        }
    }
    let cause = trouble.map_or(last, |(_, text)| text);
    Err(KafkaFailure::new(operation, cause, true))
}

/// Keeps the most telling of a client's errors: a refused password explains more than "all brokers are down".
fn look_for_trouble(consumer: &Arc<BaseConsumer<Quiet>>, found: &mut Option<(u8, String)>) {
    let Some(queue) = raw::Queue::of_consumer(consumer) else {
        return;
    };
    let mut all_down = false;
    // Bounded: as many events as a client may have gathered meanwhile, without waiting.
    for _ in 0..1_000 {
        let Some(mut event) = queue.poll(0) else {
            break;
        };
        if let Kind::ClientError { code, text, .. } = event.kind() {
            let weight = match code {
                RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL => HOPELESS + 1,
                RDKafkaErrorCode::Resolve => 2,
                RDKafkaErrorCode::BrokerTransportFailure => 1,
                _ => 0,
            };
            all_down |= matches!(code, RDKafkaErrorCode::AllBrokersDown);
            if found.as_ref().is_none_or(|(before, _)| weight > *before) {
                *found = Some((weight, text));
            }
        }
    }
    if let Some((weight, _)) = found.as_mut().filter(|_| all_down) {
        *weight = (*weight).max(HOPELESS);
    }
}

/// Makes a topic with the cluster's default replication; `Ok(false)` when it is there already.
///
/// # Errors
/// When it cannot be made.
pub fn create_topic(
    settings: &KafkaSettings,
    topic: &str,
    partitions: u32,
    properties: &[(&str, &str)],
) -> Result<bool, KafkaFailure> {
    settings.check()?;
    let operation = format!("create topic {topic}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let count =
        i32::try_from(partitions).map_err(|_| failed("too many partitions".to_owned(), false))?;
    let admin = admin_client(settings).map_err(|cause| failed(cause, false))?;
    let wanted = NewTopic::new(topic, count, TopicReplication::Fixed(-1));
    let wanted = properties
        .iter()
        .fold(wanted, |wanted, (name, value)| wanted.set(name, value));
    let results = block_on(admin.create_topics([&wanted], &options()));
    let results = results.map_err(|error| failed(describe(&error), true))?;
    match results.into_iter().next() {
        Some(Ok(_)) => {
            wait_for(admin.inner(), topic);
            Ok(true)
        }
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
        Some(Err((_, code))) => Err(failed(code.to_string(), false)),
        None => Err(failed("no answer".to_owned(), true)),
    }
}

/// A setting of a topic, its own or the cluster's default; `None` when the cluster knows no such setting.
///
/// # Errors
/// When it may not be seen, or the cluster does not answer.
pub fn topic_setting(
    settings: &KafkaSettings,
    topic: &str,
    name: &str,
) -> Result<Option<String>, KafkaFailure> {
    settings.check()?;
    let operation = format!("look up {name} of topic {topic}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let admin = admin_client(settings).map_err(|cause| failed(cause, false))?;
    let found = block_on(admin.describe_configs([&ResourceSpecifier::Topic(topic)], &options()));
    let found = found.map_err(|error| failed(describe(&error), true))?;
    match found.into_iter().next() {
        Some(Ok(topic)) => Ok(topic.get(name).and_then(|entry| entry.value.clone())),
        Some(Err(code)) => Err(failed(code.to_string(), false)),
        None => Err(failed("no answer".to_owned(), true)),
    }
}

/// Removes the records of a partition before an offset; they are gone for good.
///
/// # Errors
/// When the cluster refuses, or does not answer.
pub fn delete_records(
    settings: &KafkaSettings,
    topic: &str,
    partition: u32,
    before: i64,
) -> Result<(), KafkaFailure> {
    settings.check()?;
    let operation = format!("remove records of {topic}, partition {partition}, before {before}");
    let failed = |cause: String, retry| KafkaFailure::new(&operation, cause, retry);
    let admin = admin_client(settings).map_err(|cause| failed(cause, false))?;
    let mut list = TopicPartitionList::new();
    let number = i32::try_from(partition).unwrap_or(i32::MAX);
    let added = list.add_partition_offset(topic, number, Offset::Offset(before));
    added.map_err(|error| failed(describe(&error), false))?;
    let deleted = block_on(admin.delete_records(&list, &options()));
    let deleted = deleted.map_err(|error| failed(describe(&error), true))?;
    for place in deleted.elements() {
        place
            .error()
            .map_err(|error| failed(describe(&error), true))?;
    }
    Ok(())
}

fn admin_client(settings: &KafkaSettings) -> Result<AdminClient<Quiet>, String> {
    let made = settings
        .reader()
        .create_with_context::<_, AdminClient<Quiet>>(Quiet::default());
    made.map_err(|error| describe(&error))
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ANSWER))
        .operation_timeout(Some(ANSWER))
}

/// A topic that was made becomes known to all brokers a little later.
fn wait_for(client: &Client<Quiet>, topic: &str) {
    for _ in 0..20 {
        let known = client
            .fetch_metadata(Some(topic), ANSWER)
            .is_ok_and(|metadata| {
                let found = metadata.topics().iter().find(|found| found.name() == topic);
                found.is_some_and(|found| {
                    found.error().is_none()
                        && found
                            .partitions()
                            .iter()
                            .all(|partition| partition.leader() >= 0)
                })
            });
        if known {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future of the admin client on this thread: no runtime for one call. The client's own timeouts bound it.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}
