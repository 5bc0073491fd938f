//! What an event does to a small key, and what makes room in one.
//!
//! The idea: a key grows from class to class as its events do, and one that outgrows the last class goes over to a
//! record with running values ([`crate::state::store`]), where an answer no longer costs a scan. Events no window can
//! reach are let go when there is no room, or when the sweep comes by. The invariant: what is promised of forgetting in
//! [`crate::state::forget`] holds here too.

use super::body::Body;
use super::cut::Moment;
use super::forget::{approximate, fits_well};
use super::pass::Appended;
use super::plan::Past;
use super::scan::{Scratch, View};
use super::shape::{PAST, ROWS_MAX};
use crate::ruleset::Scope;
use crate::state::columns::Answers;
use crate::state::identity::Identity;
use crate::state::keys::{LARGE, class, index, key_of};
use crate::state::layout::{FLAGS, RENEWED};
use crate::state::row::{Place, RowLayout, bit};
use crate::state::store::Store;
use crate::state::text::Texts;
use crate::time::EventTime;

/// An event on its way in.
pub(in crate::state) struct Arriving<'a> {
    /// Its row, texts interned; of no meaning for a duplicate.
    pub(in crate::state) row: &'a [u64],
    pub(in crate::state) time: EventTime,
    pub(in crate::state) added: bool,
    pub(in crate::state) duplicate: bool,
    /// Where its answers go.
    pub(in crate::state) at: usize,
}

impl Store {
    /// A small key for one that has none.
    pub(in crate::state) fn new_small(&mut self, hash: u64, identity: Identity) -> u32 {
        let renewed = self.layout.stays && self.evicted_keys > 0;
        let index = self.keys.bodies.take(0);
        let mut body = self.keys.bodies.get_mut(0, index);
        body.clear(identity.0, self.swept, if renewed { RENEWED } else { 0 });
        let key = key_of(0, index);
        self.keys.add(hash, key);
        self.credit += crate::state::forget::SWEEP_PER_KEY;
        key
    }

    /// Answers and takes an event of a small key; whether the answer is approximate. The number of a record that the key
    /// has to have first, if it does.
    #[inline]
    pub(in crate::state) fn take_small(
        &mut self,
        (mut key, identity): (u32, Identity),
        event: &Arriving<'_>,
        scratch: &mut Scratch,
        answers: &mut Option<Answers>,
    ) -> Result<bool, u32> {
        let mut has_room = event.duplicate;
        loop {
            let appended = self.append_small((key, identity), event, scratch, answers);
            if let Appended::Done(approximate) = appended {
                return Ok(approximate);
            }
            if has_room {
                return Ok(self.put_small(key, event, scratch, answers));
            }
            has_room = true;
            // What makes room goes by the horizon, and so by what is not before it.
            let full = matches!(appended, Appended::Full) && event.time >= self.horizon;
            if !(full && self.make_room_small(key)) && self.wants_room(key, event) {
                key = self.room(key, event);
                if class(key) == LARGE {
                    return Err(index(key));
                }
            }
        }
    }

    /// Answers one event if anything of a scope is asked for, counted from its rows.
    fn answer_if_asked(
        &mut self,
        key: u32,
        at: usize,
        scope: Scope,
        scratch: &mut Scratch,
        answers: &mut Option<Answers>,
    ) {
        if let Some(answers) = answers
            && self.layout.scan.asks(scope)
        {
            let body = self.keys.bodies.get(class(key), index(key));
            let mut view = View::new(body, &self.layout, &mut self.heap);
            scratch.answer(&mut view, scope, answers, at);
        }
    }

    /// Does so for any event; there is room for it.
    fn put_small(
        &mut self,
        key: u32,
        event: &Arriving<'_>,
        scratch: &mut Scratch,
        answers: &mut Option<Answers>,
    ) -> bool {
        let (layout, read) = (&self.layout, self.keys.bodies.get(class(key), index(key)));
        let raw = read.encode(event.time.0);
        let now = match raw {
            Some(raw) => read.until_raw(raw),
            None => read.until(event.time.0),
        };
        let mut moment = Moment {
            time: event.time,
            raw,
            now,
        };
        let flagged = read.forgotten() != i64::MIN || read.flags() != 0;
        let prior = answers.is_some() && (event.duplicate || layout.scan.asks(Scope::Prior));
        if prior || (flagged && (layout.stays || layout.has_session)) {
            scratch.cut(read, layout, moment);
        }
        let approximate = flagged && approximate(read, layout, scratch, event.time, self.horizon);
        if prior {
            self.answer_if_asked(key, event.at, Scope::Prior, scratch, answers);
        }
        if event.duplicate {
            // It is among the rows already.
            self.answer_if_asked(key, event.at, Scope::WithCurrent, scratch, answers);
            return approximate;
        }
        let layout = &self.layout;
        let mut body = self.keys.bodies.get_mut(class(key), index(key));
        // There is room for it, and so its time can be told.
        body.insert(now, raw.unwrap_or_default(), event.row);
        if !layout.scan.marks.is_empty() {
            layout.scan.mark(&mut body, layout, now);
        }
        if answers.is_some() && layout.scan.asks(Scope::WithCurrent) {
            moment.now = now + 1;
            scratch.cut(body.read(), layout, moment);
            self.answer_if_asked(key, event.at, Scope::WithCurrent, scratch, answers);
        }
        if event.added {
            self.events += 1;
            return approximate;
        }
        // A late event counts itself, and is not kept.
        let mut body = self.keys.bodies.get_mut(class(key), index(key));
        self.layout.scan.unmark(&mut body, &self.layout, now);
        body.retain(!(1 << now));
        self.release_row(event.row);
        approximate
    }

    /// Whether there is no room for an event as the key is.
    #[inline]
    fn wants_room(&self, key: u32, event: &Arriving<'_>) -> bool {
        let body = self.keys.bodies.get(class(key), index(key));
        let full = body.rows() >= self.most(body, event.added);
        let told = body.encode(event.time.0).is_some()
            && event.width(&self.layout.row) <= body.shape.width;
        full || !told || self.is_rich(body)
    }

    /// Whether one more value could be too many for what a `forever` window keeps of each: only records have sketches.
    #[inline]
    fn is_rich(&self, body: Body<'_>) -> bool {
        let rows = body.rows() as usize;
        let rich = |past: &Past| {
            past.cell.distinct_kept(body.words, &self.heap) + rows >= self.heap.distinct_max
        };
        self.layout.may_sketch && self.layout.scan.past.iter().any(rich)
    }

    /// How many rows a small key may have before there must be room for one more.
    #[inline]
    fn most(&self, body: Body<'_>, added: bool) -> u32 {
        match added {
            true => self.limits.events_per_key.min(body.shape.capacity),
            false => body.shape.capacity,
        }
    }

    /// Room for one more row; the key as it is called then, which may be that of a record.
    #[cold]
    fn room(&mut self, key: u32, event: &Arriving<'_>) -> u32 {
        let (time, added) = (event.time, event.added);
        let values = event.width(&self.layout.row);
        let mut body = self.keys.bodies.get_mut(class(key), index(key));
        let most = match added {
            true => self.limits.events_per_key.min(ROWS_MAX),
            false => ROWS_MAX,
        };
        let capacity = body.shape.capacity;
        let width = body.width_for(time.0, values);
        let fits = width == body.shape.width;
        let body = self.keys.bodies.get(class(key), index(key));
        if fits && body.rows() < capacity.min(most) && !self.is_rich(body) {
            return key;
        }
        if added && time >= self.horizon {
            self.forget_small(key);
        }
        let body = self.keys.bodies.get(class(key), index(key));
        let rows = body.rows();
        if rows >= most || self.is_rich(body) {
            return self.promote(key);
        }
        if fits && fits_well(rows, capacity) {
            return key;
        }
        match self.keys.bodies.shapes.class(rows + rows / 8 + 1, width) {
            Some(to) if to == class(key) => key,
            Some(to) => self.move_small(key, to),
            None => self.promote(key),
        }
    }

    /// Moves a small key to another class.
    pub(super) fn move_small(&mut self, key: u32, to: usize) -> u32 {
        let bodies = &mut self.keys.bodies;
        let new = key_of(to, bodies.take(to));
        let (source, mut target) = bodies.pair((class(key), index(key)), (to, index(new)));
        target.copy_from(source);
        self.keys.rename(key, new);
        self.keys.bodies.free(class(key), index(key));
        new
    }

    /// Makes a small key a record.
    fn promote(&mut self, key: u32) -> u32 {
        let body = self.keys.bodies.get(class(key), index(key));
        let identity = Identity([body.words[0], body.words[1]]);
        let (rows, width) = (body.rows(), self.layout.row.width);
        let mut words = vec![0; rows as usize * width];
        for (row, words) in words.chunks_mut(width).enumerate() {
            body.read_row(row as u32, words);
        }
        let past = body.words[PAST..body.shape.masks].to_vec();
        let (forgotten, flags) = (body.forgotten(), body.flags());
        let number = self.keys.take_record(identity, forgotten);
        let record = self.keys.record_mut(number);
        record[FLAGS] |= flags;
        for Past { of, cell } in &self.layout.scan.past {
            let from = cell.at - PAST;
            let to = self.layout.cells[*of].at;
            let length = cell.words();
            record[to..to + length].copy_from_slice(&past[from..from + length]);
        }
        self.events -= rows as usize;
        for row in words.chunks(width) {
            self.seek(number, EventTime(row[0].cast_signed()));
            self.insert(number, row, false);
        }
        let new = key_of(LARGE, number);
        self.keys.rename(key, new);
        self.keys.bodies.free(class(key), index(key));
        new
    }

    /// Takes a small key out with everything it holds.
    pub(in crate::state) fn drop_small(&mut self, key: u32) {
        let layout = &self.layout;
        let body = self.keys.bodies.get(class(key), index(key));
        let rows = body.rows();
        if layout.row.has_texts() {
            let mut row = vec![0; layout.row.width];
            for at in 0..rows {
                self.keys
                    .bodies
                    .get(class(key), index(key))
                    .read_row(at, &mut row);
                self.release_row(&row);
            }
        }
        let body = self.keys.bodies.get_mut(class(key), index(key));
        for Past { cell, .. } in &self.layout.scan.past {
            cell.drop(body.words, &self.layout.row, &mut self.heap);
        }
        self.events -= rows as usize;
        self.keys.remove(key);
        self.keys.bodies.free(class(key), index(key));
    }

    /// Gives back the texts of a row that is not kept.
    pub(in crate::state) fn release_row(&mut self, row: &[u64]) {
        release(&self.layout.row, row, &mut self.heap.texts);
    }
}

/// Gives back the texts of a row.
pub(super) fn release(layout: &RowLayout, row: &[u64], texts: &mut Texts) {
    for (input, place) in layout.places.iter().enumerate() {
        if let Place::Text(at) = place
            && bit(row, layout.present_bit(input))
        {
            texts.release(row[*at]);
        }
    }
}
