//! Sets of small numbers, a bit each.

/// Stretches of set bits among the first so many, as `from..end`.
pub(crate) fn runs(bits: &[u64], count: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = next(bits, at, true, count);
        at = next(bits, from, false, count);
        (from < at).then_some((from, at))
    })
}

/// The first bit from `at` on that is set, or is not; `count` if there is none before that.
pub(crate) fn next(bits: &[u64], mut at: usize, set: bool, count: usize) -> usize {
    while at < count {
        let word = if set { bits[at / 64] } else { !bits[at / 64] };
        let left = word >> (at % 64);
        if left != 0 {
            return count.min(at + left.trailing_zeros() as usize);
        }
        at = (at / 64 + 1) * 64;
    }
    count
}

/// The bits `from..from + count` of a set by themselves.
pub(crate) fn part(bits: &[u64], from: usize, count: usize) -> Vec<u64> {
    let word = |at: usize| {
        let first = from + 64 * at;
        let low = bits.get(first / 64).copied().unwrap_or(0) >> (first % 64);
        let high = bits.get(first / 64 + 1).copied().unwrap_or(0);
        let joined = match first % 64 {
            0 => low,
            shift => low | high << (64 - shift),
        };
        let left = count - 64 * at;
        if left < 64 {
            joined & ((1 << left) - 1)
        } else {
            joined
        }
    };
    (0..count.div_ceil(64)).map(word).collect()
}

/// Adds to a set of `at` numbers those of another, which has so many: its first number becomes `at`.
pub(crate) fn append(bits: &mut Vec<u64>, at: usize, other: &[u64], count: usize) {
    if at.is_multiple_of(64) {
        // As nearly always: there are millions, and nothing else happens meanwhile.
        bits.truncate(at / 64);
        bits.extend_from_slice(&other[..count.div_ceil(64)]);
        if let Some(last) = bits.last_mut().filter(|_| !count.is_multiple_of(64)) {
            *last &= (1 << (count % 64)) - 1;
        }
        return;
    }
    bits.resize((at + count).div_ceil(64), 0);
    for (from, end) in runs(other, count) {
        (at + from..at + end).for_each(|bit| bits[bit / 64] |= 1 << (bit % 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::dice::Dice;

    #[test]
    fn a_set_cut_in_parts_and_put_together_is_the_same() {
        for seed in 0..100 {
            let dice = &mut Dice::new(seed);
            let count = 1 + dice.index(300);
            let mut whole = vec![0u64; count.div_ceil(64)];
            let set: Vec<usize> = (0..count).filter(|_| dice.once_in(2)).collect();
            set.iter().for_each(|at| whole[at / 64] |= 1 << (at % 64));
            let of_runs: Vec<usize> = runs(&whole, count)
                .flat_map(|(from, end)| from..end)
                .collect();
            assert_eq!(of_runs, set, "seed {seed}");
            let (mut joined, mut at) = (Vec::new(), 0);
            while at < count {
                let length = (1 + dice.index(150)).min(count - at);
                append(&mut joined, at, &part(&whole, at, length), length);
                at += length;
            }
            assert_eq!(joined, whole, "seed {seed}");
        }
    }
}
