//! A commit as its record has it, and what was found of it: sums per topic, and a bit per event.
//!
//! Where outputs may come again, those that came again may say something else: partitions were merged in another order. The
//! process that committed wrote last, unless the one it replaced wrote on for a moment; so what came first of each event and
//! what came last are summed, and the commit may mean either. The invariant: what is kept grows with what was found, never
//! with what a record claims.

use std::collections::{BTreeMap, HashMap, HashSet};

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

/// An event, and which alert of it.
type Member = ((u32, i64), Option<u128>);

/// Sum and members of one topic.
#[derive(Debug, Default)]
struct Tally {
    /// Of what came first of each member.
    sum: Sum,
    /// Where members may come again: of what came last of each, and what that was.
    last: Option<Digest>,
    each: HashMap<Member, Digest>,
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
    wrote: [(u64, Option<Digest>); 3],
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
                (record.decisions, Some(digests.decisions)),
                (record.alerts, digests.alerts),
                (record.dead_letters, Some(digests.dead_letters)),
            ],
            tallies: Vec::new(),
        }
    }

    /// How many records of a stream it wrote, and what they were, where that is told.
    pub(super) fn wrote(&self, stream: Stream) -> (u64, Option<Digest>) {
        self.wrote[stream as usize]
    }

    /// How many events, or alerts, of it a topic has.
    pub(super) fn count(&self, topic: usize) -> u64 {
        self.tallies.get(topic).map_or(0, |tally| tally.sum.count)
    }

    /// Whether a topic has what it wrote, as far as can be told.
    pub(super) fn is_same(&self, stream: Stream, topic: usize) -> bool {
        let (_, Some(wrote)) = self.wrote(stream) else {
            return true;
        };
        let Some(tally) = self.tallies.get(topic) else {
            return wrote == Digest::default();
        };
        tally.sum.digest.is_none_or(|first| first == wrote) || tally.last == Some(wrote)
    }

    /// What a topic has is what it wrote: whatever comes again later is of no account.
    pub(super) fn let_go(&mut self, stream: Stream, topic: usize) {
        let (wanted, wrote) = self.wrote(stream);
        let same = self.count(topic) == wanted && self.is_same(stream, topic);
        if let Some(tally) = self.tallies.get_mut(topic).filter(|_| same) {
            tally.sum.digest = tally.sum.digest.and(wrote);
            (tally.last, tally.each) = (None, HashMap::new());
        }
    }

    /// Whether a topic has all that it wrote; more is no fault where repeats are none.
    pub(super) fn is_complete(&self, stream: Stream, topic: usize, exact: bool) -> bool {
        let ((wanted, _), found) = (self.wrote(stream), self.count(topic));
        found == wanted && self.is_same(stream, topic) || !exact && found > wanted
    }

    /// One of a topic came again, where that is allowed.
    pub(super) fn repeated(&mut self, topic: usize, found: &Found<'_>) {
        let Some(tally) = self.tally(topic) else {
            return;
        };
        let (Some(last), Some(digest)) = (&mut tally.last, found.digest) else {
            return;
        };
        if let Some(before) = tally.each.insert((found.of, found.id), digest) {
            last.leave(before);
            last.join(digest);
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

    /// Adds one that is there for the first time; it may come `again`.
    pub(super) fn add(&mut self, topic: usize, found: &Found<'_>, again: bool) {
        let Some(Tally {
            sum, last, each, ..
        }) = self.tally(topic)
        else {
            return;
        };
        sum.count += 1;
        sum.digest = sum.digest.zip(found.digest).map(|(mut sum, digest)| {
            sum.join(digest);
            sum
        });
        if let Some(digest) = found.digest.filter(|_| again) {
            last.get_or_insert_default().join(digest);
            each.insert((found.of, found.id), digest);
        }
    }
}
