//! The audit: whether what lies on the topics of an application is what its commits say.
//!
//! The idea: the control records say what each commit covered and what it wrote, as counts and digests; every output
//! tells the place of its event, and so its commit. Outputs are taken one by one, in any order of their partitions, and
//! only sums, a bit per event and the ids of alerts are kept. The invariant: each fault has one name; a topic that was
//! read whole and has none of them holds exactly the committed outputs.

mod tally;

use std::collections::{BTreeMap, HashSet};

use self::tally::{Commits, Decided};
use super::control::{ControlError, ControlRecord, Linked};
use super::digest::Digest;
use super::recovery::chain;

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
}

/// Most faults of one kind that are told in full; the others are counted.
const TOLD_MAX: usize = 10;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Commits in the chain.
    pub commits: usize,
    /// Outputs looked at: decisions, alerts, dead letters.
    pub outputs: [u64; 3],
    /// Per fault how often, and the first of them in words.
    pub faults: BTreeMap<Fault, (u64, Vec<String>)>,
}

impl Report {
    /// Whether all is as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn add(&mut self, fault: Fault, what: impl FnOnce() -> String) {
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

    fn name(self) -> &'static str {
        match self {
            Stream::Decisions => "decisions",
            Stream::Alerts => "alerts",
            Stream::DeadLetters => "dead letters",
        }
    }
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

/// An audit under way.
#[derive(Debug)]
pub struct Audit {
    commits: Commits,
    /// Whether repeats are faults.
    exact: bool,
    decided: BTreeMap<String, Decided>,
    alerts: HashSet<(String, u128)>,
    last: BTreeMap<(String, u32, u32), i64>,
    report: Report,
}

impl Audit {
    /// Of an application that has these control records and committed these offsets. `exact`: outputs, records and
    /// offsets were committed together.
    ///
    /// # Errors
    /// When a control record cannot be understood.
    pub fn new(
        app: &str,
        control: &[Vec<u8>],
        committed: &[(u32, i64)],
        exact: bool,
    ) -> Result<Audit, ControlError> {
        let mut report = Report::default();
        let records = ControlRecord::decode_all(app, control)?;
        let records = if exact {
            walk(&records, committed, &mut report);
            records
        } else {
            // Records without their offsets are no fault there.
            let broken = || "no chain of records leads to the committed offsets".to_owned();
            let found = chain(records.clone(), committed);
            let first = found.first().map(|first| first.record.sequence);
            if first != Some(0) && !committed.is_empty() {
                report.add(Fault::ChainBreak, broken);
            }
            if first == Some(0) { found } else { records }
        };
        report.commits = records.len();
        Ok(Audit {
            commits: Commits::new(records.into_iter().map(|linked| linked.record)),
            exact,
            decided: BTreeMap::new(),
            alerts: HashSet::new(),
            last: BTreeMap::new(),
            report,
        })
    }

    /// Takes an output; those of one partition in their order.
    pub fn take(&mut self, stream: Stream, found: &Found<'_>) {
        self.report.outputs[stream as usize] += 1;
        let (topic, lies) = found.lies;
        let (partition, offset) = found.of;
        let said = || {
            format!(
                "{}: {topic}, partition {lies}: event {partition}/{offset}",
                stream.name()
            )
        };
        let Some(commit) = self.commits.of(partition, offset) else {
            // Of a commit that was not finished, where they are not one.
            if self.exact {
                self.report.add(Fault::Phantom, said);
            }
            return;
        };
        if self.repeated(stream, found) {
            if self.exact {
                self.report.add(Fault::Duplicated, said);
            }
            return;
        }
        let last = (topic.to_owned(), lies, partition);
        let before = self.last.insert(last, offset);
        // An event may raise several alerts.
        if self.exact && before.is_some_and(|before| before > offset) {
            self.report.add(Fault::OutOfOrder, said);
        }
        self.commits.add(commit, stream, topic, found.digest);
    }

    fn repeated(&mut self, stream: Stream, found: &Found<'_>) -> bool {
        let topic = found.lies.0;
        match (stream, found.id) {
            (Stream::Alerts, Some(id)) => !self.alerts.insert((topic.to_owned(), id)),
            _ => {
                if !self.decided.contains_key(topic) {
                    let decided = Decided::new(&self.commits);
                    self.decided.insert(topic.to_owned(), decided);
                }
                let decided = self.decided.get_mut(topic);
                decided.is_some_and(|decided| !decided.first(found.of))
            }
        }
    }

    /// Compares the sums; `topics` are those that were read whole, by stream.
    #[must_use]
    pub fn finish(mut self, topics: &[(Stream, String)]) -> Report {
        for (stream, topic) in topics {
            for (commit, record) in self.commits.records() {
                let found = self.commits.found(commit, *stream, topic);
                let (wanted, digest) = match stream {
                    Stream::Decisions => (record.decisions, record.digests.decisions),
                    Stream::Alerts => (record.alerts, record.digests.alerts),
                    Stream::DeadLetters => (record.dead_letters, record.digests.dead_letters),
                };
                let said = |what: &str| {
                    let (sequence, name) = (record.sequence, stream.name());
                    format!("{topic}: commit {sequence} wrote {wanted} {name}, {what}")
                };
                if found.count < wanted {
                    self.report
                        .add(Fault::Lost, || said(&format!("{} are there", found.count)));
                }
                if found.digest.is_some_and(|found| found != digest) {
                    self.report
                        .add(Fault::Torn, || said("those there are not what it wrote"));
                }
            }
        }
        self.report
    }
}

/// Looks whether each record follows the one before it, and the last one ends at the committed offsets.
fn walk(records: &[Linked], committed: &[(u32, i64)], report: &mut Report) {
    let (mut previous, mut number, mut end): (String, u64, Option<&[(u32, i64)]>) =
        (String::new(), 0, None);
    for Linked { record, link } in records {
        let sequence = record.sequence;
        if sequence != number {
            report.add(Fault::ChainBreak, || {
                format!("commit {number} is missing: commit {sequence} stands in its place")
            });
        } else if record.previous != previous {
            report.add(Fault::ChainBreak, || {
                format!("commit {sequence} names another record before it than there is")
            });
        }
        if end.is_some_and(|end| end != record.from) {
            report.add(Fault::ChainBreak, || {
                format!("commit {sequence} does not begin where the one before it ended")
            });
        }
        (previous, number, end) = (link.clone(), sequence + 1, Some(record.to()));
    }
    let mut committed = committed.to_vec();
    committed.sort_unstable();
    if end.unwrap_or_default() != committed {
        report.add(Fault::ChainBreak, || {
            format!("the last commit ends at {end:?}, the committed offsets are {committed:?}")
        });
    }
}

/// What the bytes of an alert or decision add to a digest.
#[must_use]
pub fn digest_of(json: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.add(json);
    digest
}

#[cfg(test)]
mod tests;
