//! The usual event: behind all others of its key, with room for it, and windows that go by time alone.
//!
//! The idea: nearly every event is one, so all it takes is here, in one walk: where running sums are kept, rows in front
//! of a window leave its sums, the event enters them, and lengths and sums are written as answers on the way. Nothing is
//! done for any other event; [`super::take`] has those. The invariant: behind it everything is as [`super::running`] says.

use zerocopy::IntoBytes;

use super::body::{Body, half, halves};
use super::change::BodyMut;
use super::scan::{Scratch, View};
use super::shape::{META, Width};
use super::take::Arriving;
use crate::aggregate::cell::Heap;
use crate::ruleset::Scope;
use crate::state::columns::Answers;
use crate::state::identity::Identity;
use crate::state::keys::{class, index};
use crate::state::layout::Layout;
use crate::state::row::RowLayout;
use crate::state::store::Store;

/// What became of an event that should be appended.
pub(in crate::state) enum Appended {
    /// It was; whether its answer is approximate.
    Done(bool),
    /// It could be if there were room.
    Full,
    /// It takes more than that.
    Not,
}

/// What a pass over running sums finds, for answers.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Per window the row it began with, and the one it begins with now.
    moved: Vec<(u32, u32)>,
    /// Lengths by window, then sums; then the same without the event. [`super::plan::ScanPlan::passing`] says what answers they are.
    words: Vec<u64>,
}

impl Passed {
    /// Per window the rows it has.
    pub(super) fn ranges(&self, rows: u32, ranges: &mut Vec<(u32, u32)>) {
        ranges.clear();
        ranges.extend(self.moved.iter().map(|(_, low)| (*low, rows)));
    }

    /// A running sum without the event.
    pub(super) fn prior(&self, sum: usize) -> u64 {
        self.words[self.words.len() / 2 + self.moved.len() + sum]
    }
}

impl Arriving<'_> {
    /// The width its values need.
    #[inline]
    pub(super) fn width(&self, layout: &RowLayout) -> Width {
        let values = &self.row[layout.width - layout.columns() + layout.longs()..];
        match values.iter().all(|value| half(*value).is_some()) {
            true => Width::Thin,
            false => Width::Full,
        }
    }
}

impl Store {
    /// Answers and takes an event if it is a usual one, and the number that of its key.
    #[inline]
    pub(in crate::state) fn append_small(
        &mut self,
        (key, identity): (u32, Identity),
        event: &Arriving<'_>,
        scratch: &mut Scratch,
        answers: &mut Option<Answers>,
    ) -> Appended {
        let (layout, plan) = (&self.layout, &self.layout.scan);
        if !plan.plain || !event.added || event.duplicate {
            return Appended::Not;
        }
        let bodies = &mut self.keys.bodies;
        let Some(mut body) = bodies.get_known(class(key), index(key), identity) else {
            return Appended::Not;
        };
        let raw = match body
            .read()
            .place_for(event, layout, self.limits.events_per_key)
        {
            Ok(raw) => raw,
            Err(appended) => return appended,
        };
        let rows = body.read().rows();
        // Other windows than these do not ask for what else was forgotten.
        let approximate = event.time.before(layout.longest).0 < body.read().forgotten();
        let heap = &mut self.heap;
        match answers {
            Some(answers) => {
                body.answer_windows(raw, event, layout, scratch, answers);
                body.answer_rest(Scope::Prior, event, (layout, &mut *heap), scratch, answers);
            }
            None if body.shape.running > 0 => body.add(event.row),
            None => {}
        }
        body.append(rows, raw, event.row);
        if !plan.marks.is_empty() {
            plan.mark(&mut body, layout, rows);
        }
        if let Some(answers) = answers {
            body.answer_rest(Scope::WithCurrent, event, (layout, heap), scratch, answers);
        }
        self.events += 1;
        Appended::Done(approximate)
    }
}

impl Body<'_> {
    /// The time of an event as it would stand behind all rows, or what else is to be done with it.
    #[inline]
    fn place_for(&self, event: &Arriving<'_>, layout: &Layout, most: u32) -> Result<u64, Appended> {
        let (rows, shape) = (self.rows(), self.shape);
        let raw = self.encode(event.time.0).ok_or(Appended::Not)?;
        let in_order = rows == 0 || self.raw(rows - 1) <= raw;
        let told = shape.width >= Width::Full || event.width(&layout.row) <= shape.width;
        match in_order && told && rows < most {
            true if rows < shape.capacity => Ok(raw),
            true => Err(Appended::Full),
            false => Err(Appended::Not),
        }
    }
}

impl BodyMut<'_> {
    /// Finds the rows of all windows, and answers what running sums tell.
    #[inline]
    fn answer_windows(
        &mut self,
        raw: u64,
        event: &Arriving<'_>,
        layout: &Layout,
        scratch: &mut Scratch,
        answers: &mut Answers,
    ) {
        let (read, plan) = (self.read(), &layout.scan);
        let Scratch { ranges, passed, .. } = scratch;
        if self.shape.running == 0 || !read.holds() {
            read.until_each(raw, read.rows(), &plan.spans, ranges);
        }
        if self.shape.running == 0 {
            return;
        }
        if !self.read().holds() {
            self.start(ranges);
        }
        let rows = self.pass(raw, event.row, passed);
        for (column, word) in &plan.passing {
            answers.put(*column, event.at, passed.words[*word]);
        }
        if plan.has_rest {
            passed.ranges(rows, ranges);
        }
    }

    /// Answers the features of a scope that running sums do not tell.
    #[inline]
    fn answer_rest(
        &self,
        scope: Scope,
        event: &Arriving<'_>,
        (layout, heap): (&Layout, &mut Heap),
        scratch: &mut Scratch,
        answers: &mut Answers,
    ) {
        let (plan, runs) = (&layout.scan, self.shape.running > 0);
        if !plan.asks(scope) || (runs && !plan.scope(scope).has_others()) {
            return;
        }
        scratch.time = event.time.0;
        if scope == Scope::WithCurrent {
            scratch.ranges.iter_mut().for_each(|(_, end)| *end += 1);
        }
        let mut view = View::new(self.read(), layout, heap);
        match runs {
            true => scratch.answer_rest(&mut view, scope, answers, event.at),
            false => scratch.answer(&mut view, scope, answers, event.at),
        }
    }

    /// Moves all windows to an event behind all rows, and adds it to the sums; how many rows there are.
    #[inline]
    pub(super) fn pass(&mut self, raw: u64, row: &[u64], passed: &mut Passed) -> u32 {
        let runs = &self.shape.runs;
        let (windows, all) = (runs.spans.len(), runs.spans.len() + runs.all.len());
        passed.moved.resize(windows, (0, 0));
        passed.words.resize(2 * all, 0);
        let count = self.move_begins(raw, &mut passed.moved);
        let (with, without) = passed.words.split_at_mut(all);
        for (((_, low), with), without) in passed.moved.iter().zip(&mut *with).zip(&mut *without) {
            *without = u64::from(count - low);
            *with = *without + 1;
        }
        let sums = (&mut with[windows..], &mut without[windows..]);
        self.bring_up(row, &passed.moved, sums);
        count
    }

    /// Moves where windows begin; how many rows there are.
    #[inline]
    fn move_begins(&mut self, raw: u64, moved: &mut [(u32, u32)]) -> u32 {
        let (shape, meta) = (self.shape, self.words[META]);
        let (count, unit) = (meta as usize & 0xff, (meta >> 8) as usize & 3);
        let (words, tail) = self.words.split_at_mut(shape.rows);
        let rows = &halves(tail)[..count * shape.stride];
        let begins = words[shape.running..].as_mut_bytes();
        for ((begin, spans), moved) in begins.iter_mut().zip(&shape.runs.spans).zip(moved) {
            let limit = raw.cast_signed() - spans[unit];
            let (old, mut low) = (u32::from(*begin), u32::from(*begin));
            let mut at = low as usize * shape.stride;
            while let Some(time) = rows.get(at)
                && i64::from(*time) <= limit
            {
                (low, at) = (low + 1, at + shape.stride);
            }
            *begin = low as u8;
            *moved = (old, low);
        }
        count as u32
    }

    /// Takes from the sums what windows lost, and adds a row as [`crate::state::row`] has it. What they are with it and
    /// without it.
    #[inline]
    fn bring_up(&mut self, row: &[u64], moved: &[(u32, u32)], found: (&mut [u64], &mut [u64])) {
        let shape = self.shape;
        let (words, tail) = self.words.split_at_mut(shape.rows);
        let (words, masks) = words.split_at_mut(shape.masks);
        let sums = &mut words[shape.runs.sums..];
        let (rows, values) = (halves(tail), &row[row.len() - shape.columns..]);
        let found = found.0.iter_mut().zip(found.1);
        for ((run, sum), (with, without)) in shape.runs.all.iter().zip(sums).zip(found) {
            let (old, low) = moved[run.window];
            for row in old..low {
                let counts = |(word, shift): (usize, u32)| {
                    masks[word - shape.masks] >> shift >> row & 1 == 1
                };
                // A row without a value has 0 for it.
                if run.filter.is_none_or(counts) {
                    let value = rows[row as usize * shape.stride + run.half];
                    *sum = sum.wrapping_sub(i64::from(value.cast_signed()).cast_unsigned());
                }
            }
            *without = *sum;
            if run.counts(row) {
                *sum = sum.wrapping_add(values[run.column]);
            }
            *with = *sum;
        }
    }
}
