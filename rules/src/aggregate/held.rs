//! What running values hold aside, as bytes; and whether a running value that was read can be worked with.
//!
//! The idea: a running value follows from the rows of its window, so what an event leaving it relies on can be counted
//! again; only sums are taken as they are. The invariant: of a cell that passes, events can enter and leave in any order,
//! and every reading gives a value or null.

use std::io;

use super::cell::{Cell, Entry, Heap, Kind, Span};
use super::decay::Weighted;
use super::distinct::Multiset;
use super::edge::Edge;
use super::extreme::{Extreme, Order};
use super::sum::FloatSums;
use crate::ruleset::Limits;
use crate::snapshot::{Claims, Fault, Freeze, Owners, Reader, Room, Writer, sure};
use crate::state::row::{Place, RowLayout};
use crate::state::seed::HashSeed;
use crate::state::slab::Slab;
use crate::state::text::Texts;

/// More events than there will ever be.
const EVENTS_MAX: u64 = 1 << 48;

/// What the word of an extreme or an edge adds to the index of its event; below that are states.
const FIRST_INDEX: u64 = 2;

impl Heap {
    /// Back from [`Freeze::write`]; it is whole after [`Heap::settle`].
    pub(crate) fn restore(
        seed: HashSeed,
        limits: Limits,
        from: &mut Reader<'_>,
    ) -> Result<Heap, Fault> {
        let mut heap = Heap::new(seed, limits);
        heap.texts = Texts::restore(seed, from)?;
        heap.floats = Slab::restore(from, 4, FloatSums::restore)?;
        heap.sets = Slab::restore(from, 1, |from| Multiset::restore(&heap.hasher, from))?;
        heap.weighted = Slab::restore(from, 4, Weighted::restore)?;
        Ok(heap)
    }

    /// Nothing is claimed yet.
    pub(crate) fn claims(&self) -> Claims {
        Claims {
            floats: Owners::new(self.floats.len()),
            sets: Owners::new(self.sets.len()),
            weighted: Owners::new(self.weighted.len()),
            texts: vec![0; self.texts.len()],
        }
    }

    /// All keys have claimed what is theirs; the rest must be free.
    pub(crate) fn settle(&mut self, claims: Claims) -> Result<(), Fault> {
        self.floats.settle(claims.floats)?;
        self.sets.settle(claims.sets)?;
        self.weighted.settle(claims.weighted)?;
        self.texts.settle(&claims.texts)
    }
}

impl Freeze for Heap {
    fn freeze(&mut self) {
        self.texts.freeze();
        self.floats.freeze();
        self.sets.freeze();
        self.weighted.freeze();
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        Ok(self.texts.write(room, to)?
            && self.floats.write(room, to)?
            && self.sets.write(room, to)?
            && self.weighted.write(room, to)?)
    }

    fn thaw(&mut self) {
        self.texts.thaw();
        self.floats.thaw();
        self.sets.thaw();
        self.weighted.thaw();
    }
}

impl Cell {
    /// Checks the words of a key's cell, and claims what they point to. `span`: the rows of its window; none where it is
    /// only of events no longer held.
    pub(crate) fn check(
        &self,
        record: &[u64],
        span: Option<&Span<'_>>,
        layout: &RowLayout,
        heap: &Heap,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        let words = &record[self.at..self.at + self.words()];
        match &self.kind {
            Kind::Events => self.counts(words[0], self.events(span, |_| 1)),
            Kind::Present(input) | Kind::Ints { input, .. } => {
                self.counts(words[0], self.present(span, Some(*input)))
            }
            Kind::Share(input) => {
                let truth = |entry: &Entry<'_>| entry.value(*input).unwrap_or(0);
                self.counts(words[0], self.present(span, Some(*input)))?;
                self.counts(words[1], self.events(span, truth))
            }
            Kind::Floats { input, .. } => {
                self.counts(words[0], self.present(span, Some(*input)))?;
                let float = |at| heap.floats.get(at).is_sound();
                claim(&mut claims.floats, words, float)
            }
            Kind::Weighted {
                input, half_life, ..
            } => {
                self.counts(words[0], self.present(span, *input))?;
                let near = |at| {
                    let ends = span.filter(|s| s.low < s.high);
                    ends.is_some_and(|s| {
                        let ends = (s.rows.time(s.low), s.rows.time(s.high - 1));
                        heap.weighted.get(at).is_near(ends, *half_life)
                    })
                };
                claim(&mut claims.weighted, words, near)
            }
            Kind::Distinct { text, .. } => self.check_set(words[0], *text, heap, claims),
            Kind::Extreme(extreme) => self.check_extreme(*extreme, words, span, claims),
            Kind::Edge(edge) => self.check_edge(edge, words, span, layout, claims),
            Kind::Walk { .. } => Ok(()),
        }
    }

    /// Whether a word counts what the rows have, or more where it outlives them.
    fn counts(&self, word: u64, rows: u64) -> Result<(), Fault> {
        let counts = match self.forever {
            true => rows <= word && word <= EVENTS_MAX,
            false => rows == word,
        };
        sure(counts, "a running value counts other events")
    }

    /// The sum of something over the rows that the cell takes.
    fn events(&self, span: Option<&Span<'_>>, of: impl Fn(&Entry<'_>) -> u64) -> u64 {
        let Some(span) = span else {
            return 0;
        };
        let entries = (span.low..span.high).map(|index| span.entry(index));
        entries
            .filter(|entry| self.takes(entry))
            .map(|e| of(&e))
            .sum()
    }

    /// How many rows have a value; without an input all do.
    fn present(&self, span: Option<&Span<'_>>, input: Option<usize>) -> u64 {
        self.events(span, |entry| {
            u64::from(input.is_none_or(|input| entry.value(input).is_some()))
        })
    }

    fn check_set(
        &self,
        word: u64,
        text: bool,
        heap: &Heap,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        let Some(at) = word.checked_sub(1) else {
            return Ok(());
        };
        claims.sets.claim(at)?;
        if text && self.forever {
            let mut values = heap.sets.get(at).values();
            values.try_for_each(|value| claims.text(value))?;
        }
        Ok(())
    }

    fn check_extreme(
        &self,
        extreme: Extreme,
        words: &[u64],
        span: Option<&Span<'_>>,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        if let Some(index) = words[0].checked_sub(FIRST_INDEX) {
            let value = self.taken(span, index).map(|e| e.value(extreme.input));
            let same = value == Some(Some(words[1]));
            sure(same, "an extreme is that of no event")?;
        }
        if !self.forever {
            return Ok(());
        }
        sure(words[2] <= 1, "an extreme of the past is none")?;
        match extreme.order == Order::Text && words[2] == 1 {
            true => claims.text(words[3]),
            false => Ok(()),
        }
    }

    fn check_edge(
        &self,
        edge: &Edge,
        words: &[u64],
        span: Option<&Span<'_>>,
        layout: &RowLayout,
        claims: &mut Claims,
    ) -> Result<(), Fault> {
        if let Some(index) = words[0].checked_sub(FIRST_INDEX) {
            let known = match edge.inputs[..] {
                [input] => self
                    .taken(span, index)
                    .is_some_and(|e| e.value(input).is_some()),
                _ => self.taken(span, index).is_some(),
            };
            sure(known, "a first or last event is none")?;
        }
        if !self.forever || words[1] == 0 {
            return Ok(());
        }
        for (at, input) in edge.inputs.iter().enumerate() {
            let text = matches!(layout.places[*input], Place::Text(_));
            if text && words[1] >> (at + 1) & 1 == 1 {
                claims.text(words[2 + at])?;
            }
        }
        Ok(())
    }

    /// The row of an index, if the window has it and the cell takes it.
    fn taken<'a>(&self, span: Option<&'a Span<'_>>, index: u64) -> Option<Entry<'a>> {
        let span = span?;
        let index = u32::try_from(index).ok()?;
        let entry = (span.low..span.high)
            .contains(&index)
            .then(|| span.entry(index))?;
        self.takes(&entry).then_some(entry)
    }
}

/// Claims the sums of a cell that counts something.
fn claim(owners: &mut Owners, words: &[u64], sound: impl Fn(u64) -> bool) -> Result<(), Fault> {
    if words[0] == 0 {
        return Ok(());
    }
    owners.claim(words[1])?;
    sure(sound(words[1]), "a sum is none")
}
