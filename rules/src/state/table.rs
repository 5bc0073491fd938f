//! Where a key's number is found: open addressing over words of (part of the hash, number).
//!
//! The idea: a look-up costs one line of memory, and which line is known from the hash alone, so many look-ups can be
//! under way at once. 32 bits of the hash stand beside the number and keep a look-up away from records of other keys.
//! Taking out shifts the entries behind back, so no place is ever spent on what is gone.
//! The invariant: between an entry's home and its place no place is empty; at most 3 of 4 places are taken.

/// An empty place. Numbers are below 2^32 - 1.
const EMPTY: u64 = u64::MAX;

/// Places of the smallest table.
const LEAST: usize = 16;

/// Numbers of keys by their hashes.
#[derive(Debug)]
pub(super) struct Table {
    /// The upper half of the hash, then the number.
    places: Vec<u64>,
    taken: usize,
}

fn number(place: u64) -> u32 {
    place as u32
}

impl Table {
    /// Nothing.
    pub(super) fn new() -> Table {
        Table {
            places: vec![EMPTY; LEAST],
            taken: 0,
        }
    }

    /// Nothing, with room for so many numbers.
    pub(super) fn with_room(numbers: usize) -> Table {
        let places = (4 * numbers).div_ceil(3).max(LEAST).next_power_of_two();
        Table {
            places: vec![EMPTY; places],
            taken: 0,
        }
    }

    /// Numbers held.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * 8
    }

    /// A hash's home, to ask for ahead of a look-up.
    pub(super) fn home(&self, hash: u64) -> &u64 {
        &self.places[self.index(hash)]
    }

    fn mask(&self) -> usize {
        self.places.len() - 1
    }

    /// The place a hash wants, from its lower half.
    fn index(&self, hash: u64) -> usize {
        hash as usize & self.mask()
    }

    /// The first number beside this hash for which `same` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.index(hash);
        loop {
            let place = self.places[at];
            if place == EMPTY {
                return None;
            }
            if place >> 32 == hash >> 32 && same(number(place)) {
                return Some(number(place));
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Adds a number; `hash_of` tells the hashes of those held.
    pub(super) fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if 4 * (self.taken + 1) > 3 * self.places.len() {
            let twice = vec![EMPTY; 2 * self.places.len()];
            for place in std::mem::replace(&mut self.places, twice) {
                if place != EMPTY {
                    let number = place as u32;
                    self.put(hash_of(number), number);
                }
            }
        }
        self.put(hash, number);
        self.taken += 1;
    }

    fn put(&mut self, hash: u64, number: u32) {
        let mut at = self.index(hash);
        while self.places[at] != EMPTY {
            at = (at + 1) & self.mask();
        }
        self.places[at] = hash >> 32 << 32 | u64::from(number);
    }

    /// A number is called another from now on.
    pub(super) fn rename(&mut self, hash: u64, old: u32, new: u32) {
        let mut at = self.index(hash);
        while self.places[at] != EMPTY {
            if number(self.places[at]) == old {
                self.places[at] = self.places[at] >> 32 << 32 | u64::from(new);
                return;
            }
            at = (at + 1) & self.mask();
        }
    }

    /// How many places are looked at to find a number that is there.
    #[cfg(test)]
    pub(super) fn looks(&self, hash: u64, held: u32) -> usize {
        let home = self.index(hash);
        let from_home = |at: &usize| number(self.places[(home + at) & self.mask()]) == held;
        1 + (0..self.places.len())
            .position(|at| from_home(&at))
            .unwrap_or(0)
    }

    /// Takes a number out.
    pub(super) fn remove(&mut self, hash: u64, gone: u32, hash_of: impl Fn(u32) -> u64) {
        let mut hole = self.index(hash);
        while number(self.places[hole]) != gone || self.places[hole] == EMPTY {
            if self.places[hole] == EMPTY {
                return;
            }
            hole = (hole + 1) & self.mask();
        }
        self.taken -= 1;
        let mut at = hole;
        loop {
            self.places[hole] = EMPTY;
            loop {
                at = (at + 1) & self.mask();
                let place = self.places[at];
                if place == EMPTY {
                    return;
                }
                // An entry may move into the hole when its home does not lie behind it.
                let home = self.index(hash_of(number(place)));
                let from_home = at.wrapping_sub(home) & self.mask();
                if from_home >= at.wrapping_sub(hole) & self.mask() {
                    self.places[hole] = place;
                    hole = at;
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Few different hashes, so that stretches of places are long and wrap around the end.
    fn hash_of(number: u32) -> u64 {
        let mixed = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed >> 40 & 0x3) << 32) | ((mixed >> 20) % 13) | 0xFFFF_0000
    }

    #[test]
    fn it_holds_what_a_map_holds() {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        let mut x = 5u64;
        for round in 0..20_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = (x >> 33) as u32 % 300;
            // Grows for a while, then shrinks.
            if (x >> 20) % 10 < if round < 10_000 { 6 } else { 4 } {
                if map.insert(n, ()).is_none() {
                    table.insert(hash_of(n), n, hash_of);
                }
            } else if map.remove(&n).is_some() {
                table.remove(hash_of(n), n, hash_of);
            }
            assert_eq!(table.len(), map.len());
            let n = (x >> 13) as u32 % 300;
            let found = table.find(hash_of(n), |other| other == n);
            assert_eq!(found, map.contains_key(&n).then_some(n), "round {round}");
        }
        for n in 0..300 {
            let found = table.find(hash_of(n), |other| other == n);
            assert_eq!(found, map.contains_key(&n).then_some(n));
        }
        assert!(4 * table.taken <= 3 * table.places.len());
    }
}
