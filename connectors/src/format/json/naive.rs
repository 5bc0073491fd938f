//! The decoder against itself without its guesses, and against a naive one over `serde_json::Value`, on random
//! documents.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use proptest::prelude::*;
use serde_json::Value;

use super::tests::{decode, decoder, swipe_columns};
use super::*;
use crate::reject::RejectCode::DuplicateMember;

/// The swipe columns by way of a value tree, one row as texts, `None` for a reject.
fn naive(text: &str) -> Option<Vec<String>> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.as_object()?;
    let number = |value: &Value| -> Option<String> {
        match value {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    };
    let mut row = Vec::new();
    for wanted in swipe_columns() {
        let pointer = if wanted.from.starts_with('/') {
            wanted.from.clone()
        } else {
            format!("/{}", wanted.from)
        };
        let found = value.pointer(&pointer).filter(|found| !found.is_null());
        let Some(found) = found else {
            match (&wanted.default, wanted.optional) {
                (Some(default), _) => row.push(default.clone()),
                (None, true) => row.push("null".to_owned()),
                (None, false) => return None,
            }
            continue;
        };
        row.push(match wanted.data_type {
            DataType::Utf8 => found.as_str()?.to_owned(),
            DataType::Boolean => found.as_bool()?.to_string(),
            DataType::Int64 => number(found)?.parse::<i64>().ok()?.to_string(),
            DataType::Float64 => format!("{:?}", number(found)?.parse::<f64>().ok()? + 0.0),
            DataType::Decimal128(..) => {
                let value: f64 = number(found)?.parse().ok()?;
                let scaled = value * 1e4;
                if (scaled - scaled.round()).abs() > 1e-3 || scaled.abs() >= 1e18 {
                    return None;
                }
                format!("{}", scaled.round() + 0.0)
            }
            _ => found
                .as_str()?
                .parse::<jiff::Timestamp>()
                .ok()?
                .as_microsecond()
                .to_string(),
        });
    }
    Some(row)
}

/// A row of the decoder as the naive one writes it.
fn shown(rows: &RecordBatch) -> Vec<String> {
    rows.columns()
        .iter()
        .map(|array| {
            if array.is_null(0) {
                return "null".to_owned();
            }
            match array.data_type() {
                DataType::Utf8 => array.as_string::<i32>().value(0).to_owned(),
                DataType::Boolean => array.as_boolean().value(0).to_string(),
                DataType::Int64 => array.as_primitive::<Int64Type>().value(0).to_string(),
                DataType::Float64 => {
                    format!("{:?}", array.as_primitive::<Float64Type>().value(0))
                }
                DataType::Decimal128(..) => {
                    array.as_primitive::<Decimal128Type>().value(0).to_string()
                }
                _ => array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(0)
                    .to_string(),
            }
        })
        .collect()
}

fn any_value() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("\"a\"".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"7\"".to_owned()),
        Just("\"2026-02-03T04:05:06.789Z\"".to_owned()),
        "[ a-zé\u{1F600}\"\\\\\n]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (-1000..1000i64).prop_map(|value| value.to_string()),
        (-1_000_000..1_000_000i64).prop_map(|v| format!("{}.{:02}", v / 100, (v % 100).abs())),
        Just("1.23456".to_owned()),
        text,
        Just("{\"id\":\"d\"}".to_owned()),
        Just("{\"b/c\":[1,2]}".to_owned()),
        Just("{\"b/c\":[1,\"2\",{}],\"z\":[]}".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|parts| format!("[{}]", parts.join(" ,"))),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(object),
        ]
    })
}

fn object(members: std::collections::BTreeMap<String, String>) -> String {
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("\"{name}\" : {value}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

/// Members that are often right, so that whole rows are taken too.
fn any_document() -> impl Strategy<Value = String> {
    let names = prop::sample::subsequence(
        vec![
            "ts", "card", "amount", "lat", "present", "count", "a", "device", "x",
        ],
        0..9,
    )
    .prop_shuffle();
    let likely = |name: &str| {
        match name {
            "ts" => "\"2026-02-03T04:05:06.789+01:00\"",
            "card" => "\"c\\u00e9\"",
            "amount" => "85.64999999999999",
            "lat" => "-40.5e-1",
            "present" => "true",
            "count" => "12",
            "a" => "{\"b/c\":[1,2]}",
            _ => "{\"id\":\"d\"}",
        }
        .to_owned()
    };
    names
        .prop_flat_map(move |names| {
            let values: Vec<_> = names
                .iter()
                .map(|name| prop_oneof![6 => Just(likely(name)), 1 => any_value()])
                .collect();
            (Just(names), values, 0..10u8, any::<prop::sample::Index>())
        })
        .prop_map(|(names, values, damage, at)| {
            let mut text = String::from("{\"id\":\"s\"");
            for (name, value) in names.iter().zip(values) {
                text.push_str(&format!(",\"{name}\":{value}"));
            }
            text.push('}');
            if damage == 0 {
                // One byte lost; most of these are malformed.
                let place = at.index(text.len());
                if text.is_char_boundary(place) && text.is_char_boundary(place + 1) {
                    text.remove(place);
                }
            }
            text
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_naive_decoder_agrees(documents in prop::collection::vec(any_document(), 1..6)) {
        // One decoder over several documents, because it remembers their order of members.
        let mut decoder = decoder();
        for document in documents {
            let decoded = decoder.decode(&BinaryArray::from_iter_values([&document]));
            let got = decoded.rejects.is_empty().then(|| shown(&decoded.rows));
            let expected = naive(&document);
            // The same once more: now the order is the one remembered, and what can be guessed is.
            let again = decoder.decode(&BinaryArray::from_iter_values([&document]));
            let scanned = super::tests::decoder().without_guessing();
            let scanned = { scanned }.decode(&BinaryArray::from_iter_values([&document]));
            for one in [&decoded, &again] {
                prop_assert_eq!(&one.rejects, &scanned.rejects, "{}", document);
                prop_assert_eq!(&one.rows, &scanned.rows, "{}", document);
            }
            // The tree cannot see a member that comes twice, which a lost byte can make.
            let twice = decoded.rejects.first().is_some_and(|r| r.code == DuplicateMember);
            prop_assert!(twice || got == expected, "{}: {:?} {:?} {:?}", document, got, expected, decoded.rejects);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..4)) {
        let decoded = decode(&values);
        prop_assert_eq!(decoded.taken.len() + decoded.rejects.len(), values.len());
    }
}
