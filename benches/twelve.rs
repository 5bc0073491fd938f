//! The job "12 windows": four keys, three exact sliding windows each, a count and a sum per window, for every event.
//!
//! The idea: the state alone, without decoding, rules or output, over keys of 14 bytes as they come from a topic. An
//! event comes every [`Job::pace`] and takes each of its keys at random, so that [`Job::live`] events lie in the longest
//! window of a key; the other two are an eighth and an eightieth of it. The invariant: everything follows from the job.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array, StringArray};
use arrow::datatypes::{Decimal128Type, Int64Type};

use rules::aggregate::Aggregate;
use rules::ruleset::{Limits, Scope};
use rules::state::seed::HashSeed;
use rules::state::{FeaturePlan, GroupPlan, GroupSize, GroupState, GroupStep};
use rules::time::{EventTime, Span};
use rules::value::Type;
use rules::window::Window;

/// What the four keys begin with.
const KINDS: [&str; 4] = ["card", "shop", "devc", "addr"];

/// Positions by which an event may be late.
const LATE_MAX: i64 = 1_000;

const AMOUNT: Type = Type::Decimal(4);

/// What is run; see the module.
#[derive(Clone, Debug)]
pub struct Job {
    /// Keys of each kind.
    pub keys: u64,
    /// Events of a key in its longest window, on average.
    pub live: f64,
    /// Share of the events that come up to 1,000 positions late; they are all within the lateness that is allowed.
    pub late: f64,
    /// Share of the events that go to one key of each kind.
    pub hot: f64,
    /// Every event brings new keys; so many of them come in a minute. Zero: keys are known ones.
    pub distinct: u64,
    /// Events of a step.
    pub step: usize,
}

impl Default for Job {
    fn default() -> Job {
        Job {
            keys: 1_000_000,
            live: 16.0,
            late: 0.0,
            hot: 0.0,
            distinct: 0,
            step: 256,
        }
    }
}

impl Job {
    /// Microseconds between two events.
    #[must_use]
    pub fn pace(&self) -> i64 {
        match self.distinct {
            0 => 1_000,
            distinct => (60_000_000 / distinct.cast_signed()).max(1),
        }
    }

    /// Events after which the longest window of every key is full, and a little more.
    #[must_use]
    pub fn warm(&self) -> u64 {
        match self.distinct {
            0 => (self.keys as f64 * self.live * 1.1) as u64,
            _ => 0,
        }
    }

    /// The windows in microseconds, shortest first.
    #[must_use]
    pub fn windows(&self) -> [i64; 3] {
        if self.distinct > 0 {
            return [60_000_000, 600_000_000, 3_600_000_000];
        }
        let longest = self.keys as f64 * self.live * self.pace() as f64;
        [80.0, 8.0, 1.0].map(|part| (longest / part) as i64)
    }

    fn plan(&self) -> GroupPlan {
        let feature = |aggregate, args: &[usize], window| FeaturePlan {
            aggregate,
            args: args.to_vec(),
            filter: None,
            window: Window::Sliding {
                from: Span(window),
                to: Span::ZERO,
            },
            scope: Scope::WithCurrent,
        };
        let each = |window| {
            [
                feature(Aggregate::Count, &[], window),
                feature(Aggregate::Sum, &[0], window),
            ]
        };
        GroupPlan {
            key: vec![Type::Text],
            inputs: vec![AMOUNT],
            filters: 0,
            features: self.windows().into_iter().flat_map(each).collect(),
            max_lateness: Span(LATE_MAX * self.pace()),
            limits: Limits::default(),
        }
    }
}

/// Some events as the state takes them, a step after the other.
#[derive(Debug)]
pub struct Events {
    steps: Vec<Columns>,
}

/// A step: its keys by kind, and what all kinds share.
#[derive(Debug)]
struct Columns {
    keys: Vec<[ArrayRef; 1]>,
    inputs: [ArrayRef; 1],
    filters: [BooleanArray; 0],
    times: Vec<EventTime>,
    horizon: Vec<EventTime>,
    added: Vec<bool>,
    duplicate: Vec<bool>,
}

impl Columns {
    fn of(&self, kind: usize) -> GroupStep<'_> {
        GroupStep {
            keys: &self.keys[kind],
            inputs: &self.inputs,
            filters: &self.filters,
            times: &self.times,
            added: &self.added,
            duplicate: &self.duplicate,
            horizon: &self.horizon,
        }
    }
}

/// Makes the events of a job, in order.
#[derive(Debug)]
pub struct Source {
    job: Job,
    random: u64,
    position: i64,
}

impl Source {
    /// From the first event on.
    #[must_use]
    pub fn new(job: &Job) -> Source {
        Source {
            job: job.clone(),
            random: 0x0abc_def1_2345_6789,
            position: 0,
        }
    }

    /// The next so many events.
    pub fn take(&mut self, events: usize) -> Events {
        let size = self.job.step;
        let sizes = (0..events)
            .step_by(size)
            .map(|from| size.min(events - from));
        Events {
            steps: sizes.map(|rows| self.columns(rows)).collect(),
        }
    }

    fn columns(&mut self, rows: usize) -> Columns {
        let mut keys: [Vec<String>; 4] = Default::default();
        let (mut amounts, mut times, mut horizon) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rows {
            for (kind, keys) in KINDS.iter().zip(&mut keys) {
                keys.push(format!("{kind}-{:09}", self.key()));
            }
            amounts.push(i128::from(self.below(5_000_000) + 1));
            let late = match self.chance(self.job.late) {
                true => 1 + self.below(LATE_MAX as u64).cast_signed(),
                false => 0,
            };
            times.push(EventTime((self.position - late) * self.job.pace()));
            horizon.push(EventTime((self.position - LATE_MAX) * self.job.pace()));
            self.position += 1;
        }
        let amounts = Decimal128Array::from_iter_values(amounts).with_data_type(AMOUNT.arrow());
        let text = |keys: &Vec<String>| -> [ArrayRef; 1] {
            [Arc::new(StringArray::from_iter_values(keys))]
        };
        Columns {
            keys: keys.iter().map(text).collect(),
            inputs: [Arc::new(amounts)],
            filters: [],
            times,
            horizon,
            added: vec![true; rows],
            duplicate: vec![false; rows],
        }
    }

    fn key(&mut self) -> u64 {
        if self.job.distinct > 0 {
            return self.position.cast_unsigned();
        }
        match self.chance(self.job.hot) {
            true => 0,
            false => self.below(self.job.keys),
        }
    }

    fn chance(&mut self, share: f64) -> bool {
        // No number is drawn for what never happens, so that a job without it has the same events as ever.
        share > 0.0 && (self.next() >> 11) as f64 * 2f64.powi(-53) < share
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// SplitMix64 (Steele, Lea, Flood, 2014).
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The state of the four kinds of keys, and what came out of it.
#[derive(Debug)]
pub struct Kernel {
    groups: Vec<GroupState>,
    answers: Vec<ArrayRef>,
    /// Sums up all answers: two builds that differ here do not do the same job.
    pub checksum: u64,
    /// Answers flagged approximate: the budget of a key took events that a window still held.
    pub approximate: u64,
}

impl Kernel {
    /// A state that has seen nothing.
    #[must_use]
    pub fn new(job: &Job) -> Kernel {
        let group = |_| GroupState::new(job.plan(), HashSeed::FIXED);
        Kernel {
            groups: KINDS.iter().map(group).collect(),
            answers: Vec::new(),
            checksum: 0,
            approximate: 0,
        }
    }

    /// Answers and takes the events.
    pub fn run(&mut self, events: &Events) {
        for step in &events.steps {
            for (kind, group) in self.groups.iter_mut().enumerate() {
                self.answers.clear();
                group.step(&step.of(kind), &mut self.answers);
                for answer in &self.answers {
                    self.checksum = self.checksum.wrapping_add(sum(answer));
                }
                let flagged = group.approximate().iter().filter(|flag| **flag);
                self.approximate += flagged.count() as u64;
            }
        }
    }

    /// What the four groups hold, added up.
    #[must_use]
    pub fn size(&self) -> GroupSize {
        let add = |all: GroupSize, group: &GroupState| {
            let size = group.size();
            GroupSize {
                keys: all.keys + size.keys,
                events: all.events + size.events,
                bytes: all.bytes + size.bytes,
                evicted_keys: all.evicted_keys + size.evicted_keys,
                evicted_events: all.evicted_events + size.evicted_events,
            }
        };
        self.groups.iter().fold(GroupSize::default(), add)
    }
}

/// Of a column of counts or of decimals.
fn sum(answer: &ArrayRef) -> u64 {
    if let Some(counts) = answer.as_primitive_opt::<Int64Type>() {
        let each = counts.values().iter().map(|count| count.cast_unsigned());
        return each.fold(0, u64::wrapping_add);
    }
    let sums = answer.as_primitive::<Decimal128Type>().values().iter();
    sums.map(|sum| *sum as u64).fold(0, u64::wrapping_add)
}
