//! Asks ahead for the memory that the next rows of a step will want.
//!
//! The idea: memory that is waited for costs as much as the whole rest of an event, memory that was asked for in time
//! next to nothing. What a row wants is a chain (table, key, ring), so while a row is answered, the ones behind it go
//! through the chain, each so many rows before its turn, and only a few lines at a time. The invariant: nothing changes,
//! and what is found here is a guess that whoever uses it has to check.

use super::columns::StepKey;
use super::keys;
use super::layout::ROWS;
use super::store::{Store, halves, ring};

/// Rows between one link of the chain and the next. More would push one another out of the nearest cache.
const AHEAD: usize = 16;

/// Rows whose keys are guessed before their turn.
const GUESSED: usize = 2 * AHEAD;

/// Words of a line of memory.
const LINE: usize = 8;

/// Lines asked for of each key.
const LINES: usize = 9;

/// Leads to no key.
const NO_GUESS: u32 = u32::MAX;

/// Asks for the line of memory that something begins in; it is not waited for.
#[inline(always)]
pub(super) fn prefetch<T: Copy>(of: &T) {
    #[cfg(target_feature = "sse")]
    safe_arch::prefetch_t0(of);
    // The next best: a read that nothing waits for until the processor has no room for more of them.
    #[cfg(not(target_feature = "sse"))]
    std::hint::black_box(*of);
}

/// The rows of a step, to be looked up.
pub(super) struct Warm<A> {
    pub(super) count: usize,
    /// The key of a row, and the store that has it.
    pub(super) at: A,
}

/// The numbers most likely those of the keys of the rows at hand, by row.
pub(super) struct Ahead([u32; GUESSED]);

impl Ahead {
    /// Begins with the first rows.
    pub(super) fn new<'a>(warm: &Warm<impl Fn(usize) -> (&'a StepKey, &'a Store)>) -> Ahead {
        let mut ahead = Ahead([NO_GUESS; GUESSED]);
        (0..GUESSED + AHEAD).for_each(|row| warm.table(row));
        for (row, guess) in ahead.0.iter_mut().enumerate() {
            *guess = warm.key(row);
        }
        (0..AHEAD).for_each(|row| warm.ring(row, ahead.0[row]));
        ahead
    }

    /// The guess of a row, called for each in their order; those behind it go on.
    #[inline]
    pub(super) fn next<'a>(
        &mut self,
        row: usize,
        warm: &Warm<impl Fn(usize) -> (&'a StepKey, &'a Store)>,
    ) -> u32 {
        warm.table(row + GUESSED + AHEAD);
        warm.ring(row + AHEAD, self.0[(row + AHEAD) % GUESSED]);
        std::mem::replace(&mut self.0[row % GUESSED], warm.key(row + GUESSED))
    }
}

impl<'a, A: Fn(usize) -> (&'a StepKey, &'a Store)> Warm<A> {
    /// The first link: the table.
    #[inline]
    fn table(&self, row: usize) {
        if row < self.count
            && let (Some((hash, _)), store) = (self.at)(row)
        {
            prefetch(store.keys.home(*hash));
        }
    }

    /// The second: a small key, or the record of another one.
    #[inline]
    fn key(&self, row: usize) -> u32 {
        if row < self.count
            && let (Some((hash, _)), store) = (self.at)(row)
            && let Some(key) = store.keys.guess(*hash)
        {
            let words = match keys::class(key) {
                keys::LARGE => store.keys.record(keys::index(key)),
                class => store.keys.bodies.words(class, keys::index(key)),
            };
            ask(words);
            return key;
        }
        NO_GUESS
    }

    /// The third: the rows of a record where its windows begin and end.
    #[inline]
    fn ring(&self, row: usize, guess: u32) {
        if row < self.count && keys::class(guess) == keys::LARGE && guess != NO_GUESS {
            (self.at)(row).1.ask_ring(guess);
        }
    }
}

/// Asks for the first lines of a key.
#[inline]
pub(super) fn ask(words: &[u64]) {
    let lines = words.chunks(LINE).take(LINES);
    lines.for_each(|line| prefetch(&line[0]));
    // They may begin anywhere in a line.
    words.last().into_iter().for_each(prefetch);
}

impl Store {
    fn ask_ring(&self, key: u32) {
        // It may have gone since.
        if self.keys.is_vacant(key) {
            return;
        }
        let record = self.keys.record(keys::index(key));
        let words = ring(record, &self.arena);
        let ask = |index: u32| {
            let word = words.get(index as usize * self.layout.row.width);
            word.into_iter().for_each(prefetch);
        };
        for window in &self.layout.windows {
            let (low, high) = halves(record[window.at]);
            ask(low);
            ask(high);
        }
        ask(halves(record[ROWS]).1);
    }
}
