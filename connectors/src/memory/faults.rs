//! What goes wrong, by seed.
//!
//! The invariant: the same plan over the same calls does the same, so a failing run is its seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How a commit goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// Nothing was committed; [`crate::log::LogError::Aborted`].
    Aborted,
    /// Nothing was committed yet; [`crate::log::LogError::Retry`].
    Retry,
    /// All was committed but the answer is lost; [`crate::log::LogError::Retry`].
    AnswerLost,
    /// Another process took over just before; [`crate::log::LogError::Fenced`].
    Fenced,
    /// [`crate::log::LogError::Fatal`].
    Fatal,
    /// The same after all was committed.
    FatalAfter,
    /// The group has gone on without this member: [`crate::log::LogError::Aborted`], this commit and every other until
    /// the source has said [`crate::source::SourceEvent::Lost`].
    Evicted,
}

/// A plan of faults. The default has none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Seed of all that is drawn.
    pub seed: u64,
    /// Batches hold 1 to this many records, drawn anew each time; 0: always 256.
    pub batch_records_max: usize,
    /// One poll in this many fails with `retry`; 0: none does.
    pub poll_error_one_in: u32,
    /// One poll in this many says [`crate::source::SourceEvent::Idle`] although there are records; 0: none does.
    pub idle_one_in: u32,
    /// One poll in this many says "caught up" again of a partition that is; 0: none does.
    pub caught_up_again_one_in: u32,
    /// Serves some partitions for long stretches while others wait.
    pub uneven: bool,
    /// Halts this partition at this offset.
    pub halt: Option<(u32, i64)>,
    /// The poll with this number (from 0) fails for good.
    pub poll_fatal_at: Option<u64>,
    /// One write of a sink in this many fails with `retry`, taking nothing; 0: none does.
    pub write_error_one_in: u32,
    /// The commits with these numbers (from 0) go wrong.
    pub commits: BTreeMap<u64, CommitFault>,
    /// Polls of the source from a [`CommitFault::Evicted`] on until it hears of it.
    pub evicted_polls: u64,
    /// One poll in this many takes a partition away, or gives back one that was; 0: none does.
    pub rebalance_one_in: u32,
    /// Whether the member is evicted; what is made from clones of one plan shares it.
    pub evicted: Arc<AtomicBool>,
}

/// The plan at work.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// `stream` keeps the draws of source, sink and log apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { rng }
    }

    /// True once in `n` times; never for 0.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        n > 0 && self.rng.random_range(0..n) == 0
    }

    /// 1 to `max`, both included.
    pub(crate) fn up_to(&mut self, max: usize) -> usize {
        self.rng.random_range(1..=max.max(1))
    }
}
