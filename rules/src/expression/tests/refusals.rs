//! SQL that is not allowed in an expression, and text that is no SQL.

use super::problems::{check, problems};

#[test]
fn sql_that_is_not_allowed() {
    for (text, covered) in [
        ("(SELECT 1) > 0", "a subquery"),
        ("n IN (SELECT n FROM t)", "a subquery"),
        ("EXISTS (SELECT 1)", "EXISTS"),
        ("n > ANY (SELECT 1)", "ANY or ALL"),
        ("sum(n) > 5", "the aggregate `sum`"),
        ("COUNT(*) > 5", "the aggregate `COUNT`"),
        (
            "row_number() OVER () > 5",
            "the window function `row_number`",
        ),
        (
            "abs(n) OVER () > 5",
            "`abs` with anything but plain arguments",
        ),
        (
            "abs(DISTINCT n) > 5",
            "`abs` with anything but plain arguments",
        ),
        ("now() > ts", "`now`"),
        ("CURRENT_TIMESTAMP > ts", "`CURRENT_TIMESTAMP`"),
        ("random() > 0.5", "`random`"),
        ("ts + INTERVAL '1' DAY > ts", "an INTERVAL"),
        ("[1, 2]", "an array"),
        ("(1, 2)", "a list of values"),
        ("n & 1", "the operator `&`"),
        ("~n", "the operator `~`"),
        ("card_id SIMILAR TO 'a'", "this kind of match"),
        ("ts AT TIME ZONE 'Europe/Amsterdam'", "AT TIME ZONE"),
        ("CAST(n AS date)", "a cast to DATE"),
        ("CAST(n AS decimal(10))", "a cast to DECIMAL(10)"),
        ("CAST(n AS decimal(30, 2))", "a cast to DECIMAL(30,2)"),
        ("n = ?", "`?`"),
        ("X'ff' = card_id", "this kind of literal"),
        ("trim(LEADING 'x' FROM card_id)", "this form of a function"),
    ] {
        let shown = problems(text);
        assert_eq!(shown.len(), 1, "{text}: {shown:?}");
        assert!(shown[0].starts_with("NotAllowed"), "{text}: {shown:?}");
        assert!(
            shown[0].contains(&format!("] {covered} is not allowed in an expression")),
            "{text}: {shown:?}"
        );
    }
    for statement in [
        "SELECT 1",
        "DROP TABLE t",
        "INSERT INTO t VALUES (1)",
        "COPY t TO 'file'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SET a = 1",
        "EXPLAIN SELECT 1",
    ] {
        let shown = problems(statement);
        assert_eq!(shown.len(), 1, "{statement}: {shown:?}");
        assert!(shown[0].starts_with("NotAllowed"), "{statement}: {shown:?}");
    }
}

#[test]
fn text_that_is_no_expression() {
    check(&[
        ("", &["ExpressionSyntax [] the expression is empty"]),
        ("  \n", &["ExpressionSyntax [  \n] the expression is empty"]),
        (
            "n >",
            &["ExpressionSyntax [] expected an expression, but the text ends"],
        ),
        (
            "n > 5)",
            &["ExpressionSyntax [)] unexpected `)` after the end of the expression"],
        ),
        (
            "n > 5 x",
            &["ExpressionSyntax [x] unexpected `x` after the end of the expression"],
        ),
        (
            "n; DROP TABLE t",
            &["ExpressionSyntax [;] unexpected `;` after the end of the expression"],
        ),
        (
            "n AS m",
            &["ExpressionSyntax [AS] unexpected `AS` after the end of the expression"],
        ),
        (
            "(n > 5",
            &["ExpressionSyntax [] expected ), but the text ends"],
        ),
        (
            "'abc",
            &["ExpressionSyntax ['] unterminated string literal"],
        ),
        (
            "n = = 5",
            &["ExpressionSyntax [=] expected an expression, found ="],
        ),
    ]);
}
