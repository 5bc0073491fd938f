//! Seeded, realistic card swipes with planted fraud, for demos, tests and benches.
//!
//! The one idea: the world is a function of the seed ([`world`]: every card, merchant and device is computed from its
//! number, so millions of cards cost no memory), and the stream is a clockwork over it: ordinary swipes at a steady
//! density in event time, and incidents of fraud ([`fraud`]) on a schedule of their own. A history of the same cards
//! may come first, so that rules over weeks of habits have something to know. The invariant: the same [`Config`] gives
//! the same bytes, event times do not decrease (but for the disorder asked for), and no token looks like a card number.
//!
//! Nothing here reads a clock: how fast events are handed over is the caller's to say ([`source`]).

mod columns;
mod config;
mod event;
mod fraud;
mod source;
mod world;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub use self::columns::columns;
pub use self::config::{Config, History};
pub use self::event::{Event, Truth};
pub use self::fraud::FraudKind;
pub use self::source::{GenerateSource, Pace};

use self::world::World;

const SECOND: i64 = 1_000_000;
/// A length of time that no stream lasts.
const NEVER: i64 = i64::MAX / 4;

/// The first incident is not far from the beginning.
const FIRST_GAP_MAX: i64 = SECOND;

const DAY_SECONDS: f64 = 86_400.0;

/// Of a hundred events how many are held back when disorder is asked for.
const DISORDER_PERCENT: u64 = 5;

/// An event that waits for its turn.
struct Waiting {
    turn: i64,
    order: u64,
    event: Event,
}

/// The stream: an iterator that never ends.
pub struct Generator {
    config: Config,
    world: World,
    random: ChaCha8Rng,
    /// Event time of the next ordinary swipe.
    ordinary: i64,
    /// Event time of the next incident.
    incident: i64,
    /// Kinds left of the cycle; each cycle has every kind once.
    kinds: Vec<FraudKind>,
    incidents: u32,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// How many ever waited: the tie-breaker of equal times.
    queued: u64,
    handed_over: u64,
    live: bool,
}

impl Generator {
    /// A stream from its first event on.
    #[must_use]
    pub fn new(config: Config) -> Generator {
        let random = ChaCha8Rng::seed_from_u64(config.seed);
        let days = config
            .history
            .as_ref()
            .map_or(0, |history| i64::from(history.days));
        let begin = config.start_time_micros - days * 86_400 * SECOND;
        let world = World::new(config.seed, config.cards, config.merchants);
        let live = days == 0;
        let mut generator = Generator {
            incident: begin,
            kinds: Vec::new(),
            config,
            world,
            random,
            ordinary: begin,
            incidents: 0,
            waiting: BinaryHeap::new(),
            queued: 0,
            handed_over: 0,
            live,
        };
        generator.incident = begin + generator.first_gap();
        generator
    }

    /// How many events were handed over: the number of the next one.
    #[must_use]
    pub fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// The next event; there always is one.
    pub fn next_event(&mut self) -> Event {
        loop {
            let planned = self.ordinary.min(self.incident);
            if self
                .waiting
                .peek()
                .is_some_and(|Reverse(first)| first.turn <= planned)
                && let Some(Reverse(first)) = self.waiting.pop()
            {
                return self.numbered(first.event);
            }
            if !self.live && planned >= self.config.start_time_micros {
                self.begin_live();
                continue;
            }
            if self.incident <= self.ordinary {
                self.plant();
                continue;
            }
            let event = self.ordinary_swipe();
            if self.config.disorder_micros > 0 && self.below(100) < DISORDER_PERCENT {
                let delay = self.up_to(self.config.disorder_micros);
                self.wait(event.time_micros + delay, event);
                continue;
            }
            return self.numbered(event);
        }
    }

    fn numbered(&mut self, mut event: Event) -> Event {
        event.number = self.handed_over;
        event.seed = self.config.seed;
        self.handed_over += 1;
        event
    }

    /// The history ends: the densities of the stream proper hold, and a new cycle of incidents begins.
    fn begin_live(&mut self) {
        self.live = true;
        self.ordinary = self.config.start_time_micros;
        self.incident = self.config.start_time_micros + self.first_gap();
        self.kinds.clear();
    }

    /// Ordinary swipes per second of event time, now.
    fn density(&self) -> f64 {
        match &self.config.history {
            Some(history) if !self.live => {
                f64::from(history.cards) * history.swipes_per_card_day / DAY_SECONDS
            }
            _ => self.config.swipes_per_second,
        }
    }

    /// The cards that swipe now.
    fn population(&self) -> u32 {
        match &self.config.history {
            Some(history) if !self.live => history.cards.min(self.config.cards),
            _ => self.config.cards,
        }
    }

    /// The cards that have habits, which incidents befall.
    fn victims(&self) -> u32 {
        let known = self
            .config
            .history
            .as_ref()
            .map_or(self.config.cards, |history| history.cards);
        known.min(self.config.cards).max(1)
    }

    fn ordinary_swipe(&mut self) -> Event {
        let time = self.ordinary;
        let card = self
            .world
            .awake_card(time, self.population(), &mut self.random);
        let event = self.world.habitual_swipe(time, &card, &mut self.random);
        self.ordinary = time + self.spread(micros_of(1.0 / self.density().max(1e-9)));
        event
    }

    /// How long until the first incident of a part of the stream: none when there is to be no fraud in it.
    fn first_gap(&mut self) -> i64 {
        let gap = self.incident_gap();
        if gap < NEVER {
            gap.min(FIRST_GAP_MAX)
        } else {
            NEVER
        }
    }

    fn incident_gap(&mut self) -> i64 {
        if let (true, Some(gap)) = (self.live, self.config.incident_gap_micros) {
            return gap.max(1);
        }
        let share = match &self.config.history {
            Some(history) if !self.live => history.fraud,
            _ => self.config.fraud,
        };
        if share <= 0.0 {
            return NEVER;
        }
        self.spread(micros_of(
            fraud::SWIPES_PER_INCIDENT / (share * self.density()).max(1e-9),
        ))
    }

    /// A length whose mean is `mean`; integers only, so that it is the same on every machine.
    fn spread(&mut self, mean: i64) -> i64 {
        1 + self.up_to(mean.saturating_mul(2).max(1))
    }

    fn up_to(&mut self, end: i64) -> i64 {
        let end = u64::try_from(end).unwrap_or(1).max(1);
        i64::try_from(self.random.next_u64() % end).unwrap_or_default()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end.max(1)
    }

    /// Puts the swipes of the next incident in line.
    fn plant(&mut self) {
        let start = self.incident;
        if self.kinds.is_empty() {
            self.kinds = FraudKind::ALL.into_iter().rev().collect();
            // The first cycle of a stream is in the order of the kinds, the others are shuffled.
            if self.incidents > 0 && !(self.live && self.config.incident_gap_micros.is_some()) {
                for index in (1..self.kinds.len()).rev() {
                    let other = usize::try_from(self.below(index as u64 + 1)).unwrap_or_default();
                    self.kinds.swap(index, other);
                }
            }
        }
        let Some(kind) = self.kinds.pop() else {
            return;
        };
        let victims = self.victims();
        let swipes = fraud::incident(kind, &self.world, victims, &mut self.random);
        let lasts = swipes.last().map_or(0, |(after, _)| *after).max(1);
        let span = match self.config.incident_span_micros {
            Some(span) if self.live => span.clamp(1, lasts),
            _ => lasts,
        };
        for (after, mut event) in swipes {
            let compressed = i128::from(after) * i128::from(span) / i128::from(lasts);
            event.time_micros = start + i64::try_from(compressed).unwrap_or(after);
            event.incident = self.incidents;
            self.wait(event.time_micros, event);
        }
        self.incidents = self.incidents.wrapping_add(1);
        self.incident = start + self.incident_gap();
    }

    fn wait(&mut self, turn: i64, event: Event) {
        // Bounded: an incident has at most 40 swipes and disorder holds back five in a hundred for a bounded time.
        let order = self.queued;
        self.queued += 1;
        self.waiting.push(Reverse(Waiting { turn, order, event }));
    }
}

impl Iterator for Generator {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        Some(self.next_event())
    }
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator")
            .field("config", &self.config)
            .field("handed_over", &self.handed_over)
            .finish_non_exhaustive()
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.turn, self.order).cmp(&(other.turn, other.order))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

/// Whole microseconds of seconds.
fn micros_of(seconds: f64) -> i64 {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a cast of a float saturates"
    )]
    let micros = (seconds * 1e6) as i64;
    micros.max(1)
}
