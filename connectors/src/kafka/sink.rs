//! The sink over one topic of a cluster.
//!
//! The invariant: equal keys go to one partition in the order they were written (idempotent producer, murmur2), and a
//! good flush means every record was acknowledged by all replicas in sync. Where the producer is transactional, the
//! commit of its transaction flushes, and what was written to one that is aborted is to be written again.

use std::ffi::CString;

use super::producer::{KafkaProducer, topic_name};
use super::{KafkaFailure, admin, settings::KafkaSettings};
use crate::sink::{Payload, Sink, SinkError, Takes};

/// Writes to one topic through the application's producer.
pub struct KafkaSink {
    producer: KafkaProducer,
    topic: CString,
}

impl KafkaSink {
    /// A sink over a topic that must be there: a misspelt name is an error now, not a timeout later.
    ///
    /// # Errors
    /// When the topic is not there or the cluster does not answer.
    pub fn new(
        settings: &KafkaSettings,
        producer: &KafkaProducer,
        topic: &str,
    ) -> Result<Self, KafkaFailure> {
        admin::partition_count(settings, topic)?;
        Ok(Self {
            producer: producer.clone(),
            topic: topic_name(topic)?,
        })
    }
}

impl From<KafkaFailure> for SinkError {
    fn from(failure: KafkaFailure) -> Self {
        Self {
            operation: failure.operation,
            cause: failure.cause,
            retry: failure.retry,
        }
    }
}

impl Sink for KafkaSink {
    fn takes(&self) -> Takes {
        Takes::Records
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Records(records) = payload else {
            let operation = format!("send to {}", self.topic.to_string_lossy());
            return Err(SinkError {
                operation,
                cause: "this sink takes records".to_owned(),
                retry: false,
            });
        };
        for record in records {
            // Part of them may be queued already: only a flush says what is written, so this is never to be tried again.
            let sent = self.producer.send(&self.topic, None, record);
            sent.map_err(|failure| SinkError {
                retry: false,
                ..failure.into()
            })?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.producer.is_transactional() {
            return Ok(());
        }
        Ok(self.producer.flush()?)
    }

    fn close(&mut self) -> Result<(), SinkError> {
        self.flush()
    }
}
