//! The most frequent values, counted one by one.

use rules::value::Type;

use super::Datum;

/// Each different value with how often it is there, the most frequent first, then the least.
fn counts<'a>(values: &[&'a Datum]) -> Vec<(&'a Datum, usize)> {
    let mut counts: Vec<(&Datum, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(known, _)| known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    let before = |a: &(&Datum, usize), b: &(&Datum, usize)| match a.1 == b.1 {
        true => a.0.less(b.0),
        false => a.1 > b.1,
    };
    counts.sort_by(|a, b| before(b, a).cmp(&before(a, b)));
    counts
}

/// The most frequent one.
pub(super) fn mode(values: &[&Datum]) -> Datum {
    let first = counts(values).first().map(|(value, _)| (*value).clone());
    first.unwrap_or(Datum::Null)
}

/// The `k` most frequent ones in JSON.
pub(super) fn top(values: &[&Datum], ty: Type, k: usize) -> Datum {
    let shown: Vec<String> = counts(values)
        .into_iter()
        .take(k)
        .map(|(value, _)| show(value, ty))
        .collect();
    match shown.is_empty() {
        true => Datum::Null,
        false => Datum::Text(format!("[{}]", shown.join(","))),
    }
}

fn show(value: &Datum, ty: Type) -> String {
    match (value, ty) {
        (Datum::Whole(x), Type::Bool) => (*x == 1).to_string(),
        (Datum::Whole(x), Type::Decimal(scale)) => {
            let one = 10i64.pow(scale.into());
            let sign = if *x < 0 { "-" } else { "" };
            let (whole, part) = ((x / one).abs(), (x % one).abs());
            format!(
                "\"{sign}{whole}.{part:0width$}\"",
                width = usize::from(scale)
            )
        }
        (Datum::Whole(x), Type::Timestamp) => {
            let time = jiff::Timestamp::from_microsecond(*x).unwrap_or_default();
            format!("\"{}\"", time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        }
        (Datum::Whole(x), _) => x.to_string(),
        (Datum::Float(x), _) => format!("{x:?}"),
        // The texts of the streams have nothing to escape.
        (Datum::Text(x), _) => format!("\"{x}\""),
        _ => String::new(),
    }
}
