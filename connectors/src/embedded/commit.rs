//! The commit log of the [`EmbeddedLog`]: one write batch holds outputs, control record and offsets.
//!
//! The invariant: after a crash at any point the store holds a commit whole or not at all. Other processes are kept
//! out by the directory's lock, an earlier holder inside this process by the epoch.

use std::sync::PoisonError;

use super::error::failed;
use super::sink::{EmbeddedSink, Shared};
use super::{EmbeddedError, EmbeddedLog};
use crate::log::{CommitLog, Committed, Control, Enough, LogError, Scope};

/// Most input partitions offsets are kept of.
const OFFSETS_MAX: usize = 65_536;

/// What the application keeps in its log.
pub struct EmbeddedCommitLog {
    log: EmbeddedLog,
    gathered: Shared,
    epoch: u64,
    begun: bool,
}

impl EmbeddedCommitLog {
    /// A handle; [`CommitLog::fence`] makes it the only one.
    #[must_use]
    pub fn new(log: &EmbeddedLog) -> Self {
        Self {
            log: log.clone(),
            gathered: Shared::default(),
            epoch: 0,
            begun: false,
        }
    }

    /// A sink whose records are committed by this log. The topic must be there by the first commit.
    #[must_use]
    pub fn sink(&self, topic: &str) -> EmbeddedSink {
        EmbeddedSink::bound(&self.log, topic, &self.gathered)
    }

    fn write(
        &mut self,
        offsets: &[(u32, i64)],
        control: &[Control],
    ) -> Result<bool, EmbeddedError> {
        let gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.log.state();
        if state.epoch != self.epoch {
            return Ok(false);
        }
        let mut batch = self.log.batch();
        let outputs = gathered
            .outputs
            .iter()
            .map(|(topic, record)| (topic.as_str(), record));
        let ends = self.log.stage(&state, &mut batch, outputs)?;
        for (at, (_, record)) in (state.control_next..).zip(control) {
            batch.insert(&self.log.inner.control, at.to_be_bytes(), record.as_slice());
        }
        for (partition, offset) in offsets {
            batch.insert(
                &self.log.inner.offsets,
                partition.to_be_bytes(),
                offset.to_be_bytes(),
            );
        }
        batch.commit().map_err(failed("commit"))?;
        state.control_next += control.len() as u64;
        self.log.publish(&mut state, ends);
        Ok(true)
    }

    fn read(&self) -> Result<Committed, EmbeddedError> {
        let mut committed = Committed::default();
        for entry in self.log.inner.offsets.iter().take(OFFSETS_MAX) {
            let (key, value) = entry.into_inner().map_err(failed("read the offsets"))?;
            let (Ok(partition), Ok(offset)) = (key.as_ref().try_into(), value.as_ref().try_into())
            else {
                let cause = "an offset of the wrong length".to_owned();
                return Err(EmbeddedError::Damaged {
                    operation: "read the offsets".to_owned(),
                    cause,
                });
            };
            committed
                .offsets
                .push((u32::from_be_bytes(partition), i64::from_be_bytes(offset)));
        }
        for entry in self.log.inner.control.iter() {
            committed.control.push(
                entry
                    .value()
                    .map_err(failed("read the control records"))?
                    .to_vec(),
            );
        }
        Ok(committed)
    }

    fn clear(&mut self) {
        *self.gathered.lock().unwrap_or_else(PoisonError::into_inner) =
            super::sink::Gathered::default();
        self.begun = false;
    }

    fn only(&self, operation: &str) -> Result<(), LogError> {
        if self.log.state().epoch == self.epoch {
            return Ok(());
        }
        Err(LogError::Fenced {
            operation: operation.to_owned(),
        })
    }
}

fn fatal(operation: &str, error: &EmbeddedError) -> LogError {
    LogError::Fatal {
        operation: operation.to_owned(),
        cause: error.to_string(),
    }
}

/// One process has all partitions, so there is one journal.
fn one_journal(operation: &str, journal: u32) -> Result<(), LogError> {
    if journal == 0 {
        return Ok(());
    }
    Err(LogError::Fatal {
        operation: operation.to_owned(),
        cause: format!("the embedded log has one journal, and none of number {journal}"),
    })
}

impl CommitLog for EmbeddedCommitLog {
    fn atomic(&self) -> bool {
        true
    }

    fn fence(&mut self) -> Result<(), LogError> {
        let mut state = self.log.state();
        state.epoch += 1;
        self.epoch = state.epoch;
        Ok(())
    }

    /// With all control records: they lie in the file that is read anyway.
    fn committed(&mut self, of: Scope, _enough: Enough<'_>) -> Result<Committed, LogError> {
        let operation = "read the last commit";
        self.only(operation)?;
        one_journal(operation, of.journal())?;
        self.read().map_err(|error| fatal(operation, &error))
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.only("begin")?;
        self.begun = true;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError> {
        if !self.begun {
            let cause = "nothing was begun".to_owned();
            return Err(LogError::Fatal {
                operation: "commit".to_owned(),
                cause,
            });
        }
        for (journal, _) in control {
            one_journal("commit", *journal)?;
        }
        match self.write(offsets, control) {
            Ok(true) => {
                self.clear();
                Ok(())
            }
            Ok(false) => Err(LogError::Fenced {
                operation: "commit".to_owned(),
            }),
            // The store takes no more writes after a failed one: a restart reads what is there and goes on from it.
            Err(error) => Err(fatal("commit", &error)),
        }
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.clear();
        Ok(())
    }
}
