//! New producers: the first one, one in place of a useless one, and what one can tell of a doubtful commit.
//!
//! The invariant: the committed offsets are read after `init_transactions` has returned, never before: until then they may
//! still change.

use std::collections::BTreeMap;

use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

use super::super::group::log_error;
use super::super::producer::describe;
use super::verdict::{Verdict, verdict};
use super::{CALL, CALLS, KafkaTransactionLog, State, fatal};
use crate::log::LogError;

impl KafkaTransactionLog {
    /// Makes the producer the only one of its name. It aborts what the one before it, or one of a process before this one,
    /// has left open.
    fn initialise(&mut self) -> Result<(), LogError> {
        let operation = "begin to write transactions";
        let mut last = None;
        for _ in 0..CALLS {
            let producer = self.producer.client();
            match self.call(operation, |_| producer.init_transactions(CALL)) {
                Ok(()) => {
                    self.state = State::Idle;
                    // What was lost until here the new epoch keeps off.
                    self.producer.has_lost();
                    return Ok(());
                }
                Err(error) => match verdict(&error, false) {
                    Verdict::Again => last = Some(error),
                    Verdict::Stop => return Err(fatal(operation, &error)),
                    _ => {
                        last = Some(error);
                        self.producer.renew().map_err(log_error)?;
                    }
                },
            }
        }
        Err(LogError::Retry {
            operation: operation.to_owned(),
            cause: last.as_ref().map_or_else(String::new, describe),
        })
    }

    /// The first time the producer is as new.
    pub(super) fn renew(&mut self) -> Result<(), LogError> {
        if std::mem::replace(&mut self.used, true) {
            self.counts.renewed += 1;
            self.producer.renew().map_err(log_error)?;
        }
        self.initialise()
    }

    /// Shuts out the producer of a doubtful transaction and reads what was committed: the offsets it would have
    /// committed, or those before it.
    pub(super) fn settle(&mut self, offsets: &[(u32, i64)]) -> Result<(), LogError> {
        let operation = "settle a doubtful commit";
        let fatal_error = self.group.consumer.client().fatal_error();
        if matches!(fatal_error, Some((RDKafkaErrorCode::FencedInstanceId, _))) {
            let operation = operation.to_owned();
            return Err(LogError::Fenced { operation });
        }
        self.renew()?;
        // Until this is known it is in doubt, whatever the new producer could do.
        self.state = State::InDoubt;
        let partitions: Vec<u32> = offsets.iter().map(|(partition, _)| *partition).collect();
        let found = self.call("read the committed offsets", |log| {
            log.group.offsets(Some(&partitions))
        });
        let found = found.map_err(log_error)?;
        let found: BTreeMap<u32, i64> = found.into_iter().collect();
        let done = offsets
            .iter()
            .all(|(p, offset)| found.get(p) == Some(offset));
        let undone = offsets
            .iter()
            .all(|(p, _)| found.get(p) == self.known.get(p));
        tracing::warn!(committed = done, "a doubtful commit is settled");
        match (done, undone) {
            (true, false) => {
                self.counts.settled_committed += 1;
                self.state = State::Committed;
                Ok(())
            }
            (false, true) => {
                self.counts.settled_aborted += 1;
                self.state = State::Idle;
                Err(LogError::Aborted {
                    operation: operation.to_owned(),
                    cause: "the transaction was not committed".to_owned(),
                })
            }
            // Somebody else has committed, or this commit would have changed nothing.
            _ => Err(LogError::Fenced {
                operation: operation.to_owned(),
            }),
        }
    }
}
