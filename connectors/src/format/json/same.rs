//! Guessed and scanned records come out the same, value for value and reject for reject, on random and damaged streams.
//!
//! The idea: a stream is records of one shape, as a producer writes them, with odd values among them and some of their
//! bytes changed; one decoder may guess, the other may not. A failure prints the seed of its stream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::tests::decoder;
use super::*;

/// Names of members; the first nine are wanted.
const NAMES: &[&str] = &[
    "id",
    "ts",
    "card",
    "amount",
    "lat",
    "present",
    "count",
    "a",
    "device",
    "x",
    "currency",
    "a_name_longer_than_sixteen_bytes",
    "é",
    "\\u0069d2",
];

/// Values as they may stand anywhere, from the usual to the malformed.
const VALUES: &[&str] = &[
    "\"s1\"",
    "\"\"",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "-12",
    "13.83",
    "-104.9095",
    "0.5",
    "85.64999999999999",
    "12345678",
    "123456789.12345678",
    "1234567890123456789",
    "99999999999999.9999",
    "0.30000000000000004",
    "12.345678",
    "1e2",
    "-40.5e-1",
    "1E400",
    "01",
    "-",
    "1.",
    ".5",
    "+1",
    "NaN",
    "tru",
    "9007199254740993",
    "9007199254740992.5",
    "999999999999999999",
    "1000000000000000000",
    "0.000000000000000001",
    "\"2026-02-03T04:05:06.789Z\"",
    "\"2026-02-03T04:05:06Z\"",
    "\"2026-02-03T04:05:06.123456Z\"",
    "\"2026-02-29T04:05:06.123456Z\"",
    "\"2026-02-03T24:05:06.123456Z\"",
    "\"1969-12-31T23:59:59Z\"",
    "\"2026-02-03t04:05:06.1234567+01:00\"",
    "\"4111111111111111\"",
    "\"4111-1111-1111-1111\"",
    "\"card_bdee9bee246ec694\"",
    "\"a text that is longer than thirty-two bytes are\"",
    "\"caf\u{e9}\"",
    "\"\\u00e9\\n\"",
    "\"\\ud800\"",
    "\"\\q\"",
    "\"a\u{1}b\"",
    "\"12.34\"",
    "\"7\"",
    "{}",
    "[]",
    "[1,{\"y\":[null]}]",
    "{\"id\":\"d\"}",
    "{\"id\":\"d\",\"id\":\"e\"}",
    "{\"b/c\":[1,2]}",
    "{\"b/c\":[1,\"2\",{}],\"z\":[]}",
    "{\"b/c\":{\"1\":7}}",
    "{\"id\": \"\\u0064\" }",
    "[1,]",
    "{,}",
    "\"open",
];

/// What stands between the words.
const BLANKS: &[&str] = &["", "", "", " ", "  ", "\n", "\t", "\r", "\u{b}"];

/// A value that goes with the name, mostly.
fn value(name: &str, rng: &mut ChaCha8Rng) -> String {
    if rng.random_ratio(1, 14) {
        return (*VALUES.choose(rng).unwrap()).to_owned();
    }
    if matches!(name, "amount" | "lat" | "count") && rng.random_ratio(1, 4) {
        return number(rng);
    }
    let usual = match name {
        "ts" => "\"2026-02-03T04:05:06.789123Z\"",
        "amount" => "13.83",
        "lat" => "-104.9095",
        "present" => "true",
        "count" => "12",
        "a" => "{\"b/c\":[1,2]}",
        "device" => "{\"id\":\"d\"}",
        _ => "\"s1\"",
    };
    usual.to_owned()
}

/// A number of any length up to what a double and a decimal hold, and a little more.
fn number(rng: &mut ChaCha8Rng) -> String {
    let limit = 10u64.pow(rng.random_range(1..20));
    let digits = rng.random_range(0..limit).to_string();
    let sign = if rng.random() { "-" } else { "" };
    match rng.random_range(0..digits.len()) {
        0 => format!("{sign}{digits}"),
        at => format!("{sign}{}.{}", &digits[..at], &digits[at..]),
    }
}

/// Records of one shape, some damaged.
fn stream(rng: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let mut shape: Vec<&str> = NAMES.to_vec();
    for _ in 0..rng.random_range(0..4) {
        let (from, to) = (
            rng.random_range(0..shape.len()),
            rng.random_range(0..shape.len()),
        );
        shape.swap(from, to);
    }
    shape.truncate(rng.random_range(1..=shape.len()));
    let blank = if rng.random_ratio(1, 2) {
        &BLANKS[..1]
    } else {
        BLANKS
    };
    (0..rng.random_range(2..8))
        .map(|_| {
            let mut text = String::from("{");
            for name in &shape {
                if rng.random_ratio(1, 10) {
                    continue;
                }
                if text.len() > 1 {
                    text.push(',');
                }
                let name = if rng.random_ratio(1, 60) {
                    NAMES.choose(rng).unwrap()
                } else {
                    name
                };
                for part in ["\"", name, "\""] {
                    text.push_str(part);
                }
                let value = value(name, rng);
                for part in [":", &value, ""] {
                    text.push_str(blank.choose(rng).unwrap());
                    text.push_str(part);
                }
            }
            text.push('}');
            damaged(text.into_bytes(), rng)
        })
        .collect()
}

fn damaged(mut bytes: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_ratio(2, 3) {
        return bytes;
    }
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..5) {
        0 => bytes[at] = rng.random(),
        1 => bytes[at] = *b"\"\\{}[]:,0e. \x7f\x80\xff".choose(rng).unwrap(),
        2 => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        _ => bytes.insert(at, *b"\"\\{}[],:19-.eE \x00\xc3".choose(rng).unwrap()),
    }
    bytes
}

#[test]
fn guessed_and_scanned_records_are_the_same() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..10_000 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let records = stream(&mut rng);
        let values = BinaryArray::from_iter_values(&records);
        let guessed = decoder().decode(&values);
        let scanned = decoder().without_guessing().decode(&values);
        let shown = || records.iter().map(|record| String::from_utf8_lossy(record));
        let shown = || shown().collect::<Vec<_>>().join("\n");
        assert_eq!(
            guessed.rejects,
            scanned.rejects,
            "seed {seed}:\n{}",
            shown()
        );
        assert_eq!(guessed.taken, scanned.taken, "seed {seed}:\n{}", shown());
        assert_eq!(guessed.rows, scanned.rows, "seed {seed}:\n{}", shown());
        taken += guessed.taken.len();
        refused += guessed.rejects.len();
    }
    assert!(
        taken > 3_000 && refused > 3_000,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn what_a_producer_repeats_is_guessed() {
    let records: &[(&str, bool)] = &[
        (
            r#"{"id":"s1","ts":"2026-02-03T04:05:06Z","amount":1.5,"x":[1]}"#,
            true,
        ),
        (r#"{"id": "s1", "amount": -1.50, "x": "y"}"#, true),
        ("  {\"id\":\"caf\u{e9}\",\r\n\t\"lat\":1}\n", true),
        (r#"{"id":"s\u0031"}"#, false),
        (r#"{"id":"s1","lat":1e2}"#, false),
        (r#"{"amount":1.5,"id":"s1"}"#, false),
    ];
    for (record, expected) in records {
        let mut decoder = decoder();
        let shape = r#"{"id":"s","ts":null,"amount":1,"lat":2,"x":3}"#;
        let first = decoder.decode(&BinaryArray::from_iter_values([shape]));
        assert_eq!(first.taken, [0]);
        assert_eq!(
            decoder.usual(record.as_bytes()).is_some(),
            *expected,
            "{record}"
        );
    }
}
