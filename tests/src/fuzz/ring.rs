//! Operations on the state of a group: whatever comes, an answer that is not flagged is the naive reference's.
//!
//! An input is a plan (its first bytes) and operations: events in and out of order, late and repeated ones, silences,
//! bursts that make a small key large, keys that come and go, cuts between steps. Some plans have a budget that is
//! nearly nothing. The same operations in other steps, under another seed of the hash tables and after a fold, must give
//! the same answers and the same flags.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rules::ruleset::Limits;
use rules::state::seed::HashSeed;
use rules::state::{GroupPlan, GroupState};
use rules::value::Type;

use super::Target;
use crate::dice::Dice;
use crate::reference::stream::{self, Columns, Stream, datum, datum_at, key};
use crate::reference::ticks::Ticks;
use crate::reference::{Datum, Event, Reference};

pub(super) const TARGET: Target = Target {
    name: "ring",
    short: 600,
    // Operations that stand for themselves, with what they read behind them.
    words: &[
        "\0\0\0",
        "\x07\x02\x05",
        "\x08\x01",
        "\x09\x50",
        "\x0a\x00\x46\x00",
        "\x0a\x01\x50\x01",
        "\x0b\x14",
        "\x0c",
        "\x0d",
        "\x0e\x00\x50\x07",
        "\x0e\x02\x46\x03",
    ],
    check,
};

/// The reference looks at all events for each: beyond this a round is slow.
const ROWS_MAX: usize = 320;

/// What a row was answered, and whether it was flagged.
type Answer = (Vec<Datum>, bool);

fn check(input: &[u8]) -> Result<(), String> {
    let mut dice = Dice::of_bytes(input);
    let seed = (0..3).fold(0, |seed, _| (seed << 8) | (dice.roll() % 256));
    let (mut plan, ticks) = stream::plan(&mut ChaCha8Rng::seed_from_u64(seed));
    plan.limits = limits(&mut dice);
    let (stream, cuts) = Writer::new(&plan, ticks, seed).write(&mut dice);
    if stream.events.is_empty() {
        return Ok(());
    }
    let answers = run(&plan, &stream, &cuts, HashSeed::FIXED, 0);
    exact(&plan, &stream, &answers)?;
    let each: Vec<usize> = (0..stream.events.len()).collect();
    let folded = stream.events.len() / 2;
    for (cuts, folded) in [(&each, 0), (&cuts, folded)] {
        let again = run(&plan, &stream, cuts, HashSeed::new([seed; 4]), folded);
        if let Some(row) = (folded..again.len()).find(|row| again[*row] != answers[*row]) {
            let (first, again) = (&answers[row], &again[row]);
            return Err(format!(
                "row {row}, {folded} folded: {first:?}, then {again:?}; {plan:?}"
            ));
        }
    }
    Ok(())
}

/// Most of the time as a pack has them; else so low that keys, events and values go.
fn limits(dice: &mut Dice) -> Limits {
    let usual = Limits::default();
    Limits {
        keys: dice.of(&[usual.keys, usual.keys, usual.keys, 2]),
        events_per_key: dice.of(&[usual.events_per_key, usual.events_per_key, 80, 6]),
        distinct_per_key: dice.of(&[usual.distinct_per_key, usual.distinct_per_key, 4]),
    }
}

fn exact(plan: &GroupPlan, stream: &Stream, answers: &[Answer]) -> Result<(), String> {
    let bounded = plan.limits != Limits::default();
    let mut reference = Reference::new(plan.clone());
    for (row, (event, (got, flagged))) in stream.events.iter().zip(answers).enumerate() {
        let want = reference.answer(event);
        if *flagged && !bounded && event.time >= stream.horizons[row] {
            return Err(format!(
                "row {row}: flagged at or after the horizon; {plan:?}"
            ));
        }
        if !flagged && *got != want {
            return Err(format!(
                "row {row}: got {got:?}, want {want:?} for {event:?}; {plan:?}"
            ));
        }
    }
    Ok(())
}

/// Runs a stream cut before these rows; the first `folded` are taken without answers.
fn run(
    plan: &GroupPlan,
    stream: &Stream,
    cuts: &[usize],
    seed: HashSeed,
    folded: usize,
) -> Vec<Answer> {
    let types: Vec<Type> = plan
        .features
        .iter()
        .flat_map(|feature| {
            let args: Vec<Type> = feature.args.iter().map(|i| plan.inputs[*i]).collect();
            feature
                .aggregate
                .result_over(feature.window, &args)
                .unwrap()
        })
        .collect();
    let mut state = GroupState::new(plan.clone(), seed);
    let mut ends: Vec<usize> = cuts
        .iter()
        .copied()
        .chain([folded, stream.events.len()])
        .collect();
    ends.sort_unstable();
    let (mut answers, mut from) = (Vec::new(), 0);
    for to in ends {
        if to == from {
            continue;
        }
        let columns = Columns::new(plan, stream, from..to);
        let mut out = Vec::new();
        if to <= folded {
            state.fold(&columns.step());
        } else {
            state.step(&columns.step(), &mut out);
        }
        for (row, flagged) in state.approximate().iter().enumerate() {
            let members = types.iter().zip(&out);
            let members = members.map(|(ty, array)| datum_at(*ty, array, row));
            answers.push((members.collect(), *flagged));
        }
        from = to;
    }
    answers
}

/// Makes a stream of operations.
struct Writer<'a> {
    plan: &'a GroupPlan,
    ticks: Ticks,
    /// Values of events: what an operation does not say.
    rng: ChaCha8Rng,
    extremes: bool,
    lateness: i64,
    clock: i64,
    /// The greatest time of each partition; with one partition the second is as far as the first.
    newest: [Option<i64>; 2],
    partition: usize,
    /// Keys from here on are new.
    fresh: i64,
    stream: Stream,
}

impl<'a> Writer<'a> {
    fn new(plan: &'a GroupPlan, ticks: Ticks, seed: u64) -> Writer<'a> {
        Writer {
            plan,
            ticks,
            rng: ChaCha8Rng::seed_from_u64(!seed),
            extremes: seed.is_multiple_of(4),
            lateness: ticks.count(plan.max_lateness),
            clock: 0,
            newest: [None, None],
            partition: 0,
            fresh: 4,
            stream: Stream::default(),
        }
    }

    /// The stream, and before which of its rows a step begins.
    fn write(mut self, dice: &mut Dice) -> (Stream, Vec<usize>) {
        let mut cuts = Vec::new();
        while !dice.is_dry() && self.stream.events.len() < ROWS_MAX {
            match dice.below(15) {
                0..=6 => {
                    self.clock += dice.below(4) as i64;
                    self.event(dice.below(4) as i64, 0);
                }
                7 => {
                    let behind = dice.below(self.lateness as usize * 3 / 2 + 2) as i64;
                    self.event(dice.below(4) as i64, behind);
                }
                8 => self.repeat(dice.below(256)),
                9 => self.clock += dice.below(128) as i64,
                10 => {
                    let (key, events, pace) = (dice.below(4), dice.below(128), dice.below(3));
                    for _ in 0..events {
                        self.clock += pace as i64;
                        self.event(key as i64, 0);
                    }
                }
                11 => {
                    for _ in 0..dice.below(32) {
                        self.fresh += 1;
                        self.event(self.fresh, 0);
                    }
                }
                12 => cuts.push(self.stream.events.len()),
                13 => self.partition ^= 1,
                _ => {
                    let (key, events, width) = (dice.below(4), dice.below(128), dice.below(9));
                    for at in 0..events {
                        self.clock += 1;
                        // There and back again, as sources do that take turns.
                        self.event(key as i64, (at * 5 % (width + 1)) as i64);
                    }
                }
            }
        }
        let length = |tick: &mut i64| *tick = self.ticks.time(*tick);
        let stream = &mut self.stream;
        stream.events.truncate(ROWS_MAX);
        stream.horizons.truncate(ROWS_MAX);
        stream
            .events
            .iter_mut()
            .for_each(|event| length(&mut event.time));
        stream.horizons.iter_mut().for_each(length);
        cuts.retain(|cut| *cut < ROWS_MAX);
        (self.stream, cuts)
    }

    fn event(&mut self, number: i64, behind: i64) {
        let (time, rng) = (self.clock - behind, &mut self.rng);
        let newest = &mut self.newest[self.partition];
        let late = newest.is_some_and(|newest| time < newest - self.lateness);
        *newest = Some(newest.map_or(time, |newest| newest.max(time)));
        let inputs = self.plan.inputs.iter();
        self.stream.events.push(Event {
            key: self
                .plan
                .key
                .iter()
                .map(|ty| key(*ty, number, rng))
                .collect(),
            inputs: inputs.map(|ty| datum(*ty, self.extremes, rng)).collect(),
            filters: (0..self.plan.filters)
                .map(|at| filter(at, number + time))
                .collect(),
            time,
            late,
            duplicate: false,
        });
        self.horizon();
    }

    /// An event that was there, once more.
    fn repeat(&mut self, at: usize) {
        let events = &self.stream.events;
        if let Some(event) = events.get(at % events.len().max(1)) {
            let mut event = event.clone();
            event.duplicate = true;
            self.stream.events.push(event);
            self.horizon();
        }
    }

    /// A partition without an event yet may still bring any time; one with events none that is not late before its
    /// newest less the lateness.
    fn horizon(&mut self) {
        let [first, second] = self.newest;
        let least = first.zip(second).map(|(first, second)| first.min(second));
        let horizon = least.map_or(i64::MIN, |least| least - self.lateness);
        self.stream.horizons.push(horizon);
    }
}

/// Unknown now and then.
fn filter(at: usize, of: i64) -> Option<bool> {
    match (of + at as i64).rem_euclid(7) {
        0 => None,
        rest => Some(rest % 2 == 1),
    }
}
