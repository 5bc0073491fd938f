//! `mode(x)`: the most frequent value; of equally frequent ones the least (false before true, texts by their bytes).
//! Over nothing null.
//!
//! The rule for ties is that of SciPy's `mode` and pandas' `Series.mode`: it depends on the values alone, so neither the
//! order of events nor the time at which a value came shows. Exact.
//!
//! Nothing is kept running; a reading sorts the values.

use super::extreme::Order;
use crate::state::text::Texts;

/// The most frequent of some values.
pub(crate) fn read(values: impl Iterator<Item = u64>, order: Order, texts: &Texts) -> Option<u64> {
    let best = counts(values).into_iter().reduce(|best, next| {
        let better =
            next.1 > best.1 || (next.1 == best.1 && order.compare(next.0, best.0, texts).is_lt());
        if better { next } else { best }
    });
    best.map(|(word, _)| word)
}

/// Each value once, with how often it is there; in an order that means nothing.
pub(crate) fn counts(values: impl Iterator<Item = u64>) -> Vec<(u64, u32)> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    // Equal values are equal words, whatever the type.
    let runs = values.chunk_by(|a, b| a == b);
    runs.filter_map(|run| Some((*run.first()?, u32::try_from(run.len()).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::seed::HashSeed;

    #[test]
    fn of_equally_frequent_values_the_least() {
        let mut texts = Texts::new(HashSeed::FIXED);
        let ints = |values: &[i64]| {
            let words = values.iter().map(|x| x.cast_unsigned());
            read(words, Order::Int, &Texts::new(HashSeed::FIXED)).map(u64::cast_signed)
        };
        assert_eq!(ints(&[3, -1, 3, -1, 2]), Some(-1));
        assert_eq!(ints(&[3, -1, 3, -1, 3]), Some(3));
        assert_eq!(ints(&[]), None);
        let words: Vec<u64> = ["b", "a", "b", "a", "c"].map(|t| texts.intern(t)).to_vec();
        let mode = read(words.into_iter(), Order::Text, &texts);
        assert_eq!(mode.map(|id| texts.get(id)), Some("a"));
    }
}
