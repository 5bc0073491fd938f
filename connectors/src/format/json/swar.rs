//! Eight bytes at a time: where a string ends, and what a run of digits is worth.
//!
//! The idea: a word of 64 bits holds eight bytes, and a few additions ask all of them the same question (Mycroft's test
//! for a zero byte; the digits after Daniel Lemire, "Quickly parsing eight digits"). The invariant: nothing is read
//! beyond the slice; its last few bytes are looked at one by one.

use crate::format::plain::TENS;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// How many bytes stand before the next quote, backslash or control character.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let special = specials(u64::from_le_bytes(*chunk));
        if special != 0 {
            return bytes.len() - rest.len() + first_mark(special);
        }
        rest = after;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    bytes.len() - rest.len() + rest.iter().position(special).unwrap_or(rest.len())
}

/// Marks the quotes, backslashes and control characters of a word; exact up to the first one.
#[inline]
fn specials(word: u64) -> u64 {
    // With its second bit turned a quote is the blank, and no other byte comes below what then follows the controls.
    let turned = word ^ (ONES * 0x02);
    let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned;
    let slashes = word ^ (ONES * u64::from(b'\\'));
    let backslash = slashes.wrapping_sub(ONES) & !slashes;
    // Borrows run upwards only, so the lowest mark is exact.
    (quote_or_control | backslash) & HIGHS
}

/// The byte of the lowest mark.
#[inline]
fn first_mark(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Digits read: their value, and how many they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) value: u64,
    pub(super) count: usize,
}

/// The most digits a run may have, so that a value never overflows.
pub(super) const RUN_MAX: usize = 18;

/// The digits that stand here, none too; nothing when they are more than [`RUN_MAX`].
#[inline]
pub(super) fn digits(bytes: &[u8]) -> Option<Run> {
    match bytes.first_chunk::<8>() {
        Some(chunk) => {
            let run = up_to_eight(u64::from_le_bytes(*chunk));
            if run.count < 8 {
                return Some(run);
            }
            more_digits(run, bytes.get(8..)?)
        }
        None => one_by_one(Run { value: 0, count: 0 }, bytes),
    }
}

/// The digits after the first eight.
fn more_digits(first: Run, bytes: &[u8]) -> Option<Run> {
    let Some(chunk) = bytes.first_chunk::<8>() else {
        return one_by_one(first, bytes);
    };
    let next = up_to_eight(u64::from_le_bytes(*chunk));
    let run = Run {
        value: first.value * TENS[next.count] + next.value,
        count: first.count + next.count,
    };
    if next.count < 8 {
        return Some(run);
    }
    one_by_one(run, bytes.get(8..)?)
}

fn one_by_one(mut run: Run, bytes: &[u8]) -> Option<Run> {
    for byte in bytes.iter().take_while(|byte| byte.is_ascii_digit()) {
        if run.count == RUN_MAX {
            return None;
        }
        run.value = run.value * 10 + u64::from(byte - b'0');
        run.count += 1;
    }
    Some(run)
}

/// The digits a word begins with, its lowest byte first.
#[inline]
fn up_to_eight(word: u64) -> Run {
    let values = word ^ (ONES * u64::from(b'0'));
    // A digit is now below ten: seven bits and 118 stay below 128, so that nothing is carried to the next byte.
    let others = (((values & !HIGHS) + ONES * 118) | values) & HIGHS;
    let count = first_mark(others);
    if count == 0 {
        return Run { value: 0, count };
    }
    // Zeros in front stand for the digits that are not there.
    let digits = values << (64 - 8 * count);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    const MASK: u64 = 0x0000_00ff_0000_00ff;
    let high = (pairs & MASK).wrapping_mul(0x000f_4240_0000_0064);
    let low = ((pairs >> 16) & MASK).wrapping_mul(0x0000_2710_0000_0001);
    Run {
        value: high.wrapping_add(low) >> 32,
        count,
    }
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
    fn every_byte_at_every_place_ends_a_run_or_does_not() {
        for length in 0..24 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    // A second one behind it must not be taken for the first.
                    bytes[length - 1] = b'"';
                    let expected = bytes
                        .iter()
                        .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
                    assert_eq!(Some(plain_run(&bytes)), expected, "{bytes:?}");
                }
            }
        }
        assert_eq!(plain_run("é\u{7f}\u{80}ü".repeat(5).as_bytes()), 35);
    }

    #[test]
    fn runs_of_digits_are_worth_what_they_say_whatever_ends_them() {
        let all = "9876543210123456789";
        for count in 0..=18usize {
            let text = &all[..count];
            let value = text.parse().unwrap_or(0);
            let expected = Some(Run { value, count });
            assert_eq!(digits(text.as_bytes()), expected, "{text}");
            for end in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                for behind in ["", "7", "77777777", "                "] {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes.push(end);
                    bytes.extend_from_slice(behind.as_bytes());
                    assert_eq!(digits(&bytes), expected, "{bytes:?}");
                }
            }
        }
        assert_eq!(digits(all.as_bytes()), None);
        assert_eq!(digits("9".repeat(40).as_bytes()), None);
    }
}
