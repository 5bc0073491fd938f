//! `ewma(x, half-life)`: the exponentially weighted average of a series at irregular times. Over nothing null.
//!
//! Definition: `sum(w_i x_i) / sum(w_i)` over the values of the window, `w_i = 2^(-(t_n - t_i) / half-life)`, where `t_n`
//! is the time of the latest of them; values 40 half-lives before it or more are left out. Source: pandas'
//! `ewm(halflife=…, times=…)` with `adjust=True`. Only the times of events count, not the order in which they came:
//! values of one time weigh the same. Declared approximate; the arithmetic is that of [`super::decay`].
//!
//! Nothing is kept running; a reading walks back from the end of the window for at most 40 half-lives.

use super::decay::{Reading, Weighted};
use crate::time::{EventTime, Span};
use crate::value::Type;
use crate::window::HALF_LIVES;

/// The average of values of a number type with their times, the latest first.
pub(crate) fn read(
    latest_first: impl Iterator<Item = (EventTime, u64)>,
    ty: Type,
    half_life: Span,
) -> Option<u64> {
    let mut sums = Weighted::default();
    let mut end: Option<EventTime> = None;
    for (t, word) in latest_first {
        let end = *end.get_or_insert(t);
        if t <= end.before(Span(half_life.0.saturating_mul(HALF_LIVES))) {
            break;
        }
        sums.add(word, ty, t, half_life, false);
    }
    let scale = match ty {
        Type::Decimal(scale) => scale,
        _ => 0,
    };
    sums.read(Reading::Average, scale, end?, half_life)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// pandas: `Series([1, 2, 4]).ewm(halflife="10s", times=[0, 10, 30] s).mean().iloc[-1]` is 3.384615….
    #[test]
    fn as_pandas_has_it() {
        let values = [(30, 4i64), (10, 2), (0, 1)];
        let words = values.map(|(t, x)| (EventTime(t), x.cast_unsigned()));
        let got = read(words.into_iter(), Type::Int, Span(10)).map(f64::from_bits);
        // (4 + 2/4 + 1/8) / (1 + 1/4 + 1/8)
        assert_eq!(got, Some(4.625 / 1.375));
    }

    #[test]
    fn what_is_40_half_lives_old_is_left_out() {
        let at = |t, x: i64| (EventTime(t), x.cast_unsigned());
        let one = read([at(400, 1)].into_iter(), Type::Int, Span(10));
        let old = read(
            [at(400, 1), at(0, 1 << 60)].into_iter(),
            Type::Int,
            Span(10),
        );
        assert_eq!(one, old);
        let young = read(
            [at(400, 1), at(1, 1 << 60)].into_iter(),
            Type::Int,
            Span(10),
        );
        assert_ne!(one, young);
        assert_eq!(read([].into_iter(), Type::Int, Span(10)), None);
    }
}
