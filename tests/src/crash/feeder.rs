//! The feeder: a thread that appends events at a steady pace until it is told to stop.
//!
//! The idea: event time goes by some 50 times as fast as ours, cards go to partitions by their key, every so often something
//! is no event at all. The invariant: what it appends follows from the seed; how far it came follows from when it was
//! stopped, and lies in the topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::crash::oracle::Event;
use crate::dice::Dice;
use crate::topic::{self, Record};

/// Events appended at a time.
const BATCH: usize = 8;
/// Between two batches, in milliseconds, unless told.
const PACE_MS: u64 = 8;
/// The time of the first event, in milliseconds.
const BEGIN: i64 = 1_767_225_600_000;

/// A thread that appends.
#[derive(Debug)]
pub struct Feeder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

/// Makes events that follow from a seed.
#[derive(Debug)]
struct Maker {
    dice: Dice,
    ts: i64,
    made: usize,
}

impl Maker {
    fn record(&mut self) -> Record {
        self.made += 1;
        self.ts += i64::try_from(self.dice.below(100)).unwrap();
        let event = Event {
            place: (0, 0),
            id: format!("e{}", self.made),
            ts: self.ts,
            card: format!("c{}", self.dice.below(40)),
            shop: format!("s{}", self.dice.below(12)),
            amount: i64::try_from(self.dice.below(10_000)).unwrap(),
        };
        let value = match self.dice.below(50) {
            0 => "{\"id\": nothing".to_owned(),
            _ => event.json(),
        };
        Record {
            key: Some(event.card.into_bytes()),
            value: Some(value.into_bytes()),
            ..Record::default()
        }
    }
}

impl Feeder {
    /// Appends to a topic from now on, a thousand a second.
    ///
    /// # Panics
    /// In its thread, when the broker takes nothing for too long.
    #[must_use]
    pub fn start(address: &str, topic: &str, seed: u64) -> Feeder {
        Feeder::at_pace(address, topic, seed, PACE_MS)
    }

    /// The same with eight records every so many milliseconds: a long run would otherwise spend its time reading them again.
    ///
    /// # Panics
    /// In its thread, when the broker takes nothing for too long.
    #[must_use]
    pub fn at_pace(address: &str, topic: &str, seed: u64, millis: u64) -> Feeder {
        let pace = Duration::from_millis(millis);
        let stop = Arc::new(AtomicBool::new(false));
        let (address, topic, stopped) = (address.to_owned(), topic.to_owned(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut maker = Maker {
                dice: Dice::seeded(seed),
                ts: BEGIN,
                made: 0,
            };
            let batches = std::iter::from_fn(|| {
                (!stopped.load(Ordering::Relaxed)).then(|| {
                    thread::park_timeout(pace);
                    (0..BATCH).map(|_| maker.record()).collect::<Vec<_>>()
                })
            });
            topic::produce(&address, &topic, batches.flatten());
            maker.made
        });
        Feeder {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops it; how many records it appended.
    ///
    /// # Panics
    /// When its thread did.
    pub fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
