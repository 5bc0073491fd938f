//! JSON decoding: guessed records are what scanned records are, and what serde_json refuses is refused.
//!
//! An input is lines of JSON, decoded as one batch by one decoder: the order of members that it remembers is part of
//! what is tested.

use std::collections::BTreeMap;

use arrow::array::BinaryArray;
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use connectors::format::json::JsonDecoder;
use connectors::format::{Decoded, Decoder, Limits, TimeUnit, WantedColumn};
use serde_json::value::RawValue;

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "json",
    short: 5_000,
    words: &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        " ",
        "null",
        "true",
        "false",
        "0",
        "-",
        ".",
        "e5",
        "-0",
        "1e400",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud800",
        "\u{e9}",
        "\"id\":",
        "\"amount\":",
        "\"card\":",
        "\"a\":{\"b/c\":[1,2]}",
        "\"2026-02-28T23:59:59.999999Z\"",
        "4111111111111111",
        "9007199254740993",
        "999999999999999999",
    ],
    check,
};

fn check(input: &[u8]) -> Result<(), String> {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let values = BinaryArray::from_iter_values(&lines);
    let guessed = decoder().decode(&values);
    let scanned = decoder().without_guessing().decode(&values);
    if guessed.rejects != scanned.rejects {
        return Err(format!(
            "guessed {:?}, scanned {:?}",
            guessed.rejects, scanned.rejects
        ));
    }
    if guessed.taken != scanned.taken || guessed.rows != scanned.rows {
        return Err(format!(
            "guessed {:?}, scanned {:?}",
            guessed.rows, scanned.rows
        ));
    }
    let all = guessed.taken.len() + guessed.rejects.len();
    if all != lines.len() {
        return Err(format!("{} records, {all} answers", lines.len()));
    }
    refused_by_another(&guessed, &lines)
}

/// Whatever was taken is a JSON object for serde_json too.
fn refused_by_another(decoded: &Decoded, lines: &[&[u8]]) -> Result<(), String> {
    for row in &decoded.taken {
        let line = usize::try_from(*row).ok().and_then(|row| lines.get(row));
        let line = line.copied().unwrap_or_default();
        // Raw values, because it refuses an exponent beyond a double's also where nobody reads the number.
        if let Err(error) = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(line) {
            return Err(format!("record {row} was taken: {error}"));
        }
    }
    Ok(())
}

fn decoder() -> JsonDecoder {
    let column = |from: &str, data_type: DataType, time_unit: TimeUnit| WantedColumn {
        name: from.to_owned(),
        from: from.to_owned(),
        data_type,
        time_unit,
        optional: from != "id",
        default: (from == "/device/id").then(|| "none".to_owned()),
    };
    let time = || DataType::Timestamp(ArrowUnit::Microsecond, Some("UTC".into()));
    let columns = vec![
        column("id", DataType::Utf8, TimeUnit::Rfc3339),
        column("ts", time(), TimeUnit::Rfc3339),
        column("at", time(), TimeUnit::Millis),
        column("card", DataType::Utf8, TimeUnit::Rfc3339),
        column("amount", DataType::Decimal128(18, 4), TimeUnit::Rfc3339),
        column("lat", DataType::Float64, TimeUnit::Rfc3339),
        column("present", DataType::Boolean, TimeUnit::Rfc3339),
        column("count", DataType::Int64, TimeUnit::Rfc3339),
        column("/a/b~1c/1", DataType::Int64, TimeUnit::Rfc3339),
        column("/device/id", DataType::Utf8, TimeUnit::Rfc3339),
    ];
    JsonDecoder::new(columns, Limits::DEFAULT).unwrap()
}
