//! Where choices come from: bytes, as long as there are any, and a generator behind them.
//!
//! The idea: a fuzzer mutates the bytes, and most mutations change one choice and leave those before it alone. The
//! invariant: the same bytes and the same seed give the same choices for ever (SplitMix64).

/// See the module.
#[derive(Debug)]
pub struct Dice {
    bytes: Vec<u8>,
    at: usize,
    state: u64,
}

impl Dice {
    /// Choices that follow from a number.
    #[must_use]
    pub fn seeded(seed: u64) -> Dice {
        Dice {
            bytes: Vec::new(),
            at: 0,
            state: seed,
        }
    }

    /// Choices that follow from bytes: one each.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Dice {
        Dice {
            bytes: bytes.to_vec(),
            at: 0,
            state: 0,
        }
    }

    /// Whether all bytes are used up.
    #[must_use]
    pub fn is_dry(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// A byte, or 64 bits where there is none.
    pub fn roll(&mut self) -> u64 {
        if let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            return u64::from(*byte);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..n`; from a byte one of the first 256.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(n).unwrap()).unwrap()
    }

    /// One of these.
    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}
