//! The seed of every hash table that holds what events bring: keys, texts, ids.
//!
//! The idea: a hash only says where to look, so answers do not depend on the seed; but whoever knows it can send keys
//! that all land in one place and make each look-up a walk over all of them. So a run takes a seed nobody knows, drawn
//! outside of this crate, and a tool that reads the analyst's own files may take [`HashSeed::FIXED`].
//! The invariant: no output and no order ever depends on it.

use ahash::RandomState;

/// See the module.
#[derive(Clone, Copy)]
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

    /// What a table would make of these bytes: for a test that two seeds differ.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        self.hasher().hash_one(bytes)
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
    use hashbrown::HashTable;

    use super::*;

    /// Buckets of the table attacked.
    const BUCKETS: u64 = 1024;
    const KEYS: usize = 200;

    /// How many entries a table looks at to insert these keys, finding none of them there before.
    fn looks(keys: &[String], seed: HashSeed) -> usize {
        let hasher = seed.hasher();
        let mut table = HashTable::with_capacity(BUCKETS as usize / 2);
        let mut looks = 0;
        for key in keys {
            let hash = hasher.hash_one(key.as_bytes());
            let found = table.find(hash, |other: &&String| {
                looks += 1;
                *other == key
            });
            assert!(found.is_none(), "all keys differ");
            table.insert_unique(hash, key, |other| hasher.hash_one(other.as_bytes()));
        }
        looks
    }

    /// Row E18 of the bad inputs: keys chosen against a known seed do nothing against another one.
    #[test]
    fn keys_that_collide_under_one_seed_do_not_under_another() {
        let known = HashSeed::FIXED.hasher();
        // The bucket is in the low bits, and seven of the highest are compared before an entry is looked at.
        let place = |hash: u64| (hash % BUCKETS, hash >> 57);
        let chosen: Vec<String> = (0u64..)
            .map(|n| format!("card-{n}"))
            .filter(|key| place(known.hash_one(key.as_bytes())) == (7, 3))
            .take(KEYS)
            .collect();
        let attacked = looks(&chosen, HashSeed::FIXED);
        assert_eq!(attacked, KEYS * (KEYS - 1) / 2, "each looks at all before");
        for seed in 1..=20 {
            let looked = looks(&chosen, HashSeed::new([seed, 2, 3, 4]));
            assert!(looked < KEYS, "seed {seed}: {looked} looks for {KEYS} keys");
        }
    }
}
