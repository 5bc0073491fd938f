//! What templates accept, refuse and say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};

use super::*;
use crate::value::Type;

fn columns() -> Vec<Column> {
    ["amount", "card_prev.lat", "km"]
        .map(|name| Column {
            name: name.to_owned(),
            ty: Type::Int,
        })
        .to_vec()
}

fn params() -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("n".to_owned(), Value::Int(5)),
        (
            "total".to_owned(),
            Value::Decimal {
                mantissa: 3_000_000,
                scale: 4,
            },
        ),
    ])
}

#[test]
fn values_read_as_a_person_writes_them() {
    let cases = [
        (Cell::Decimal(4_000_000, 4), "400.00"),
        (Cell::Decimal(-1_234, 4), "-0.1234"),
        (Cell::Decimal(123_000, 4), "12.30"),
        (Cell::Decimal(400, 0), "400"),
        (Cell::Decimal(4005, 1), "400.5"),
        (Cell::Float(5837.4), "5837"),
        (Cell::Float(0.5), "0.5"),
        (Cell::Float(12.345), "12.35"),
        (Cell::Float(9.99999), "10"),
        (Cell::Float(-0.0), "0"),
        (Cell::Float(100.0), "100"),
        (Cell::Float(1_234_567.8), "1234568"),
        (Cell::Float(0.000_123_456), "0.0001235"),
        (Cell::Float(1e300), "1.000e300"),
        (Cell::Int(-7), "-7"),
        (Cell::Null, "unknown"),
        (Cell::Bool(true), "true"),
        (
            Cell::Timestamp(1_767_225_900_000_000),
            "2026-01-01T00:05:00Z",
        ),
        (Cell::Timestamp(i64::MAX), "unknown"),
        (Cell::Text("a\u{202e}b\n"), "a\\u{202e}b\\u{a}"),
    ];
    for (cell, text) in cases {
        let mut out = String::new();
        push_cell(&mut out, cell);
        assert_eq!(out, text, "{cell:?}");
    }
}

#[test]
fn a_long_text_is_cut() {
    let mut out = String::new();
    push_cell(&mut out, Cell::Text(&"é".repeat(10_000)));
    assert_eq!(out.chars().count(), TEXT_CHARS_MAX + 1);
}

#[test]
fn templates_say_values_params_and_braces() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
    let cells = Cells::of(&column);
    let template = Template::parse(
        "{{{amount}}} of {:n}/${:total}, {card_prev.lat}",
        &columns(),
        &params(),
    )
    .unwrap();
    assert_eq!(template.reads(), [0, 1]);
    let said = |row| {
        let mut out = String::new();
        template.render(row, |index| (index == 0).then_some(cells), &mut out);
        out
    };
    assert_eq!(said(0), "{3} of 5/$300.00, unknown");
    assert_eq!(said(1), "{unknown} of 5/$300.00, unknown");
}

#[test]
fn every_problem_of_a_template_is_named_where_it_stands() {
    let text = "{amont} } {:m} {what}{km";
    let problems = Template::parse(text, &columns(), &params()).unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|p| (&text[p.span.clone()], p.help.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            ("amont", Some("did you mean `{amount}`?")),
            ("}", Some("write `}}` for a brace")),
            (":m", None),
            ("what", None),
            ("{km", Some("write `{{` for a brace")),
        ]
    );
    let long = "x".repeat(TEMPLATE_BYTES_MAX + 1);
    assert_eq!(Template::parse(&long, &[], &params()).unwrap_err().len(), 1);
}
