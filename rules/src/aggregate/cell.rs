//! Running values: what a window keeps up to date while events enter and leave it.
//!
//! The idea: a cell is a few words in a key's record, and events enter and leave at *both* ends of a window, so a
//! window can be moved to any time and back; an event out of order is answered by moving there, not by a second code
//! path. Features of one window, filter and input share a cell. The invariant: a cell's value depends on the set of
//! events in its window only, never on how the window came to hold them.

use ahash::RandomState;

use super::decay::{Reading, Weighted};
use super::edge::Edge;
use super::extreme::{Extreme, Order};
use super::{Aggregate, avg, count, decay, distinct, ewma, mode, quantile};
use super::{rate, ratio, stddev, sum, top_k, variance};
use crate::ruleset::Limits;
use crate::state::row::{self, RowLayout, Rows};
use crate::state::seed::HashSeed;
use crate::state::slab::Slab;
use crate::state::text::Texts;
use crate::time::{self, EventTime};
use crate::value::Type;
use crate::window::Window;

/// What does not fit a few words, for all keys of a group.
#[derive(Debug)]
pub(crate) struct Heap {
    /// Hashes what sets hold.
    pub(crate) hasher: RandomState,
    /// Values a set that never lets go of one may hold.
    pub(crate) distinct_max: usize,
    pub(crate) floats: Slab<sum::FloatSums>,
    pub(crate) sets: Slab<distinct::Multiset>,
    pub(crate) weighted: Slab<Weighted>,
    pub(crate) texts: Texts,
}

impl Heap {
    /// Nothing held.
    pub(crate) fn new(seed: HashSeed, limits: Limits) -> Heap {
        Heap {
            hasher: seed.hasher(),
            distinct_max: limits.distinct_per_key as usize,
            floats: Slab::default(),
            sets: Slab::default(),
            weighted: Slab::default(),
            texts: Texts::new(seed),
        }
    }

    /// Bytes allocated. Walks over every accumulator: for a scrape, not for an event.
    pub(crate) fn bytes(&self) -> usize {
        self.floats.bytes(sum::FloatSums::bytes)
            + self.sets.bytes(distinct::Multiset::bytes)
            + self.weighted.bytes(Weighted::bytes)
            + self.texts.bytes()
    }
}

/// At which end of the window an event enters or leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The older end.
    Left,
    /// The newer end.
    Right,
}

/// An event on its way in or out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) row: &'a [u64],
    pub(crate) layout: &'a RowLayout,
    pub(crate) index: u32,
    pub(crate) side: Side,
}

impl Entry<'_> {
    /// The value of an input; `None` when it is null.
    #[inline]
    pub(crate) fn value(&self, input: usize) -> Option<u64> {
        row::value(self.row, self.layout, input)
    }

    /// When it was.
    pub(crate) fn time(&self) -> EventTime {
        row::time(self.row)
    }
}

/// The events of a window: rows `low..high`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) low: u32,
    pub(crate) high: u32,
    /// The window.
    pub(crate) window: Window,
    /// The time it is the window of.
    pub(crate) at: EventTime,
}

impl Span<'_> {
    /// One event of it.
    pub(crate) fn entry(&self, index: u32) -> Entry<'_> {
        Entry {
            row: self.rows.row(index),
            layout: self.rows.layout(),
            index,
            side: Side::Right,
        }
    }
}

/// What a cell keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How many events.
    Events,
    /// How many non-null values.
    Present(usize),
    /// Count and sum of integers, perhaps of their squares.
    Ints { input: usize, squares: bool },
    /// Count and sum of floats, perhaps of their squares.
    Floats { input: usize, squares: bool },
    /// The different values.
    Distinct { input: usize, text: bool },
    /// Least or greatest.
    Extreme(Extreme),
    /// Earliest or latest.
    Edge(Edge),
    /// Count of non-null and of true.
    Share(usize),
    /// Count and sums of weights and weighted values; without an input, of events.
    Weighted {
        input: Option<usize>,
        ty: Type,
        half_life: time::Span,
    },
    /// Nothing: each answer walks over the events of the window.
    Walk { input: usize, ty: Type },
}

/// A running value of a window.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    /// Takes only events that pass.
    pub(crate) filter: Option<usize>,
    /// Its window never lets go of an event, even when the ring has.
    pub(crate) forever: bool,
    /// First of its words in the key's record.
    pub(crate) at: usize,
}

impl Cell {
    /// Words it needs; all 0 while its window is empty.
    pub(crate) fn words(&self) -> usize {
        match &self.kind {
            Kind::Events | Kind::Present(_) | Kind::Distinct { .. } => 1,
            Kind::Share(_) | Kind::Floats { .. } | Kind::Weighted { .. } => 2,
            Kind::Walk { .. } => 0,
            Kind::Ints { squares, .. } => 3 + 3 * usize::from(*squares),
            Kind::Extreme(_) => 2 + 2 * usize::from(self.forever),
            Kind::Edge(edge) => 1 + usize::from(self.forever) * (1 + edge.inputs.len()),
        }
    }

    fn keeping(&self, text: bool) -> distinct::Keeping {
        distinct::Keeping {
            text,
            forever: self.forever,
        }
    }

    /// Whether it may come to hold more than its budget, so that its values are only known about.
    pub(crate) fn may_sketch(&self) -> bool {
        self.forever && matches!(self.kind, Kind::Distinct { .. })
    }

    /// Distinct values that a key's cell keeps one by one.
    pub(crate) fn distinct_kept(&self, record: &[u64], heap: &Heap) -> usize {
        if !matches!(self.kind, Kind::Distinct { .. }) || record[self.at] == 0 {
            return 0;
        }
        heap.sets.get(record[self.at] - 1).len()
    }

    /// Whether that has happened to a key.
    pub(crate) fn is_sketch(&self, record: &[u64], heap: &Heap) -> bool {
        self.may_sketch() && record[self.at] > 0 && heap.sets.get(record[self.at] - 1).is_sketch()
    }

    /// Whether each answer walks over the events, so that all of them must be held.
    pub(crate) fn walks(&self) -> bool {
        matches!(self.kind, Kind::Walk { .. })
    }

    /// Whether the event passes the filter.
    #[inline]
    pub(crate) fn takes(&self, entry: &Entry<'_>) -> bool {
        self.filter.is_none_or(|filter| row::bit(entry.row, filter))
    }

    /// An event enters the window.
    #[inline]
    pub(crate) fn enter(&self, entry: &Entry<'_>, record: &mut [u64], heap: &mut Heap) {
        self.step(entry, record, heap, false);
    }

    /// An event leaves the window.
    #[inline]
    pub(crate) fn leave(&self, entry: &Entry<'_>, record: &mut [u64], heap: &mut Heap) {
        self.step(entry, record, heap, true);
    }

    #[inline]
    fn step(&self, entry: &Entry<'_>, record: &mut [u64], heap: &mut Heap, away: bool) {
        if !self.takes(entry) {
            return;
        }
        let words = &mut record[self.at..];
        match &self.kind {
            Kind::Events => count::step(entry, None, &mut words[0], away),
            Kind::Present(input) => count::step(entry, Some(*input), &mut words[0], away),
            Kind::Ints { input, squares } => sum::step(entry, *input, *squares, words, away),
            Kind::Floats { input, squares } => {
                sum::float_step(entry, *input, *squares, words, heap, away);
            }
            Kind::Distinct { input, text } => {
                let keeping = self.keeping(*text);
                distinct::step(entry, *input, keeping, &mut words[0], heap, away);
            }
            Kind::Extreme(_) if away => Extreme::leave(entry, words),
            Kind::Extreme(extreme) => extreme.enter(entry, words, heap),
            Kind::Edge(edge) if away => edge.leave(entry, words),
            Kind::Edge(edge) => edge.enter(entry, words),
            Kind::Share(input) => ratio::step(entry, *input, words, away),
            Kind::Weighted {
                input,
                ty,
                half_life,
            } => decay::step(entry, *input, (*ty, *half_life), words, heap, away),
            Kind::Walk { .. } => {}
        }
    }

    /// An event inside a `forever` window goes out of the ring for good; the oldest first.
    pub(crate) fn forget(&self, entry: &Entry<'_>, record: &mut [u64], heap: &mut Heap) {
        if !self.takes(entry) {
            return;
        }
        let words = &mut record[self.at..];
        match &self.kind {
            Kind::Extreme(extreme) => extreme.forget(entry, words, heap),
            Kind::Edge(edge) => edge.forget(entry, words, heap),
            _ => {}
        }
    }

    /// Events have new indices; `new` is asked about events inside the window only.
    pub(crate) fn renumber(&self, record: &mut [u64], new: impl Fn(u32) -> u32) {
        match &self.kind {
            Kind::Extreme(_) => Extreme::renumber(&mut record[self.at..], new),
            Kind::Edge(_) => Edge::renumber(&mut record[self.at..], new),
            _ => {}
        }
    }

    /// The key goes: gives back what the cell holds outside its words.
    pub(crate) fn drop(&self, record: &mut [u64], layout: &RowLayout, heap: &mut Heap) {
        let words = &mut record[self.at..];
        match &self.kind {
            Kind::Floats { .. } if words[0] > 0 => heap.floats.free(words[1]),
            Kind::Weighted { .. } if words[0] > 0 => heap.weighted.free(words[1]),
            Kind::Distinct { text, .. } if words[0] > 0 => {
                distinct::drop(words[0] - 1, self.keeping(*text), heap);
            }
            Kind::Extreme(extreme) if self.forever => extreme.drop(words, heap),
            Kind::Edge(edge) if self.forever => edge.drop(words, layout, heap),
            _ => {}
        }
        words[..self.words()].fill(0);
    }

    /// The value of a member of the feature, as its type stores it in a word; `None` is null. `scale`: of a decimal.
    pub(crate) fn read(
        &self,
        aggregate: Aggregate,
        member: usize,
        scale: Option<u8>,
        span: &Span<'_>,
        record: &mut [u64],
        heap: &Heap,
    ) -> Option<u64> {
        let words = &mut record[self.at..];
        let samples = matches!(aggregate, Aggregate::VarSamp | Aggregate::StddevSamp);
        let root = matches!(aggregate, Aggregate::StddevPop | Aggregate::StddevSamp);
        let spread = |variance| {
            if root {
                stddev::root(variance)
            } else {
                sum::finite(variance)
            }
        };
        let length = || span.window.length(span.at, || self.first(span));
        match (&self.kind, aggregate) {
            (Kind::Events, Aggregate::Rate) => rate::of_int(words[0].into(), 0, length()),
            (Kind::Events | Kind::Present(_), _) => Some(words[0]),
            (Kind::Ints { .. }, Aggregate::Sum) if scale.is_some() => sum::decimal(words),
            (Kind::Ints { .. }, Aggregate::Sum) => sum::int(words),
            (Kind::Ints { .. }, Aggregate::Avg) => avg::int(words, scale.unwrap_or(0)),
            (Kind::Ints { .. }, Aggregate::Rate) => rate::int(words, scale.unwrap_or(0), length()),
            (Kind::Ints { .. }, _) => {
                variance::int(words, scale.unwrap_or(0), samples).and_then(spread)
            }
            (Kind::Floats { .. }, Aggregate::Sum) => sum::float(words, heap),
            (Kind::Floats { .. }, Aggregate::Avg) => avg::float(words, heap),
            (Kind::Floats { .. }, Aggregate::Rate) => rate::float(words, heap, length()),
            (Kind::Floats { .. }, _) => variance::float(words, heap, samples).and_then(spread),
            (Kind::Distinct { .. }, _) => Some(distinct::read(words[0], heap)),
            (Kind::Extreme(extreme), _) => extreme.read(self, span, words, heap),
            (Kind::Edge(edge), _) => edge.read(self, span, words, member),
            (Kind::Share(_), _) => ratio::read(words),
            (Kind::Weighted { half_life, .. }, _) => {
                let what = match aggregate {
                    Aggregate::Count => Reading::Count,
                    Aggregate::Sum => Reading::Sum,
                    _ => Reading::Average,
                };
                decay::read(what, scale.unwrap_or(0), span.at, *half_life, words, heap)
            }
            (Kind::Walk { input, ty }, _) => self.walk(aggregate, *input, *ty, span, &heap.texts),
        }
    }

    /// Reads what has no running value.
    fn walk(
        &self,
        aggregate: Aggregate,
        input: usize,
        ty: Type,
        span: &Span<'_>,
        texts: &Texts,
    ) -> Option<u64> {
        let values = self.values(input, span);
        match aggregate {
            Aggregate::Quantile { millionths } => {
                quantile::read(values.map(|(_, word)| word), ty, millionths)
            }
            Aggregate::Median => {
                quantile::read(values.map(|(_, word)| word), ty, quantile::WHOLE / 2)
            }
            Aggregate::Mode => mode::read(values.map(|(_, word)| word), Order::of(ty), texts),
            Aggregate::Ewma { half_life } => ewma::read(values.rev(), ty, half_life),
            // Its text is made by `text`; all others have running values.
            _ => None,
        }
    }

    /// The value of a feature whose text no event brought; `None` is null.
    pub(crate) fn text(
        &self,
        aggregate: Aggregate,
        span: &Span<'_>,
        texts: &Texts,
    ) -> Option<String> {
        let (Kind::Walk { input, ty }, Aggregate::TopK { k }) = (&self.kind, aggregate) else {
            return None;
        };
        let values = self.values(*input, span).map(|(_, word)| word);
        top_k::read(values, *ty, k, texts)
    }

    /// The known values of the events in the window that pass, in order of (event time, order taken).
    fn values<'a>(
        &'a self,
        input: usize,
        span: &'a Span<'a>,
    ) -> impl DoubleEndedIterator<Item = (EventTime, u64)> + 'a {
        (span.low..span.high).filter_map(move |index| {
            let entry = span.entry(index);
            let value = entry.value(input).filter(|_| self.takes(&entry))?;
            Some((span.rows.time(index), value))
        })
    }

    /// When the first event in the window that passes was.
    fn first(&self, span: &Span<'_>) -> Option<EventTime> {
        let index = (span.low..span.high).find(|index| self.takes(&span.entry(*index)))?;
        Some(span.rows.time(index))
    }
}
