//! State as bytes and back: what all that has state shares to be saved and restored.
//!
//! The idea: state is addressed by indices and not by pointers, so most of it is copied as it lies, in words of 64 bits,
//! little-endian: pages of keys and of blocks, piece by piece where not all are in use. What can be worked out is not
//! saved but made anew: tables of keys and texts, counts of references, hashes. So a snapshot is about as large as what it
//! is of, and the same state gives the same bytes: no order of a hash map, and nothing of an address, is in them.
//!
//! The invariant of reading ([`Reader`]): whatever the bytes are, it gives a [`Fault`] or a state that can be worked with.
//! No memory is asked for that the bytes still to come do not bear out, and each index that is later followed is looked
//! at first; [`Claims`] sees to it that what has one owner has one. Bytes that are sound but not what was saved (a sum
//! that is another one) are the business of whoever keeps them, who has checksums.
//!
//! Nobody waits while a large state is written: it is frozen, and written between steps (`freeze.rs`). Each structure has
//! its `freeze`, `write` and `restore` beside it; which sections there are, in [`crate::evaluate::snapshot`].

pub(crate) mod bits;
mod claims;
mod freeze;
mod words;

pub(crate) use claims::{Claims, Owners};
pub(crate) use freeze::{Freeze, Frozen, Next, Noted, Room};
pub use words::Fault;
pub(crate) use words::{Reader, Writer, sure};

#[cfg(test)]
pub(crate) mod dice;
