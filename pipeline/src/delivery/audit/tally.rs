//! A commit as its record has it, and what was found of it: sums per topic, and a bit per event.
//!
//! The invariant: what is kept grows with what was found, never with what a record claims.

use std::collections::{BTreeMap, HashSet};

use super::{Found, Stream};
use crate::delivery::control::ControlRecord;
use crate::delivery::digest::Digest;
use crate::step::Positions;

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

/// Sum and members of one topic.
#[derive(Debug, Default)]
struct Tally {
    sum: Sum,
    /// Events seen: a bit for each of 64 that lie beside one another.
    events: BTreeMap<(u32, i64), u64>,
    alerts: HashSet<u128>,
}

/// A commit that is not settled.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) sequence: u64,
    pub(super) from: Positions,
    pub(super) to: Positions,
    /// Whether all it wrote can be found.
    pub(super) compared: bool,
    pub(super) held: bool,
    wrote: [(u64, Digest); 3],
    /// By the number of the topic.
    tallies: Vec<Tally>,
}

impl Commit {
    pub(super) fn new(record: &ControlRecord, compared: bool) -> Commit {
        let digests = &record.digests;
        Commit {
            sequence: record.sequence,
            from: record.from.clone(),
            to: record.to().to_vec(),
            compared,
            held: false,
            // In the order of `Stream::ALL`.
            wrote: [
                (record.decisions, digests.decisions),
                (record.alerts, digests.alerts),
                (record.dead_letters, digests.dead_letters),
            ],
            tallies: Vec::new(),
        }
    }

    /// How many records of a stream it wrote, and what they were.
    pub(super) fn wrote(&self, stream: Stream) -> (u64, Digest) {
        self.wrote[stream as usize]
    }

    pub(super) fn found(&self, topic: usize) -> Sum {
        let tally = self.tallies.get(topic);
        tally.map(|tally| tally.sum).unwrap_or_default()
    }

    /// Whether a topic has what it wrote; more is no fault where repeats are none.
    pub(super) fn is_complete(&self, stream: Stream, topic: usize, exact: bool) -> bool {
        let ((wanted, digest), found) = (self.wrote(stream), self.found(topic));
        let same = found.digest.is_none_or(|found| found == digest);
        found.count == wanted && same || !exact && found.count > wanted
    }

    /// Some of a topic came again. Partitions may have been merged in another order then, so that the two say different
    /// things, and nobody knows which of them the commit means.
    pub(super) fn repeated(&mut self, topic: usize) {
        if let Some(tally) = self.tally(topic) {
            tally.sum.digest = None;
        }
    }

    fn tally(&mut self, topic: usize) -> Option<&mut Tally> {
        if self.tallies.len() <= topic {
            self.tallies.resize_with(topic + 1, Tally::default);
        }
        self.tallies.get_mut(topic)
    }

    /// Whether it is the first time for an event, or for an alert of it.
    pub(super) fn first(&mut self, topic: usize, found: &Found<'_>) -> bool {
        let (partition, offset) = found.of;
        let Some(tally) = self.tally(topic) else {
            return true;
        };
        if let Some(id) = found.id {
            return tally.alerts.insert(id);
        }
        let word = tally.events.entry((partition, offset.div_euclid(64)));
        let (word, bit) = (word.or_default(), 1 << offset.rem_euclid(64));
        let first = *word & bit == 0;
        *word |= bit;
        first
    }

    pub(super) fn add(&mut self, topic: usize, digest: Option<Digest>) {
        let Some(Tally { sum, .. }) = self.tally(topic) else {
            return;
        };
        sum.count += 1;
        sum.digest = sum.digest.zip(digest).map(|(mut sum, digest)| {
            sum.join(digest);
            sum
        });
    }
}
