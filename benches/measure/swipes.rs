//! Swipes by their number: JSON as peers/generate.py writes it, made where it is needed.
//!
//! The idea: a number says all of an event, so a load can begin anywhere and go on for as long as it takes. The invariant:
//! times go up in equal steps, so many of each key in an hour; keys are uniform by a fixed hash of the number.

use std::io::Write;

use connectors::record::OutRecord;

/// The window that [`Swipes::live`] fills.
const HOUR_US: u64 = 3_600_000_000;
const BASE_MS: u64 = 1_767_225_600_000;
/// Digits of an event's number in its id.
const DIGITS: usize = 11;
/// What the number stands behind, in an event and in its decision.
const BEFORE: &[u8] = b"id\":\"s";

/// A stream of them.
#[derive(Clone, Copy)]
pub(crate) struct Swipes {
    /// Cards; as many merchants, devices and addresses.
    pub(crate) keys: u64,
    /// Events of each in an hour.
    pub(crate) live: u64,
}

impl Swipes {
    /// The event of this number, keyed by its card.
    pub(crate) fn record(self, number: u64) -> OutRecord {
        let mut chance = number;
        let mut draw = |below: u64| {
            chance = mixed(chance);
            ((u128::from(chance) * u128::from(below)) >> 64) as u64
        };
        let [card, merchant, device, ip] = [(); 4].map(|()| draw(self.keys));
        let amount = 1 + draw(50_000);
        let step_us = HOUR_US / (self.live * self.keys);
        let (ts, card) = (BASE_MS + number * step_us / 1_000, format!("c{card:011x}"));
        let (b, c, d) = ((ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
        let mut value = Vec::with_capacity(160);
        write!(
            value,
            "{{\"id\":\"s{number:0DIGITS$}\",\"ts\":{ts},\"card\":\"{card}\",\"merchant\":\"m{merchant:08}\",\
             \"device\":\"d-{device:010x}\",\"ip\":\"10.{b}.{c}.{d}\",\"amount\":{amount}}}"
        )
        .expect("a vector takes it");
        OutRecord {
            key: Some(card.into_bytes()),
            value: Some(value),
            headers: Vec::new(),
        }
    }
}

/// The number of the event that a record is, or decides; none where it is neither.
pub(crate) fn number_of(value: &[u8]) -> Option<u64> {
    let at = value
        .windows(BEFORE.len())
        .position(|part| part == BEFORE)?;
    let digits = value.get(at + BEFORE.len()..at + BEFORE.len() + DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_again_in_event_and_decision() {
        let swipes = Swipes { keys: 10, live: 18 };
        let value = swipes.record(123).value.unwrap();
        let text = std::str::from_utf8(&value).unwrap();
        let event: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["id"], "s00000000123");
        // 20 s from one to the next: 18 of each of 10 keys in an hour.
        assert_eq!(event["ts"], BASE_MS + 123 * 20_000);
        assert_eq!(number_of(&value), Some(123));
        let decision = b"{\"decision_id\":\"00\",\"event_id\":\"s00000000123\",\"position\":{}}";
        assert_eq!(number_of(decision), Some(123));
        assert_eq!(number_of(b"{\"decision_id\":\"s00000000123\"}"), Some(123));
        assert_eq!(number_of(b"{\"event_id\":\"s0000\"}"), None);
    }
}
