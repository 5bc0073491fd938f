//! Tables of numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]
use super::NumberError::{Inexact, Syntax};
use super::*;

#[test]
fn decimals_are_exact_or_refused() {
    let table: &[(&str, u8, Result<i64, NumberError>)] = &[
        ("12.34", 4, Ok(123_400)),
        ("0", 4, Ok(0)),
        ("-0", 4, Ok(0)),
        ("-0.0000", 4, Ok(0)),
        ("-12.3456", 4, Ok(-123_456)),
        ("1e3", 4, Ok(10_000_000)),
        ("1.5E-2", 4, Ok(150)),
        ("00012.50", 2, Ok(1250)),
        ("85.64999999999999", 4, Ok(856_500)),
        ("85.64999999999999", 2, Ok(8565)),
        ("0.30000000000000004", 4, Ok(3000)),
        ("0.00000000001", 4, Ok(0)),
        ("-0.00000000001", 4, Ok(0)),
        ("12.345678", 4, Err(Inexact)),
        ("0.000000001", 4, Err(Inexact)),
        ("0.0000000009", 4, Ok(0)),
        ("12.00001", 4, Err(Inexact)),
        (
            "1.23450000000000000000000000000000000000000000",
            4,
            Ok(12_345),
        ),
        ("99999999999999.9999", 4, Ok(999_999_999_999_999_999)),
        ("100000000000000", 4, Err(Inexact)),
        ("999999999999999999", 0, Ok(999_999_999_999_999_999)),
        ("1000000000000000000", 0, Err(Inexact)),
        ("1234567890123456789012345678901234567890", 4, Err(Inexact)),
        (
            "0.1234567890123456789012345678901234567890",
            4,
            Err(Inexact),
        ),
        ("1e400", 4, Err(Inexact)),
        ("1e-400", 4, Ok(0)),
        ("0e999999999999", 4, Ok(0)),
        ("1e-999999999999", 4, Ok(0)),
        ("", 4, Err(Syntax)),
        ("-", 4, Err(Syntax)),
        ("+5", 4, Err(Syntax)),
        (".5", 4, Err(Syntax)),
        ("5.", 4, Err(Syntax)),
        ("1.2.3", 4, Err(Syntax)),
        ("1e", 4, Err(Syntax)),
        ("e5", 4, Err(Syntax)),
        ("NaN", 4, Err(Syntax)),
        ("Infinity", 4, Err(Syntax)),
        ("ten", 4, Err(Syntax)),
        (" 5", 4, Err(Syntax)),
        ("0x10", 4, Err(Syntax)),
        ("1_000", 4, Err(Syntax)),
        ("\u{662}", 4, Err(Syntax)),
    ];
    for (text, scale, expected) in table {
        assert_eq!(decimal(text, *scale), *expected, "{text} at scale {scale}");
    }
}

#[test]
fn integers_have_no_fraction_and_fit() {
    let table: &[(&str, Result<i64, NumberError>)] = &[
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("42", Ok(42)),
        ("5.0", Ok(5)),
        ("5e2", Ok(500)),
        ("1500e-2", Ok(15)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err(Inexact)),
        ("5.5", Err(Inexact)),
        ("5.0000000000001", Err(Inexact)),
        ("1e400", Err(Inexact)),
        ("", Err(Syntax)),
        ("five", Err(Syntax)),
    ];
    for (text, expected) in table {
        assert_eq!(integer(text), *expected, "{text}");
    }
}

#[test]
fn floats_are_finite_and_zero_has_no_sign() {
    assert_eq!(float("40.7128"), Ok(40.7128));
    assert_eq!(float("-0").map(f64::to_bits), Ok(0));
    assert_eq!(float("1e400"), Err(Inexact));
    assert_eq!(float("-1e400"), Err(Inexact));
    for text in ["NaN", "inf", "Infinity", "", ".5", "+1"] {
        assert_eq!(float(text), Err(Syntax), "{text}");
    }
}

#[test]
fn a_double_becomes_the_decimal_of_its_shortest_digits() {
    assert_eq!(decimal_of_float(85.649_999_999_999_99, 4), Ok(856_500));
    assert_eq!(decimal_of_float(0.1 + 0.2, 4), Ok(3000));
    assert_eq!(decimal_of_float(-0.0, 4), Ok(0));
    assert_eq!(decimal_of_float(1e-300, 4), Ok(0));
    assert_eq!(decimal_of_float(12.345_678, 4), Err(Inexact));
    for value in [f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(decimal_of_float(value, 4), Err(Inexact), "{value}");
    }
    // Both ways to the same decimal, for all cents up to 2000 dollars.
    for cents in 0..200_000_i64 {
        #[allow(clippy::cast_precision_loss, reason = "small")]
        let value = cents as f64 / 100.0;
        assert_eq!(decimal_of_float(value, 4), Ok(cents * 100));
        assert_eq!(decimal(&value.to_string(), 4), Ok(cents * 100));
    }
}
