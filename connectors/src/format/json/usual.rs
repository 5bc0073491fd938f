//! The usual record: one object with the members of the record before, in their order, and nothing odd in it.
//!
//! The idea: guess that the next member is the one that stood here last time, compare its name in one step, and write
//! its value straight into its column. Whatever is no plain guess (another name, an escape, a number with an exponent,
//! a value that its field refuses) is a surprise: what was written is undone and the record is read again, slowly. The
//! invariant: this file only ever accepts, and what it accepts the scanner ([`super::scan`]) would have accepted with
//! the same values; every refusal, and its words, is the scanner's.

use super::JsonDecoder;
use super::scan::Scanner;
use super::swar;
use super::tree::{Leads, Member};
use crate::format::plain::{Plain, TENS};
use crate::format::value::Scalar;

/// What is left of a record whose bytes are UTF-8. Everything here takes it by value and gives back what is left then:
/// a place kept behind a reference would be written to memory and read again at every step.
type Rest<'a> = &'a [u8];

/// Steps over blanks.
#[inline]
fn blanks(rest: Rest<'_>) -> Rest<'_> {
    match rest {
        [byte, ..] if *byte > b' ' => rest,
        // As Python writes it.
        [b' ', after @ ..] if after.first().is_some_and(|byte| *byte > b' ') => after,
        _ => more_blanks(rest),
    }
}

#[inline(never)]
fn more_blanks(rest: Rest<'_>) -> Rest<'_> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
    let blanks = rest.iter().take_while(|byte| blank(byte)).count();
    rest.get(blanks..).unwrap_or_default()
}

/// A string without escapes, by its length and what follows it; the first byte is that behind its first quote.
#[inline]
fn string(inside: Rest<'_>) -> Option<(usize, Rest<'_>)> {
    let length = swar::plain_run(inside);
    match inside.get(length..) {
        Some([b'"', rest @ ..]) => Some((length, rest)),
        _ => None,
    }
}

/// A number without exponent, and what follows it.
#[inline]
fn number(rest: Rest<'_>) -> Option<(Plain, Rest<'_>)> {
    let (negative, start) = match rest {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let whole = swar::digits(start)?;
    let leading_zero = whole.count > 1 && start.first() == Some(&b'0');
    if whole.count == 0 || leading_zero {
        return None;
    }
    let mut plain = Plain {
        negative,
        mantissa: whole.value,
        places: 0,
    };
    let mut rest = start.get(whole.count..)?;
    if let [b'.', digits @ ..] = rest {
        let behind = swar::digits(digits)?;
        plain.places = behind.count;
        if behind.count == 0 || whole.count + behind.count > swar::RUN_MAX {
            return None;
        }
        plain.mantissa = whole.value * TENS.get(behind.count)? + behind.value;
        rest = digits.get(behind.count..)?;
    }
    match rest {
        [b'e' | b'E', ..] => None,
        rest => Some((plain, rest)),
    }
}

/// `true`, `false` or `null`, and what follows it.
#[inline]
fn word(rest: Rest<'_>) -> Option<(Option<bool>, Rest<'_>)> {
    match rest {
        [b't', b'r', b'u', b'e', rest @ ..] => Some((Some(true), rest)),
        [b'f', b'a', b'l', b's', b'e', rest @ ..] => Some((Some(false), rest)),
        [b'n', b'u', b'l', b'l', rest @ ..] => Some((None, rest)),
        _ => None,
    }
}

impl JsonDecoder {
    /// Takes the record if it is the usual one; otherwise what it has put into the columns is the caller's to undo.
    pub(super) fn usual(&mut self, value: &[u8]) -> Option<()> {
        // One pass that the compiler makes of wide words; only what is not ASCII needs the long one.
        let ascii = value.iter().fold(0, |all, byte| all | byte) < 0x80;
        let utf8 = ascii || std::str::from_utf8(value).is_ok();
        if !utf8 || value.len() > self.limits.value_bytes {
            return None;
        }
        let [b'{', inside @ ..] = blanks(value) else {
            return None;
        };
        let rest = self.usual_object(value, inside, 0, 0)?;
        if !blanks(rest).is_empty() {
            return None;
        }
        self.rows.take().ok()
    }

    /// The object here, from behind its brace, with `open` levels around it.
    fn usual_object<'a>(
        &mut self,
        value: &'a [u8],
        rest: Rest<'a>,
        node: usize,
        open: u32,
    ) -> Option<Rest<'a>> {
        if open >= u32::from(self.limits.depth) {
            return None;
        }
        // Taken and put back, because what is inside may be learned anew meanwhile; this node is not inside itself.
        let shape = std::mem::take(&mut self.nodes.get_mut(node)?.shape);
        let rest = self.usual_members(value, rest, &shape, open + 1);
        self.nodes.get_mut(node)?.shape = shape;
        rest
    }

    #[inline]
    fn usual_members<'a>(
        &mut self,
        value: &'a [u8],
        mut rest: Rest<'a>,
        shape: &[Member],
        open: u32,
    ) -> Option<Rest<'a>> {
        let mut shape = shape.iter();
        loop {
            rest = blanks(rest);
            let member = shape.find(|member| member.stands(rest))?;
            let leads = member.leads;
            let [b':', after @ ..] = blanks(rest.get(member.length()..)?) else {
                return None;
            };
            let here = blanks(after);
            rest = match leads {
                Leads::Nowhere => match passed_over(here) {
                    Some(rest) => rest,
                    None => {
                        let mut scanner = self.scanner(value, here)?;
                        scanner.skip(open).ok()?;
                        value.get(scanner.at()..)?
                    }
                },
                Leads::Column(column) => self.usual_value(here, column)?,
                Leads::Inside(child) | Leads::Several(child) => {
                    self.deep_value(value, here, (child, leads), open)?
                }
            };
            match blanks(rest) {
                [b',', after @ ..] => rest = after,
                [b'}', after @ ..] => return Some(after),
                _ => return None,
            }
        }
    }

    /// A value that one column wants.
    #[inline]
    fn usual_value<'a>(&mut self, here: Rest<'a>, column: usize) -> Option<Rest<'a>> {
        match here {
            [b'"', inside @ ..] => {
                let (length, rest) = string(inside)?;
                self.rows.put_plain_text(column, inside, length)?;
                Some(rest)
            }
            [b'-' | b'0'..=b'9', ..] => {
                let (plain, rest) = number(here)?;
                if self.rows.put_plain_number(column, plain).is_none() {
                    // Not the common case of its type, but a number still: noise behind the scale, for one.
                    let digits = here.get(..here.len() - rest.len())?;
                    let digits = std::str::from_utf8(digits).ok()?;
                    self.rows.put(column, Scalar::Number(digits)).ok()?;
                }
                Some(rest)
            }
            _ => {
                let (truth, rest) = word(here)?;
                if let Some(truth) = truth {
                    self.rows.put_plain_truth(column, truth)?;
                }
                Some(rest)
            }
        }
    }

    /// A value that is wanted for what is in it, or by several columns.
    #[inline(never)]
    fn deep_value<'a>(
        &mut self,
        value: &'a [u8],
        here: Rest<'a>,
        (child, leads): (usize, Leads),
        open: u32,
    ) -> Option<Rest<'a>> {
        if let ([b'{', inside @ ..], Leads::Inside(_)) = (here, leads) {
            return self.usual_object(value, inside, child, open);
        }
        let mut scanner = self.scanner(value, here)?;
        self.value(&mut scanner, child, open).ok()?;
        value.get(scanner.at()..)
    }

    /// The scanner at this place of a record, for a value that is not plain.
    #[cold]
    fn scanner<'a>(&self, value: &'a [u8], here: Rest<'a>) -> Option<Scanner<'a>> {
        let text = std::str::from_utf8(value).ok()?;
        let at = value.len() - here.len();
        Some(Scanner::new(text, self.limits.depth).from(at))
    }
}

/// Steps over a plain value that nobody wants, checked all the same.
#[inline]
fn passed_over(here: Rest<'_>) -> Option<Rest<'_>> {
    match here {
        [b'"', inside @ ..] => string(inside).map(|(_, rest)| rest),
        [b'-' | b'0'..=b'9', ..] => number(here).map(|(_, rest)| rest),
        _ => word(here).map(|(_, rest)| rest),
    }
}
