//! The seed of every hash table that holds what events bring: keys, texts, ids.
//!
//! The idea: a hash only says where to look, so answers do not depend on the seed; but whoever knows it can send keys
//! that all land in one place and make each look-up a walk over all of them. So a run takes a seed nobody knows, drawn
//! outside of this crate, and a tool that reads the analyst's own files may take [`HashSeed::FIXED`].
//! The invariant: no output and no order ever depends on it.

use ahash::RandomState;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashSeed([u64; 4]);

impl HashSeed {
    /// For tests, and where nobody has a reason to choose keys that collide.
    pub const FIXED: HashSeed = HashSeed([
        0x746f_6c6c_6761_7465,
        0x6861_7368_2073_6565,
        0x6420_6f66_2061_206b,
        0x6579_2074_6162_6c65,
    ]);

    /// A seed of 256 random bits.
    #[must_use]
    pub fn new(bits: [u64; 4]) -> HashSeed {
        HashSeed(bits)
    }

    /// All of it, for whoever goes on under it.
    pub(crate) fn words(self) -> [u64; 4] {
        self.0
    }

    /// Two words of it, for a keyed hash that stands for what it hashes.
    pub(crate) fn keys(self) -> (u64, u64) {
        (self.0[0], self.0[1])
    }

    /// The hash function under this seed.
    pub(crate) fn hasher(self) -> RandomState {
        let [a, b, c, d] = self.0;
        RandomState::with_seeds(a, b, c, d)
    }
}

/// The seed is a secret: it is never shown.
impl std::fmt::Debug for HashSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashSeed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::identity::Identities;
    use crate::state::table::Table;

    /// Places of the table attacked, once it holds the keys.
    const PLACES: u64 = 512;
    const KEYS: usize = 200;

    /// How many places are looked at to find each of these keys.
    fn looks(keys: &[String], seed: HashSeed) -> usize {
        let identities = Identities::new(seed);
        let hash = |key: u32| identities.hash(identities.of(keys[key as usize].as_bytes()));
        let mut table = Table::new();
        for key in 0..keys.len() as u32 {
            table.insert(hash(key), key, hash);
        }
        assert_eq!(table.bytes() as u64, 8 * PLACES);
        (0..keys.len() as u32)
            .map(|key| table.looks(hash(key), key))
            .sum()
    }

    /// Row E18 of the bad inputs: keys chosen against a known seed do nothing against another one.
    #[test]
    fn keys_that_collide_under_one_seed_do_not_under_another() {
        let known = Identities::new(HashSeed::FIXED);
        let chosen: Vec<String> = (0u64..)
            .map(|n| format!("card-{n}"))
            .filter(|key| known.hash(known.of(key.as_bytes())) % PLACES == 7)
            .take(KEYS)
            .collect();
        let attacked = looks(&chosen, HashSeed::FIXED);
        assert_eq!(attacked, KEYS * (KEYS + 1) / 2, "each passes all others");
        for seed in 1..=20 {
            let looked = looks(&chosen, HashSeed::new([seed, 2, 3, 4]));
            assert!(looked < 2 * KEYS, "seed {seed}: {looked} for {KEYS} keys");
        }
    }
}
