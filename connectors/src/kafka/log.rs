//! The commit log on a cluster: a control topic for the journal, the consumer group for the offsets.
//!
//! Not atomic: outputs are acknowledged first, then the control record, then the offsets. The invariant: an offset is
//! committed only when everything before it is; a crash in between repeats outputs and may leave a control record
//! without its offsets, which the reader drops.

use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaErrorCode;

use super::group::{Group, PAUSE, log_error};
use super::producer::{KafkaProducer, millis};
use super::{KafkaFailure, KafkaSettings, KafkaSource, admin, raw};
use crate::log::{CommitLog, Committed, Control, Enough, LogError, Scope};

/// Commits tried while a rebalance is completed: 2 s.
const REBALANCE_TRIES: u32 = 100;

/// Offsets and journal of an application.
pub struct KafkaCommitLog {
    group: Group,
    producer: KafkaProducer,
    /// The control records that are acknowledged while its offsets are not: the same call again must not repeat them.
    acknowledged: Option<Vec<Control>>,
}

impl KafkaCommitLog {
    /// The log of the application that reads `source` and writes through `producer`.
    ///
    /// # Errors
    /// When the name of the control topic is none.
    pub fn new(
        settings: &KafkaSettings,
        producer: &KafkaProducer,
        source: &KafkaSource,
    ) -> Result<Self, KafkaFailure> {
        Ok(Self {
            group: Group::new(settings, source)?,
            producer: producer.clone(),
            acknowledged: None,
        })
    }

    fn write_control(&mut self, control: &[Control]) -> Result<(), KafkaFailure> {
        if self.acknowledged.as_deref() == Some(control) {
            return Ok(());
        }
        self.group.send_control(&self.producer, control)?;
        // Sent once, whatever the flush says: with `retry` the record stays queued, and the next call waits for it.
        self.acknowledged = Some(control.to_vec());
        self.producer.flush()
    }

    fn commit_offsets(&self, offsets: &[(u32, i64)]) -> Result<(), LogError> {
        let operation = || format!("commit the offsets of {}", self.group.topic);
        let list = self.group.list(offsets)?;
        let mut answer = raw::commit(&self.group.consumer, &list, millis(admin::ANSWER));
        for _ in 0..REBALANCE_TRIES {
            // Between the joining of all members and their new assignment no offsets are taken: a matter of milliseconds.
            if answer != Some(Err(RDKafkaErrorCode::RebalanceInProgress)) {
                break;
            }
            std::thread::park_timeout(PAUSE);
            answer = raw::commit(&self.group.consumer, &list, millis(admin::ANSWER));
        }
        match answer {
            Some(Ok(())) => Ok(()),
            None => Err(LogError::Retry {
                operation: operation(),
                cause: "no answer from the cluster".to_owned(),
            }),
            Some(Err(code)) => Err(self.refused(operation(), code)),
        }
    }

    /// What a refused commit of offsets means.
    fn refused(&self, operation: String, code: RDKafkaErrorCode) -> LogError {
        let fatal = self
            .group
            .consumer
            .client()
            .fatal_error()
            .map(|(code, _)| code);
        match fatal.unwrap_or(code) {
            RDKafkaErrorCode::FencedInstanceId => LogError::Fenced { operation },
            // The group has given the partitions to others: nothing of this step may be committed here.
            code @ (RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::AssignmentLost) => LogError::Aborted {
                operation,
                cause: code.to_string(),
            },
            code @ (RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::OffsetMetadataTooLarge
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::Fatal) => LogError::Fatal {
                operation,
                cause: code.to_string(),
            },
            code => LogError::Retry {
                operation,
                cause: code.to_string(),
            },
        }
    }
}

impl CommitLog for KafkaCommitLog {
    fn atomic(&self) -> bool {
        false
    }

    /// What is read as committed after the group was joined is the last word.
    fn fence(&mut self) -> Result<(), LogError> {
        self.group.join()?;
        self.group.open_control()?;
        Ok(())
    }

    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        self.group.committed(of, enough)
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.acknowledged = None;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError> {
        self.producer.flush().map_err(log_error)?;
        self.write_control(control).map_err(log_error)?;
        if !offsets.is_empty() {
            self.commit_offsets(offsets)?;
        }
        self.acknowledged = None;
        Ok(())
    }

    /// Drops nothing: what was written is written, and will be repeated.
    fn abort(&mut self) -> Result<(), LogError> {
        self.acknowledged = None;
        Ok(())
    }
}
