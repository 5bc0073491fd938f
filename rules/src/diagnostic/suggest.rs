//! What was probably meant: the known word nearest to an unknown one.
//!
//! The idea: the optimal string alignment distance (insert, delete, change, swap neighbours), accepted up to a third of
//! the word's length. The invariant: the same words give the same answer (ties go to the first), and long words are
//! not compared at all, so the cost is bounded.

/// Longer words than this are never close enough to be worth the time.
const WORD_MAX: usize = 64;

/// The nearest of the known words, if one is near enough to name it.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().take(WORD_MAX + 1).map(lower).collect();
    if wrong.is_empty() || wrong.len() > WORD_MAX {
        return None;
    }
    let limit = (wrong.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for word in known {
        if word.len() > 4 * WORD_MAX {
            continue;
        }
        let letters: Vec<char> = word.chars().map(lower).collect();
        if letters.len().abs_diff(wrong.len()) > limit {
            continue;
        }
        let distance = distance(&wrong, &letters);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, word));
        }
    }
    best.map(|(_, word)| word)
}

fn lower(letter: char) -> char {
    letter.to_ascii_lowercase()
}

/// Changes that turn one word into the other; a swap of neighbours is one change.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut least = (at(&last, j) + usize::from(x != y))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && Some(x) == b.get(j - 1) && a.get(i - 1) == Some(y);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_known_word_is_found() {
        let known = ["by", "agg", "over", "where", "scope"];
        for (wrong, near) in [
            ("agrg", Some("agg")),
            ("wehre", Some("where")),
            ("Scope", Some("scope")),
            ("ovr", Some("over")),
            ("window", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), near, "{wrong}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
