//! What each step is estimated to take of one event, in nanoseconds.
//!
//! The idea: a static estimate, as Kubernetes has one for its CEL expressions: measured once per family of steps over
//! columns of a thousand rows and texts of 64 bytes, in a build with few optimizations, and rounded up. It exists to
//! refuse what would slow every event down, not to rank rules; a longer text takes longer in proportion.
//! The invariant: every step costs something, and a sum of them saturates.

use super::{Kernel, MemberValues};
use crate::value::Type;

/// A regular expression over 64 bytes, as long as its automaton fits the cache.
const PATTERN: u64 = 200;

/// What each repetition asked for by `{n}` adds: the places a match may stand at multiply, and an automaton that no
/// longer fits its cache visits them one by one.
const REPEAT: u64 = 50;

/// The estimate for one step whose result is of type `ty`, given how many operands it has.
pub(crate) fn nanoseconds(kernel: &Kernel, ty: Type, operands: usize) -> u64 {
    let each = u64::try_from(operands).unwrap_or(u64::MAX);
    match kernel {
        Kernel::Column(_)
        | Kernel::Constant(_)
        | Kernel::And
        | Kernel::Or
        | Kernel::Not
        | Kernel::IsNull
        | Kernel::Is(_) => 1,
        Kernel::Compare(_) | Kernel::ToFloat | Kernel::Rescale(_) | Kernel::Numeric(_) => 5,
        Kernel::Arithmetic(_) | Kernel::SecondsBetween => match ty {
            Type::Decimal(_) => 15,
            _ => 5,
        },
        Kernel::Round(_) | Kernel::Power | Kernel::DatePart(_) => 20,
        Kernel::GeoKm => 50,
        Kernel::Greatest | Kernel::Least | Kernel::Case | Kernel::Coalesce => match ty {
            Type::Text => each.saturating_mul(20),
            _ => each.saturating_mul(10),
        },
        Kernel::OneOf(members) => match members.values {
            MemberValues::Text(_) => 40,
            MemberValues::Int(_) | MemberValues::Decimal(_) => 15,
        },
        Kernel::InList(_) => 40,
        Kernel::StartsWith => 30,
        Kernel::Text(_) | Kernel::Substring => 75,
        Kernel::Concat(_) => each.saturating_mul(50),
        // From or to a text, whichever it is: that of two numbers is cheaper, and rare.
        Kernel::Cast(..) => 150,
        Kernel::Matches(pattern) => REPEAT
            .saturating_mul(pattern.repeats)
            .saturating_add(PATTERN),
    }
}

/// How many repetitions the counts of a regular expression ask for beyond the first: 5 for `(a{2}b){3}`. A count that
/// has no upper bound counts by its lower one.
pub(super) fn repeats(pattern: &str) -> u64 {
    // Of each group that is open, outermost first: what its content adds up to.
    let mut open: Vec<u64> = vec![0];
    // What the last piece adds up to by itself.
    let mut last = 0;
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        let sum = open.pop().unwrap_or_default();
        let sum = match letter {
            '\\' => {
                // `\x{41}` and `\p{Greek}`: a brace behind these is no count.
                if rest.next().is_some_and(|c| "pPxuU".contains(c)) && rest.peek() == Some(&'{') {
                    let _ = rest.by_ref().find(|c| *c == '}');
                }
                last = 0;
                sum
            }
            '[' => {
                class(&mut rest);
                last = 0;
                sum
            }
            '(' => {
                open.push(sum);
                0
            }
            ')' => {
                last = sum;
                open.pop().unwrap_or_default().saturating_add(sum)
            }
            '{' => {
                let count = count(&rest.by_ref().take_while(|c| *c != '}').collect::<String>());
                let whole = last.saturating_add(1).saturating_mul(count);
                let added = whole.saturating_sub(last.saturating_add(1));
                last = last.saturating_add(added);
                sum.saturating_add(added)
            }
            _ => {
                last = 0;
                sum
            }
        };
        open.push(sum);
    }
    open.into_iter().fold(0, u64::saturating_add)
}

/// Skips a class up to its end.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut depth = 1;
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => {
                let _ = rest.next();
            }
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// The greater number of `3`, `3,` or `3,7`; 1 if there is none.
fn count(text: &str) -> u64 {
    let numbers = text.split(',').filter_map(|n| n.trim().parse::<u64>().ok());
    numbers.max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_through_groups() {
        for (pattern, expected) in [
            ("", 0),
            ("abc*d+e?", 0),
            ("a{5}", 4),
            ("a{5}b{2,7}", 4 + 6),
            ("a{3,}", 2),
            ("a{0}", 0),
            ("(ab){5}", 4),
            ("(a{10}){10}", 99),
            ("((a{10}){10}){10}", 999),
            ("(a{10}b){10}c{2}", 99 + 1),
            ("\\d{16}", 15),
            ("\\x{41}\\p{Greek}\\{3}", 0),
            ("[{5}]{4}", 3),
            ("[a[b{9}]{9}]{4}", 3),
            ("a)b)c{3}", 2),
            ("a{99999999999999999999}", 0),
        ] {
            assert_eq!(repeats(pattern), expected, "{pattern}");
        }
        let huge = "(((a{999999999}){999999999}){999999999}){999999999}";
        assert!(repeats(huge) > u64::MAX / 2);
    }
}
