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
    #[inline]
    pub(super) fn of(&self, bytes: &[u8]) -> Identity {
        let length = bytes.len();
        if length > INLINE {
            let words = self.fingerprint.hash(bytes).as_u128();
            return Identity([words as u64, (words >> 64) as u64 | FINGERPRINT]);
        }
        // Two words that overlap, rather than a loop over the bytes.
        let (low, high) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                let behind = 8 * (length as u32 - 8);
                let last = u64::from_le_bytes(*last);
                let high = last.checked_shr(64 - behind).unwrap_or(0);
                (u64::from_le_bytes(*first), high)
            }
            _ => {
                let byte = |low, byte: &u8| low << 8 | u64::from(*byte);
                (bytes.iter().rev().fold(0, byte), 0)
            }
        };
        Identity([low, high | (length as u64) << 56])
    }

    /// Where a table looks for it.
    #[inline]
    pub(super) fn hash(&self, identity: Identity) -> u64 {
        let [low, high] = identity.0;
        self.hasher.hash_one((low, high))
    }
}
