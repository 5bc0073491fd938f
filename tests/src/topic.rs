//! Clients of a broker as tests need them: make a topic, fill it fast, read it to its end.
//!
//! The invariant: a helper returns when the broker has confirmed, never before, and panics with the broker's words.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::wait::found;
pub use crate::wait::{until, within};

const DEADLINE: Duration = Duration::from_secs(120);

/// A record as a test produces it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The key; the partition follows from it unless one is given.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The partition, where the key shall not choose.
    pub partition: Option<i32>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
}

/// A record as a topic holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("reconnect.backoff.max.ms", "200");
    config
}

/// The members of a consumer group; the broker begins the id of a static member with its instance.
///
/// # Panics
/// When the broker does not answer.
#[must_use]
pub fn members(address: &str, group: &str) -> Vec<String> {
    let consumer: BaseConsumer = client(address).create().unwrap();
    let groups = consumer.fetch_group_list(Some(group), DEADLINE).unwrap();
    let members = groups.groups().iter().flat_map(|group| group.members());
    members.map(|member| member.id().to_owned()).collect()
}

/// Whether a broker answers there within two seconds.
///
/// # Panics
/// When no client can be made.
#[must_use]
pub fn answers(address: &str) -> bool {
    let consumer: BaseConsumer = client(address).create().unwrap();
    // The list of brokers, not of topics: it is empty until the broker has registered itself.
    consumer
        .fetch_metadata(None, Duration::from_secs(2))
        .is_ok_and(|metadata| !metadata.brokers().is_empty())
}

/// Makes a topic and waits until the broker leads all its partitions.
///
/// # Panics
/// When it cannot be made, or is there already.
pub fn create(address: &str, name: &str, partitions: i32) {
    create_with(address, name, partitions, &[]);
}

/// [`create`] with the topic's own settings (`retention.ms`, …).
///
/// # Panics
/// As [`create`].
pub fn create_with(address: &str, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = client(address).create().unwrap();
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let results = block_on(admin.create_topics([&topic], &options())).unwrap();
    for result in results {
        result.unwrap_or_else(|(name, code)| panic!("topic {name} cannot be made: {code}"));
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(DEADLINE))
        .request_timeout(Some(DEADLINE))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(work)
}

/// Removes all records before these offsets, as retention does.
///
/// # Panics
/// When they cannot be removed.
pub fn delete_before(address: &str, topic: &str, offsets: &[(i32, i64)]) {
    let admin: AdminClient<DefaultClientContext> = client(address).create().unwrap();
    let mut before = TopicPartitionList::new();
    for (partition, offset) in offsets {
        before
            .add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .unwrap();
    }
    let deleted = block_on(admin.delete_records(&before, &options())).unwrap();
    for element in deleted.elements() {
        element.error().unwrap();
    }
}

/// Counts what the broker refused.
#[derive(Default)]
struct Refused(AtomicU64);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Appends all records, in order per partition; about half a million small ones per second.
///
/// # Panics
/// When the broker does not take every one of them.
pub fn produce(address: &str, topic: &str, records: impl IntoIterator<Item = Record>) {
    let producer: ThreadedProducer<Refused> = client(address)
        .set("linger.ms", "20")
        .set("batch.size", "1000000")
        .set("enable.idempotence", "true")
        .set("queue.buffering.max.messages", "500000")
        .create_with_context(Refused::default())
        .unwrap();
    for record in records {
        let mut next = BaseRecord::<[u8], [u8]>::to(topic);
        next.key = record.key.as_deref();
        next.payload = record.value.as_deref();
        next.partition = record.partition;
        next.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            next.headers = Some(headers(&record.headers));
        }
        // A full queue empties by the producer's own thread; a flush of a moment waits for it.
        while let Err((error, again)) = producer.send(next) {
            let full = matches!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
            );
            assert!(full, "cannot produce to {topic}: {error}");
            let _ = producer.flush(Duration::from_millis(50));
            next = again;
        }
    }
    producer.flush(DEADLINE).unwrap();
    let refused = producer.context().0.load(Ordering::Relaxed);
    assert_eq!(refused, 0, "{refused} records were not taken by {topic}");
}

fn headers(pairs: &[(String, Vec<u8>)]) -> OwnedHeaders {
    pairs.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header {
            key,
            value: Some(value),
        })
    })
}

/// Reads a topic as others see it: committed records only, each partition in order, from the beginning.
#[allow(
    missing_debug_implementations,
    reason = "the client library's consumer has none"
)]
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
    partitions: usize,
    /// How many ends of partitions were seen.
    ended: usize,
}

impl Reader {
    /// A reader that stands at the beginning of all partitions.
    ///
    /// # Panics
    /// When there is no such topic.
    #[must_use]
    pub fn new(address: &str, topic: &str) -> Self {
        let consumer: BaseConsumer = client(address)
            .set("group.id", "tests-read")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .create()
            .unwrap();
        let partitions = partition_count(&consumer, topic);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&list).unwrap();
        let partitions = usize::try_from(partitions).unwrap();
        Self {
            consumer,
            topic: topic.to_owned(),
            partitions,
            ended: 0,
        }
    }

    /// The next record; waits for one to be written. Header names must be UTF-8 (the client library panics on others).
    ///
    /// # Panics
    /// When none comes in time, or the topic cannot be read.
    pub fn next(&mut self, deadline: Duration) -> Message {
        loop {
            if let Some(message) = self.poll(deadline) {
                return message;
            }
        }
    }

    /// The next record there is, or nothing once all partitions have been read to their end.
    fn next_there_is(&mut self) -> Option<Message> {
        while self.ended < self.partitions {
            if let Some(message) = self.poll(DEADLINE) {
                return Some(message);
            }
        }
        None
    }

    fn poll(&mut self, deadline: Duration) -> Option<Message> {
        let polled = self.consumer.poll(deadline);
        match polled.unwrap_or_else(|| panic!("{} brings nothing within {deadline:?}", self.topic))
        {
            Ok(message) => Some(Message {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map_or_else(Vec::new, |all| {
                    all.iter()
                        .map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec()))
                        .collect()
                }),
            }),
            Err(KafkaError::PartitionEOF(_)) => {
                self.ended += 1;
                None
            }
            // A broker that is away may come back; what is waited for has its deadline.
            Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure,
            )) => None,
            Err(error) => panic!("{} cannot be read: {error}", self.topic),
        }
    }
}

/// Everything a reader of committed records sees at this moment, partition after partition, in offset order.
///
/// # Panics
/// When the topic cannot be read to its end in time.
#[must_use]
pub fn read(address: &str, topic: &str) -> Vec<Message> {
    let mut reader = Reader::new(address, topic);
    let mut messages = Vec::new();
    while let Some(message) = reader.next_there_is() {
        messages.push(message);
    }
    messages.sort_by_key(|message| (message.partition, message.offset));
    messages
}

/// How many records readers of committed records have before the end of the log, transaction markers included.
///
/// # Panics
/// When the topic cannot be asked.
#[must_use]
pub fn end_offsets(address: &str, topic: &str) -> Vec<i64> {
    let consumer: BaseConsumer = client(address)
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let ends = 0..partition_count(&consumer, topic);
    ends.map(|partition| {
        consumer
            .fetch_watermarks(topic, partition, DEADLINE)
            .unwrap()
            .1
    })
    .collect()
}

/// Whether no transaction is open on a topic: readers of committed records come as far as all others.
///
/// # Panics
/// When the topic cannot be asked.
#[must_use]
pub fn is_settled(address: &str, topic: &str) -> bool {
    let ends = |level: &str| {
        let consumer: BaseConsumer = client(address)
            .set("isolation.level", level)
            .create()
            .unwrap();
        let all = 0..partition_count(&consumer, topic);
        let end = |partition| consumer.fetch_watermarks(topic, partition, DEADLINE);
        all.map(|partition| end(partition).unwrap().1)
            .collect::<Vec<_>>()
    };
    ends("read_committed") == ends("read_uncommitted")
}

/// The offsets a group has committed for a topic; `None` where it has none. A broker that has just been started is asked until it
/// has read its groups.
///
/// # Panics
/// When the group cannot be asked in time.
#[must_use]
pub fn committed(address: &str, group: &str, topic: &str) -> Vec<Option<i64>> {
    let consumer: BaseConsumer = client(address).set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partition_count(&consumer, topic) {
        list.add_partition(topic, partition);
    }
    let ask = || consumer.committed_offsets(list.clone(), DEADLINE).ok();
    let found = found(DEADLINE, ask).expect("the group can be asked");
    found
        .elements()
        .iter()
        .map(|element| element.offset().to_raw().filter(|offset| *offset >= 0))
        .collect()
}

/// Commits offsets in the name of a group nobody is a member of.
///
/// # Panics
/// When the broker does not take them.
pub fn commit(address: &str, group: &str, topic: &str, offsets: &[i64]) {
    let consumer: BaseConsumer = client(address).set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    for (partition, offset) in (0..).zip(offsets) {
        list.add_partition_offset(topic, partition, Offset::Offset(*offset))
            .unwrap();
    }
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

fn partition_count(consumer: &BaseConsumer, topic: &str) -> i32 {
    let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).unwrap();
    let found = metadata
        .topics()
        .first()
        .filter(|found| found.error().is_none());
    let count = found
        .unwrap_or_else(|| panic!("no topic {topic}"))
        .partitions()
        .len();
    i32::try_from(count).unwrap()
}
