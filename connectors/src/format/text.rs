//! What may be shown of a value, and the guard against card numbers.
//!
//! The invariant: no run of 13 or more digits, also when blanks or dashes stand between them, leaves here unmasked,
//! and what leaves has no control character.

/// Digits of a card number: ISO/IEC 7812 and what the schemes issue.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Bytes of a detail.
const DETAIL_BYTES: usize = 200;

/// Whether the whole text is a card number: 13 to 19 digits, single blanks or dashes between them, Luhn sum right.
#[inline]
pub(crate) fn is_card_number(bytes: &[u8]) -> bool {
    // Nearly every value ends here.
    if bytes.len() < *CARD_DIGITS.start() || !bytes[0].is_ascii_digit() {
        return false;
    }
    is_long_card_number(bytes)
}

fn is_long_card_number(bytes: &[u8]) -> bool {
    // Grouped at most once per digit: 19 digits and 18 separators.
    if bytes.len() > 2 * CARD_DIGITS.end() {
        return false;
    }
    let (mut sum, mut count, mut separated) = (0u32, 0usize, true);
    for byte in bytes.iter().rev() {
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte - b'0');
                let doubled = if count % 2 == 1 { digit * 2 } else { digit };
                sum += if doubled > 9 { doubled - 9 } else { doubled };
                count += 1;
                separated = false;
            }
            b' ' | b'-' if !separated => separated = true,
            _ => return false,
        }
    }
    CARD_DIGITS.contains(&count) && sum.is_multiple_of(10)
}

/// The text as it may be shown: digit runs of 13 and more become `#`, control and invisible characters are escaped,
/// and it ends after at most 200 bytes.
#[must_use]
pub fn masked(text: &str) -> String {
    // What is cut must be masked first, or the first digits of a card number would stay.
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if out.len() > DETAIL_BYTES {
            break;
        }
        let run = digit_run(rest.as_bytes());
        if run.digits >= *CARD_DIGITS.start() {
            out.push_str("#############");
            rest = &rest[run.bytes..];
            continue;
        }
        let step = if run.bytes > 0 {
            run.bytes
        } else {
            first.len_utf8()
        };
        for c in rest[..step].chars() {
            if c.is_control() || is_invisible(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        rest = &rest[step..];
    }
    if out.len() > DETAIL_BYTES {
        out.truncate(out.floor_char_boundary(DETAIL_BYTES - '…'.len_utf8()));
        out.push('…');
    }
    out
}

struct DigitRun {
    digits: usize,
    bytes: usize,
}

/// The digits a text begins with, single blanks and dashes between them included.
fn digit_run(bytes: &[u8]) -> DigitRun {
    let mut run = DigitRun {
        digits: 0,
        bytes: 0,
    };
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                run.digits += 1;
                run.bytes = at + 1;
            }
            b' ' | b'-' if run.bytes == at && at > 0 => {}
            _ => break,
        }
        at += 1;
    }
    run
}

/// Characters that change how their neighbours look: bidirectional controls and zero-width ones.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
    fn e13_card_numbers_are_known_by_their_digits() {
        // The public test numbers of the card schemes.
        let cards = [
            "4111111111111111",
            "4222222222222",
            "5555555555554444",
            "378282246310005",
            "6011111111111117",
            "3530111333300000",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
        ];
        for text in cards {
            assert!(is_card_number(text.as_bytes()), "{text}");
            let shown = masked(&format!("note: {text}, thanks"));
            assert_eq!(shown, "note: #############, thanks");
        }
        let others = [
            "",
            "4111111111111112",
            "411111111111",
            "41111111111111111111",
            "card_4111111111111111",
            "4111  1111 1111 1111",
            "4111111111111111 ",
            "4111_1111_1111_1111",
            "1234",
        ];
        for text in others {
            assert!(!is_card_number(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn e14_what_is_shown_is_short_and_visible() {
        assert_eq!(
            masked("caf\u{e9}\u{0}\n\u{202e}x"),
            "café\\u{0}\\u{a}\\u{202e}x"
        );
        let long = "é".repeat(500);
        assert!(masked(&long).len() <= 200 && masked(&long).ends_with('…'));
        // A card number at the cut does not show its first digits.
        for blanks in 150..420 {
            let shown = masked(&format!("{}4111111111111111", "x".repeat(blanks)));
            assert!(!shown.contains("4111"), "{shown}");
            assert!(shown.len() <= 200);
        }
    }
}
