//! What was found, by commit: sums per topic, and a bit per event.
//!
//! The invariant: a place in the input belongs to one commit at most.

use std::collections::BTreeMap;

use super::Stream;
use crate::delivery::control::ControlRecord;
use crate::delivery::digest::Digest;

/// What was found of one commit in one topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) count: u64,
    /// `None` where some of it had no digest.
    pub(super) digest: Option<Digest>,
}

impl Default for Sum {
    fn default() -> Sum {
        Sum {
            count: 0,
            digest: Some(Digest::default()),
        }
    }
}

/// The commits of an application, and what was found of each.
#[derive(Debug)]
pub(super) struct Commits {
    records: Vec<ControlRecord>,
    /// Per partition of the input: where each commit ends and which it is, ascending.
    ends: BTreeMap<u32, Vec<(i64, usize)>>,
    sums: BTreeMap<(usize, u8, String), Sum>,
}

impl Commits {
    pub(super) fn new(records: impl Iterator<Item = ControlRecord>) -> Commits {
        let records: Vec<ControlRecord> = records.collect();
        let mut ends: BTreeMap<u32, Vec<(i64, usize)>> = BTreeMap::new();
        for (commit, record) in records.iter().enumerate() {
            for (partition, end) in record.to() {
                ends.entry(*partition).or_default().push((*end, commit));
            }
        }
        // They ascend already, unless the chain is broken.
        ends.values_mut().for_each(|ends| ends.sort_unstable());
        Commits {
            records,
            ends,
            sums: BTreeMap::new(),
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = (usize, &ControlRecord)> {
        self.records.iter().enumerate()
    }

    /// The commit that covers a place in the input.
    pub(super) fn of(&self, partition: u32, offset: i64) -> Option<usize> {
        let ends = self.ends.get(&partition)?;
        let at = ends.partition_point(|(end, _)| *end <= offset);
        let commit = ends.get(at)?.1;
        let from = self.records.get(commit)?.from.iter();
        let from = from
            .filter(|(known, _)| *known == partition)
            .map(|(_, o)| *o);
        from.max()
            .is_none_or(|from| from <= offset)
            .then_some(commit)
    }

    /// The first and the next offset of each partition, over all commits.
    pub(super) fn spans(&self) -> impl Iterator<Item = (u32, i64, i64)> + '_ {
        self.ends.iter().filter_map(|(partition, ends)| {
            let records = self.records.iter().flat_map(|record| &record.from);
            let from = records
                .filter(|(known, _)| known == partition)
                .map(|(_, o)| *o);
            Some((*partition, from.min().unwrap_or(0), ends.last()?.0))
        })
    }

    pub(super) fn add(
        &mut self,
        commit: usize,
        stream: Stream,
        topic: &str,
        digest: Option<Digest>,
    ) {
        let sum = self.sums.entry((commit, stream as u8, topic.to_owned()));
        let sum = sum.or_default();
        sum.count += 1;
        sum.digest = sum.digest.zip(digest).map(|(mut sum, digest)| {
            sum.join(digest);
            sum
        });
    }

    pub(super) fn found(&self, commit: usize, stream: Stream, topic: &str) -> Sum {
        let key = (commit, stream as u8, topic.to_owned());
        self.sums.get(&key).copied().unwrap_or_default()
    }
}

/// Which events of the input were seen.
#[derive(Debug)]
pub(super) struct Decided {
    /// Per partition its first offset and a bit for each from there on.
    seen: BTreeMap<u32, (i64, Vec<u64>)>,
}

impl Decided {
    pub(super) fn new(commits: &Commits) -> Decided {
        let bits = |(partition, from, end): (u32, i64, i64)| {
            let words = usize::try_from((end - from).max(0) / 64 + 1).unwrap_or_default();
            (partition, (from, vec![0; words]))
        };
        Decided {
            seen: commits.spans().map(bits).collect(),
        }
    }

    /// Whether it is the first time for an event that a commit covers.
    pub(super) fn first(&mut self, (partition, offset): (u32, i64)) -> bool {
        let Some((from, bits)) = self.seen.get_mut(&partition) else {
            return true;
        };
        let Ok(at) = usize::try_from(offset - *from) else {
            return true;
        };
        let Some(word) = bits.get_mut(at / 64) else {
            return true;
        };
        let bit = 1 << (at % 64);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}
