//! Why a record cannot become an event: the codes dead letters carry, one page each in `error_code/`.
//!
//! SKELETON: more codes as needed.

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
