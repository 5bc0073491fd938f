//! The contract of a commit log: where the input offsets and the step journal of an application are kept, and with
//! which outputs they are one.
//!
//! A commit log
//! 1. makes the caller the only writer by [`CommitLog::fence`]: an earlier holder's commits fail from then on;
//! 2. tells by [`CommitLog::committed`] the offsets of the last commit and the control records of the latest commits, in
//!    order, as far back as the caller needs them: the journal by which the input can be folded again in the same order;
//! 3. between [`CommitLog::begin`] and [`CommitLog::commit`] gathers what the sinks bound to it write. The commit of an
//!    *atomic* log makes outputs, control record and offsets visible together or not at all; a log that is not atomic
//!    makes the outputs durable first, then the control record, then the offsets, so that a crash repeats outputs but
//!    never loses one;
//! 4. [`CommitLog::abort`] drops what was gathered since begin.
//!
//! Usually an application has one journal, of all partitions of its input. Where instances share the partitions, each
//! partition has a journal of its own, and a commit of several partitions brings a control record for each ([`Scope`]).
//!
//! A control record is opaque bytes here. After a crash of a log that is not atomic, a control record may be there
//! whose offsets are not: the reader drops it, because it knows the committed offsets.

/// What a journal is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All partitions of the input.
    Whole,
    /// This one.
    Partition(u32),
}

impl Scope {
    /// The number of its journal.
    #[must_use]
    pub fn journal(self) -> u32 {
        match self {
            Scope::Whole => 0,
            Scope::Partition(partition) => partition,
        }
    }

    /// Whether a partition is part of it.
    #[must_use]
    pub fn has(self, partition: u32) -> bool {
        match self {
            Scope::Whole => true,
            Scope::Partition(only) => only == partition,
        }
    }
}

/// A control record, with the number of its journal before it.
pub type Control = (u32, Vec<u8>);

/// What a commit log remembers of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Per partition the next offset to read; empty before the first commit.
    pub offsets: Vec<(u32, i64)>,
    /// Control records of its commits, oldest first: all up to the latest, from some commit on.
    pub control: Vec<Vec<u8>>,
}

/// Says of a control record whether those before it need not be read. A journal may have millions, a start behind a
/// snapshot needs the last few thousand.
pub type Enough<'a> = &'a dyn Fn(&[u8]) -> bool;

/// For whoever needs all records there are.
pub const ALL_RECORDS: Enough<'static> = &|_| false;

/// Why a commit log refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process has taken over; this one must stop (exit code 75).
    #[error("{operation}: another process with this application id has taken over")]
    Fenced {
        /// What was attempted.
        operation: String,
    },
    /// Nothing was committed; begin again with the same outputs.
    #[error("{operation}: aborted: {cause}")]
    Aborted {
        /// What was attempted.
        operation: String,
        /// Why.
        cause: String,
    },
    /// The same call may succeed later.
    #[error("{operation}: {cause}")]
    Retry {
        /// What was attempted.
        operation: String,
        /// Why.
        cause: String,
    },
    /// It will not succeed.
    #[error("{operation}: {cause}")]
    Fatal {
        /// What was attempted.
        operation: String,
        /// Why.
        cause: String,
    },
}

/// Places of a commit that somebody may want to know of: a watchdog, or a test that has the process stop there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A call that waits for the broker begins; what it is for.
    Call(&'static str),
    /// It has returned.
    Returned,
    /// Outputs were handed over, none need be acknowledged.
    BeforeFlush,
    /// Outputs and control record are acknowledged.
    AfterFlush,
    /// The offsets are part of the transaction.
    AfterOffsets,
    /// The broker is about to be asked to commit.
    InCommit,
    /// It is done.
    AfterCommit,
}

/// How often a commit log had to do what is seldom needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that were asked again.
    pub asked_again: u64,
    /// Transactions given up, whose outputs were to be written again.
    pub aborted: u64,
    /// Doubtful commits that turned out to be committed.
    pub settled_committed: u64,
    /// Doubtful commits that turned out not to be.
    pub settled_aborted: u64,
    /// Clients that had to be replaced.
    pub renewed: u64,
}

impl Counts {
    /// Each by its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("asked_again", self.asked_again),
            ("aborted", self.aborted),
            ("settled_committed", self.settled_committed),
            ("settled_aborted", self.settled_aborted),
            ("renewed", self.renewed),
        ]
    }
}

/// Where offsets and journal are kept. The contract is the module's page.
pub trait CommitLog: Send {
    /// Whether outputs, control record and offsets become visible together.
    fn atomic(&self) -> bool;

    /// Makes the caller the only writer.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be taken over.
    fn fence(&mut self) -> Result<(), LogError>;

    /// What the last commit left of a journal: with control records that begin with one that is `enough`, or with the first
    /// there is; how many come before the one asked for is not said. Call it after [`CommitLog::fence`].
    ///
    /// # Errors
    /// [`LogError`] when it cannot be read.
    fn committed(&mut self, of: Scope, enough: Enough<'_>) -> Result<Committed, LogError>;

    /// Begins to gather.
    ///
    /// # Errors
    /// [`LogError`].
    fn begin(&mut self) -> Result<(), LogError>;

    /// Commits what was gathered, the control records, and the next offset of each partition named.
    ///
    /// # Errors
    /// [`LogError`]; see its variants for what to do.
    fn commit(&mut self, offsets: &[(u32, i64)], control: &[Control]) -> Result<(), LogError>;

    /// Drops what was gathered.
    ///
    /// # Errors
    /// [`LogError`].
    fn abort(&mut self) -> Result<(), LogError>;

    /// How often it took a way that is seldom taken; a log that has none says nothing.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}
