//! Remembered ids as bytes: each at its place, without the empty ones.
//!
//! ```text
//! limit | per part: places | hand | ids | per 64 places: which are taken, six words of each that is …
//! ```
//!
//! They are frozen without a look at them, because there are many. Until they are written none is moved or given back,
//! new ones are told by their offsets, and the two ways in which an old one is lost (its place is taken, its part grows)
//! keep it first.
//!
//! Tags follow from the ids. A hash of another build may want the ids at other places, and a bit turned over one of them;
//! then all are put anew, as no place shows in an answer. The invariant: every id is found. Under the same hash each is at
//! its place again, and so is the hand, so that both engines give back the same memory at the same time.

use std::collections::BTreeMap;
use std::io;

use super::{Dedup, EMPTY, Entry, Fingerprint, FirstCopy, PARTS, PLACES_MIN, Part, part_of};
use crate::snapshot::bits::runs;
use crate::snapshot::{Fault, Noted, Reader, Room, Writer, sure};
use crate::state::seed::HashSeed;
use crate::time::{EventTime, Span};

/// Words of an id.
const WORDS: usize = 6;

/// Places that are written at once.
const CHUNK: usize = 64;

impl Dedup {
    /// From now on [`Dedup::write`] writes what is remembered now. `next`: the offset of each partition from which on
    /// events have not been seen.
    pub(crate) fn freeze(&mut self, next: &[(u32, i64)]) {
        let mut head = Noted::default();
        head.note(|to| to.word(self.limit.0.cast_unsigned()));
        let shapes = self
            .parts
            .iter()
            .map(|part| [part.tags.len(), part.hand, part.used]);
        self.frozen = Some(Box::new(FrozenIds {
            head,
            next: next.to_vec(),
            shapes: shapes.collect(),
            at: (0, 0),
            kept: BTreeMap::new(),
            grown: BTreeMap::new(),
        }));
    }

    /// Writes on while there is room: everything but the horizon, which the pack says.
    pub(crate) fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(true);
        };
        frozen.head.write(room, to)?;
        while room.is_left() {
            let Some(part) = self.parts.get(frozen.at.0) else {
                self.frozen = None;
                return Ok(true);
            };
            frozen.write(part, room, to)?;
        }
        Ok(false)
    }

    /// How many ids wait aside because their places were taken, and how many parts because they grew.
    #[cfg(test)]
    pub(super) fn aside(&self) -> [usize; 2] {
        let frozen = self.frozen.as_ref();
        frozen.map_or([0; 2], |frozen| [frozen.kept.len(), frozen.grown.len()])
    }

    /// Gives up what is not written.
    pub(crate) fn thaw(&mut self) {
        self.frozen = None;
    }

    /// Back from [`Dedup::write`]. `outcomes`: what each outcome of the pack it was saved with is now; one that there is
    /// no more is forgotten.
    pub(crate) fn restore(
        horizon: Span,
        seed: HashSeed,
        outcomes: &[Option<u16>],
        from: &mut Reader<'_>,
    ) -> Result<Dedup, Fault> {
        let mut dedup = Dedup::new(horizon, seed);
        dedup.limit = EventTime(from.word()?.cast_signed());
        for number in 0..PARTS {
            let mut part = Part::restore(outcomes, from)?;
            for at in 0..part.tags.len() {
                if part.tags[at] != EMPTY {
                    part.tags[at] = dedup.tag(&part.entries[at]);
                }
            }
            dedup.used += part.used;
            dedup.parts[number] = part;
        }
        if !dedup.all_found() {
            dedup.put_anew();
        }
        Ok(dedup)
    }

    fn tag(&self, entry: &Entry) -> u64 {
        let [high, low] = entry.id;
        let hash = self.hash(Fingerprint(u128::from(high) << 64 | u128::from(low)));
        u64::from(hash) << 32 | u64::from(self.portion(entry.time))
    }

    /// Whether each id is where it is looked for.
    fn all_found(&self) -> bool {
        self.parts.iter().enumerate().all(|(number, part)| {
            let places = part.tags.iter().zip(&part.entries).enumerate();
            let mut taken = places.filter(|(_, (tag, _))| **tag != EMPTY);
            taken.all(|(at, (tag, entry))| {
                let hash = (tag >> 32) as u32;
                part_of(hash) == number && part.find(entry.id, hash) == Ok(at)
            })
        })
    }

    /// Puts all ids where they are looked for.
    fn put_anew(&mut self) {
        let parts = std::mem::replace(&mut self.parts, vec![Part::default(); PARTS]);
        for part in parts {
            let taken = part.tags.into_iter().zip(part.entries);
            for (tag, entry) in taken.filter(|(tag, _)| *tag != EMPTY) {
                let hash = (tag >> 32) as u32;
                let number = part_of(hash);
                let part = &mut self.parts[number];
                if part.is_full(number) {
                    part.rebuild(i64::MIN);
                }
                let (Ok(at) | Err(at)) = part.find(entry.id, hash);
                part.used += usize::from(part.tags[at] == EMPTY);
                (part.tags[at], part.entries[at]) = (tag, entry);
            }
        }
        self.used = self.parts.iter().map(|part| part.used).sum();
    }
}

/// How far ids are written, and what became of those that are not.
#[derive(Debug)]
pub(super) struct FrozenIds {
    head: Noted,
    next: Vec<(u32, i64)>,
    /// Per part: places, hand, ids.
    shapes: Vec<[usize; 3]>,
    /// The next part and the next place in it.
    at: (usize, usize),
    /// Ids whose places were taken, as they were.
    kept: BTreeMap<(usize, usize), Entry>,
    /// What was left to write of parts that grew.
    grown: BTreeMap<usize, Vec<u8>>,
}

impl FrozenIds {
    fn was_there(&self, entry: &Entry) -> bool {
        let FirstCopy {
            partition, offset, ..
        } = entry.copy;
        let mut next = self.next.iter();
        next.any(|(known, next)| *known == partition && offset < *next)
    }

    /// The place of an id is about to be taken.
    pub(super) fn keep(&mut self, part: usize, place: usize, entry: &Entry) {
        let waits = (part, place) >= self.at && !self.grown.contains_key(&part);
        if waits && self.was_there(entry) {
            self.kept.entry((part, place)).or_insert(*entry);
        }
    }

    /// A part is about to grow: what is left of it is written now, aside. To grow takes longer.
    pub(super) fn keep_part(&mut self, number: usize, part: &Part) {
        if number < self.at.0 || self.grown.contains_key(&number) {
            return;
        }
        let mut rest = Vec::new();
        let from = if number == self.at.0 { self.at.1 } else { 0 };
        for place in (from..self.shapes[number][0]).step_by(CHUNK) {
            // To memory nothing fails; what is too short would be refused when it is read.
            let _ = self.write_chunk((number, place), part, &mut Writer::new(&mut rest));
        }
        self.grown.insert(number, rest);
    }

    /// Writes on at a part.
    fn write(&mut self, part: &Part, room: &mut Room, to: &mut Writer<'_>) -> io::Result<()> {
        let (number, mut place) = self.at;
        let shape = self.shapes[number];
        if place == 0 {
            shape.iter().try_for_each(|word| to.word(*word as u64))?;
            room.take(8 * shape.len());
        }
        if let Some(rest) = self.grown.remove(&number) {
            room.take(rest.len());
            to.raw(&rest)?;
            self.at = (number + 1, 0);
            return Ok(());
        }
        while place < shape[0] {
            room.take(self.write_chunk((number, place), part, to)?);
            place += CHUNK;
            // Looked at behind a chunk, so that a place of 0 says that nothing of the part is written.
            if !room.is_left() {
                break;
            }
        }
        self.at = match place < shape[0] {
            true => (number, place),
            false => (number + 1, 0),
        };
        Ok(())
    }

    /// Writes so many places, of those that there were; how many bytes that took.
    fn write_chunk(
        &mut self,
        (number, first): (usize, usize),
        part: &Part,
        to: &mut Writer<'_>,
    ) -> io::Result<usize> {
        let (mut bits, mut words) = (0u64, Vec::new());
        for place in first..self.shapes[number][0].min(first + CHUNK) {
            let kept = self.kept.remove(&(number, place));
            let now = (part.tags[place] != EMPTY).then(|| part.entries[place]);
            let now = now.filter(|entry| self.was_there(entry));
            if let Some(entry) = kept.or(now) {
                bits |= 1 << (place - first);
                words.extend(entry.words());
            }
        }
        to.word(bits)?;
        to.words(&words)?;
        Ok(8 + 8 * words.len())
    }
}

impl Part {
    /// Tags say only whether a place is taken.
    fn restore(outcomes: &[Option<u16>], from: &mut Reader<'_>) -> Result<Part, Fault> {
        let (places, hand, used) = (from.word()?, from.word()?, from.word()?);
        from.expect(places.div_ceil(CHUNK as u64), 1)?;
        from.expect(used, WORDS as u64)?;
        let places = places as usize;
        let known = places == 0 || (places.is_power_of_two() && places >= PLACES_MIN);
        sure(known, "ids have a number of places that there is not")?;
        let hand = usize::try_from(hand).unwrap_or(usize::MAX);
        sure(hand < places.max(1), "ids are swept where none are")?;
        sure((used as usize) < places.max(1), "ids leave no place empty")?;
        let mut part = Part {
            tags: vec![EMPTY; places],
            entries: vec![Entry::default(); places],
            used: used as usize,
            hand,
        };
        let mut found = 0;
        for chunk in (0..places).step_by(CHUNK) {
            let bits = [from.word()?];
            for (first, end) in runs(&bits, CHUNK) {
                sure(chunk + end <= places, "an id is behind all places")?;
                found += end - first;
                sure(found <= part.used, "there are more ids than there are")?;
                for at in chunk + first..chunk + end {
                    let mut words = [0; WORDS];
                    from.fill(&mut words)?;
                    part.tags[at] = !EMPTY;
                    part.entries[at] = Entry::of(words, outcomes)?;
                }
            }
        }
        sure(found == part.used, "there are fewer ids than there are")?;
        Ok(part)
    }
}

impl Entry {
    fn words(&self) -> [u64; WORDS] {
        let FirstCopy {
            partition,
            offset,
            outcome,
            score,
        } = self.copy;
        [
            self.id[0],
            self.id[1],
            self.time.cast_unsigned(),
            offset.cast_unsigned(),
            u64::from(partition) | u64::from(score.cast_unsigned()) << 32,
            outcome.map_or(0, |outcome| u64::from(outcome) + 1),
        ]
    }

    /// Back from [`Entry::words`].
    fn of(words: [u64; WORDS], outcomes: &[Option<u16>]) -> Result<Entry, Fault> {
        let outcome = match words[5].checked_sub(1) {
            None => None,
            Some(outcome) => {
                let at = usize::try_from(outcome).unwrap_or(usize::MAX);
                let now = outcomes.get(at).copied();
                now.ok_or(Fault::Wrong("an event was decided as nothing is"))?
            }
        };
        Ok(Entry {
            id: [words[0], words[1]],
            time: words[2].cast_signed(),
            copy: FirstCopy {
                partition: words[4] as u32,
                offset: words[3].cast_signed(),
                outcome,
                score: ((words[4] >> 32) as u32).cast_signed(),
            },
        })
    }
}
