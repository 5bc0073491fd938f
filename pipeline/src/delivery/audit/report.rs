//! What an audit speaks of: outputs and their streams, what a journal begins with, faults, and the report of them.
//!
//! The invariant: each fault is counted, whether it is told in full or not.

use std::collections::BTreeMap;

use crate::delivery::digest::Digest;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A commit says it wrote more than is there.
    Lost,
    /// An output is there more than once.
    Duplicated,
    /// An output no commit covers.
    Phantom,
    /// What is there is not what the commit wrote.
    Torn,
    /// Outputs of one partition of the input stand in another order than it.
    OutOfOrder,
    /// The control records do not follow one another.
    ChainBreak,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 6] = [
        Fault::Lost,
        Fault::Duplicated,
        Fault::Phantom,
        Fault::Torn,
        Fault::OutOfOrder,
        Fault::ChainBreak,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Lost => "lost",
            Fault::Duplicated => "duplicated",
            Fault::Phantom => "phantom",
            Fault::Torn => "torn",
            Fault::OutOfOrder => "out of order",
            Fault::ChainBreak => "chain break",
        }
    }

    /// Its name where there may be no spaces.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Fault::OutOfOrder => "out_of_order",
            Fault::ChainBreak => "chain_break",
            other => other.name(),
        }
    }
}

/// Most faults of one kind that are told in full; the others are counted.
const TOLD_MAX: usize = 10;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Commits that were settled.
    pub commits: usize,
    /// Outputs looked at: decisions, alerts, dead letters.
    pub outputs: [u64; 3],
    /// Those of them whose commits were removed from the journal.
    pub before: u64,
    /// Per fault how often, and the first of them in words.
    pub faults: BTreeMap<Fault, (u64, Vec<String>)>,
}

impl Report {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn add(&mut self, fault: Fault, what: impl FnOnce() -> String) {
        let (count, told) = self.faults.entry(fault).or_default();
        *count += 1;
        if told.len() < TOLD_MAX {
            told.push(what());
        }
    }
}

/// The stream of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Decisions.
    Decisions,
    /// Alerts.
    Alerts,
    /// Dead letters.
    DeadLetters,
}

impl Stream {
    /// Every stream, in the order of [`Report::outputs`].
    pub const ALL: [Stream; 3] = [Stream::Decisions, Stream::Alerts, Stream::DeadLetters];

    pub(super) fn name(self) -> &'static str {
        match self {
            Stream::Decisions => "decisions",
            Stream::Alerts => "alerts",
            Stream::DeadLetters => "dead letters",
        }
    }
}

/// What a journal begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The first commit of all.
    Whole,
    /// The first record that was not removed; what its commits before it wrote is there and cannot be compared.
    Cut,
    /// The first record since somebody has been reading; the outputs of those before it are not read.
    Joined,
}

/// An output as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its topic and partition there.
    pub lies: (&'a str, u32),
    /// Partition and offset of its event in the input.
    pub of: (u32, i64),
    /// What it adds to the digest of its stream; `None` where its form has none.
    pub digest: Option<Digest>,
    /// The id of an alert.
    pub id: Option<u128>,
}
