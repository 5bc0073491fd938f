//! What a key is told by: two words, whatever its length.
//!
//! The idea: a key of at most [`INLINE`] bytes is itself, padded and with its length; a longer one is a fingerprint of
//! 127 bits (SipHash-1-3 under the run's seed, which nobody outside knows). Among `n` long keys of one group the odds
//! that any two share one are about `n² / 2^128`: for ten million keys one in 10^24. The invariant: the two kinds never
//! meet, because only a fingerprint has the highest bit set.

use ahash::RandomState;
use siphasher::sip128::SipHasher13;

use super::seed::HashSeed;

/// Bytes of a key that is its own identity: as many as leave room for the length.
const INLINE: usize = 15;

/// The bit that tells a fingerprint.
const FINGERPRINT: u64 = 1 << 63;

/// The two words of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) [u64; 2]);

/// Makes identities, and hashes of them, under one seed.
#[derive(Debug)]
pub(super) struct Identities {
    fingerprint: SipHasher13,
    hasher: RandomState,
}

impl Identities {
    /// Under this seed.
    pub(super) fn new(seed: HashSeed) -> Identities {
        let (first, second) = seed.keys();
        Identities {
            fingerprint: SipHasher13::new_with_keys(first, second),
            hasher: seed.hasher(),
        }
    }

    /// The identity of a key.
    pub(super) fn of(&self, bytes: &[u8]) -> Identity {
        let mut words = [0; 16];
        if let Some(inline) = words
            .get_mut(..bytes.len())
            .filter(|_| bytes.len() <= INLINE)
        {
            inline.copy_from_slice(bytes);
            words[INLINE] = bytes.len() as u8;
        } else {
            words = self.fingerprint.hash(bytes).as_bytes();
            words[INLINE] |= 0x80;
        }
        let word = u128::from_le_bytes(words);
        debug_assert!((word >> 64) as u64 & FINGERPRINT == 0 || bytes.len() > INLINE);
        Identity([word as u64, (word >> 64) as u64])
    }

    /// Where a table looks for it.
    pub(super) fn hash(&self, identity: Identity) -> u64 {
        self.hasher.hash_one(identity.0)
    }
}
