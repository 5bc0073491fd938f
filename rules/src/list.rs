//! Lists an expression or the policy can look a key up in: `in_list(card_id, 'trusted_cards')`.
//!
//! The idea: a list file is text, one key per line, `#` begins a comment: what `grep`, a spreadsheet and a colleague can
//! all make. The invariant: a list is text keys in a set, looked up and never walked, so hash order cannot show.

use std::collections::HashSet;
use std::ops::Range;

/// Bytes of one entry at most.
pub const ENTRY_BYTES_MAX: usize = 256;

/// Entries of one list at most.
pub const ENTRIES_MAX: usize = 1_000_000;

/// One list, filled.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The name it is looked up by.
    pub name: String,
    /// The event field it is keyed by.
    pub key: String,
    /// Its entries, as text.
    pub entries: HashSet<String>,
}

/// All lists of a pack; an expression holds the index of the list it reads.
pub type Lists = Vec<List>;

/// Why an entry is refused. The entry itself is not repeated: it may be a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListProblem {
    /// Longer than [`ENTRY_BYTES_MAX`].
    #[error("an entry of more than {ENTRY_BYTES_MAX} bytes")]
    TooLong,
    /// A character that no key has.
    #[error("an entry with a control character in it")]
    Control,
    /// Nothing.
    #[error("an empty entry")]
    Empty,
    /// More than [`ENTRIES_MAX`].
    #[error("a list of more than {ENTRIES_MAX} entries")]
    TooMany,
}

impl List {
    /// Adds one entry; a second one of the same text changes nothing.
    ///
    /// # Errors
    /// [`ListProblem`] when it is not a key.
    pub fn add(&mut self, entry: &str) -> Result<(), ListProblem> {
        if entry.is_empty() {
            return Err(ListProblem::Empty);
        }
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(ListProblem::TooLong);
        }
        if entry.chars().any(char::is_control) {
            return Err(ListProblem::Control);
        }
        if self.entries.len() >= ENTRIES_MAX {
            return Err(ListProblem::TooMany);
        }
        self.entries.insert(entry.to_owned());
        Ok(())
    }

    /// Adds the entries of a list file: one per line; blank lines, lines that begin with `#`, and what follows ` #` are
    /// passed over. Returns the bytes and the reason of each line that is refused, at most a hundred of them.
    pub fn fill(&mut self, text: &str) -> Vec<(Range<usize>, ListProblem)> {
        const PROBLEMS_MAX: usize = 100;
        let mut problems = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let entry = match line.find(" #").or_else(|| line.find("\t#")) {
                Some(at) => line.get(..at).unwrap_or(line),
                None => line,
            };
            let trimmed = entry.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                if let Err(problem) = self.add(trimmed) {
                    let begin = start + (entry.len() - entry.trim_start().len());
                    problems.push((begin..begin + trimmed.len(), problem));
                }
                if problems.len() >= PROBLEMS_MAX {
                    break;
                }
            }
            start += line.len();
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_file_is_one_key_per_line() {
        let mut list = List::default();
        let text = "# trusted\nc1\n\n  c2  # since May\r\nc#3\nc1\n";
        assert_eq!(list.fill(text), []);
        let mut entries: Vec<_> = list.entries.into_iter().collect();
        entries.sort();
        assert_eq!(entries, ["c#3", "c1", "c2"]);
    }

    #[test]
    fn a_line_that_is_no_key_is_told_with_its_place() {
        let mut list = List::default();
        let text = format!("good\n  ba\u{7}d\n{}\n", "x".repeat(300));
        assert_eq!(
            list.fill(&text),
            [
                (7..11, ListProblem::Control),
                (12..312, ListProblem::TooLong)
            ]
        );
        assert_eq!(list.entries.len(), 1);
        assert_eq!(list.add(""), Err(ListProblem::Empty));
    }
}
