//! The sink over a [`MemoryLog`]: on its own, or bound to a [`super::MemoryCommitLog`].
//!
//! The invariant: what a bound sink takes becomes visible by its log's commit only.

use std::sync::{Arc, Mutex, PoisonError};

use super::faults::{Dice, Faults};
use super::{MemoryLog, Stored};
use crate::record::{NO_APPEND_TIME, OutRecord};
use crate::sink::{Payload, Sink, SinkError, Takes};

/// Records taken and not yet visible, with their topic.
pub(crate) type Gathered = Arc<Mutex<Vec<(String, OutRecord)>>>;

/// Appends to one topic of a [`MemoryLog`].
#[derive(Debug)]
pub struct MemorySink {
    log: MemoryLog,
    topic: String,
    gathered: Gathered,
    bound: bool,
    write_error_one_in: u32,
    dice: Dice,
}

impl MemorySink {
    /// A sink on its own: a flush makes its records visible. The topic is made with one partition when it is not there.
    #[must_use]
    pub fn new(log: &MemoryLog, topic: &str, faults: &Faults) -> Self {
        Self::with(log, topic, faults, Gathered::default(), false)
    }

    pub(crate) fn with(
        log: &MemoryLog,
        topic: &str,
        faults: &Faults,
        gathered: Gathered,
        bound: bool,
    ) -> Self {
        log.create_topic(topic, 1);
        Self {
            log: log.clone(),
            topic: topic.to_owned(),
            gathered,
            bound,
            write_error_one_in: faults.write_error_one_in,
            dice: Dice::new(faults.seed, 2),
        }
    }

    fn error(&self, cause: &str, retry: bool) -> SinkError {
        SinkError {
            operation: format!("append to {}", self.topic),
            cause: cause.to_owned(),
            retry,
        }
    }
}

impl Sink for MemorySink {
    fn takes(&self) -> Takes {
        Takes::Records
    }

    fn write(&mut self, payload: Payload<'_>) -> Result<(), SinkError> {
        let Payload::Records(records) = payload else {
            return Err(self.error("this sink takes records", false));
        };
        if self.dice.one_in(self.write_error_one_in) {
            return Err(self.error("a planned fault", true));
        }
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.extend(
            records
                .iter()
                .map(|record| (self.topic.clone(), record.clone())),
        );
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if !self.bound {
            publish(&self.log, &self.gathered);
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Appends all that was gathered, in order, under one lock.
pub(crate) fn publish(log: &MemoryLog, gathered: &Gathered) {
    let records = std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner));
    let mut inner = log.lock();
    for (topic, record) in records {
        let partition = inner.partition_of(&topic, record.key.as_deref());
        inner.append(
            &topic,
            partition,
            Stored {
                record,
                append_time: NO_APPEND_TIME,
            },
        );
    }
}
