//! One input of the corpus, changed a little: what every target's inputs are made by.
//!
//! The idea: most changes are small and many keep an input nearly right, since what is wholly wrong is refused at its
//! first byte and tests nothing. The invariant: an input stays below [`BYTES_MAX`].

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// Bytes of an input; beyond it every round is slow and finds nothing new.
const BYTES_MAX: usize = 1 << 14;

/// An input of the corpus after some changes.
pub(super) fn input(corpus: &[(String, Vec<u8>)], words: &[&str], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let some = |rng: &mut ChaCha8Rng| corpus.choose(rng).map_or(&[][..], |(_, bytes)| bytes);
    let mut bytes = some(rng).to_vec();
    for _ in 0..1 << rng.random_range(0..4) {
        let other = some(rng);
        change(&mut bytes, other, words, rng);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=bytes.len());
    match rng.random_range(0..9) {
        0 => flip(bytes, at, rng),
        1 => bytes
            .splice(range(bytes.len(), rng), [rng.random::<u8>()])
            .for_each(drop),
        2 => drop(bytes.drain(range(bytes.len(), rng))),
        // A part of it once more, elsewhere.
        3 => {
            let part = bytes
                .get(range(bytes.len(), rng))
                .unwrap_or_default()
                .to_vec();
            bytes.splice(at..at, part).for_each(drop);
        }
        // A part of another.
        4 => {
            let part = other.get(range(other.len(), rng)).unwrap_or_default();
            bytes
                .splice(range(bytes.len(), rng), part.iter().copied())
                .for_each(drop);
        }
        5 => {
            let word = words.choose(rng).map_or(&b"\0"[..], |word| word.as_bytes());
            bytes.splice(at..at, word.iter().copied()).for_each(drop);
        }
        6 => {
            let word = words.choose(rng).map_or(&b" "[..], |word| word.as_bytes());
            bytes
                .splice(range(bytes.len(), rng), word.iter().copied())
                .for_each(drop);
        }
        7 => digits(bytes, at, rng),
        _ => bytes.truncate(at),
    }
}

fn flip(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << rng.random_range(0..8);
    }
}

/// Another number where the next digits stand.
fn digits(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let Some(start) = bytes.iter().skip(at).position(|byte| byte.is_ascii_digit()) else {
        return;
    };
    let start = at + start;
    let length = bytes.iter().skip(start).take_while(is_digit).count();
    let limit = 10u64.pow(rng.random_range(1..20));
    let number = rng.random_range(0..limit).to_string();
    bytes
        .splice(start..start + length, number.into_bytes())
        .for_each(drop);
}

/// A stretch of so many bytes, mostly a short one.
fn range(length: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=length);
    let most = 1 << rng.random_range(0..8);
    start..(start + rng.random_range(0..=most)).min(length)
}
