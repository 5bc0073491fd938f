//! Remembered ids as bytes: each at its place, without the empty ones.
//!
//! ```text
//! limit | per part: places | hand | which are taken … | six words of each that is …
//! ```
//!
//! Tags follow from the ids. A hash of another build may want the ids at other places, and a bit turned over one of them;
//! then all are put anew, as no place shows in an answer. The invariant: every id is found. Under the same hash each is at
//! its place again, and so is the hand, so that both engines give back the same memory at the same time.

use std::io;

use super::{Dedup, EMPTY, Entry, Fingerprint, FirstCopy, PARTS, PLACES_MIN, Part, part_of};
use crate::snapshot::{Fault, Reader, Writer, sure};
use crate::state::pages::runs;
use crate::state::seed::HashSeed;
use crate::time::{EventTime, Span};

/// Words of an id.
const WORDS: usize = 6;

impl Dedup {
    /// Everything but the horizon, which the pack says.
    pub(crate) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.limit.0.cast_unsigned())?;
        self.parts.iter().try_for_each(|part| part.save(to))
    }

    /// Back from [`Dedup::save`]. `outcomes`: what each outcome of the pack it was saved with is now; one that there is
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

impl Part {
    fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.word(self.tags.len() as u64)?;
        to.word(self.hand as u64)?;
        for tags in self.tags.chunks(64) {
            let taken = tags.iter().enumerate().filter(|(_, tag)| **tag != EMPTY);
            to.word(taken.fold(0, |bits, (at, _)| bits | 1 << at))?;
        }
        let taken = self.tags.iter().zip(&self.entries);
        let mut taken = taken.filter(|(tag, _)| **tag != EMPTY);
        taken.try_for_each(|(_, entry)| to.words(&entry.words()))
    }

    /// Tags say only whether a place is taken.
    fn restore(outcomes: &[Option<u16>], from: &mut Reader<'_>) -> Result<Part, Fault> {
        let (places, hand) = (from.word()?, from.word()?);
        from.expect(places.div_ceil(64), 1)?;
        let places = places as usize;
        let known = places == 0 || (places.is_power_of_two() && places >= PLACES_MIN);
        sure(known, "ids have a number of places that there is not")?;
        let hand = usize::try_from(hand).unwrap_or(usize::MAX);
        sure(hand < places.max(1), "ids are swept where none are")?;
        let bits = from.words(places.div_ceil(64))?;
        let used: usize = bits.iter().map(|word| word.count_ones() as usize).sum();
        from.expect(used as u64, WORDS as u64)?;
        sure(used < places.max(1), "ids leave no place empty")?;
        let mut part = Part {
            tags: vec![EMPTY; places],
            entries: vec![Entry::default(); places],
            used,
            hand,
        };
        for (first, end) in runs(&bits, bits.len() * 64) {
            sure(end <= places, "an id is behind all places")?;
            for at in first..end {
                let mut words = [0; WORDS];
                from.fill(&mut words)?;
                part.tags[at] = !EMPTY;
                part.entries[at] = Entry::of(words, outcomes)?;
            }
        }
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
