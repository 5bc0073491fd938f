//! One swipe, and how it is written.
//!
//! The invariant: the bytes of an event are a function of the event; tokens are letters and hexadecimal digits, so no
//! guard takes them for a card number.

use super::fraud::FraudKind;
use crate::format::ndjson::{write_decimal, write_integer};
use crate::format::time::write_rfc3339;

/// A swipe of the card-core schema, with the truth about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the stream; with the seed its id.
    pub number: u64,
    /// The seed of the stream.
    pub seed: u64,
    /// When it happened, microseconds since the epoch.
    pub time_micros: i64,
    /// Token of the card.
    pub card: u64,
    /// Token of the merchant.
    pub merchant: u64,
    /// Token of the device, for swipes away from a terminal.
    pub device: Option<u64>,
    /// Amount in cents.
    pub amount_cents: i64,
    /// Latitude in ten-thousandths of a degree.
    pub lat_e4: i32,
    /// Longitude in ten-thousandths of a degree.
    pub lon_e4: i32,
    /// Whether the card itself was there.
    pub card_present: bool,
    /// Whether the issuer declined it.
    pub declined: bool,
    /// Category of the merchant (ISO 18245).
    pub mcc: u16,
    /// The truth.
    pub truth: Truth,
    /// Number of the incident it belongs to; of no meaning for ordinary swipes.
    pub incident: u32,
}

/// Whether a swipe is fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The cardholder's own.
    Honest,
    /// Planted.
    Fraud(FraudKind),
}

impl Event {
    /// The kind of fraud it is.
    #[must_use]
    pub fn fraud(&self) -> Option<FraudKind> {
        match self.truth {
            Truth::Honest => None,
            Truth::Fraud(kind) => Some(kind),
        }
    }

    /// The issuer's answer: `approved` or `declined`.
    #[must_use]
    pub fn auth_result(&self) -> &'static str {
        if self.declined {
            "declined"
        } else {
            "approved"
        }
    }

    /// Appends its id.
    pub fn write_id(&self, out: &mut Vec<u8>) {
        out.push(b's');
        write_integer(i128::from(self.seed), out);
        out.push(b'-');
        write_integer(i128::from(self.number), out);
    }

    /// Appends the token of its card, which is also the key of its record.
    pub fn write_card(&self, out: &mut Vec<u8>) {
        token(b"card_", self.card, out);
    }

    /// Appends the token of its merchant.
    pub fn write_merchant(&self, out: &mut Vec<u8>) {
        token(b"m_", self.merchant, out);
    }

    /// Appends the token of its device; `false` where it has none.
    pub fn write_device(&self, out: &mut Vec<u8>) -> bool {
        if let Some(device) = self.device {
            token(b"dev_", device, out);
        }
        self.device.is_some()
    }

    /// Appends the swipe as one JSON object, without a line break.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"swipe_id\":\"");
        self.write_id(out);
        out.extend_from_slice(b"\",\"ts\":\"");
        write_rfc3339(self.time_micros, out);
        out.extend_from_slice(b"\",\"card_id\":\"");
        self.write_card(out);
        out.extend_from_slice(b"\",\"merchant_id\":\"");
        self.write_merchant(out);
        if self.device.is_some() {
            out.extend_from_slice(b"\",\"device_id\":\"");
            self.write_device(out);
        }
        out.extend_from_slice(b"\",\"amount_usd\":");
        write_decimal(i128::from(self.amount_cents), 2, out);
        out.extend_from_slice(b",\"lat\":");
        write_decimal(i128::from(self.lat_e4), 4, out);
        out.extend_from_slice(b",\"lon\":");
        write_decimal(i128::from(self.lon_e4), 4, out);
        out.extend_from_slice(b",\"card_present\":");
        out.extend_from_slice(if self.card_present { b"true" } else { b"false" });
        out.extend_from_slice(b",\"auth_result\":\"");
        out.extend_from_slice(self.auth_result().as_bytes());
        out.extend_from_slice(b"\",\"mcc\":\"");
        write_integer(i128::from(self.mcc), out);
        out.extend_from_slice(b"\",\"currency\":\"USD\"}");
    }

    /// Appends the truth about it as one JSON object, without a line break: its id, `fraud` (the kind or null) and the
    /// number of the incident.
    pub fn write_label(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"swipe_id\":\"");
        self.write_id(out);
        match self.fraud() {
            None => out.extend_from_slice(b"\",\"fraud\":null}"),
            Some(kind) => {
                out.extend_from_slice(b"\",\"fraud\":\"");
                out.extend_from_slice(kind.name().as_bytes());
                out.extend_from_slice(b"\",\"incident\":");
                write_integer(i128::from(self.incident), out);
                out.push(b'}');
            }
        }
    }
}

fn token(prefix: &[u8], value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix);
    for nibble in (0..16).rev() {
        out.push(b"0123456789abcdef"[(value >> (4 * nibble) & 15) as usize]);
    }
}
