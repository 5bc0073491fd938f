//! Kafka clients of a run: one producer per cluster and set of properties, shared by all that write there.
//!
//! The invariant: exactly once there is one producer and no other, so that nothing is written outside its transactions.

use connectors::kafka::{KafkaFailure, KafkaProducer, KafkaSettings, topic_setting};

use crate::config::Kafka;

/// Producers by what they were made from.
pub(super) struct Clusters<'a> {
    application: &'a str,
    producers: Vec<(KafkaSettings, KafkaProducer)>,
    /// The one of a run whose outputs are part of transactions.
    transactional: Option<KafkaProducer>,
}

impl<'a> Clusters<'a> {
    pub(super) fn new(application: &'a str) -> Clusters<'a> {
        Clusters {
            application,
            producers: Vec::new(),
            transactional: None,
        }
    }

    /// [`settings_of`] this application.
    pub(super) fn settings(&self, kafka: &Kafka) -> KafkaSettings {
        settings_of(self.application, kafka)
    }

    /// The producer for the cluster of the source where all is written in its transactions: that all sinks are there
    /// has been checked.
    pub(super) fn transactional(
        &mut self,
        settings: &KafkaSettings,
    ) -> Result<KafkaProducer, KafkaFailure> {
        let producer = KafkaProducer::transactional(settings)?;
        self.transactional = Some(producer.clone());
        Ok(producer)
    }

    /// The producer for a cluster.
    pub(super) fn producer(
        &mut self,
        settings: &KafkaSettings,
    ) -> Result<KafkaProducer, KafkaFailure> {
        if let Some(producer) = &self.transactional {
            return Ok(producer.clone());
        }
        let same = |known: &KafkaSettings| {
            known.brokers == settings.brokers && known.properties == settings.properties
        };
        if let Some((_, producer)) = self.producers.iter().find(|(known, _)| same(known)) {
            return Ok(producer.clone());
        }
        let producer = KafkaProducer::new(settings)?;
        self.producers.push((settings.clone(), producer.clone()));
        Ok(producer)
    }
}

/// How the connectors want to be told of a cluster.
pub(super) fn settings_of(application: &str, kafka: &Kafka) -> KafkaSettings {
    let mut settings = KafkaSettings::new(&kafka.brokers, application);
    settings.properties.clone_from(&kafka.properties.0);
    settings.insecure = kafka.insecure;
    settings
}

/// The setting that says whose time the records of a topic carry.
const TIME_OF_RECORDS: &str = "message.timestamp.type";

/// Warns where the pack bounds times from the future and the topic has nothing to compare them with: a time the
/// producer gave proves nothing about another time the producer gave.
pub(super) fn warn_of_times_nobody_checks(settings: &KafkaSettings, topic: &str) {
    match topic_setting(settings, topic, TIME_OF_RECORDS) {
        Ok(Some(found)) if found == "LogAppendTime" => {}
        Ok(found) => tracing::warn!(
            topic,
            message.timestamp.type = found.unwrap_or_default(),
            "max_future has no effect: the broker does not say when it took the records (LogAppendTime does)"
        ),
        Err(error) => tracing::warn!(
            topic,
            %error,
            "cannot tell whether max_future has an effect; it has one with message.timestamp.type=LogAppendTime"
        ),
    }
}
