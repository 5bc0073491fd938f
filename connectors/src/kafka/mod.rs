//! Apache Kafka, through librdkafka: source, sink and commit log, owned and polled by one thread.
//!
//! The one idea: librdkafka is asked for events one by one ([`raw`]) instead of through a wrapper that hides which
//! partition an error belongs to, because an error must halt its partition and no other. The invariant: no record is
//! skipped without a [`crate::source::SourceEvent::Halted`], and nothing is committed before it is acknowledged.
//!
//! Modules in reading order: what a user may set ([`properties`]) and what we set ([`settings`]), the [`source`], the
//! [`producer`] with its [`sink`], the commit logs (`group`; [`log`] for at least once, [`transaction`] for exactly once),
//! and what looks at a cluster ([`admin`], [`read`], [`tail`]).

pub mod admin;
mod context;
mod event;
mod group;
pub mod log;
mod member;
mod others;
mod pending;
pub mod producer;
pub mod properties;
mod raw;
pub mod read;
pub mod settings;
pub mod sink;
pub mod source;
pub mod tail;
pub mod transaction;

#[cfg(test)]
mod tests;

pub use admin::{create_topic, partition_count, topic_setting};
pub use group::control_topic;
pub use log::KafkaCommitLog;
pub use producer::KafkaProducer;
pub use properties::{PropertyProblem, check_brokers, check_properties};
pub use settings::KafkaSettings;
pub use sink::KafkaSink;
pub use source::KafkaSource;
pub use transaction::KafkaTransactionLog;

/// Why something with Kafka could not be done.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct KafkaFailure {
    /// What was attempted: `create topic decisions`.
    pub operation: String,
    /// Why it failed, without secrets.
    pub cause: String,
    /// Whether the same call may succeed later.
    pub retry: bool,
}

impl KafkaFailure {
    fn new(operation: impl Into<String>, cause: impl Into<String>, retry: bool) -> Self {
        Self {
            operation: operation.into(),
            cause: cause.into(),
            retry,
        }
    }
}
