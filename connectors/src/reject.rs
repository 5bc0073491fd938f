//! Why a record cannot become an event: the codes dead letters carry, one page each in `error_code/`.
//!
//! The idea: input errors are data. A code is a stable word for machines, its page is for people, and the detail of a
//! [`Reject`] says which field and what was found there. The invariant: every variant is in [`RejectCode::ALL`] and
//! has a page, and no page is without a variant (a test holds both).

/// Every reason, in the order of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectCode {
    /// E2001: no value (empty, or a tombstone).
    Empty,
    /// E2002: not well-formed (JSON: also trailing bytes, or nested too deep).
    Malformed,
    /// E2003: larger than the limit.
    TooLarge,
    /// E2004: a member that is wanted comes twice.
    DuplicateMember,
    /// E2005: a required field is missing or null.
    MissingField,
    /// E2006: a value of the wrong kind for its field.
    WrongType,
    /// E2007: a number its field cannot hold exactly.
    InexactNumber,
    /// E2008: a time that is none, or outside the years 1970 to 9999.
    BadTime,
    /// E2009: further in the future than the pack allows.
    FromTheFuture,
    /// E2010: a card number or other sensitive authentication data where none may be.
    SensitiveData,
    /// E2011: a key that is missing, or not what the event says it is.
    KeyMismatch,
}

/// A record that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Row of the batch.
    pub row: usize,
    /// Why.
    pub code: RejectCode,
    /// The field and what was found, cut to 200 bytes, without control characters.
    pub detail: String,
}

impl RejectCode {
    /// All of them, in the order of their codes.
    pub const ALL: [RejectCode; 11] = [
        RejectCode::Empty,
        RejectCode::Malformed,
        RejectCode::TooLarge,
        RejectCode::DuplicateMember,
        RejectCode::MissingField,
        RejectCode::WrongType,
        RejectCode::InexactNumber,
        RejectCode::BadTime,
        RejectCode::FromTheFuture,
        RejectCode::SensitiveData,
        RejectCode::KeyMismatch,
    ];

    /// The code dead letters carry: `E2006`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            RejectCode::Empty => "E2001",
            RejectCode::Malformed => "E2002",
            RejectCode::TooLarge => "E2003",
            RejectCode::DuplicateMember => "E2004",
            RejectCode::MissingField => "E2005",
            RejectCode::WrongType => "E2006",
            RejectCode::InexactNumber => "E2007",
            RejectCode::BadTime => "E2008",
            RejectCode::FromTheFuture => "E2009",
            RejectCode::SensitiveData => "E2010",
            RejectCode::KeyMismatch => "E2011",
        }
    }

    /// The word for metrics and logs: `wrong_type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RejectCode::Empty => "empty",
            RejectCode::Malformed => "malformed",
            RejectCode::TooLarge => "too_large",
            RejectCode::DuplicateMember => "duplicate_member",
            RejectCode::MissingField => "missing_field",
            RejectCode::WrongType => "wrong_type",
            RejectCode::InexactNumber => "inexact_number",
            RejectCode::BadTime => "bad_time",
            RejectCode::FromTheFuture => "from_the_future",
            RejectCode::SensitiveData => "sensitive_data",
            RejectCode::KeyMismatch => "key_mismatch",
        }
    }

    /// The page `tollgate explain` prints.
    #[must_use]
    pub fn page(self) -> &'static str {
        match self {
            RejectCode::Empty => include_str!("error_code/E2001.md"),
            RejectCode::Malformed => include_str!("error_code/E2002.md"),
            RejectCode::TooLarge => include_str!("error_code/E2003.md"),
            RejectCode::DuplicateMember => include_str!("error_code/E2004.md"),
            RejectCode::MissingField => include_str!("error_code/E2005.md"),
            RejectCode::WrongType => include_str!("error_code/E2006.md"),
            RejectCode::InexactNumber => include_str!("error_code/E2007.md"),
            RejectCode::BadTime => include_str!("error_code/E2008.md"),
            RejectCode::FromTheFuture => include_str!("error_code/E2009.md"),
            RejectCode::SensitiveData => include_str!("error_code/E2010.md"),
            RejectCode::KeyMismatch => include_str!("error_code/E2011.md"),
        }
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
    fn codes_ascend_and_each_page_is_titled_by_its_code_and_name() {
        for (index, code) in RejectCode::ALL.into_iter().enumerate() {
            assert_eq!(code.id(), format!("E{}", 2001 + index));
            assert_eq!(code as usize, index, "ALL is in the order of the variants");
            let title = code.page().lines().next().unwrap();
            assert_eq!(title, format!("# {}: {}", code.id(), code.name()));
            for part in ["**Example.**", "**What to do.**"] {
                assert!(code.page().contains(part), "{}: no {part}", code.id());
            }
        }
    }

    #[test]
    fn no_page_is_without_a_code() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/error_code");
        let mut pages: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort();
        let codes: Vec<String> = RejectCode::ALL
            .iter()
            .map(|code| format!("{}.md", code.id()))
            .collect();
        assert_eq!(pages, codes);
    }
}
