//! Answers of a small key: every window cut out of the rows, every aggregate read from what is inside.
//!
//! The idea: a window is a range of rows, a filter a mask, so what an aggregate takes is one word of bits: counts are
//! `popcount`s, the first and the last event are the ends of the word, and the sum of a window is that of the next shorter
//! one and what lies in front of it. Nothing is kept from event to event but what events no longer held left behind in
//! `forever` windows (the *past*, running values of [`crate::aggregate::cell`]), the [`super::mark`]s, and the sums of
//! [`super::running`].
//! The invariant: what is read here is what [`crate::state::store`] reads from running values of the same events.

use super::body::{Body, bits, each};
use super::ladder::{Ladder, Rung};
use super::mark::value;
use super::pass::Passed;
use super::plan::{From, Scan, ScopePlan};
use crate::aggregate::cell::{Entry, Heap, Kind, Side, Span};
use crate::aggregate::{Aggregate, distinct, sum};
use crate::ruleset::Scope;
use crate::state::columns::Answers;
use crate::state::layout::{FeatureLayout, Layout};
use crate::state::row::Rows;
use crate::time::EventTime;

/// What is worked with while a row is answered.
#[derive(Debug, Default)]
pub(in crate::state) struct Scratch {
    /// Per window its rows.
    pub(super) ranges: Vec<(u32, u32)>,
    pub(super) passed: Passed,
    /// Running values, where a record would have them.
    record: Vec<u64>,
    /// The sums of ladders.
    pub(super) sums: Vec<i128>,
    values: Vec<u64>,
    /// Rows as a ring has them.
    rows: Vec<u64>,
    /// The time of the event at hand.
    pub(super) time: i64,
}

/// A small key as its features see it.
pub(super) struct View<'a> {
    pub(super) body: Body<'a>,
    pub(super) layout: &'a Layout,
    pub(super) heap: &'a mut Heap,
}

impl<'a> View<'a> {
    pub(super) fn new(body: Body<'a>, layout: &'a Layout, heap: &'a mut Heap) -> View<'a> {
        View { body, layout, heap }
    }
}

/// Sums of integers in several windows: each that of the window before, which is shorter, and what is in front of it.
fn climb(body: &Body<'_>, ladder: &Ladder, ranges: &[(u32, u32)], sums: &mut [i128]) {
    let column = body.column(ladder.column);
    let filter = ladder.filter.map_or(u64::MAX, |f| body.mask(f));
    let rows = body.mask(ladder.present) & filter;
    let (mut from, mut to, mut inside) = (0, 0, 0);
    for rung in &ladder.rungs {
        let (low, end) = ranges[rung.window];
        if end == to && low <= from {
            inside += column.sum(low, from, rows);
        } else {
            inside = column.sum(low, end, rows);
        }
        (from, to) = (low, end);
        let past = |past| sum::wide_sum(&body.words[past..]);
        sums[rung.sum] = rung.past.map_or(inside, |at| past(at).wrapping_add(inside));
    }
}

impl Scratch {
    /// Answers the features of one scope, with all sums counted from the rows of their windows.
    pub(super) fn answer(
        &mut self,
        view: &mut View<'_>,
        scope: Scope,
        answers: &mut Answers,
        row: usize,
    ) {
        let plan = view.layout.scan.scope(scope);
        self.sums.resize(plan.sums, 0);
        for ladder in &plan.ladders {
            climb(&view.body, ladder, &self.ranges, &mut self.sums);
        }
        self.lengths(plan, answers, row);
        for total in &plan.totals {
            let sum = self.sums[total.sum];
            answers.set(total.column, row, total.of(sum));
        }
        self.rest(view, scope, answers, row);
    }

    /// Answers those features of one scope that a pass over running sums leaves.
    pub(super) fn answer_rest(
        &mut self,
        view: &mut View<'_>,
        scope: Scope,
        answers: &mut Answers,
        row: usize,
    ) {
        let (plan, body) = (view.layout.scan.scope(scope), view.body);
        let sum = |index: &usize| {
            let sum = match scope {
                Scope::Prior => self.passed.prior[*index],
                Scope::WithCurrent => body.sum(*index),
            };
            i128::from(sum.cast_signed())
        };
        self.sums.clear();
        self.sums.extend(plan.running.iter().map(sum));
        self.rest(view, scope, answers, row);
    }

    /// Answers those features of one scope that are no lengths and sums.
    #[inline]
    fn rest(&mut self, view: &mut View<'_>, scope: Scope, answers: &mut Answers, row: usize) {
        let plan = view.layout.scan.scope(scope);
        for tally in &plan.tallies {
            answers.set(tally.column, row, self.tally(&view.body, tally));
        }
        if plan.has_others() {
            self.others(view, scope, answers, row);
        }
    }

    #[inline]
    fn lengths(&self, plan: &ScopePlan, answers: &mut Answers, row: usize) {
        for length in &plan.lengths {
            let (low, high) = self.ranges[length.window];
            answers.put(length.column, row, u64::from(high - low));
        }
    }

    /// Answers those features of one scope that are on no list.
    fn others(&mut self, view: &mut View<'_>, scope: Scope, answers: &mut Answers, row: usize) {
        let layout = view.layout;
        let plan = layout.scan.scope(scope);
        self.record.resize(layout.stride, 0);
        for ladder in &plan.ladders {
            for rung in &ladder.rungs {
                if let Some(words) = rung.words {
                    self.write_words(&view.body, ladder, rung, words);
                }
            }
        }
        for scan in &plan.scans {
            self.scan(view, scan, &layout.cells[scan.cell].kind);
        }
        for answer in &plan.answers {
            if let From::Text { feature, cell } = answer.from {
                let text = self.text(view, feature, cell);
                answers.set_text(answer.column, text.as_deref());
                continue;
            }
            let word = match answer.from {
                From::Text { .. } => None,
                From::Word(at) => Some(self.record[at]),
                From::Known(at) => (self.record[at] != 0).then(|| self.record[at + 1]),
                From::Edge { member, feature } => self.edge(view, member, feature),
                From::Cell { feature, cell } => self.cell(view, feature, cell),
            };
            answers.set_any(answer.column, row, word, &view.heap.texts);
        }
        // What is not all words was taken for this answer only.
        for scan in &plan.scans {
            let cell = &layout.cells[scan.cell];
            if matches!(cell.kind, Kind::Floats { .. } | Kind::Weighted { .. }) {
                cell.drop(&mut self.record, &layout.row, view.heap);
            }
        }
    }

    /// The rows of a scan, whether their value is null or not.
    #[inline]
    fn rows(&self, body: &Body<'_>, scan: &Scan) -> u64 {
        let (low, high) = self.ranges[scan.window];
        bits(low, high) & scan.filter.map_or(u64::MAX, |f| body.mask(f))
    }

    /// Writes count and sum where a cell has them, with squares where it has them.
    fn write_words(
        &mut self,
        body: &Body<'_>,
        ladder: &Ladder,
        rung: &Rung,
        (at, words): (usize, usize),
    ) {
        let record = &mut self.record[at..at + words];
        let (low, high) = self.ranges[rung.window];
        let filter = ladder.filter.map_or(u64::MAX, |f| body.mask(f));
        let rows = bits(low, high) & body.mask(ladder.present) & filter;
        let past_count = rung.past.map_or(0, |past| body.words[past]);
        let count = u64::from(rows.count_ones()) + past_count;
        sum::write(record, count, self.sums[rung.sum]);
        if words > 3 {
            let column = body.column(ladder.column);
            let past = rung.past.map(|past| &body.words[past..past + words]);
            sum::write_squares(record, past, each(rows).map(|row| column.get(row as usize)));
        }
    }

    fn scan(&mut self, view: &mut View<'_>, scan: &Scan, kind: &Kind) {
        let (body, layout) = (view.body, view.layout);
        let rows = self.rows(&body, scan);
        let present = |input: usize| rows & body.mask(layout.row.present_bit(input));
        let count = |rows: u64| u64::from(rows.count_ones());
        let past = scan.past.map(|at| &body.words[at..at + scan.words]);
        let before = |word: usize| past.map_or(0, |past| past[word]);
        let at = scan.at;
        match kind {
            Kind::Events => self.record[at] = count(rows) + before(0),
            // On a list.
            Kind::Present(_) | Kind::Share(_) => {}
            Kind::Ints { .. } | Kind::Walk { .. } => {}
            Kind::Weighted { .. } => {
                self.gather(&body, layout, scan.window);
                let cell = &layout.cells[scan.cell];
                let (rows, length) = (Rows::new(&self.rows, &layout.row), self.length(scan.window));
                for index in 0..length {
                    let entry = Entry {
                        row: rows.row(index),
                        layout: &layout.row,
                        index,
                        side: Side::Right,
                    };
                    cell.enter(&entry, &mut self.record, view.heap);
                }
            }
            Kind::Floats { input, squares } => {
                let column = body.column(layout.row.column(*input));
                let values = each(present(*input)).map(|row| column.get(row as usize));
                let record = &mut self.record[at..at + 2];
                sum::float_scan(values, *squares, past, record, view.heap);
            }
            Kind::Distinct { input, .. } => {
                self.record[at] = self.distinct(view, scan, *input, present(*input), before(0));
            }
            Kind::Extreme(extreme) => {
                let value = |row| value(&body, &layout.row, extreme.input, row);
                let values = each(present(extreme.input)).map(value);
                let past = past.filter(|past| past[2] == 1).map(|past| past[3]);
                let best = extreme.best(past.into_iter().chain(values), view.heap);
                self.record[at] = u64::from(best.is_some());
                self.record[at + 1] = best.unwrap_or(0);
            }
            Kind::Edge(edge) => {
                let rows = match edge.inputs[..] {
                    [input] => present(input),
                    _ => rows,
                };
                let row = match edge.latest {
                    true => rows.checked_ilog2(),
                    false => (rows != 0).then(|| rows.trailing_zeros()),
                };
                self.record[at] = row.map_or(0, |row| u64::from(row) + 1);
                if let Some(past) = past {
                    self.record[at + 1..at + past.len()].copy_from_slice(&past[1..]);
                }
            }
        }
    }

    /// How many different values the rows and a set of the past (0: none) have.
    fn distinct(
        &mut self,
        view: &View<'_>,
        scan: &Scan,
        input: usize,
        rows: u64,
        past: u64,
    ) -> u64 {
        let (body, layout) = (view.body, view.layout);
        let value = |row| value(&body, &layout.row, input, row);
        let ends_now = self.ranges[scan.window].1 == body.rows();
        self.values.clear();
        match scan.mark.filter(|_| ends_now) {
            Some(mark) => {
                let last = rows & body.mask(layout.row.bits() + mark);
                if past == 0 {
                    return last.count_ones().into();
                }
                self.values.extend(each(last).map(value));
            }
            None => {
                self.values.extend(each(rows).map(value));
                self.values.sort_unstable();
                self.values.dedup();
            }
        }
        distinct::with(past, &self.values, view.heap)
    }

    /// A member of the first or last event.
    fn edge(&self, view: &View<'_>, member: usize, feature: usize) -> Option<u64> {
        let layout = view.layout;
        let cell = &layout.cells[layout.features[feature].cell?];
        let Kind::Edge(edge) = &cell.kind else {
            return None;
        };
        let record = &self.record[cell.at..];
        let row = record[0].checked_sub(1);
        let past = cell.forever && record[1] != 0;
        if past && (!edge.latest || row.is_none()) {
            return (record[1] >> (member + 1) & 1 == 1).then(|| record[2 + member]);
        }
        let (row, input) = (row? as u32, edge.inputs[member]);
        let present = view.body.mask(layout.row.present_bit(input)) >> row & 1 == 1;
        present.then(|| value(&view.body, &layout.row, input, row))
    }

    /// Rows of a window.
    fn length(&self, window: usize) -> u32 {
        let (low, high) = self.ranges[window];
        high - low
    }

    /// Writes the rows of a window as a ring has them.
    fn gather(&mut self, body: &Body<'_>, layout: &Layout, window: usize) {
        let (low, high) = self.ranges[window];
        let width = layout.row.width;
        self.rows.resize((high - low) as usize * width, 0);
        for (row, words) in (low..high).zip(self.rows.chunks_mut(width)) {
            body.read_row(row, words);
        }
    }

    /// A feature by its cell, which reads its words or the rows of the window.
    fn cell(&mut self, view: &View<'_>, feature: usize, cell: usize) -> Option<u64> {
        let layout = view.layout;
        let feature = &layout.features[feature];
        let cell = &layout.cells[cell];
        if cell.walks() || feature.aggregate == Aggregate::Rate {
            self.gather(&view.body, layout, feature.window);
        }
        let span = span(
            layout,
            feature,
            &self.rows,
            self.length(feature.window),
            EventTime(self.time),
        );
        let record = &mut self.record;
        cell.read(
            feature.aggregate,
            0,
            feature.scale,
            &span,
            record,
            view.heap,
        )
    }

    /// A feature whose text no event brought.
    fn text(&mut self, view: &View<'_>, feature: usize, cell: usize) -> Option<String> {
        let layout = view.layout;
        let feature = &layout.features[feature];
        self.gather(&view.body, layout, feature.window);
        let span = span(
            layout,
            feature,
            &self.rows,
            self.length(feature.window),
            EventTime(self.time),
        );
        layout.cells[cell].text(feature.aggregate, &span, &view.heap.texts)
    }
}

/// The events of a feature's window, gathered.
fn span<'a>(
    layout: &'a Layout,
    feature: &FeatureLayout,
    rows: &'a [u64],
    length: u32,
    at: EventTime,
) -> Span<'a> {
    Span {
        rows: Rows::new(rows, &layout.row),
        low: 0,
        high: length,
        window: layout.windows[feature.window].window,
        at,
    }
}
