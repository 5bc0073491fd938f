//! What we set of librdkafka, and why.
//!
//! The invariant: a [`ClientConfig`] is made here and never printed, because its `Debug` shows most secrets.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::KafkaFailure;
use super::properties::{check_brokers, check_properties};

/// Most messages taken from a queue by one call.
pub(super) const TAKEN_AT_ONCE: usize = 1_024;

/// How to reach a cluster, and as whom.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// Application id: consumer group, client id, prefix of the control topic.
    pub application: String,
    /// Which of several processes of the application this is. Two with the same one cannot run: the older is fenced. A
    /// restarted process with the same one gets its partitions back at once.
    pub instance: String,
    /// Whether several processes share the partitions of the input, each of which has a journal of its own then.
    pub shared: bool,
    /// Further properties by their librdkafka names; see [`check_properties`].
    pub properties: BTreeMap<String, String>,
    /// Whether plaintext may leave this machine.
    pub insecure: bool,
}

impl std::fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.properties.keys().collect();
        f.debug_struct("KafkaSettings")
            .field("brokers", &self.brokers)
            .field("application", &self.application)
            .field("instance", &self.instance)
            .field("shared", &self.shared)
            .field("properties", &names)
            .finish_non_exhaustive()
    }
}

impl KafkaSettings {
    /// Settings without further properties.
    #[must_use]
    pub fn new(brokers: &str, application: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            application: application.to_owned(),
            instance: "0".to_owned(),
            shared: false,
            properties: BTreeMap::new(),
            insecure: false,
        }
    }

    /// Refuses what [`check_properties`] and [`check_brokers`] refuse; the first problem, for callers that have not
    /// asked before.
    pub(crate) fn check(&self) -> Result<(), KafkaFailure> {
        let first = check_properties(&self.properties).into_iter().next();
        let first = first.map(|problem| format!("property {}: {}", problem.name, problem.reason));
        let problem =
            first.or_else(|| check_brokers(&self.brokers, &self.properties, self.insecure));
        problem.map_or(Ok(()), |cause| {
            Err(KafkaFailure::new("configure kafka", cause, false))
        })
    }

    /// The instance as the cluster knows it.
    pub(super) fn group_instance(&self) -> String {
        format!("{}-{}", self.application, self.instance)
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", &self.application);
        config.set("allow.auto.create.topics", "false");
        config.set("socket.keepalive.enable", "true");
        config.set("reconnect.backoff.max.ms", "2000");
        config.set("enable.metrics.push", "false");
        config.set("log.connection.close", "false");
        config.set_log_level(RDKafkaLogLevel::Warning);
        config
    }

    /// Sets the user's properties; a side of librdkafka warns of those of the other side, nothing worse.
    fn with_properties(&self, config: &mut ClientConfig) {
        for (name, value) in &self.properties {
            config.set(name, value);
        }
    }

    /// A member of the application's consumer group.
    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut config = self.reader();
        config.set("group.instance.id", self.group_instance());
        config.set("group.protocol", "classic");
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config
    }

    /// A consumer that is told its partitions; the group is named only because librdkafka wants one.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("group.id", &self.application);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        // A lost offset is a gap to be told, not to be jumped over.
        config.set("auto.offset.reset", "error");
        config.set("isolation.level", "read_committed");
        config.set("check.crcs", "true");
        config.set("enable.partition.eof", "true");
        config.set("fetch.min.bytes", "1");
        config.set("consume.callback.max.messages", TAKEN_AT_ONCE.to_string());
        // The default of 1 s postpones a partition's next fetch whenever the queue was full for a moment.
        config.set("fetch.queue.backoff.ms", "5");
        // Bounds on memory: per partition fetch, per response, and what lies in the queue.
        config.set("fetch.message.max.bytes", "4194304");
        config.set("fetch.max.bytes", "16777216");
        config.set("receive.message.max.bytes", "67108864");
        config.set("queued.max.messages.kbytes", "32768");
        self.with_properties(&mut config);
        config
    }

    /// The application's producer where its records are part of transactions. What differs is measured: by default each
    /// commit waits 100 ms for the markers of the one before.
    pub(crate) fn transactional_producer(&self) -> ClientConfig {
        let mut config = self.producer_without_properties();
        config.set("transactional.id", self.group_instance());
        // Longer than a broker's restart. A transaction of a process that is gone, and does not come back, holds up readers
        // until then. Longer waits for an acknowledgement are no use, and librdkafka has none then.
        config.set("transaction.timeout.ms", "30000");
        // Nobody sees a record before the commit, which sends what is queued: until then batches may grow.
        config.set("linger.ms", "50");
        config.set("retry.backoff.ms", "1");
        config.set("retry.backoff.max.ms", "20");
        config.set("socket.nagle.disable", "true");
        // A connection that was lost may have a commit on its way; it is told at this level, or not at all.
        config.set("log.connection.close", "true");
        config.set_log_level(RDKafkaLogLevel::Info);
        self.with_properties(&mut config);
        config
    }

    /// The application's producer.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.producer_without_properties();
        // Longer than a broker's restart; what is given up after it ends the run.
        config.set("message.timeout.ms", "120000");
        self.with_properties(&mut config);
        config
    }

    fn producer_without_properties(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        // A commit waits for it twice: outputs, then the control record.
        config.set("linger.ms", "1");
        config.set("partitioner", "murmur2_random");
        config.set("queue.buffering.max.messages", "200000");
        config.set("queue.buffering.max.kbytes", "262144");
        config.set("retry.backoff.ms", "10");
        config
    }
}
