//! The RFC 3339 texts that nearly every producer writes, eight bytes at a time.
//!
//! The idea: `2026-01-01T00:05:00` is three words whose separators stand where they always stand; the digits of a word
//! become pairs in one multiplication. The invariant: this only ever accepts, and what it accepts [`super::rfc3339`]
//! reads as the same time by the long way; whatever else is left to that.

use super::{DAY_SECONDS, days_from_civil, days_in_month, in_range};

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Microseconds of `….Z` and `….ffffffZ` with three or six digits, or none and no point.
#[inline]
pub(super) fn usual(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let ([day_tens, day_ones, b'T'], rest) = rest.split_first_chunk::<3>()? else {
        return None;
    };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let date = pairs(*date, *b"0000-00-")?;
    let time = pairs(*time, *b"00:00:00")?;
    let (tens, ones) = (day_tens.wrapping_sub(b'0'), day_ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return None;
    }
    let micros = match rest {
        b"Z" => 0,
        [b'.', a, b, c, b'Z'] => {
            let digits = pairs([*a, *b, *c, b'0', b'0', b'0', b'0', b'0'], *b"00000000")?;
            pair(digits, 0) * 10_000 + pair(digits, 2) * 100
        }
        [_, _, _, _, _, _, _, _] => {
            let digits = pairs(*rest.first_chunk()?, *b".000000Z")?;
            pair(digits, 1) * 10_000 + pair(digits, 3) * 100 + pair(digits, 5)
        }
        _ => return None,
    };
    let (year, month) = (pair(date, 0) * 100 + pair(date, 2), pair(date, 5));
    let day = i64::from(tens) * 10 + i64::from(ones);
    let (hour, minute, second) = (pair(time, 0), pair(time, 3), pair(time, 6));
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let seconds =
        days_from_civil(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second;
    in_range(seconds * 1_000_000 + micros)
}

/// In byte `i` the two-digit number of bytes `i` and `i + 1`, where the digits stand as `form` has them and everything
/// else is as there.
#[inline]
fn pairs(bytes: [u8; 8], form: [u8; 8]) -> Option<u64> {
    let form = u64::from_le_bytes(form);
    // A digit becomes its value, a separator zero.
    let values = u64::from_le_bytes(bytes) ^ form;
    let is_digit = form ^ (ONES * u64::from(b'0'));
    // Where the form has a zero a byte up to nine will do, else only zero.
    let digits = zero_bytes(is_digit);
    let too_much = (((values & !HIGHS) + ONES * 118) | values) & HIGHS & digits;
    let other = values & !((digits - (digits >> 7)) | digits);
    if too_much | other != 0 {
        return None;
    }
    Some(values.wrapping_mul(10).wrapping_add(values >> 8))
}

/// The high bit of each byte that is zero; exact for bytes below 128.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    !((word & !HIGHS) + (ONES * 127)) & HIGHS
}

/// The pair that begins at a byte.
#[inline]
fn pair(pairs: u64, byte: u32) -> i64 {
    i64::from((pairs >> (8 * byte)).to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_read_as_by_the_long_way_or_left_to_it() {
        let mut taken = 0;
        for text in [
            "2026-01-31T23:05:59Z",
            "2024-02-29T00:59:00.123Z",
            "1999-12-01T10:00:09.000001Z",
        ] {
            assert!(usual(text.as_bytes()).is_some(), "{text}");
            for place in 0..text.len() {
                for byte in 0..=u8::MAX {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[place] = byte;
                    if let Some(micros) = usual(&bytes) {
                        taken += 1;
                        assert_eq!(super::super::strict(&bytes), Some(micros), "{bytes:?}");
                    }
                }
            }
        }
        assert!(taken > 300, "{taken}");
    }
}
