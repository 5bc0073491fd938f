//! Asks ahead for the memory that the next rows of a step will want.
//!
//! The idea: memory that is waited for costs as much as the whole rest of an event, memory that was asked for in time
//! next to nothing. What a row wants is a chain: table, key, rows. So the rows of a step go through it in groups, each
//! link for a whole group at once, before the group is answered: what is asked for close together is under way together,
//! and so are the looks at page tables that come before. The invariant: nothing changes, and what is found here is a
//! guess that whoever uses it has to check.

use super::columns::StepKey;
use super::keys;
use super::layout::ROWS;
use super::store::{Store, halves, ring};

/// Rows of a group. More would push one another out of the nearest cache.
const GROUP: usize = 16;

/// Rows whose keys are guessed: the group at hand and the next one.
const GUESSED: usize = 2 * GROUP;

/// Words of a line of memory.
pub(super) const LINE: usize = 8;

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
        (0..2 * GROUP).for_each(|row| warm.table(row));
        ahead.guess(0, warm);
        ahead
    }

    /// Guesses the keys of a group, and asks for them.
    fn guess<'a>(&mut self, from: usize, warm: &Warm<impl Fn(usize) -> (&'a StepKey, &'a Store)>) {
        let rows = from..from + GROUP;
        for row in rows.clone() {
            self.0[row % GUESSED] = warm.key(row);
        }
        rows.for_each(|row| warm.body(row, self.0[row % GUESSED]));
    }

    /// The guess of a row, called for each in their order; groups behind it go on.
    #[inline]
    pub(super) fn next<'a>(
        &mut self,
        row: usize,
        warm: &Warm<impl Fn(usize) -> (&'a StepKey, &'a Store)>,
    ) -> u32 {
        if row.is_multiple_of(GROUP) {
            let group = row..row + GROUP;
            group.clone().for_each(|row| warm.table(row + 2 * GROUP));
            group.for_each(|row| warm.rows(row, self.0[row % GUESSED]));
            self.guess(row + GROUP, warm);
        }
        self.0[row % GUESSED]
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

    /// The number that leads to a key, from the table.
    #[inline]
    fn key(&self, row: usize) -> u32 {
        if row < self.count
            && let (Some((hash, _)), store) = (self.at)(row)
        {
            return store.keys.guess(*hash).unwrap_or(NO_GUESS);
        }
        NO_GUESS
    }

    /// The second: a small key, or the record of another one.
    #[inline]
    fn body(&self, row: usize, guess: u32) {
        if guess == NO_GUESS {
            return;
        }
        let store = (self.at)(row).1;
        match keys::class(guess) {
            keys::LARGE => ask(store.keys.record(keys::index(guess))),
            class => store.keys.bodies.ask(class, keys::index(guess)),
        }
    }

    /// The third: the rows that its windows begin and end with.
    #[inline]
    fn rows(&self, row: usize, guess: u32) {
        if row >= self.count || guess == NO_GUESS {
            return;
        }
        let store = (self.at)(row).1;
        match keys::class(guess) {
            keys::LARGE => store.ask_ring(guess),
            class => store.keys.bodies.ask_rows(class, keys::index(guess)),
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
