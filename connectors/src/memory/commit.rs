//! The commit log over a [`MemoryLog`]: atomic, fenced by an epoch, with commits that go wrong by plan.
//!
//! The invariant: outputs, control record and offsets change under one lock or not at all.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::faults::{CommitFault, Faults};
use super::sink::{Gathered, MemorySink, publish};
use super::{Group, MemoryLog};
use crate::log::{CommitLog, Committed, Control, Enough, LogError, Scope};

/// What an application keeps in a [`MemoryLog`].
#[derive(Debug)]
pub struct MemoryCommitLog {
    log: MemoryLog,
    application: String,
    faults: Faults,
    gathered: Gathered,
    epoch: u64,
    commits: u64,
    begun: bool,
    /// The control records of a commit whose answer was lost: the same call again finds it done.
    lost_answer: Option<Vec<Control>>,
}

impl MemoryCommitLog {
    /// A handle for this application.
    #[must_use]
    pub fn new(log: &MemoryLog, application: &str, faults: Faults) -> Self {
        Self {
            log: log.clone(),
            application: application.to_owned(),
            faults,
            gathered: Gathered::default(),
            epoch: 0,
            commits: 0,
            begun: false,
            lost_answer: None,
        }
    }

    /// A sink whose records become visible by this log's commits.
    #[must_use]
    pub fn sink(&self, topic: &str) -> MemorySink {
        MemorySink::with(&self.log, topic, &self.faults, self.gathered.clone(), true)
    }

    fn in_group<T>(&self, change: impl FnOnce(&mut Group) -> T) -> T {
        change(
            self.log
                .lock()
                .groups
                .entry(self.application.clone())
                .or_default(),
        )
    }

    fn check_epoch(&self, operation: &str) -> Result<(), LogError> {
        if self.in_group(|group| group.epoch) == self.epoch {
            return Ok(());
        }
        Err(LogError::Fenced {
            operation: operation.to_owned(),
        })
    }

    fn drop_gathered(&self) {
        self.gathered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn apply(&mut self, offsets: &[(u32, i64)], control: &[Control]) {
        publish(&self.log, &self.gathered);
        self.in_group(|group| {
            group.offsets.extend(offsets.iter().copied());
            for (journal, record) in control {
                let journal = group.control.entry(*journal).or_default();
                journal.push(record.clone());
            }
        });
        self.begun = false;
    }
}

/// The last records from one that is enough, or all.
fn latest<'a>(all: &'a [Vec<u8>], enough: Enough<'_>) -> &'a [Vec<u8>] {
    let mut count = 1;
    while count < all.len() {
        let last = &all[all.len() - count..];
        if enough(&last[0]) {
            return last;
        }
        count *= 2;
    }
    all
}

impl CommitLog for MemoryCommitLog {
    fn atomic(&self) -> bool {
        true
    }

    fn fence(&mut self) -> Result<(), LogError> {
        self.epoch = self.in_group(|group| {
            group.epoch += 1;
            group.epoch
        });
        Ok(())
    }

    /// Looks back in spans that double, as one does whose records lie on another machine.
    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        self.check_epoch("read the last commit")?;
        Ok(self.in_group(|group| Committed {
            offsets: group
                .offsets
                .iter()
                .filter(|(partition, _)| of.has(**partition))
                .map(|(partition, offset)| (*partition, *offset))
                .collect(),
            control: group
                .control
                .get(&of.journal())
                .map_or_else(Vec::new, |all| latest(all, enough).to_vec()),
        }))
    }

    fn begin(&mut self) -> Result<(), LogError> {
        self.check_epoch("begin")?;
        self.begun = true;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError> {
        let operation = || "commit".to_owned();
        let cause = || "a planned fault".to_owned();
        if self.lost_answer.take().is_some_and(|lost| lost == control) {
            return Ok(());
        }
        self.check_epoch("commit")?;
        if !self.begun {
            return Err(LogError::Fatal {
                operation: operation(),
                cause: "nothing was begun".to_owned(),
            });
        }
        let number = self.commits;
        self.commits += 1;
        let fault = self.faults.commits.get(&number);
        if fault == Some(&CommitFault::Evicted) {
            self.faults.evicted.store(true, Ordering::Release);
        }
        if self.faults.evicted.load(Ordering::Acquire) {
            return Err(LogError::Aborted {
                operation: operation(),
                cause: cause(),
            });
        }
        match fault {
            None => self.apply(offsets, control),
            Some(CommitFault::Aborted | CommitFault::Evicted) => {
                self.drop_gathered();
                self.begun = false;
                return Err(LogError::Aborted {
                    operation: operation(),
                    cause: cause(),
                });
            }
            Some(CommitFault::Retry) => {
                return Err(LogError::Retry {
                    operation: operation(),
                    cause: cause(),
                });
            }
            Some(CommitFault::AnswerLost) => {
                self.apply(offsets, control);
                self.lost_answer = Some(control.to_vec());
                return Err(LogError::Retry {
                    operation: operation(),
                    cause: cause(),
                });
            }
            Some(CommitFault::Fenced) => {
                self.in_group(|group| group.epoch += 1);
                return Err(LogError::Fenced {
                    operation: operation(),
                });
            }
            Some(fault @ (CommitFault::Fatal | CommitFault::FatalAfter)) => {
                if *fault == CommitFault::FatalAfter {
                    self.apply(offsets, control);
                }
                return Err(LogError::Fatal {
                    operation: operation(),
                    cause: cause(),
                });
            }
        }
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LogError> {
        self.drop_gathered();
        self.begun = false;
        Ok(())
    }
}
