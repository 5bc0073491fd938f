//! Texts meant to break the compiler: each is answered, soon, and without a panic or an overflow of the stack.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::kernel::TEXT_BYTES_MAX;
use super::World;
use crate::diagnostic::Code;

fn world() -> World {
    World::new(&["n int: 1", "s text: a", "ok bool: true"])
}

/// The codes a text is refused with; none if it compiles.
fn codes(text: &str) -> Vec<Code> {
    match world().compile(text) {
        Ok(program) => {
            world().evaluate(&program);
            Vec::new()
        }
        Err(problems) => problems.into_iter().map(|problem| problem.code).collect(),
    }
}

#[test]
fn too_much_text_is_refused_before_it_is_parsed() {
    let mut terms = String::from("n = 0");
    for term in 1..100_000 {
        let _ = write!(terms, " OR n = {term}");
    }
    for text in [
        "(".repeat(10_000),
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{} = 1", "(".repeat(5_000), ")".repeat(5_000)),
        terms,
        format!("regexp_like(s, '{}')", "a".repeat(1_000_000)),
        "NOT ".repeat(4_000) + "ok",
        "- ".repeat(8_000) + "1",
        "- ".repeat(500) + "1",
        "1+".repeat(8_000) + "1",
        "1+".repeat(8_000),
        "n ".to_owned() + &"IS NULL ".repeat(2_000),
        "n".to_owned() + &"::int".repeat(3_000),
        "abs(".repeat(3_000) + "1" + &")".repeat(3_000),
        "CASE WHEN ".repeat(1_000),
        format!("n IN ({})", "1,".repeat(8_000)),
        "[".repeat(10_000),
        "{".repeat(10_000),
        "a.".repeat(8_000) + "a",
        "n LIKE ".repeat(2_000),
        "interval ".repeat(1_500),
    ] {
        let found = codes(&text);
        assert_eq!(found, [Code::ExpressionTooLarge], "{:.60}", text);
    }
}

#[test]
fn what_is_within_the_limits_compiles() {
    // The parser gives up on so many NOTs in its own way; what counts is that it does.
    assert_eq!(codes(&("NOT ".repeat(500) + "ok")).len(), 1);
    let nested = format!("{}n{} = 1", "(".repeat(63), ")".repeat(63));
    assert_eq!(codes(&nested), []);
    let calls = format!("{}n{} = 1", "abs(".repeat(63), ")".repeat(63));
    assert_eq!(codes(&calls), []);
    let chain = "n = 1 OR ".repeat(300) + "ok";
    assert_eq!(codes(&chain), []);
    let sum = "n + ".repeat(1_000) + "n > 0";
    assert_eq!(codes(&sum), []);
    let cases = format!(
        "{}n{} = 1",
        "CASE WHEN ok THEN ".repeat(60),
        " END".repeat(60)
    );
    assert_eq!(codes(&cases), []);
    let nots = format!("{}ok{}", "NOT (".repeat(8), ")".repeat(8));
    assert_eq!(codes(&nots), []);
    let ands = format!("{}ok{}", "ok AND (".repeat(60), ")".repeat(60));
    assert_eq!(codes(&ands), []);
    let signs = "- ".repeat(100) + "n > 0";
    assert_eq!(codes(&signs), []);
    let casts = "n".to_owned() + &"::int".repeat(100);
    assert_eq!(codes(&casts), []);
    let list = format!("n IN ({}1)", "1, ".repeat(4_000));
    assert_eq!(codes(&list), []);
    let dollars = "$$".repeat(200);
    assert!(!codes(&dollars).is_empty());
}

#[test]
fn nesting_that_the_parser_retries_stays_cheap() {
    for word in [
        "NOT (",
        "abs(",
        "ceil(",
        "floor(",
        "trim(",
        "substring(",
        "extract(hour from ",
        "position(",
        "overlay(",
        "convert(",
        "cast(",
        "try_cast(",
        "CASE WHEN ",
        "coalesce(",
        "n IN (",
        "exists(",
        "ok AND (",
        "interval (",
        "array[",
        "(",
        "struct(",
        "map {",
        "if(",
        "date(",
        "timestamp(",
        "decimal(",
        "tuple(",
        "nested(",
        "any(",
        "all(",
        "some(",
        "cube(",
        "rollup(",
        "grouping sets((",
        "listagg(",
        "x -> (",
        "(a, b) -> (",
        "prior (",
        "connect_by_root (",
        "match (",
        "left(",
        "interval '1' (",
        "struct<a ",
        "array<",
        "f(x => ",
        "{d ",
        "xml(",
        "n BETWEEN (",
        "n LIKE (",
        "!(",
        "~(",
        "- (",
        "[",
        "{'a': ",
        "json_object(",
        "lambda x : (",
        "values (",
    ] {
        for levels in [2, 7, 9, 20, 60] {
            for end in ["", "1 +", "n", "n)", ")"] {
                let text = word.repeat(levels) + end;
                let _ = codes(&text);
                let _ = codes(&(text + &")".repeat(levels)));
            }
        }
    }
}

#[test]
fn text_cannot_grow_without_bound() {
    let world = World::new(&["s text: abcdefgh"]);
    let mut text = "s".to_owned();
    // Two to the power of 12, each time the eight letters: 32 KiB, and once more 64 KiB, and then no more.
    for _ in 0..10 {
        text = format!("({text} || {text})");
    }
    let program = world.compile(&format!("length({text})")).expect("compiles");
    assert!(program.nodes() < 20, "{}", program.nodes());
    let long = "x".repeat(8_000);
    // A constant grows no further either: what would be too long is no constant.
    let mut text = format!("'{long}'");
    for _ in 0..20 {
        text = format!("({text} || s)");
    }
    assert_eq!(world.show(&format!("length({text})")), "int: 8160");
    let mut wide = World::new(&["s text: a"]);
    wide.arrays = vec![Some(std::sync::Arc::new(arrow::array::StringArray::from(
        vec!["x".repeat(TEXT_BYTES_MAX / 2 + 1)],
    )))];
    assert_eq!(wide.show("s || s"), "text: overflow");
    assert_eq!(
        wide.show("length(concat(s, 'a'))"),
        format!("int: {}", TEXT_BYTES_MAX / 2 + 2)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any characters.
    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        check_spans(&text)?;
    }

    /// Words and symbols of SQL in any order.
    #[test]
    fn any_words_are_answered(words in proptest::collection::vec(word(), 0..24)) {
        check_spans(&words.join(" "))?;
    }
}

fn check_spans(text: &str) -> Result<(), TestCaseError> {
    match world().compile(text) {
        Ok(program) => {
            world().evaluate(&program);
        }
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(
                    text.get(problem.span.clone()).is_some(),
                    "{problem:?} of {text:?}"
                );
                prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'));
            }
        }
    }
    Ok(())
}

fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "n",
        "s",
        "ok",
        "1",
        "0",
        "-",
        "+",
        "*",
        "/",
        "%",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "<",
        ">=",
        "AND",
        "OR",
        "NOT",
        "IS",
        "NULL",
        "TRUE",
        "IN",
        "BETWEEN",
        "LIKE",
        "ILIKE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "CAST",
        "AS",
        "int",
        "::",
        "text",
        "'a'",
        "'%'",
        "abs",
        "round",
        "coalesce",
        "lower",
        "||",
        "substr",
        "1.5",
        "1e3",
        ":p",
        "SELECT",
        "FROM",
        "EXISTS",
        "DISTINCT",
        "\"n\"",
        ".",
        ";",
        "[",
        "]",
        "{",
        "}",
        "->",
        "@",
        "?",
        "$1",
        "ARRAY",
        "INTERVAL",
        "TRIM",
        "EXTRACT",
        "hour",
        "TIMESTAMP",
        "'2026-01-01'",
        "OVER",
        "FILTER",
        "ESCAPE",
        "ANY",
        "🦀",
    ])
}
