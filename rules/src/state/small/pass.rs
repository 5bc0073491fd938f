//! The usual event: behind all others of its key, with room for it, and windows that go by time alone.
//!
//! The idea: nearly every event is one, so all it takes is here, in one walk: where running sums are kept, rows that fall
//! out of a window leave its sums, the event enters them, and lengths and sums are written as answers on the way. Nothing is
//! done for any other event; [`super::take`] has those. The invariant: behind it everything is as [`super::running`] says.

use zerocopy::IntoBytes;

use super::body::{Body, half, halves};
use super::change::BodyMut;
use super::plan::ScanPlan;
use super::reach::Bounds;
use super::running::Run;
use super::scan::{Scratch, View};
use super::shape::{META, Shape, Width};
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

/// What a pass over running sums finds, for the answers that it does not give itself.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Per cut how many rows lay before it, and lie now.
    moved: Vec<(u32, u32)>,
    /// Running sums without the event.
    pub(super) prior: Vec<u64>,
}

/// Where an event's answers go.
pub(super) struct Target<'a> {
    pub(super) answers: &'a mut Answers,
    /// Their row.
    pub(super) at: usize,
}

impl Target<'_> {
    #[inline(always)]
    fn put(&mut self, column: usize, word: u64) {
        self.answers.put(column, self.at, word);
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
        if !plan.timed || !event.added || event.duplicate {
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
        let rest = plan.has_rest || body.shape.running == 0;
        // Other windows than these do not ask for what else was forgotten.
        let approximate = event.time.before(layout.longest).0 < body.read().forgotten();
        let heap = &mut self.heap;
        match answers {
            Some(answers) => {
                body.answer_windows(raw, event, layout, scratch, answers);
                if rest {
                    body.answer_rest(Scope::Prior, event, (layout, &mut *heap), scratch, answers);
                }
            }
            None if body.shape.running > 0 => body.add(event.row),
            None => {}
        }
        body.append(rows, raw, event.row);
        if !plan.marks.is_empty() {
            plan.mark(&mut body, layout, rows);
        }
        if let Some(answers) = answers.as_mut().filter(|_| rest) {
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
        if self.shape.running == 0 {
            read.until_each(raw, read.rows(), &plan.reaches, ranges);
            return;
        }
        if !read.holds() {
            self.start(raw);
        }
        let at = event.at;
        let rows = self.pass(raw, event.row, plan, passed, Target { answers, at });
        if plan.has_rest {
            let place = |cut: usize| passed.moved[cut].1;
            let range = |bounds: &Bounds| (place(bounds.low), bounds.high.map_or(rows, place));
            ranges.clear();
            ranges.extend(plan.bounds.iter().map(range));
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
        if !plan.asks(scope) || (runs && !plan.scope(scope).has_rest()) {
            return;
        }
        scratch.time = event.time.0;
        if scope == Scope::WithCurrent {
            let ends = scratch.ranges.iter_mut().zip(&plan.reaches);
            ends.for_each(|((_, end), reach)| *end += u32::from(!reach.is_delayed()));
        }
        let mut view = View::new(self.read(), layout, heap);
        match runs {
            true => scratch.answer_rest(&mut view, scope, answers, event.at),
            false => scratch.answer(&mut view, scope, answers, event.at),
        }
    }

    /// Moves all windows to an event behind all rows, adds it to the sums, and answers both; how many rows there are.
    #[inline]
    pub(super) fn pass(
        &mut self,
        raw: u64,
        row: &[u64],
        plan: &ScanPlan,
        passed: &mut Passed,
        mut target: Target<'_>,
    ) -> u32 {
        let rows = self.move_cuts(raw, &mut passed.moved);
        for length in &plan.lengths {
            let low = passed.moved[length.bounds.low].1;
            let end = match length.bounds.high {
                None => rows + length.own,
                Some(high) => passed.moved[high].1,
            };
            target.put(length.column, u64::from(end - low));
        }
        if plan.has_rest {
            passed.prior.clear();
        }
        self.bring_up(row, plan.has_rest, passed, target);
        rows
    }

    /// Moves the cuts; how many rows there are.
    #[inline]
    fn move_cuts(&mut self, raw: u64, moved: &mut Vec<(u32, u32)>) -> u32 {
        let (shape, meta) = (self.shape, self.words[META]);
        let (count, unit) = (meta as usize & 0xff, (meta >> 8) as usize & 3);
        let (words, tail) = self.words.split_at_mut(shape.rows);
        let rows = &halves(tail)[..count * shape.stride];
        let cuts = words[shape.running..].as_mut_bytes();
        moved.clear();
        for (cut, spans) in cuts.iter_mut().zip(&shape.runs.cuts) {
            let limit = raw.cast_signed() - spans[unit];
            let (old, mut new) = (u32::from(*cut), u32::from(*cut));
            let mut at = new as usize * shape.stride;
            while let Some(time) = rows.get(at)
                && i64::from(*time) <= limit
            {
                (new, at) = (new + 1, at + shape.stride);
            }
            *cut = new as u8;
            moved.push((old, new));
        }
        count as u32
    }

    /// Takes from the sums what windows lost, adds what they gained, a row as [`crate::state::row`] has it with those
    /// that end with it, and answers them.
    #[inline]
    fn bring_up(&mut self, row: &[u64], keep: bool, passed: &mut Passed, mut target: Target<'_>) {
        let shape = self.shape;
        let (words, tail) = self.words.split_at_mut(shape.rows);
        let (words, masks) = words.split_at_mut(shape.masks);
        let sums = &mut words[shape.runs.sums..];
        let (rows, values) = (halves(tail), &row[row.len() - shape.columns..]);
        for (run, sum) in shape.runs.all.iter().zip(sums) {
            let between = |moved: (u32, u32)| run.between(moved, rows, masks, shape);
            let mut now = sum.wrapping_sub(between(passed.moved[run.bounds.low]));
            if let Some(high) = run.bounds.high {
                now = now.wrapping_add(between(passed.moved[high]));
            }
            let prior = now;
            if run.bounds.high.is_none() && run.counts(row) {
                now = now.wrapping_add(values[run.column]);
            }
            *sum = now;
            for (columns, word) in run.columns.iter().zip([now, prior]) {
                columns.iter().for_each(|column| target.put(*column, word));
            }
            if keep {
                passed.prior.push(prior);
            }
        }
    }
}

impl Run {
    /// The sum of the values that a cut passes on its way.
    #[inline]
    fn between(&self, (old, new): (u32, u32), rows: &[u32], masks: &[u64], shape: &Shape) -> u64 {
        let mut sum = 0;
        for row in old..new {
            let counts =
                |(word, shift): (usize, u32)| masks[word - shape.masks] >> shift >> row & 1 == 1;
            // A row without a value has 0 for it.
            if self.filter.is_none_or(counts) {
                let value = rows[row as usize * shape.stride + self.half];
                sum += i64::from(value.cast_signed());
            }
        }
        sum.cast_unsigned()
    }
}
