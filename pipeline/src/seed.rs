//! The one source of randomness of a run: the seed of its hash tables.
//!
//! The idea: `rules` knows no randomness, yet keys that come in from outside must not be able to be chosen so that
//! they collide; so the seed is drawn here and handed in. The invariant: nothing a run puts out depends on it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use rules::state::seed::HashSeed;

/// A seed nobody outside this process knows, from the keys the operating system gives each process for its hash maps.
#[must_use]
pub fn draw() -> HashSeed {
    let keyed = RandomState::new();
    HashSeed::new([0u64, 1, 2, 3].map(|word| {
        let mut hasher = keyed.build_hasher();
        hasher.write_u64(word);
        hasher.finish()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(draw(), draw());
        assert_ne!(draw(), HashSeed::FIXED);
    }
}
