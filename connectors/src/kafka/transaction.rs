//! The commit log on a cluster where outputs, control record and offsets are one transaction.
//!
//! The idea: a commit is a walk through [`State`]s, each left by one call to the broker, and each answer of librdkafka
//! means one of five things ([`verdict()`]): done, the same call again, give the transaction up, ask a new producer, or
//! stop. A new producer shuts out the old one, so that what the broker then says of the offsets is the last word: the
//! transaction is committed, or it never will be. The invariant: records are written again only after a transaction that
//! cannot be committed any more.

mod bounded;
mod settle;
mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;

use self::bounded::bounded;
use self::verdict::{Verdict, verdict};
use super::group::Group;
use super::producer::{KafkaProducer, describe};
use super::{KafkaFailure, KafkaSettings, KafkaSource};
use crate::log::{CommitLog, Committed, Control, Counts, Enough, LogError, Point, Scope};

/// The longest one call may wait for the broker; what is asked again afterwards is the same call.
const CALL: Duration = Duration::from_secs(5);
/// Calls that are asked again before the transaction is given up, or the caller told: a minute.
const CALLS: u32 = 12;
/// The same for the commit itself, where a new producer can tell what became of it.
const COMMIT_CALLS: u32 = 3;
/// The longest one call is waited for that does not keep to its time by itself.
const LIMIT: Duration = Duration::from_secs(7);
/// The longest one call of an abort may wait: it polls no reports, which have to come in between.
const ABORT_CALL: Duration = Duration::from_millis(100);
const ABORT_CALLS: u32 = 300;
/// Milliseconds of a wait for reports between two calls of an abort.
const REPORTS_MS: i32 = 10;

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is none; one can be begun.
    Idle,
    /// It is committed; another can be begun.
    Committed,
    /// Records are written.
    Open,
    /// All of them are acknowledged, the control records among them.
    Flushed,
    /// The offsets are part of it.
    OffsetsSent,
    /// The broker was asked to commit it.
    Committing,
    /// What became of it only a new producer can tell.
    InDoubt,
    /// It is given up, and its producer is of no more use.
    Broken,
}

/// Called at each [`Point`] of a commit.
pub type Hook = Box<dyn FnMut(Point) + Send>;

/// Offsets and journal of an application, in one transaction with its outputs.
pub struct KafkaTransactionLog {
    group: Group,
    producer: KafkaProducer,
    state: State,
    /// Whether the producer was initialised before.
    used: bool,
    /// Per partition the offset of the last commit known.
    known: BTreeMap<u32, i64>,
    counts: Counts,
    hook: Option<Hook>,
}

impl KafkaTransactionLog {
    /// The log of the application that reads `source` and writes through `producer`, a transactional one.
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
            state: State::Broken,
            used: false,
            known: BTreeMap::new(),
            counts: Counts::default(),
            hook: None,
        })
    }

    /// Has a hook called at each point of a commit.
    #[must_use]
    pub fn with_hook(mut self, hook: Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    fn at(&mut self, point: Point) {
        if let Some(hook) = &mut self.hook {
            hook(point);
        }
    }

    /// One call that waits for the broker.
    fn call<T>(&mut self, name: &'static str, call: impl FnOnce(&mut Self) -> T) -> T {
        self.at(Point::Call(name));
        let answer = call(self);
        self.at(Point::Returned);
        answer
    }

    /// Everything acknowledged, the control records with it.
    fn flush(&mut self, control: &[Control]) -> Result<(), LogError> {
        self.at(Point::BeforeFlush);
        let sent = self.group.send_control(&self.producer, control);
        let flushed = sent.and_then(|()| self.flush_patiently());
        match flushed {
            Ok(()) => {
                self.state = State::Flushed;
                self.at(Point::AfterFlush);
                Ok(())
            }
            // Not acknowledged in time, or refused: nothing of it was asked to be committed.
            Err(failure) => Err(self.give_up(failure.operation, failure.cause)),
        }
    }

    fn flush_patiently(&mut self) -> Result<(), KafkaFailure> {
        let flush = |log: &mut Self| log.producer.flush();
        for _ in 1..CALLS {
            match self.call("flush", flush) {
                Err(failure) if failure.retry => {
                    tracing::warn!(cause = failure.cause, "flush failed, trying again");
                }
                result => return result,
            }
        }
        self.call("flush", flush)
    }

    /// The offsets, in the name of this member of the group: the coordinator refuses one that is no member any more.
    fn send_offsets(&mut self, offsets: &[(u32, i64)]) -> Result<(), LogError> {
        let operation = format!("add the offsets of {} to the transaction", self.group.topic);
        self.owned(offsets, operation.clone())?;
        let list = self.group.list(offsets)?;
        for _ in 0..CALLS {
            let Some(member) = self.group.consumer.group_metadata() else {
                let cause = "this process is in no group".to_owned();
                return Err(self.give_up(operation, cause));
            };
            let (client, offsets) = (self.producer.client(), list.clone());
            let send = move || client.send_offsets_to_transaction(&offsets, &member, CALL);
            let answer = self.call("add offsets to the transaction", |_| bounded(LIMIT, send));
            let error = match answer {
                Ok(Some(Ok(()))) => {
                    self.state = State::OffsetsSent;
                    self.at(Point::AfterOffsets);
                    return Ok(());
                }
                Ok(Some(Err(error))) => error,
                Ok(None) => return Err(self.abandon(operation)),
                Err(error) => {
                    let cause = error.to_string();
                    return Err(LogError::Retry { operation, cause });
                }
            };
            match verdict(&error, false) {
                Verdict::Again => self.asked_again(&operation, &error),
                Verdict::GiveUp => return Err(self.give_up(operation, describe(&error))),
                Verdict::Fenced => return Err(LogError::Fenced { operation }),
                Verdict::Stop => return Err(fatal(&operation, &error)),
                Verdict::Doubt => break,
            }
        }
        self.state = State::InDoubt;
        Ok(())
    }

    /// That each partition is this process's. The broker does not look: it takes any offset of a member.
    fn owned(&mut self, offsets: &[(u32, i64)], operation: String) -> Result<(), LogError> {
        let consumer = &self.group.consumer;
        let held = consumer.assignment().map_err(|error| LogError::Retry {
            operation: operation.clone(),
            cause: describe(&error),
        })?;
        let held: Vec<i32> = held.elements().iter().map(|e| e.partition()).collect();
        let ours =
            |(partition, _): &(u32, i64)| held.iter().any(|h| u32::try_from(*h) == Ok(*partition));
        if consumer.assignment_lost() || !offsets.iter().all(ours) {
            let cause = format!("the group has taken partitions away, {held:?} are left");
            return Err(self.give_up(operation, cause));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), LogError> {
        let operation = "commit the transaction";
        for _ in 0..COMMIT_CALLS {
            self.state = State::Committing;
            self.at(Point::InCommit);
            let client = self.producer.client();
            let Err(error) = self.call(operation, |_| client.commit_transaction(CALL)) else {
                self.state = State::Committed;
                return Ok(());
            };
            match verdict(&error, true) {
                Verdict::Again => self.asked_again(operation, &error),
                Verdict::Stop => return Err(fatal(operation, &error)),
                _ => {
                    tracing::warn!(cause = describe(&error), "commit in doubt");
                    break;
                }
            }
        }
        self.state = State::InDoubt;
        Ok(())
    }

    fn asked_again(&mut self, operation: &str, error: &KafkaError) {
        self.counts.asked_again += 1;
        tracing::warn!(operation, cause = describe(error), "asking again");
        // Reports that nobody polls stand in the way of some calls.
        while self.producer.look(0) {}
    }

    /// Leaves a producer to a call that does not end, and the transaction with it: the next producer aborts it.
    fn abandon(&mut self, operation: String) -> LogError {
        self.counts.aborted += 1;
        self.state = State::Broken;
        let cause = format!("no answer within {LIMIT:?}");
        tracing::warn!(operation, cause, "left to itself: a new producer goes on");
        LogError::Aborted { operation, cause }
    }

    /// Gives the transaction up; what is to be told.
    fn give_up(&mut self, operation: String, cause: String) -> LogError {
        self.counts.aborted += 1;
        match self.abort() {
            Ok(()) => LogError::Aborted { operation, cause },
            Err(error) => error,
        }
    }
}

fn fatal(operation: &str, error: &KafkaError) -> LogError {
    LogError::Fatal {
        operation: operation.to_owned(),
        cause: describe(error),
    }
}

impl CommitLog for KafkaTransactionLog {
    fn atomic(&self) -> bool {
        true
    }

    /// Joining the group shuts out an earlier process of this instance as a reader, the new producer as a writer.
    fn fence(&mut self) -> Result<(), LogError> {
        self.group.join()?;
        self.group.open_control()?;
        self.renew()
    }

    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError> {
        let committed = self.group.committed(of, enough)?;
        // Of a partition that was here before, somebody else may have committed since.
        self.known.retain(|partition, _| !of.has(*partition));
        self.known.extend(committed.offsets.iter().copied());
        Ok(committed)
    }

    /// What librdkafka asked on a connection that was lost it asks again by itself. The first question may still be on its way,
    /// and the broker could not tell it from one of the transaction that begins now: from a producer before this one it can.
    fn begin(&mut self) -> Result<(), LogError> {
        if self.state == State::Broken {
            self.renew()?;
        } else if self.producer.has_lost() {
            tracing::info!(
                "a connection was lost, or an answer did not come: a new producer goes on"
            );
            self.renew()?;
        }
        let operation = "begin a transaction";
        match self.producer.client().begin_transaction() {
            Ok(()) => {}
            Err(error) if verdict(&error, false) == Verdict::Stop => {
                return Err(fatal(operation, &error));
            }
            Err(_) => {
                self.renew()?;
                let begun = self.producer.client().begin_transaction();
                begun.map_err(|error| fatal(operation, &error))?;
            }
        }
        self.producer.forgive();
        self.state = State::Open;
        Ok(())
    }

    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError> {
        loop {
            match self.state {
                State::Open => self.flush(control)?,
                State::Flushed => self.send_offsets(offsets)?,
                State::OffsetsSent | State::Committing => self.end()?,
                State::InDoubt => self.settle(offsets)?,
                State::Committed => break,
                State::Idle | State::Broken => {
                    return Err(LogError::Fatal {
                        operation: "commit".to_owned(),
                        cause: "no transaction was begun".to_owned(),
                    });
                }
            }
        }
        self.known.extend(offsets.iter().copied());
        self.at(Point::AfterCommit);
        Ok(())
    }

    /// What cannot be aborted in time is left to the next producer, which does so first of all.
    fn abort(&mut self) -> Result<(), LogError> {
        let open = matches!(
            self.state,
            State::Open | State::Flushed | State::OffsetsSent
        );
        if matches!(self.state, State::Idle | State::Committed) {
            return Ok(());
        }
        self.state = State::Broken;
        if !open {
            return Ok(());
        }
        for _ in 0..ABORT_CALLS {
            let client = self.producer.client();
            match self.call("abort", |_| client.abort_transaction(ABORT_CALL)) {
                Ok(()) => {
                    while self.producer.look(0) {}
                    self.state = State::Idle;
                    break;
                }
                Err(error) if verdict(&error, false) == Verdict::Again => {
                    self.producer.look(REPORTS_MS);
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn counts(&self) -> Counts {
        self.counts
    }
}
