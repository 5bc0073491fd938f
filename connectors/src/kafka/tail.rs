//! A topic from where somebody was: for whoever comes back now and then and wants what is new.
//!
//! The idea: two views of an end. Readers of committed records come as far as [`Tail::bounds`] says; [`written_ends`] is
//! how far the log reaches, open transactions included. Once the first has passed what the second was, whatever was under
//! way then is over. The invariant: what is given lies in the span asked for, and no member of a group is made.

use std::sync::Arc;

use rdkafka::consumer::BaseConsumer;

use super::context::Quiet;
use super::producer::describe;
use super::read::{PART, Span, bounds_of, consumer, read_span};
use super::{KafkaFailure, KafkaSettings, admin};
use crate::record::RawBatch;

/// A reader of committed records of one topic.
pub struct Tail {
    consumer: Arc<BaseConsumer<Quiet>>,
    topic: String,
    partitions: u32,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Tail");
        shown.field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Tail {
    /// Connects to the cluster.
    ///
    /// # Errors
    /// When the cluster does not answer, or there is no such topic.
    pub fn open(settings: &KafkaSettings, topic: &str) -> Result<Tail, KafkaFailure> {
        settings.check()?;
        let operation = format!("look up topic {topic}");
        let consumer = consumer(settings, &operation)?;
        Ok(Tail {
            partitions: admin::partitions_of(&consumer, topic, &operation)?,
            consumer,
            topic: topic.to_owned(),
        })
    }

    /// First offset of each partition, and the one that readers of committed records come to.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub fn bounds(&self) -> Result<Vec<(i64, i64)>, KafkaFailure> {
        let all = 0..self.partitions;
        all.map(|partition| bounds_of(&self.consumer, &self.topic, partition))
            .collect()
    }

    /// Reads the committed records of a partition from one offset up to another, in parts, until `take` says no; gives up
    /// when it is not `going` on. Each partition once: a second time its old events might be about.
    ///
    /// # Errors
    /// When it cannot be read so far; what was handed over until then stays.
    pub fn read(
        &self,
        partition: u32,
        (from, to): (i64, i64),
        going: &dyn Fn() -> bool,
        take: &mut dyn FnMut(RawBatch) -> bool,
    ) -> Result<(), KafkaFailure> {
        let span = Span {
            partition,
            from,
            to,
        };
        read_span(&self.consumer, &self.topic, span, PART, going, take)
    }
}

/// The offset that the next record of each partition will get, whatever is open before it.
///
/// # Errors
/// When the cluster does not answer, or there is no such topic.
pub fn written_ends(settings: &KafkaSettings, topic: &str) -> Result<Vec<i64>, KafkaFailure> {
    settings.check()?;
    let operation = format!("look up the ends of {topic}");
    let mut config = settings.reader();
    config.set("isolation.level", "read_uncommitted");
    let made = config.create_with_context::<_, BaseConsumer<Quiet>>(Quiet::default());
    let consumer =
        Arc::new(made.map_err(|error| KafkaFailure::new(&operation, describe(&error), false))?);
    let all = 0..admin::partitions_of(&consumer, topic, &operation)?;
    all.map(|partition| Ok(bounds_of(&consumer, topic, partition)?.1))
        .collect()
}
