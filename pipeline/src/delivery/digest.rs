//! What was written, as a number to compare by: for the chain of commits, a silent refold, and an audit.
//!
//! The idea: the sum of the hashes of all records of a stream, each as it is by itself. So neither the order, nor how
//! records were packed, nor how the events were cut into steps shows in it, and parts of it add up. It tells chance
//! apart (XXH3, 128 bits), not malice: whoever can write to the topics can write any sum. The invariant: a decision or
//! alert counts with the bytes of its JSON, whatever form its sinks want.

use std::fmt;

use connectors::record::{Headers, OutRecord};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use xxhash_rust::xxh3::xxh3_128;

/// The sum of the hashes of some records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u128);

/// The digests of the three streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of decisions, each its JSON.
    pub decisions: Digest,
    /// Of alerts, each its JSON; not told where no sink has them, since an alert says nothing that its decision does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Digest>,
    /// Of dead letters, each its key, value and headers.
    pub dead_letters: Digest,
}

impl Digest {
    /// Of one record, whose hash is this.
    #[must_use]
    pub fn of(hash: u128) -> Digest {
        Digest(hash)
    }

    /// Little-endian.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Adds a record that is these bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0 = self.0.wrapping_add(xxh3_128(bytes));
    }

    /// Adds a record of key, value and headers.
    pub fn add_record(&mut self, record: &OutRecord) {
        self.add_parts(
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
    }

    /// The same of its parts, each behind its length.
    pub fn add_parts(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, headers: &Headers) {
        let mut bytes = Vec::new();
        let mut add = |part: Option<&[u8]>| {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(part.unwrap_or_default());
        };
        add(key);
        add(value);
        for (name, value) in headers {
            add(Some(name));
            add(value.as_deref());
        }
        self.add(&bytes);
    }

    /// Adds the records of another.
    pub fn join(&mut self, other: Digest) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Takes away records that were added.
    pub fn leave(&mut self, other: Digest) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

/// Of no records, with all told.
impl Default for Digests {
    fn default() -> Digests {
        Digests {
            decisions: Digest::default(),
            alerts: Some(Digest::default()),
            dead_letters: Digest::default(),
        }
    }
}

impl Digests {
    /// Adds the records of others.
    pub fn join(&mut self, others: &Digests) {
        self.decisions.join(others.decisions);
        self.alerts = self.alerts.zip(others.alerts).map(|(mut own, other)| {
            own.join(other);
            own
        });
        self.dead_letters.join(others.dead_letters);
    }
}

/// The hash of a control record, by which the next one names it.
#[must_use]
pub fn link(record: &[u8]) -> String {
    let mut digest = Digest::default();
    digest.add(record);
    digest.to_string()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Digest)
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn of(records: &[&[u8]]) -> Digest {
        let mut digest = Digest::default();
        records.iter().for_each(|record| digest.add(record));
        digest
    }

    #[test]
    fn neither_order_nor_parts_show_and_every_record_does() {
        let whole = of(&[b"a", b"b", b"b"]);
        let mut parts = of(&[b"b"]);
        parts.join(of(&[b"b", b"a"]));
        assert_eq!(whole, parts);
        for other in [
            of(&[b"a", b"b"]),
            of(&[b"a", b"b", b"c"]),
            of(&[b"ab", b"b"]),
        ] {
            assert_ne!(whole, other);
        }
    }

    #[test]
    fn what_is_written_of_it_reads_back() {
        let digests = Digests {
            decisions: of(&[b"a"]),
            ..Digests::default()
        };
        let text = serde_json::to_string(&digests).unwrap();
        // XXH3-128 of "a", by the reference program `xxhsum -H2`.
        assert!(text.contains("a96faf705af16834e6c632b61e964e1f"), "{text}");
        assert_eq!(serde_json::from_str::<Digests>(&text).unwrap(), digests);
    }

    #[test]
    fn absent_and_empty_parts_of_a_record_differ() {
        let record = |key: Option<&[u8]>| {
            let mut digest = Digest::default();
            digest.add_record(&OutRecord {
                key: key.map(<[u8]>::to_vec),
                value: None,
                headers: Vec::new(),
            });
            digest
        };
        assert_ne!(record(None), record(Some(b"")));
    }
}
