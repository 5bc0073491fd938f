//! Lists, texts, times, casts and names: what each function gives, row by row; and what a program says of itself.

use super::{World, check};
use crate::value::{Type, Value};

#[test]
fn comparisons_lists_and_ranges() {
    let world = World::new(&[
        "n int: 1, 5, -",
        "s text: a, B, -",
        "t timestamp: 2026-01-01T00:00:00Z, 2026-06-01T12:00:00Z, -",
    ]);
    check(
        &world,
        &[
            ("n < 5", "bool: true false -"),
            ("n <= 5", "bool: true true -"),
            ("n <> 5", "bool: true false -"),
            ("n != 5", "bool: true false -"),
            ("n BETWEEN 2 AND 5", "bool: false true -"),
            ("n NOT BETWEEN 2 AND 5.5", "bool: true false -"),
            ("n IN (1, 2)", "bool: true false -"),
            ("n NOT IN (1, 2)", "bool: false true -"),
            ("n IN (1, NULL)", "bool: true - -"),
            ("n NOT IN (1, NULL)", "bool: false - -"),
            ("n IN (n, 7)", "bool: true true -"),
            ("s IN ('a', 'c')", "bool: true false -"),
            ("s > 'C'", "bool: true false -"),
            ("s = 'a' OR n = 5", "bool: true true -"),
            ("t > TIMESTAMP '2026-03-01'", "bool: false true -"),
            (
                "t IN (TIMESTAMP '2026-01-01T01:00:00+01:00')",
                "bool: true false -",
            ),
            ("true IN (n = 1, n = 2)", "bool: true false -"),
            ("in_list(s, 'trusted')", "bool: true false -"),
            ("NOT in_list(lower(s), 'trusted')", "bool: false false -"),
            (
                "CASE n WHEN 1 THEN 'one' WHEN 5 THEN 'five' ELSE 'other' END",
                "text: \"one\" \"five\" \"other\"",
            ),
            (
                "CASE WHEN n = 1 THEN 1 WHEN n = 5 THEN 2.50 END",
                "decimal(2): 1.00 2.50 -",
            ),
            (
                "CASE WHEN n = 1 THEN t END IS NULL",
                "bool: false true true",
            ),
            (
                "CASE WHEN n = 1 THEN true ELSE n > 1 END",
                "bool: true true -",
            ),
            ("coalesce(n, 0)", "int: 1 5 0"),
            ("coalesce(n, 0.5, 1e0)", "float: 1.0 5.0 0.5"),
            ("coalesce(NULL, s, 'x')", "text: \"a\" \"B\" \"x\""),
            ("nullif(n, 5)", "int: 1 - -"),
            ("greatest(s, 'K')", "text: \"a\" \"K\" -"),
            (
                "greatest(t, TIMESTAMP '2026-03-01') = t",
                "bool: false true -",
            ),
            ("least(n, NULL)", "int: - - -"),
        ],
    );
}

#[test]
fn text_functions_count_characters() {
    let world = World::new(&["s text: Grüße,  ab , , -", "n int: 2, 1, 1, 1"]);
    let mut padded = World::new(&["s text: x"]);
    padded.arrays = vec![Some(std::sync::Arc::new(arrow::array::StringArray::from(
        vec!["  a b "],
    )))];
    check(
        &padded,
        &[
            ("trim(s)", "text: \"a b\""),
            ("length(s)", "int: 6"),
            ("btrim(s)", "text: \"a b\""),
        ],
    );
    check(
        &world,
        &[
            ("lower(s)", "text: \"grüße\" \"ab\" \"\" -"),
            ("upper(s)", "text: \"GRÜSSE\" \"AB\" \"\" -"),
            ("length(s)", "int: 5 2 0 -"),
            ("substr(s, 2)", "text: \"rüße\" \"b\" \"\" -"),
            ("substr(s, n, 2)", "text: \"rü\" \"ab\" \"\" -"),
            ("substr(s, 0, 2)", "text: \"G\" \"a\" \"\" -"),
            ("substr(s, -5)", "text: \"Grüße\" \"ab\" \"\" -"),
            ("substr(s, 2, -1)", "text: \"\" \"\" \"\" -"),
            (
                "substr(s, 9223372036854775807, 9223372036854775807)",
                "text: \"\" \"\" \"\" -",
            ),
            ("substring(s FROM 2 FOR 1)", "text: \"r\" \"b\" \"\" -"),
            ("starts_with(s, 'Gr')", "bool: true false false -"),
            ("s || '!'", "text: \"Grüße!\" \"ab!\" \"!\" -"),
            ("s || NULL", "text: - - - -"),
            (
                "concat(s, '-', CAST(n AS text))",
                "text: \"Grüße-2\" \"ab-1\" \"-1\" \"-1\"",
            ),
            ("s LIKE 'G%'", "bool: true false false -"),
            ("s LIKE '_b'", "bool: false true false -"),
            ("s NOT LIKE '%b'", "bool: true false true -"),
            ("s ILIKE 'gRÜ%'", "bool: true false false -"),
            ("s LIKE '%'", "bool: true true true -"),
            ("s LIKE ''", "bool: false false true -"),
            (
                "'50%' LIKE '50\\%' AND 'a.c' NOT LIKE 'a_\\c_'",
                "bool: true true true true",
            ),
            ("'50%' LIKE '50!%' ESCAPE '!'", "bool: true true true true"),
            ("regexp_like(s, '^[a-c]+$')", "bool: false true false -"),
            ("regexp_like(s, 'ü')", "bool: true false false -"),
        ],
    );
}

#[test]
fn time_is_utc_and_distances_are_great_circles() {
    let world = World::new(&[
        "a timestamp: 2026-01-04T23:59:59.5Z, 1969-12-31T23:00:00Z, -",
        "b timestamp: 2026-01-05T00:00:00Z, 1970-01-01T00:00:00Z, 2026-01-01T00:00:00Z",
        "lat float: 40.71, 0, 0",
        "lon float: -74.01, 0, -",
    ]);
    check(
        &world,
        &[
            ("hour(a)", "int: 23 23 -"),
            ("dow(a)", "int: 0 3 -"),
            ("date_part('minute', a)", "int: 59 0 -"),
            ("EXTRACT(SECOND FROM a)", "int: 59 0 -"),
            ("date_part('YEAR', a)", "int: 2026 1969 -"),
            ("extract(quarter from a)", "int: 1 4 -"),
            (
                "extract(month from a) * 100 + extract(day from a)",
                "int: 104 1231 -",
            ),
            ("date_part('isodow', a)", "int: 7 3 -"),
            ("date_part('doy', a)", "int: 4 365 -"),
            ("date_part('epoch', a)", "int: 1767571199 -3600 -"),
            ("seconds_between(a, b)", "float: 0.5 3600.0 -"),
            ("seconds_between(b, a)", "float: -0.5 -3600.0 -"),
            (
                "round(geo_km(lat, lon, 48.86, 2.35))",
                "float: 5837.0 5438.0 -",
            ),
            (
                "geo_km(0, 0, 0, 180) / 6371.0088",
                "float: 3.141592653589793 3.141592653589793 3.141592653589793",
            ),
            ("geo_km(lat, lon, lat, lon)", "float: 0.0 0.0 -"),
        ],
    );
}

#[test]
fn casts_round_and_never_fail() {
    let world = World::new(&[
        "s text: 12, -1.5, 1e3, abc, true, 2026-01-01T00:00:00Z, -",
        "f float: 2.5, -2.675, 1e20, 9.3e18, 0.1, 0, -",
        "n int: 0, 1, -5, 1000000, 123, 4, -",
        "d decimal: 2.5, -2.5, 0.4999, 1, 2, 3, -",
    ]);
    check(
        &world,
        &[
            (
                "CAST(s AS int)",
                "int: 12 bad_cast bad_cast bad_cast bad_cast bad_cast -",
            ),
            (
                "s::float",
                "float: 12.0 -1.5 1000.0 bad_cast bad_cast bad_cast -",
            ),
            (
                "TRY_CAST(s AS decimal(6, 2))",
                "decimal(2): 12.00 -1.50 bad_cast bad_cast bad_cast bad_cast -",
            ),
            (
                "CAST(s AS bool)",
                "bool: bad_cast bad_cast bad_cast bad_cast true bad_cast -",
            ),
            (
                "date_part('year', CAST(s AS timestamp))",
                "int: bad_cast bad_cast bad_cast bad_cast bad_cast 2026 -",
            ),
            ("CAST(f AS int)", "int: 3 -3 bad_cast bad_cast 0 0 -"),
            (
                "CAST(f AS decimal(10, 2))",
                "decimal(2): 2.50 -2.68 bad_cast bad_cast 0.10 0.00 -",
            ),
            ("CAST(d AS int)", "int: 3 -3 0 1 2 3 -"),
            (
                "CAST(n AS decimal(4, 1))",
                "decimal(1): 0.0 1.0 -5.0 bad_cast 123.0 4.0 -",
            ),
            ("CAST(n AS bool)", "bool: false true true true true true -"),
            ("CAST(n > 0 AS int)", "int: 0 1 0 1 1 1 -"),
            (
                "CAST(d AS text)",
                "text: \"2.5000\" \"-2.5000\" \"0.4999\" \"1.0000\" \"2.0000\" \"3.0000\" -",
            ),
            (
                "CAST(f AS text) = '2.5'",
                "bool: true false false false false false -",
            ),
            (
                "CAST(TIMESTAMP '2026-01-01' AS text)",
                "text: \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\" \"2026-01-01T00:00:00.000000Z\"",
            ),
            ("CAST(NULL AS decimal)", "decimal: - - - - - - -"),
            (
                "TRY_CAST('x' AS int)",
                "int: bad_cast bad_cast bad_cast bad_cast bad_cast bad_cast bad_cast",
            ),
        ],
    );
}

#[test]
fn names_params_and_members() {
    let world = World::new(&["amount int: 5, 6", "card_prev.lat float: 1, -"])
        .param("n", Value::Int(6))
        .param(
            "d",
            Value::Decimal {
                mantissa: 55,
                scale: 1,
            },
        )
        .param("s", Value::Text("x".to_owned()))
        .param("nothing", Value::Null);
    check(
        &world,
        &[
            ("amount >= :n", "bool: false true"),
            ("AMOUNT > :d", "bool: false true"),
            ("amount = :nothing", "bool: - -"),
            (":s = 'x'", "bool: true true"),
            ("card_prev.lat + amount", "float: 6.0 -"),
            ("\"amount\" + 1 -- a comment", "int: 6 7"),
            ("'a' LIKE :s", "bool: false false"),
        ],
    );
}

#[test]
fn fields_may_be_called_as_sql_calls_its_own() {
    let world = World::new(&[
        "user int: 1",
        "date int: 2",
        "hour int: 3",
        "position int: 4",
        "timestamp int: 5",
        "value int: 6",
    ]);
    check(
        &world,
        &[
            ("user + date + hour", "int: 6"),
            ("position * timestamp", "int: 20"),
            ("value > 5 AND user = 1", "bool: true"),
        ],
    );
}

#[test]
fn wrong_or_missing_inputs_are_null_and_counted() {
    let mut world = World::new(&["n int: 1, 2"]);
    let program = world.compile("n + 1").unwrap();
    world.arrays = vec![None];
    assert_eq!(world.show("n + 1"), "int: bad_cast bad_cast");
    world.arrays = vec![Some(std::sync::Arc::new(arrow::array::StringArray::from(
        vec!["a", "b"],
    )))];
    assert_eq!(world.show("n + 1"), "int: bad_cast bad_cast");
    world.rows = 0;
    world.arrays = vec![Some(std::sync::Arc::new(arrow::array::Int64Array::from(
        Vec::<i64>::new(),
    )))];
    assert_eq!(world.evaluate(&program).values.len(), 0);
    assert_eq!(world.show("1 / 0"), "int:");
}

#[test]
fn programs_say_what_they_are() {
    let world = World::new(&["a int: 1", "b int: 2", "c decimal: 3"]);
    let compiled = |text: &str| world.compile(text).unwrap();
    let program = compiled("c > 5 AND a + b > 3 AND a + b < 9");
    assert_eq!(program.reads(), [0, 1, 2]);
    assert_eq!(program.ty(), Type::Bool);
    // Three columns, three constants, one sum, three comparisons, two ANDs.
    assert_eq!(program.nodes(), 12);
    for (x, y, same) in [
        ("a + b", "a+(b)", true),
        ("a + b", "b + a", false),
        ("c > 5", "c > 5.00", true),
        ("a > 2 AND true", "a > 1 + 1", true),
        ("a IN (1, 2)", "a IN (2, 1, 1)", true),
        ("a = 1", "b = 1", false),
        ("'1' = 'a'", "1 = 2", true),
        ("a = 1", "a = 1.5", false),
        ("a BETWEEN 1 AND 2", "a >= 1 AND a <= 2", true),
        ("abs(a)", "ceil(a)", false),
        (
            "CAST(c AS text) LIKE 'a%'",
            "CAST(c AS text) ILIKE 'a%'",
            false,
        ),
    ] {
        let (left, right) = (compiled(x), compiled(y));
        assert_eq!(
            left.canonical() == right.canonical(),
            same,
            "{x} and {y}: {}",
            left.canonical()
        );
    }
    for (text, expected) in [
        ("1 = 1", Some(true)),
        ("1 > 2 OR false", Some(false)),
        ("NULL > 2", Some(false)),
        ("a = a", None),
        ("a > 1 AND 1 = 2", Some(false)),
        ("1 + 1", None),
    ] {
        assert_eq!(compiled(text).constant(), expected, "{text}");
    }
}
