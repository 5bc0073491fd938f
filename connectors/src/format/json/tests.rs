//! The decoder against tables of bad input; the names are those of the rows of the list of bad input it must survive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use arrow::array::AsArray;
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit as ArrowUnit,
    TimestampMicrosecondType,
};

use super::*;
use crate::format::TimeUnit;
use crate::reject::RejectCode::{
    DuplicateMember, Empty, InexactNumber, Malformed, MissingField, SensitiveData, TooLarge,
    WrongType,
};

fn column(name: &str, from: &str, data_type: DataType) -> WantedColumn {
    WantedColumn {
        name: name.to_owned(),
        from: from.to_owned(),
        data_type,
        time_unit: TimeUnit::Rfc3339,
        optional: true,
        default: None,
    }
}

fn timestamp() -> DataType {
    DataType::Timestamp(ArrowUnit::Microsecond, Some("UTC".into()))
}

/// The nine fields of a card swipe that most packs want, under the names of the sample below.
pub(super) fn swipe_columns() -> Vec<WantedColumn> {
    vec![
        WantedColumn {
            optional: false,
            ..column("id", "id", DataType::Utf8)
        },
        column("ts", "ts", timestamp()),
        column("card", "card", DataType::Utf8),
        column("amount", "amount", DataType::Decimal128(18, 4)),
        column("lat", "lat", DataType::Float64),
        column("present", "present", DataType::Boolean),
        column("count", "count", DataType::Int64),
        column("deep", "/a/b~1c/1", DataType::Int64),
        WantedColumn {
            default: Some("none".to_owned()),
            ..column("device", "/device/id", DataType::Utf8)
        },
    ]
}

pub(super) fn decoder() -> JsonDecoder {
    JsonDecoder::new(swipe_columns(), Limits::DEFAULT).unwrap()
}

pub(super) fn decode<T: AsRef<[u8]>>(values: &[T]) -> Decoded {
    decoder().decode(&BinaryArray::from_iter_values(values))
}

fn code_of(value: &[u8]) -> Option<RejectCode> {
    let decoded = decode(&[value]);
    assert_eq!(decoded.rows.num_rows() + decoded.rejects.len(), 1);
    decoded.rejects.first().map(|reject| reject.code)
}

fn check(code: Option<RejectCode>, values: &[&str]) {
    for value in values {
        assert_eq!(code_of(value.as_bytes()), code, "{value}");
    }
}

#[test]
fn all_six_types_are_read_and_what_is_not_wanted_is_passed_over() {
    let decoded = decode(&[
        r#" {"x":[{"y":null},[]],"id":"s\u0031 \ud83d\ude00","ts":"2026-01-01T01:00:00+01:00","card":"","amount":12.5,
             "lat":-0.0,"present":false,"count":"7","a":{"z":{},"b/c":[[1],42,3]},"device":{"id":"d"},"e":1e400} "#,
        r#"{"id":"s2","amount":null,"device":{}}"#,
    ]);
    assert_eq!(decoded.rejects, []);
    let rows = &decoded.rows;
    let text = |column: usize| -> Vec<Option<&str>> {
        rows.column(column).as_string::<i32>().iter().collect()
    };
    assert_eq!(text(0), [Some("s1 😀"), Some("s2")]);
    assert_eq!(text(2), [Some(""), None]);
    assert_eq!(text(8), [Some("d"), Some("none")]);
    let times: Vec<_> = rows
        .column(1)
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .collect();
    assert_eq!(times, [Some(1_767_225_600_000_000), None]);
    let amounts: Vec<_> = rows
        .column(3)
        .as_primitive::<Decimal128Type>()
        .iter()
        .collect();
    assert_eq!(amounts, [Some(125_000), None]);
    let lats = rows.column(4).as_primitive::<Float64Type>();
    assert_eq!(lats.value(0).to_bits(), 0, "zero has no sign");
    let present: Vec<_> = rows.column(5).as_boolean().iter().collect();
    assert_eq!(present, [Some(false), None]);
    for (index, expected) in [(6, [Some(7), None]), (7, [Some(42), None])] {
        let values: Vec<_> = rows
            .column(index)
            .as_primitive::<Int64Type>()
            .iter()
            .collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn e1_nothing_to_decode_is_empty_or_malformed() {
    let values: BinaryArray = vec![None, Some(&b""[..]), Some(b"  "), Some(b"null"), Some(b"x")]
        .into_iter()
        .collect();
    let decoded = decoder().decode(&values);
    let codes: Vec<_> = decoded.rejects.iter().map(|reject| reject.code).collect();
    assert_eq!(codes, [Empty, Empty, Empty, Empty, Malformed]);
    check(Some(WrongType), &["5", "[]", "\"a\"", "true"]);
}

#[test]
fn e2_every_truncation_is_malformed_and_so_is_what_follows() {
    let whole = r#"{"id":"s\u0031","x":[1.5e3,{"y":true}],"a":{"b/c":[1,2]}}"#;
    assert_eq!(code_of(whole.as_bytes()), None);
    for end in 1..whole.len() {
        assert_eq!(code_of(&whole.as_bytes()[..end]), Some(Malformed), "{end}");
    }
    check(
        Some(Malformed),
        &[
            r#"{"id":"s"}x"#,
            r#"{"id":"s"}{"id":"s"}"#,
            r#"{"id":"s"},"#,
            "{\"id\":\"s\"}\0",
            r#"{"id":"s",}"#,
            r#"{,"id":"s"}"#,
            r#"{"id" "s"}"#,
            r#"{"id":"s" "x":1}"#,
            r#"{id:"s"}"#,
            r#"{'id':"s"}"#,
            r#"{"id":"s","x":[1,]}"#,
            r#"{"id":"s","x":[1}}"#,
            r#"{"id":"s","x":01}"#,
            r#"{"id":"s","x":+1}"#,
            r#"{"id":"s","x":1.}"#,
            r#"{"id":"s","x":.5}"#,
            r#"{"id":"s","x":NaN}"#,
            r#"{"id":"s","amount":NaN}"#,
            r#"{"id":"s","amount":-}"#,
            r#"{"id":"s","x":tru}"#,
            "{\"id\":\"s\",\"x\":\"a\nb\"}",
            r#"{"id":"s","x":"\q"}"#,
            r#"{"id":"s","x":"\u12"}"#,
            "[1,2",
            "[1] 2",
        ],
    );
}

#[test]
fn e3_nesting_ends_at_128_levels() {
    let nested = |levels: usize, open: &str, close: &str| {
        let inner = format!("{}1{}", open.repeat(levels), close.repeat(levels));
        format!(r#"{{"id":"s","x":{inner}}}"#)
    };
    for (open, close) in [("[", "]"), (r#"{"y":"#, "}")] {
        // The object itself is the first level.
        assert_eq!(code_of(nested(127, open, close).as_bytes()), None);
        assert_eq!(
            code_of(nested(128, open, close).as_bytes()),
            Some(Malformed)
        );
        assert_eq!(
            code_of(nested(100_000, open, close).as_bytes()),
            Some(Malformed)
        );
    }
    assert_eq!(code_of("[".repeat(100_000).as_bytes()), Some(Malformed));
}

#[test]
fn e4_a_value_over_the_limit_is_not_parsed() {
    let limits = Limits {
        value_bytes: 32,
        depth: 128,
    };
    let mut decoder = JsonDecoder::new(swipe_columns(), limits).unwrap();
    let good = format!("{:<32}", r#"{"id":"s"}"#);
    let long = format!("{:<33}", r#"{"id":"s"}"#);
    let decoded = decoder.decode(&BinaryArray::from_iter_values([good, long]));
    assert_eq!(decoded.taken, [0]);
    assert_eq!(decoded.rejects[0].code, TooLarge);
}

#[test]
fn e8_a_member_that_comes_twice_is_refused_wanted_or_not() {
    check(
        Some(DuplicateMember),
        &[
            r#"{"id":"s","amount":5,"amount":5000}"#,
            r#"{"id":"s","amount":5,"\u0061mount":5000}"#,
            r#"{"id":"s","x":1,"y":2,"x":1}"#,
            r#"{"id":"s","a":{"q":1,"q":2}}"#,
            r#"{"id":"s","a":{"b/c":[1,2]},"device":1,"a":{}}"#,
        ],
    );
    // After the order was learned it is still refused, and the order may change from record to record.
    let mut decoder = decoder();
    let decoded = decoder.decode(&BinaryArray::from_iter_values([
        r#"{"id":"s1","amount":1,"x":1}"#,
        r#"{"id":"s2","amount":2,"x":1}"#,
        r#"{"id":"s3","amount":3,"amount":3}"#,
        r#"{"x":1,"amount":4,"id":"s4"}"#,
        r#"{"id":"s5","x":1}"#,
        r#"{"id":"s6","x":1,"id":"s6"}"#,
        r#"{"y":1,"id":"s7","amount":7}"#,
    ]));
    assert_eq!(decoded.taken, [0, 1, 3, 4, 6]);
    assert!(
        decoded
            .rejects
            .iter()
            .all(|reject| reject.code == DuplicateMember)
    );
    let ids: Vec<_> = decoded
        .rows
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(ids, ["s1", "s2", "s4", "s5", "s7"]);
}

#[test]
fn e9_amounts_are_exact_or_refused() {
    for (written, expected) in [
        ("12.34", Ok(123_400)),
        ("\"12.34\"", Ok(123_400)),
        ("-0", Ok(0)),
        ("-12.5", Ok(-125_000)),
        ("0.30000000000000004", Ok(3000)),
        ("1e2", Ok(1_000_000)),
        ("1e400", Err(InexactNumber)),
        ("12.345678", Err(InexactNumber)),
        (
            "1234567890123456789012345678901234567890",
            Err(InexactNumber),
        ),
        ("\"NaN\"", Err(WrongType)),
        ("\"12,34\"", Err(WrongType)),
        ("\"\"", Err(WrongType)),
        ("true", Err(WrongType)),
        ("{}", Err(WrongType)),
        ("[5]", Err(WrongType)),
    ] {
        let decoded = decode(&[format!(r#"{{"id":"s","amount":{written}}}"#)]);
        let got = match decoded.rejects.first() {
            Some(reject) => Err(reject.code),
            None => Ok(decoded
                .rows
                .column(3)
                .as_primitive::<Decimal128Type>()
                .value(0)),
        };
        assert_eq!(got, expected, "{written}");
    }
    check(
        Some(InexactNumber),
        &[
            r#"{"id":"s","lat":1e400}"#,
            r#"{"id":"s","count":1.5}"#,
            r#"{"id":"s","count":9223372036854775808}"#,
        ],
    );
}

#[test]
fn e13_a_card_number_is_rejected_and_its_digits_are_not_shown() {
    for value in [
        r#"{"id":"4111111111111111"}"#,
        r#"{"id":"s","card":"5555 5555 5555 4444"}"#,
        r#"{"id":"\u0034111111111111111"}"#,
    ] {
        let decoded = decode(&[value]);
        let reject = &decoded.rejects[0];
        assert_eq!(reject.code, SensitiveData, "{value}");
        assert!(
            !reject.detail.contains("1111") && !reject.detail.contains("5555"),
            "{reject:?}"
        );
    }
    // Nor are they in the detail of another mistake, or in a member's name.
    for value in [
        r#"{"id":"s","count":"4111111111111111x"}"#,
        r#"{"id":"s","4111111111111111":1,"4111111111111111":1}"#,
    ] {
        let detail = &decode(&[value]).rejects[0].detail;
        assert!(!detail.contains("4111"), "{detail}");
    }
}

#[test]
fn e14_any_text_is_data_but_half_characters_are_malformed() {
    let decoded = decode(&[r#"{"id":"a\u0000\u202e\u200b\b"}"#]);
    assert_eq!(
        decoded.rows.column(0).as_string::<i32>().value(0),
        "a\0\u{202e}\u{200b}\u{8}"
    );
    check(
        Some(Malformed),
        &[
            r#"{"id":"\ud800"}"#,
            r#"{"id":"\udc00"}"#,
            r#"{"id":"\ud800\ud800"}"#,
            r#"{"id":"\ud800x"}"#,
            r#"{"id":"s","x":"\ud800"}"#,
            r#"{"id":"s","\udfff":1}"#,
        ],
    );
    for bytes in [
        &b"{\"id\":\"\xff\"}"[..],
        b"{\"id\":\"\xc0\xaf\"}",
        b"{\"id\":\"\xed\xa0\x80\"}",
    ] {
        assert_eq!(code_of(bytes), Some(Malformed));
    }
}

#[test]
fn e15_new_members_are_ignored_and_missing_ones_named() {
    check(
        None,
        &[r#"{"version":99,"id":"s","new":{"deeply":["nested"]}}"#],
    );
    let decoded = decode(&["{}", r#"{"id":null}"#]);
    assert_eq!(
        decoded.rejects.iter().map(|r| r.code).collect::<Vec<_>>(),
        [MissingField; 2]
    );
    assert_eq!(decoded.rejects[0].detail, "id: missing or null");
}

#[test]
fn pointers_follow_names_and_indices_only() {
    check(
        None,
        &[
            r#"{"id":"s","a":5}"#,
            r#"{"id":"s","a":[]}"#,
            r#"{"id":"s","a":{"b/c":{"1":7}}}"#,
            r#"{"id":"s","a":{"b/c":[7]}}"#,
        ],
    );
    check(
        Some(WrongType),
        &[
            r#"{"id":"s","a":{"b/c":["x","x"]}}"#,
            r#"{"id":["s"]}"#,
            r#"{"id":{}}"#,
        ],
    );
}

#[test]
fn columns_that_cannot_be_are_refused_when_the_decoder_is_made() {
    let refused = |wanted: WantedColumn| JsonDecoder::new(vec![wanted], Limits::DEFAULT).is_err();
    assert!(refused(column("x", "x", DataType::Int32)));
    assert!(refused(column("x", "x", DataType::Decimal128(38, 2))));
    assert!(refused(WantedColumn {
        default: Some("ten".to_owned()),
        ..column("x", "x", DataType::Int64)
    }));
}

#[test]
fn an_object_of_many_members_is_neither_slow_nor_kept() {
    let many: Vec<String> = (0..60_000)
        .map(|index| format!(r#""m{index}":1"#))
        .collect();
    let hostile = format!(r#"{{"id":"s",{}}}"#, many.join(","));
    let mut decoder = decoder();
    let values = [hostile.as_str(), r#"{"id":"s"}"#, hostile.as_str()];
    let decoded = decoder.decode(&BinaryArray::from_iter_values(values));
    assert_eq!(decoded.taken, [0, 1, 2]);
    assert!(decoder.nodes[0].shape.len() <= 512);
}
