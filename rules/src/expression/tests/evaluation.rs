//! What each operator and function gives, row by row. A null by a fault shows the name of its cause, others `-`.

use super::{World, check};
use crate::value::{Type, Value};

#[test]
fn int_arithmetic_is_checked_and_truncates() {
    let world = World::new(&[
        "x int: 7, -7, 9223372036854775807, -9223372036854775808, -",
        "y int: 2, 0, 1, -1, 5",
    ]);
    check(
        &world,
        &[
            ("x + y", "int: 9 -7 overflow overflow -"),
            (
                "x - y",
                "int: 5 -7 9223372036854775806 -9223372036854775807 -",
            ),
            ("x * y", "int: 14 0 9223372036854775807 overflow -"),
            (
                "x / y",
                "int: 3 division_by_zero 9223372036854775807 overflow -",
            ),
            ("x % y", "int: 1 division_by_zero 0 0 -"),
            ("-x", "int: -7 7 -9223372036854775807 overflow -"),
            ("abs(x)", "int: 7 7 9223372036854775807 overflow -"),
            ("x + NULL", "int: - - - - -"),
            ("-9223372036854775808 = x", "bool: false false false true -"),
            ("1 + 2 * 3 - 4 / 2", "int: 5 5 5 5 5"),
            (
                "1 / 0",
                "int: division_by_zero division_by_zero division_by_zero division_by_zero division_by_zero",
            ),
            ("- - 3", "int: 3 3 3 3 3"),
            ("+x", "int: 7 -7 9223372036854775807 -9223372036854775808 -"),
        ],
    );
}

#[test]
fn decimals_are_exact_at_every_scale() {
    let world = World::new(&[
        "a decimal: 10.5, -0.0001, 99999999999999.9999, -, 0",
        "b decimal(2): 3.25, 1.10, 2.00, 1, 0",
        "n int: 3, 2, 10, 1, 0",
    ]);
    check(
        &world,
        &[
            ("a + b", "decimal: 13.7500 1.0999 overflow - 0.0000"),
            (
                "a - n",
                "decimal: 7.5000 -2.0001 99999999999989.9999 - 0.0000",
            ),
            (
                "a * b",
                "decimal(6): 34.125000 -0.000110 overflow - 0.000000",
            ),
            ("b * n", "decimal(2): 9.75 2.20 20.00 1.00 0.00"),
            ("a % b", "decimal: 0.7500 -0.0001 1.9999 - division_by_zero"),
            // Inside an expression there is room for 38 digits.
            (
                "(a * 10) - (a * 10) + n",
                "decimal: 3.0000 2.0000 10.0000 - 0.0000",
            ),
            (
                "b / n",
                "float: 1.0833333333333333 0.55 0.2 1.0 division_by_zero",
            ),
            ("n / 2.0", "float: 1.5 1.0 5.0 0.5 0.0"),
            (
                "-a",
                "decimal: -10.5000 0.0001 -99999999999999.9999 - 0.0000",
            ),
            (
                "abs(a)",
                "decimal: 10.5000 0.0001 99999999999999.9999 - 0.0000",
            ),
            ("a > b", "bool: true false true - false"),
            ("b = n", "bool: false false false true true"),
            ("a = 10.50000", "bool: true false false - false"),
            ("a > 10.49999", "bool: true false true - false"),
            ("n = 3.0", "bool: true false false false false"),
            ("n >= 2.5", "bool: true false true false false"),
            ("a IN (10.5, -0.0001)", "bool: true true false - false"),
            ("n IN (3, 10.0)", "bool: true false true false false"),
            ("round(a)", "decimal: 11.0000 0.0000 overflow - 0.0000"),
            ("round(a, 3)", "decimal: 10.5000 0.0000 overflow - 0.0000"),
            ("round(b, 1)", "decimal(2): 3.30 1.10 2.00 1.00 0.00"),
            (
                "floor(a)",
                "decimal: 10.0000 -1.0000 99999999999999.0000 - 0.0000",
            ),
            ("ceil(a)", "decimal: 11.0000 0.0000 overflow - 0.0000"),
            (
                "greatest(a, b, n)",
                "decimal: 10.5000 2.0000 99999999999999.9999 - 0.0000",
            ),
            ("least(a, b)", "decimal: 3.2500 -0.0001 2.0000 - 0.0000"),
        ],
    );
    let fine = World::new(&[
        "x decimal(12): 1.000000000001, 0.5",
        "y decimal(18): 0.000000000000000005, 0.5",
    ]);
    check(
        &fine,
        &[
            // The scale of a product stops at 18, and the last digit is rounded.
            (
                "x * y",
                "decimal(18): 0.000000000000000005 0.250000000000000000",
            ),
            (
                "y * y",
                "decimal(18): 0.000000000000000000 0.250000000000000000",
            ),
            ("x > y", "bool: true false"),
        ],
    );
}

#[test]
fn floats_are_finite_or_null() {
    let world = World::new(&[
        "f float: 2, 0, -1, 1e308, NaN, inf, -0.0, -",
        "n int: 1, 2, 3, 4, 5, 6, 0, 8",
    ]);
    check(
        &world,
        &[
            (
                "f",
                "float: 2.0 0.0 -1.0 1e308 not_a_number not_a_number -0.0 -",
            ),
            (
                "f * 10",
                "float: 20.0 0.0 -10.0 not_a_number not_a_number not_a_number -0.0 -",
            ),
            (
                "1 / f",
                "float: 0.5 division_by_zero -1.0 1e-308 not_a_number not_a_number division_by_zero -",
            ),
            (
                "f % 2",
                "float: 0.0 0.0 -1.0 0.0 not_a_number not_a_number -0.0 -",
            ),
            (
                "f > 4",
                "bool: false false false true not_a_number not_a_number false -",
            ),
            (
                "f = n",
                "bool: false false false false not_a_number not_a_number true -",
            ),
            (
                "f = 0",
                "bool: false true false false not_a_number not_a_number true -",
            ),
            (
                "f < 0.0",
                "bool: false false true false not_a_number not_a_number false -",
            ),
            (
                "f IN (0, 2.0)",
                "bool: true true false false not_a_number not_a_number true -",
            ),
            (
                "sqrt(f)",
                "float: 1.4142135623730951 0.0 not_a_number 1e154 not_a_number not_a_number -0.0 -",
            ),
            (
                "ln(f)",
                "float: 0.6931471805599453 not_a_number not_a_number 709.1962086421661 not_a_number not_a_number not_a_number -",
            ),
            (
                "exp(f)",
                "float: 7.38905609893065 1.0 0.36787944117144233 not_a_number not_a_number not_a_number 1.0 -",
            ),
            (
                "power(f, 2)",
                "float: 4.0 0.0 1.0 not_a_number not_a_number not_a_number 0.0 -",
            ),
            (
                "f IS NULL",
                "bool: false false false false true true false true",
            ),
            (
                "coalesce(f, 7)",
                "float: 2.0 0.0 -1.0 1e308 7.0 7.0 -0.0 7.0",
            ),
            (
                "f IS DISTINCT FROM 2",
                "bool: false true true true true true true true",
            ),
        ],
    );
    let world = World::new(&["f float: 2.5, -2.5, 1234.5678, 0.125"]);
    check(
        &world,
        &[
            ("round(f)", "float: 3.0 -3.0 1235.0 0.0"),
            ("round(f, 2)", "float: 2.5 -2.5 1234.57 0.13"),
            ("round(f, -2)", "float: 0.0 -0.0 1200.0 0.0"),
            ("round(f, 9999)", "float: 2.5 -2.5 1234.5678 0.125"),
            ("round(f, -9999)", "float: 0.0 0.0 0.0 0.0"),
            ("floor(f)", "float: 2.0 -3.0 1234.0 0.0"),
            ("ceil(f)", "float: 3.0 -2.0 1235.0 1.0"),
            ("greatest(f, 1)", "float: 2.5 1.0 1234.5678 1.0"),
            ("1.5e1", "float: 15.0 15.0 15.0 15.0"),
            ("round(12345, -2)", "int: 12300 12300 12300 12300"),
            (
                "round(9223372036854775807, -1)",
                "int: overflow overflow overflow overflow",
            ),
        ],
    );
}

#[test]
fn logic_has_three_values() {
    let world = World::new(&[
        "p bool: true, true, true, false, false, false, -, -, -",
        "q bool: true, false, -, true, false, -, true, false, -",
    ]);
    check(
        &world,
        &[
            ("p AND q", "bool: true false - false false false - false -"),
            ("p OR q", "bool: true true true true false - true - -"),
            ("NOT p", "bool: false false false true true true - - -"),
            ("p AND true", "bool: true true true false false false - - -"),
            ("p AND NULL", "bool: - - - false false false - - -"),
            ("p OR NULL", "bool: true true true - - - - - -"),
            (
                "p OR true",
                "bool: true true true true true true true true true",
            ),
            ("p = q", "bool: true false - false true - - - -"),
            ("p <> q", "bool: false true - true false - - - -"),
            (
                "p IS TRUE",
                "bool: true true true false false false false false false",
            ),
            (
                "p IS NOT TRUE",
                "bool: false false false true true true true true true",
            ),
            (
                "p IS FALSE",
                "bool: false false false true true true false false false",
            ),
            (
                "p IS NOT FALSE",
                "bool: true true true false false false true true true",
            ),
            (
                "p IS NULL",
                "bool: false false false false false false true true true",
            ),
            (
                "p IS NOT NULL",
                "bool: true true true true true true false false false",
            ),
            (
                "p IS UNKNOWN",
                "bool: false false false false false false true true true",
            ),
            (
                "p IS DISTINCT FROM q",
                "bool: false true true true false true true true false",
            ),
            (
                "p IS NOT DISTINCT FROM q",
                "bool: true false false false true false false false true",
            ),
            (
                "NULL IS NULL",
                "bool: true true true true true true true true true",
            ),
            ("NULL = NULL", "bool: - - - - - - - - -"),
        ],
    );
}

#[test]
fn an_error_behind_a_decided_condition_harms_nobody() {
    let world = World::new(&["x int: 0, 10, 50, -"]);
    check(
        &world,
        &[
            ("x <> 0 AND 100 / x > 4", "bool: false true false -"),
            ("x = 0 OR 100 / x > 4", "bool: true true false -"),
            ("100 / x > 4", "bool: division_by_zero true false -"),
            ("100 / x > 4 AND x IS NULL", "bool: false false false -"),
            ("CASE WHEN x <> 0 THEN 100 / x END", "int: - 10 2 -"),
            (
                "CASE WHEN x = 0 THEN 1 / x ELSE x END",
                "int: division_by_zero 10 50 -",
            ),
            (
                "CASE WHEN 1 / x > 5 THEN 1 ELSE NULL END",
                "int: division_by_zero - - -",
            ),
            (
                "CASE WHEN x >= 0 THEN NULL WHEN 1 / x > 5 THEN 1 END",
                "int: - - - -",
            ),
            ("coalesce(100 / x, -1)", "int: -1 10 2 -1"),
            ("100 / x IS NULL", "bool: true false false true"),
            ("nullif(x, 0) IS NULL", "bool: true false false true"),
            ("100 / nullif(x, 0)", "int: - 10 2 -"),
            ("greatest(100 / x, 5)", "int: division_by_zero 10 5 -"),
            (
                "concat('a', CAST(100 / x AS text))",
                "text: \"a\" \"a10\" \"a2\" \"a\"",
            ),
        ],
    );
}

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
