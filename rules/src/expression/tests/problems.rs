//! What is refused: code, place, message and help.

use super::World;
use crate::diagnostic::Code;
use crate::value::Value;

/// Compiles a text and shows each problem as `CODE [what the span covers] message (help)`.
pub(super) fn problems(text: &str) -> Vec<String> {
    let world = World::new(&[
        "amount_usd decimal: 1",
        "card_id text: a",
        "n int: 1",
        "ok bool: true",
        "ts timestamp: 2026-01-01T00:00:00Z",
        "card_prev.lat float: 1",
        "card_prev.ts timestamp: 2026-01-01T00:00:00Z",
    ])
    .param("total", Value::Int(5));
    match world.compile(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| {
                let covered = text
                    .get(problem.span.clone())
                    .expect("a span inside the text");
                let help = problem
                    .help
                    .map(|help| format!(" ({help})"))
                    .unwrap_or_default();
                format!("{:?} [{covered}] {}{help}", problem.code, problem.message)
            })
            .collect(),
    }
}

#[track_caller]
pub(super) fn check(table: &[(&str, &[&str])]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(text, expected)| (text, expected, problems(text)))
        .filter(|(_, expected, shown)| *expected != shown)
        .map(|(text, expected, shown)| {
            format!("{text}\n  expected {expected:#?}\n  but got  {shown:#?}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_nobody_knows() {
    check(&[
        (
            "amout_usd > 5",
            &["UnknownName [amout_usd] unknown name `amout_usd` (did you mean `amount_usd`?)"],
        ),
        (
            "card_prev.lta > 5",
            &[
                "UnknownName [card_prev.lta] unknown name `card_prev.lta` (did you mean `card_prev.lat`?)",
            ],
        ),
        (
            "card_prev IS NULL",
            &[
                "UnknownName [card_prev] unknown name `card_prev` (it has the members card_prev.lat, card_prev.ts)",
            ],
        ),
        (
            "amount_usd > \"ten\"",
            &["UnknownName [\"ten\"] unknown name `ten` (text is written in single quotes: 'ten')"],
        ),
        ("zzz", &["UnknownName [zzz] unknown name `zzz`"]),
        (
            "n > :totel",
            &["UnknownParam [:totel] unknown parameter `:totel` (did you mean `:total`?)"],
        ),
        (
            "n > :x",
            &["UnknownParam [:x] unknown parameter `:x` (declare it under `params`)"],
        ),
        (
            "rond(n)",
            &["UnknownFunction [rond] unknown function `rond` (did you mean `round`?)"],
        ),
        (
            "frobnicate(n)",
            &[
                "UnknownFunction [frobnicate] unknown function `frobnicate` (`tollgate list functions` names them all)",
            ],
        ),
        (
            "in_list(card_id, 'trusty')",
            &["UnknownList ['trusty'] unknown list `trusty` (did you mean 'trusted'?)"],
        ),
        (
            "date_part('huor', ts)",
            &["WrongArguments ['huor'] a timestamp has no part `huor` (did you mean 'hour'?)"],
        ),
    ]);
}

#[test]
fn types_that_do_not_go_together() {
    check(&[
        (
            "amount_usd > 'ten'",
            &[
                "TypeMismatch [amount_usd > 'ten'] amount_usd is decimal, 'ten' is text: they cannot be compared (write numbers without quotes, or CAST the text to decimal)",
            ],
        ),
        (
            "card_id = 5",
            &[
                "TypeMismatch [card_id = 5] card_id is text, 5 is int: they cannot be compared (write numbers without quotes, or CAST the text to int)",
            ],
        ),
        (
            "ts > '2026-01-01'",
            &[
                "TypeMismatch [ts > '2026-01-01'] ts is timestamp, '2026-01-01' is text: they cannot be compared (write TIMESTAMP '2026-01-01T00:00:00Z')",
            ],
        ),
        (
            "n AND ok",
            &[
                "TypeMismatch [n] n is int, but AND takes bool (compare it with something, such as `x > 0`)",
            ],
        ),
        (
            "NOT (n + 1)",
            &[
                "TypeMismatch [(n + 1)] (n + 1) is int, but NOT takes bool (compare it with something, such as `x > 0`)",
            ],
        ),
        (
            "ok + 1",
            &["TypeMismatch [ok + 1] ok is bool, 1 is int: `+` takes numbers"],
        ),
        (
            "ts - card_prev.ts",
            &[
                "TypeMismatch [ts - card_prev.ts] ts is timestamp, card_prev.ts is timestamp: `-` takes numbers (write seconds_between(a, b) for the time from a to b)",
            ],
        ),
        (
            "card_id + 'x'",
            &[
                "TypeMismatch [card_id + 'x'] card_id is text, 'x' is text: `+` takes numbers (texts are joined with ||)",
            ],
        ),
        (
            "n || 'x'",
            &["TypeMismatch [n] n is int, but || takes text (write CAST(… AS text))"],
        ),
        (
            "ok < true",
            &["TypeMismatch [ok < true] `<` has no meaning for ok, which is bool"],
        ),
        (
            "abs(card_id)",
            &["TypeMismatch [card_id] card_id is text, but abs takes a number"],
        ),
        (
            "lower(n)",
            &["TypeMismatch [n] n is int, but lower takes text (write CAST(… AS text))"],
        ),
        (
            "hour(n)",
            &["TypeMismatch [n] n is int, but hour takes timestamp"],
        ),
        (
            "CASE WHEN ok THEN 1 ELSE 'x' END",
            &[
                "TypeMismatch ['x'] 1 is int, 'x' is text: the results of a CASE must be of one type",
            ],
        ),
        (
            "CASE WHEN n THEN 1 END",
            &[
                "TypeMismatch [n] n is int, but WHEN takes bool (compare it with something, such as `x > 0`)",
            ],
        ),
        (
            "coalesce(n, 'x')",
            &[
                "TypeMismatch ['x'] n is int, 'x' is text: the arguments of coalesce must be of one type",
            ],
        ),
        (
            "n IN (1, 'x')",
            &[
                "TypeMismatch ['x'] n is int, 'x' is text: they cannot be compared (write numbers without quotes, or CAST the text to int)",
            ],
        ),
        (
            "n BETWEEN 1 AND 'x'",
            &[
                "TypeMismatch [n BETWEEN 1 AND 'x'] n is int, 'x' is text: they cannot be compared (write numbers without quotes, or CAST the text to int)",
            ],
        ),
        (
            "n LIKE 'x'",
            &["TypeMismatch [n] n is int, but LIKE takes text (write CAST(… AS text))"],
        ),
        (
            "CAST(ts AS int)",
            &[
                "TypeMismatch [ts] ts is timestamp, which cannot be cast to int (write date_part('epoch', …) for seconds since 1970)",
            ],
        ),
        (
            "CAST('x' AS int)",
            &["TypeMismatch ['x'] 'x' cannot be cast to int"],
        ),
        (
            "NULL",
            &["TypeMismatch [NULL] NULL alone has no type (write CAST(NULL AS bool))"],
        ),
        (
            "99999999999999999999",
            &[
                "TypeMismatch [99999999999999999999] the number 99999999999999999999 has too many digits (an int has 64 bits, a decimal 18 digits; write 1e20 for a float)",
            ],
        ),
        (
            "0.1234567890123456789 > 1",
            &[
                "TypeMismatch [0.1234567890123456789] the number 0.1234567890123456789 has too many digits (an int has 64 bits, a decimal 18 digits; write 1e20 for a float)",
            ],
        ),
        (
            "1e999 > n",
            &[
                "TypeMismatch [1e999] the number 1e999 has too many digits (an int has 64 bits, a decimal 18 digits; write 1e20 for a float)",
            ],
        ),
    ]);
}

#[test]
fn arguments_and_patterns() {
    check(&[
        (
            "abs()",
            &["WrongArguments [abs] `abs` takes 1 argument, not 0 (abs(number) → same type)"],
        ),
        (
            "round(n, 1, 2)",
            &[
                "WrongArguments [round] `round` takes 1 to 2 arguments, not 3 (round(number [, digits]) → same type)",
            ],
        ),
        (
            "greatest()",
            &[
                "WrongArguments [greatest] `greatest` takes at least 1 argument, not 0 (greatest(a, b, …) → common type)",
            ],
        ),
        (
            "round(amount_usd, n)",
            &["WrongArguments [n] the digits of round must be a whole number, not n"],
        ),
        (
            "regexp_like(card_id, card_id)",
            &[
                "WrongArguments [card_id] the pattern of regexp_like must be a text in quotes, not card_id",
            ],
        ),
        (
            "card_id LIKE card_id",
            &["WrongArguments [card_id] the pattern of LIKE must be a text in quotes, not card_id"],
        ),
        (
            "regexp_like(card_id, '(a')",
            &["BadRegex ['(a'] the pattern is no regular expression: unclosed group"],
        ),
        (
            "regexp_like(card_id, '(a{1000}){1000}')",
            &[
                "BadRegex ['(a{1000}){1000}'] the pattern compiles to more than a megabyte (use smaller repetitions)",
            ],
        ),
    ]);
    let nested = format!(
        "regexp_like(card_id, '{}a{}')",
        "(".repeat(300),
        ")".repeat(300)
    );
    assert_eq!(problems(&nested).len(), 1);
    assert!(
        problems(&nested)[0].starts_with("BadRegex"),
        "{:?}",
        problems(&nested)
    );
    let long = format!("regexp_like(card_id, '{}')", "a".repeat(1_025));
    assert!(problems(&long)[0].ends_with("the pattern has 1025 bytes (at most 1,024 are read)"));
}

#[test]
fn all_problems_are_found_in_one_run_and_stand_where_they_are() {
    let text =
        "amout_usd > 5\n  AND größe = 'ß'\n  AND lower(n) = 'x' AND sum(n) > :z OR card_id > n";
    check(&[(
        text,
        &[
            "UnknownName [amout_usd] unknown name `amout_usd` (did you mean `amount_usd`?)",
            "UnknownName [größe] unknown name `größe`",
            "TypeMismatch [n] n is int, but lower takes text (write CAST(… AS text))",
            "NotAllowed [sum] the aggregate `sum` is not allowed in an expression (declare a feature with this `agg`, and name it here)",
            "UnknownParam [:z] unknown parameter `:z` (declare it under `params`)",
            "TypeMismatch [card_id > n] card_id is text, n is int: they cannot be compared (write numbers without quotes, or CAST the text to int)",
        ],
    )]);
}

#[test]
fn a_program_exists_only_without_problems() {
    assert_eq!(problems("n > 5 AND ok"), Vec::<String>::new());
    let world = World::new(&["n int: 1"]);
    let found = world.compile("m").unwrap_err();
    assert_eq!(found[0].code, Code::UnknownName);
}
