//! `top_k(x, k)`: the `k` most frequent values as a JSON list, `["NL","BE"]`. Over nothing null.
//!
//! The most frequent comes first; of equally frequent ones the least, as in [`super::mode`]. Numbers stand bare,
//! texts, decimals and times (RFC 3339, UTC) as strings, as they do in a decision. Exact, and a function of the set of
//! values alone. It is a text because a feature's type must not depend on its values.
//!
//! Nothing is kept running; a reading sorts the values.

use super::extreme::Order;
use super::mode::counts;
use crate::state::text::Texts;
use crate::value::Type;

/// The most that may be asked for.
pub(crate) const K_MAX: i64 = 100;

/// The list of the most frequent of some values.
pub(crate) fn read(
    values: impl Iterator<Item = u64>,
    ty: Type,
    k: u32,
    texts: &Texts,
) -> Option<String> {
    let mut counts = counts(values);
    if counts.is_empty() {
        return None;
    }
    let order = Order::of(ty);
    counts.sort_unstable_by(|a, b| {
        let frequent = b.1.cmp(&a.1);
        frequent.then_with(|| order.compare(a.0, b.0, texts))
    });
    let shown: Vec<String> = counts
        .iter()
        .take(k as usize)
        .map(|(word, _)| show(*word, ty, texts))
        .collect();
    Some(format!("[{}]", shown.join(",")))
}

/// One value in JSON.
fn show(word: u64, ty: Type, texts: &Texts) -> String {
    let int = word.cast_signed();
    match ty {
        Type::Text => serde_json::Value::from(texts.get(word)).to_string(),
        Type::Int => int.to_string(),
        Type::Decimal(scale) => decimal(int, scale),
        Type::Float => format!("{:?}", f64::from_bits(word)),
        Type::Bool => (word == 1).to_string(),
        Type::Timestamp => match jiff::Timestamp::from_microsecond(int) {
            Ok(time) => format!("\"{time:.6}\""),
            Err(_) => int.to_string(),
        },
    }
}

/// All digits behind the point, in quotes.
fn decimal(mantissa: i64, scale: u8) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", mantissa.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, part)) if scale > 0 => format!("\"{sign}{whole}.{part}\""),
        _ => format!("\"{sign}{digits}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::seed::HashSeed;

    #[test]
    fn the_most_frequent_first_then_the_least() {
        let mut texts = Texts::new(HashSeed::FIXED);
        let words = ["z", "b", "a\"", "b", "a\"", "c"].map(|text| texts.intern(text));
        let top = |k| read(words.into_iter(), Type::Text, k, &texts);
        assert_eq!(top(1).as_deref(), Some(r#"["a\""]"#));
        assert_eq!(top(3).as_deref(), Some(r#"["a\"","b","c"]"#));
        assert_eq!(top(9).as_deref(), Some(r#"["a\"","b","c","z"]"#));
        assert_eq!(read([].into_iter(), Type::Text, 1, &texts), None);
    }

    #[test]
    fn values_of_every_type_stand_as_in_a_decision() {
        let texts = Texts::new(HashSeed::FIXED);
        let one = |word: u64, ty| read([word].into_iter(), ty, 1, &texts);
        for (word, ty, want) in [
            ((-7i64).cast_unsigned(), Type::Int, "[-7]"),
            ((-7i64).cast_unsigned(), Type::Decimal(2), r#"["-0.07"]"#),
            (1_234_500, Type::Decimal(4), r#"["123.4500"]"#),
            (7, Type::Decimal(0), r#"["7"]"#),
            (0.1f64.to_bits(), Type::Float, "[0.1]"),
            (3f64.to_bits(), Type::Float, "[3.0]"),
            (1, Type::Bool, "[true]"),
            (5, Type::Timestamp, r#"["1970-01-01T00:00:00.000005Z"]"#),
        ] {
            assert_eq!(one(word, ty).as_deref(), Some(want));
        }
    }
}
