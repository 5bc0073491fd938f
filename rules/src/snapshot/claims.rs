//! Who owns what, while a state is put together again.
//!
//! The idea: what lies aside from a key (a set, a float sum, a block) is handed to one owner until it is freed. In a
//! state just read each owner claims what it points to, and what is left must be free. The invariant: after
//! [`Owners::settle`] every number has had exactly one claim, or is free.

use super::words::{Fault, sure};

/// Which numbers below some bound are taken.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    taken: Vec<u64>,
    count: usize,
    claimed: usize,
}

impl Owners {
    /// Of so many numbers none is taken.
    pub(crate) fn new(count: usize) -> Owners {
        Owners {
            taken: vec![0; count.div_ceil(64)],
            count,
            claimed: 0,
        }
    }

    /// Takes a number that nobody has.
    pub(crate) fn claim(&mut self, number: u64) -> Result<(), Fault> {
        sure(number < self.count as u64, "something points to nothing")?;
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        sure(
            self.taken[word] & bit == 0,
            "two things point to the same place",
        )?;
        self.taken[word] |= bit;
        self.claimed += 1;
        Ok(())
    }

    /// Numbers taken.
    pub(crate) fn claimed(&self) -> usize {
        self.claimed
    }

    /// What nobody has must be what is free.
    pub(crate) fn settle(mut self, free: &[u32]) -> Result<(), Fault> {
        free.iter()
            .try_for_each(|number| self.claim((*number).into()))?;
        sure(self.claimed == self.count, "something has no owner")
    }
}

/// What the keys of a group point to.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) floats: Owners,
    pub(crate) sets: Owners,
    pub(crate) weighted: Owners,
    /// References per text.
    pub(crate) texts: Vec<u32>,
}

impl Claims {
    /// One more reference to a text.
    #[inline]
    pub(crate) fn text(&mut self, number: u64) -> Result<(), Fault> {
        let at = usize::try_from(number).ok();
        let Some(references) = at.and_then(|at| self.texts.get_mut(at)) else {
            return Err(Fault::Wrong("a value is no text"));
        };
        match references.checked_add(1) {
            Some(more) => *references = more,
            None => return Err(Fault::Wrong("a text has too many references")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_owner_or_is_free() {
        let owners = |claims: &[u64]| {
            let mut owners = Owners::new(70);
            claims
                .iter()
                .try_for_each(|number| owners.claim(*number))
                .map(|()| owners)
        };
        let most: Vec<u64> = (0..68).collect();
        let settle = |free: &[u32]| owners(&most).and_then(|owners| owners.settle(free));
        assert!(settle(&[69, 68]).is_ok());
        for free in [&[68][..], &[68, 67], &[68, 69, 69], &[68, 70], &[]] {
            assert!(settle(free).is_err(), "{free:?}");
        }
        assert!(owners(&[3, 69, 3]).is_err() && owners(&[70]).is_err());
    }
}
