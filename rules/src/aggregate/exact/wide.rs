//! Integers wider than the language's in words of a key's record: 128-bit sums and 192-bit sums of squares.
//!
//! The invariant: 2^32 values of 64 bits fit: their sum has at most 96 bits and the sum of their squares at most 158.

use num_bigint::BigUint;

/// Adds to the two's complement 128-bit number in `words[0..2]`.
pub(crate) fn add(words: &mut [u64], x: i128) {
    let sum = read(words).wrapping_add(x);
    words[0] = sum as u64;
    words[1] = (sum >> 64) as u64;
}

/// The number in `words[0..2]`.
pub(crate) fn read(words: &[u64]) -> i128 {
    (u128::from(words[0]) | u128::from(words[1]) << 64).cast_signed()
}

/// Adds to the unsigned 192-bit number in `words[0..3]`, or takes away.
pub(crate) fn add_square(words: &mut [u64], x: i64, away: bool) {
    let x = u128::from(x.unsigned_abs());
    let square = x * x;
    let low = u128::from(words[0]) | u128::from(words[1]) << 64;
    let (sum, carry) = if away {
        low.overflowing_sub(square)
    } else {
        low.overflowing_add(square)
    };
    words[0] = sum as u64;
    words[1] = (sum >> 64) as u64;
    let carry = u64::from(carry);
    words[2] = if away {
        words[2].wrapping_sub(carry)
    } else {
        words[2].wrapping_add(carry)
    };
}

/// Adds another unsigned 192-bit number to the one in `words[0..3]`.
pub(crate) fn add_squares(words: &mut [u64], other: &[u64]) {
    let low = |words: &[u64]| u128::from(words[0]) | u128::from(words[1]) << 64;
    let (sum, carry) = low(words).overflowing_add(low(other));
    words[0] = sum as u64;
    words[1] = (sum >> 64) as u64;
    words[2] = words[2].wrapping_add(other[2]).wrapping_add(carry.into());
}

/// The number in `words[0..3]` when it fits 128 bits.
pub(crate) fn read_square(words: &[u64]) -> Option<u128> {
    (words[2] == 0).then(|| u128::from(words[0]) | u128::from(words[1]) << 64)
}

/// The number in `words[0..3]`.
pub(crate) fn big_square(words: &[u64]) -> BigUint {
    let digits = words[..3]
        .iter()
        .flat_map(|w| [*w as u32, (w >> 32) as u32]);
    BigUint::new(digits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_below_zero_and_back() {
        let mut words = [0; 2];
        add(&mut words, -5);
        assert_eq!(read(&words), -5);
        add(&mut words, i128::from(i64::MIN));
        add(&mut words, 6);
        assert_eq!(read(&words), i128::from(i64::MIN) + 1);
    }

    #[test]
    fn squares_carry_past_128_bits_and_back() {
        let mut words = [0; 3];
        for _ in 0..5 {
            add_square(&mut words, i64::MIN, false);
        }
        assert_eq!(read_square(&words), None);
        assert_eq!(big_square(&words), BigUint::from(5u32) << 126u32);
        for _ in 0..4 {
            add_square(&mut words, i64::MIN, true);
        }
        assert_eq!(read_square(&words), Some(1 << 126));
    }
}
