//! Numbers and logic: what each operator and function gives, row by row. A null by a fault shows the name of its
//! cause, other nulls `-`.

use super::{World, check};

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
