//! Names of decisions and alerts: the same on every replay, so that a reader can drop repeats.
//!
//! The idea: SipHash-128 with fixed keys over application, topic, partition and offset, and for an alert the rule.
//! The pack's version is left out on purpose: the same event decided again by a newer pack keeps its id. The
//! invariant: every part is preceded by its length, so no two lists of parts read alike. Among 10^12 ids two coincide
//! with a chance of 10^-15; that is enough against chance, and ids are no secret.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::evaluate::Position;

/// Keys of the hash. Changing them gives every decision a new id.
const SEEDS: (u64, u64) = (0x746f_6c6c_6761_7465, 0x6465_6369_7369_6f6e);

/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte / 16], digits[byte % 16]];
        byte += 1;
    }
    pairs
};

/// A 128-bit name, written as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

impl Id {
    /// The 32 hex digits.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0.to_be_bytes()) {
            pair.copy_from_slice(&HEX[usize::from(byte)]);
        }
        hex
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Makes the ids of one application reading one topic.
#[derive(Clone, Debug)]
pub struct Namer {
    /// Application and topic are the same for every id, and hashed once.
    base: SipHasher13,
}

impl Namer {
    /// Ids of events of this topic, as decided by this application.
    #[must_use]
    pub fn new(application: &str, topic: &str) -> Namer {
        let mut base = SipHasher13::new_with_keys(SEEDS.0, SEEDS.1);
        part(&mut base, application.as_bytes());
        part(&mut base, topic.as_bytes());
        Namer { base }
    }

    /// The id of the decision on the event first seen here.
    #[must_use]
    pub fn decision(&self, first: Position) -> Id {
        Id(self.at(first).finish128().as_u128())
    }

    /// The id of a rule's alert on the event first seen here.
    #[must_use]
    pub fn alert(&self, first: Position, rule: &str) -> Id {
        let mut hasher = self.at(first);
        part(&mut hasher, rule.as_bytes());
        Id(hasher.finish128().as_u128())
    }

    fn at(&self, position: Position) -> SipHasher13 {
        let mut hasher = self.base;
        // These take the machine's order, which has to be little-endian on every machine.
        hasher.write_u32(position.partition.to_le());
        hasher.write_u64(position.offset.to_le().cast_unsigned());
        hasher
    }
}

fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write(&(bytes.len() as u64).to_le_bytes());
    hasher.write(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(partition: u32, offset: i64) -> Position {
        Position { partition, offset }
    }

    #[test]
    fn ids_are_fixed_for_ever() {
        let namer = Namer::new("card-fraud", "swipes");
        expect_test::expect!["ddd82b490fc55e26befe6f220d97e324"]
            .assert_eq(&namer.decision(at(0, 16)).to_string());
        expect_test::expect!["2827010bf4f292ab8a6efdb74835cb1f"]
            .assert_eq(&namer.alert(at(0, 16), "VEL-01").to_string());
        let id = namer.decision(at(3, 1 << 40));
        assert_eq!(id.hex().as_slice(), id.to_string().as_bytes());
    }

    #[test]
    fn every_part_counts_and_no_two_lists_of_parts_read_alike() {
        let mut ids = BTreeSet::new();
        for (application, topic) in [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")] {
            let namer = Namer::new(application, topic);
            for position in [at(0, 0), at(0, 1), at(1, 0), at(0, -1)] {
                assert!(ids.insert(namer.decision(position)));
                for rule in ["", "A", "AB"] {
                    assert!(ids.insert(namer.alert(position, rule)));
                }
            }
        }
    }
}
