//! "Did you mean": the candidate nearest to a name nobody knows.
//!
//! The idea: optimal string alignment distance (insertions, deletions, replacements and swaps of neighbours each cost
//! one), letters compared without case. The invariant: ties go to the earlier candidate, so the answer never depends
//! on hash order, and names beyond [`NAME_CHARS_MAX`] are not compared, so the work is bounded.

/// Longer names are never suggested nor looked up.
const NAME_CHARS_MAX: usize = 64;

/// The candidate nearest to `name`, if it is near enough to be a slip of the hand: at most a third of the letters
/// differ, and one letter in names shorter than six.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = letters(name)?;
    let budget = (wanted.len() / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        let Some(have) = letters(candidate) else {
            continue;
        };
        if have.is_empty() || have.len().abs_diff(wanted.len()) > budget {
            continue;
        }
        let distance = distance(&wanted, &have);
        let all_differ = distance >= wanted.len().max(have.len());
        if distance <= budget && !all_differ && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn letters(name: &str) -> Option<Vec<char>> {
    // Four bytes hold any character: a longer text cannot be short enough, and is not walked to find out.
    if name.len() > 4 * NAME_CHARS_MAX {
        return None;
    }
    let letters: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    (letters.len() <= NAME_CHARS_MAX).then_some(letters)
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let names = ["amount_usd", "card_id", "lat", "lon", "card_prev.lat"];
        for (name, expected) in [
            ("amount_us", Some("amount_usd")),
            ("amuont_usd", Some("amount_usd")),
            ("AMOUNT_USD", Some("amount_usd")),
            ("card_prev.lta", Some("card_prev.lat")),
            ("lta", Some("lat")),
            ("la", Some("lat")),
            ("loon", Some("lon")),
            ("x", None),
            ("", None),
            ("merchant", None),
        ] {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }

    #[test]
    fn ties_go_to_the_first_and_long_names_are_not_walked() {
        assert_eq!(nearest("lax", ["lat", "lan"]), Some("lat"));
        let long = "x".repeat(1_000_000);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
