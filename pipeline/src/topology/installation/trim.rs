//! Which control records nobody needs any more, and their removal.
//!
//! A restart folds the input by the records behind its snapshot, or from the first one where it has none; an audit compares
//! outputs with them. So a record may go when the input no longer reaches back to any event it covers *and* it lies before
//! the commit of the oldest snapshot that is kept. The invariant: without a snapshot whose commit was seen in this chain
//! nothing goes, and the record of that commit and all behind it stay.

use std::collections::{BTreeMap, VecDeque};

use arrow::array::Array;
use connectors::kafka::admin::delete_records;
use connectors::kafka::tail::Tail;
use connectors::record::RawBatch;
use connectors::snapshots::SnapshotStore;

use super::AuditError;
use super::live::Topic;
use crate::delivery::control::ControlRecord;
use crate::delivery::snapshot::Mark;
use crate::step::Positions;

/// Commits remembered until the snapshot of one of them is found: more than an hour of 20 a second.
const RECENT_MAX: usize = 100_000;

/// A commit: its number, what the next one calls it, where its record lies.
#[derive(Debug)]
struct Recent {
    sequence: u64,
    link: String,
    offset: i64,
}

/// What is known of records and snapshots.
#[derive(Debug, Default)]
pub(super) struct Trim {
    recent: VecDeque<Recent>,
    /// Snapshots that were there last time: the records of their commits have been read since. Whatever has taken their
    /// place is of later commits.
    listed: Vec<String>,
    /// Snapshots that are kept, and where the records of their commits lie.
    proven: BTreeMap<String, i64>,
    /// The first record that could not go last time, and where its commit ended.
    first: Option<(i64, Positions)>,
}

impl Trim {
    /// A record was read.
    pub(super) fn saw(&mut self, sequence: u64, link: String, offset: i64) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            sequence,
            link,
            offset,
        });
    }

    /// Removes what may go; how many offsets that were.
    pub(super) fn cut(
        &mut self,
        store: &dyn SnapshotStore,
        input: &Topic,
        control: &Topic,
        going: &dyn Fn() -> bool,
    ) -> Result<i64, AuditError> {
        let listed = std::mem::replace(&mut self.listed, store.list()?);
        let Some(oldest) = self.oldest(&listed).filter(|_| !self.listed.is_empty()) else {
            return Ok(0);
        };
        let starts: Vec<i64> = input
            .bounds()?
            .into_iter()
            .map(|(start, _)| start)
            .collect();
        let tail = Tail::open(&control.settings, &control.name)?;
        let start = tail.bounds()?.first().map_or(0, |(start, _)| *start);
        if let Some((_, to)) = self.first.as_ref().filter(|(at, _)| *at >= start)
            && !is_gone(to, &starts)
        {
            return Ok(0);
        }
        let (mut before, mut first) = (start, None);
        let mut some = |part: RawBatch| {
            for (row, offset) in part.offsets.iter().enumerate() {
                match end_of(&part, row) {
                    Some(to) if is_gone(&to, &starts) => before = offset + 1,
                    to => {
                        first = Some((*offset, to.unwrap_or_default()));
                        return false;
                    }
                }
            }
            true
        };
        tail.read(0, (start, oldest), going, &mut some)?;
        self.first = first;
        if before > start {
            delete_records(&control.settings, &control.name, 0, before)?;
        }
        Ok(before - start)
    }

    /// Where the record of the oldest snapshot lies; none if there is one of which that is not known.
    fn oldest(&mut self, names: &[String]) -> Option<i64> {
        self.proven.retain(|name, _| names.contains(name));
        let last = self.recent.back()?.sequence;
        for name in names {
            if self.proven.contains_key(name) {
                continue;
            }
            let sequence = Mark::sequence_in(name, &Mark::prefix(None))?;
            let same = self.recent.iter().filter(|it| it.sequence == sequence);
            let same: Vec<&Recent> = same.collect();
            if let Some(of) = same.iter().find(|it| it.name() == *name) {
                self.proven.insert(name.clone(), of.offset);
            } else if same.is_empty() && sequence <= last {
                // Of a commit before this run, maybe; newer ones will take its place.
                return None;
            }
        }
        self.proven.values().min().copied()
    }
}

impl Recent {
    fn name(&self) -> String {
        let mark = Mark {
            sequence: self.sequence,
            link: self.link.clone(),
            positions: Positions::new(),
            partition: None,
        };
        mark.name()
    }
}

/// Where the commit of a record ended; none where it cannot be understood.
fn end_of(part: &RawBatch, row: usize) -> Option<Positions> {
    let bytes = part.values.is_valid(row).then(|| part.values.value(row))?;
    let record: ControlRecord = serde_json::from_slice(bytes).ok()?;
    Some(record.to().to_vec())
}

/// Whether the input no longer reaches back to before these offsets, in any partition.
fn is_gone(to: &[(u32, i64)], starts: &[i64]) -> bool {
    let start = |partition: u32| starts.get(partition as usize);
    let gone = |(partition, end): &(u32, i64)| start(*partition).is_some_and(|start| end <= start);
    !to.is_empty() && to.iter().all(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has seen commits 5 to 9, a record every other offset.
    fn seen() -> Trim {
        let mut trim = Trim::default();
        for sequence in 5..10_u32 {
            let link = format!("{sequence:032x}");
            trim.saw(sequence.into(), link, i64::from(2 * sequence));
        }
        trim
    }

    fn of(sequence: u64) -> String {
        format!("{sequence:020}-{:016x}", 0)
    }

    #[test]
    fn the_oldest_snapshot_says_how_far() {
        let mut trim = seen();
        assert_eq!(trim.oldest(&[]), None);
        assert_eq!(trim.oldest(&[of(6), of(8)]), Some(12));
        // It has gone; what is known of the other stays known.
        trim.recent.retain(|it| it.sequence == 9);
        assert_eq!(trim.oldest(&[of(8)]), Some(16));
    }

    #[test]
    fn a_snapshot_of_a_commit_before_the_run_holds_all() {
        assert_eq!(seen().oldest(&[of(2), of(8)]), None);
    }

    #[test]
    fn snapshots_of_another_past_do_not_count() {
        let other = format!("{:020}-{:016x}", 6, u64::MAX);
        assert_eq!(seen().oldest(&[other.clone(), of(8)]), Some(16));
        assert_eq!(seen().oldest(&[of(8), of(40)]), Some(16));
        assert_eq!(seen().oldest(&[other, of(40)]), None);
    }

    #[test]
    fn what_one_partition_still_has_is_not_gone() {
        assert!(is_gone(&[(0, 5), (1, 3)], &[5, 4]));
        assert!(!is_gone(&[(0, 5), (1, 5)], &[5, 4]));
        assert!(!is_gone(&[(0, 5), (2, 3)], &[5, 4]));
        assert!(!is_gone(&[], &[5, 4]), "nobody knows where it ended");
    }
}
