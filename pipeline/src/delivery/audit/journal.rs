//! A journal: the chain of an application's commits, those that are not settled, and which one a place belongs to.
//!
//! The idea: where a record comes with its offsets, each must follow the one before it. Where it does not, some are of
//! commits that never came to be, so records wait until the committed offsets say which chain leads there
//! ([`chain`]). The invariant: a place in the input belongs to one commit at most.

use std::collections::BTreeMap;

use super::tally::Commit;
use super::{Begin, Fault, Report};
use crate::delivery::control::Linked;
use crate::delivery::recovery::chain;
use crate::step::Positions;

/// What the next record must follow.
#[derive(Debug)]
struct Head {
    link: String,
    /// The number of the next one.
    next: u64,
    end: Option<Positions>,
}

/// A journal as far as it was read.
#[derive(Debug)]
pub(super) struct Journal {
    begin: Begin,
    exact: bool,
    /// `None` before the first record of a journal that does not begin with the first commit.
    head: Option<Head>,
    /// Records, and whether they are compared, that wait for their offsets.
    waiting: Vec<(Linked, bool)>,
    /// Those not settled, by the order in which they came.
    commits: BTreeMap<u64, Commit>,
    came: u64,
    /// Per partition of the input: where each of them ends.
    ends: BTreeMap<u32, BTreeMap<i64, u64>>,
    /// Per partition where the first commit began, and the end of the last one that was settled.
    begun: BTreeMap<u32, i64>,
    settled: BTreeMap<u32, i64>,
}

/// Where a place in the input belongs.
#[derive(Debug)]
pub(super) enum Place<'a> {
    /// To a commit that is not settled.
    In(&'a mut Commit),
    /// To one that is, or one before anybody was reading.
    Settled,
    /// To one whose record was removed.
    Removed,
    /// To none that is known.
    Unknown,
}

impl Journal {
    pub(super) fn new(begin: Begin, exact: bool) -> Journal {
        let first = Head {
            link: String::new(),
            next: 0,
            end: None,
        };
        Journal {
            begin,
            exact,
            head: (begin == Begin::Whole).then_some(first),
            waiting: Vec::new(),
            commits: BTreeMap::new(),
            came: 0,
            ends: BTreeMap::new(),
            begun: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, linked: Linked, compared: bool, report: &mut Report) {
        if self.exact {
            self.follow(&linked, report);
            self.add(linked, compared);
        } else {
            self.waiting.push((linked, compared));
        }
    }

    /// Looks whether a record follows the one before it.
    fn follow(&self, Linked { record, .. }: &Linked, report: &mut Report) {
        let Some(Head { link, next, end }) = &self.head else {
            return;
        };
        let sequence = record.sequence;
        if sequence != *next {
            report.add(Fault::ChainBreak, || {
                format!("commit {next} is missing: commit {sequence} stands in its place")
            });
        } else if record.previous != *link {
            report.add(Fault::ChainBreak, || {
                format!("commit {sequence} names another record before it than there is")
            });
        }
        if end.as_ref().is_some_and(|end| *end != record.from) {
            report.add(Fault::ChainBreak, || {
                format!("commit {sequence} does not begin where the one before it ended")
            });
        }
    }

    /// Adds a commit that counts.
    fn add(&mut self, Linked { record, link }: Linked, compared: bool) {
        let commit = Commit::new(&record, compared);
        if self.came == 0 {
            self.begun = commit.from.iter().copied().collect();
        }
        for (partition, end) in &commit.to {
            // One without events of a partition ends there where another one does, which has them.
            if !commit.from.contains(&(*partition, *end)) {
                let ends = self.ends.entry(*partition).or_default();
                ends.insert(*end, self.came);
            }
        }
        self.head = Some(Head {
            link,
            next: record.sequence + 1,
            end: Some(commit.to.clone()),
        });
        self.commits.insert(self.came, commit);
        self.came += 1;
    }

    /// Which of the records that wait count: those that lead to the committed offsets.
    pub(super) fn committed(&mut self, committed: &[(u32, i64)], report: &mut Report) {
        let end = self.head.as_ref().and_then(|head| head.end.as_deref());
        if self.exact || end == Some(committed) {
            return;
        }
        let records = self.waiting.iter().map(|(linked, _)| linked.clone());
        let found = chain(records.collect(), committed);
        let Some(last) = found.last().map(|last| last.link.clone()) else {
            // Before the first record, those committed may be of commits that nobody has read.
            if end.is_some() {
                report.add(Fault::ChainBreak, || no_chain(committed));
            }
            return;
        };
        if let Some(first) = found.first() {
            self.follow(first, report);
        }
        let passed = self.waiting.iter().position(|(it, _)| it.link == last);
        let passed = self.waiting.drain(..passed.map_or(0, |at| at + 1));
        // A few at the beginning.
        let passed = passed.filter(|(_, compared)| !compared);
        let partly: Vec<String> = passed.map(|(linked, _)| linked.link).collect();
        for linked in found {
            let compared = !partly.contains(&linked.link);
            self.add(linked, compared);
        }
    }

    /// There are no more records: whether they lead to the committed offsets.
    pub(super) fn end(&mut self, committed: &[(u32, i64)], report: &mut Report) {
        if self.exact {
            let end = self.head.as_ref().and_then(|head| head.end.as_deref());
            if end.unwrap_or_default() != committed {
                report.add(Fault::ChainBreak, || {
                    format!(
                        "the last commit ends at {end:?}, the committed offsets are {committed:?}"
                    )
                });
            }
            return;
        }
        // Records without their offsets are no fault here.
        let all: Vec<Linked> = self.waiting.drain(..).map(|(linked, _)| linked).collect();
        let sequences = all.iter().map(|linked| linked.record.sequence);
        let first = match self.begin {
            Begin::Whole => Some(0),
            Begin::Cut | Begin::Joined => sequences.min(),
        };
        let found = chain(all.clone(), committed);
        let whole = first.is_some() && found.first().map(|it| it.record.sequence) == first;
        if !whole && !committed.is_empty() {
            report.add(Fault::ChainBreak, || no_chain(committed));
        }
        for linked in if whole { found } else { all } {
            self.add(linked, true);
        }
    }

    /// Where a place belongs.
    pub(super) fn place(&mut self, (partition, offset): (u32, i64)) -> Place<'_> {
        let below =
            |bounds: &BTreeMap<u32, i64>| bounds.get(&partition).is_some_and(|b| offset < *b);
        let next = self.ends.get(&partition).and_then(|ends| {
            let (_, commit) = ends.range(offset.saturating_add(1)..).next()?;
            Some(*commit)
        });
        let from = |commit: &Commit| {
            let from = commit.from.iter().filter(|(known, _)| *known == partition);
            from.map(|(_, from)| *from).max()
        };
        let covers = |number: &u64| {
            let commit = self.commits.get(number);
            commit.is_some_and(|commit| from(commit).is_none_or(|from| from <= offset))
        };
        if let Some(number) = next.filter(covers) {
            return self
                .commits
                .get_mut(&number)
                .map_or(Place::Unknown, Place::In);
        }
        match self.begin {
            Begin::Cut if below(&self.begun) => Place::Removed,
            Begin::Joined if below(&self.begun) => Place::Settled,
            _ if below(&self.settled) => Place::Settled,
            _ => Place::Unknown,
        }
    }

    pub(super) fn waits(&self) -> bool {
        !self.commits.is_empty()
    }

    pub(super) fn hold(&mut self) {
        self.commits.values_mut().for_each(|it| it.held = true);
    }

    /// Lets go of commits that are `done`.
    pub(super) fn settle(&mut self, mut done: impl FnMut(&Commit) -> bool) {
        let (ends, settled) = (&mut self.ends, &mut self.settled);
        self.commits.retain(|number, commit| {
            if !done(commit) {
                return true;
            }
            for (partition, end) in &commit.to {
                let known = settled.entry(*partition).or_insert(*end);
                *known = (*known).max(*end);
                if let Some(ends) = ends.get_mut(partition)
                    && ends.get(end) == Some(number)
                {
                    ends.remove(end);
                }
            }
            false
        });
    }
}

fn no_chain(committed: &[(u32, i64)]) -> String {
    format!("no chain of records leads to the committed offsets {committed:?}")
}
