//! A sketch of how many different values there were, for a key that has more than its budget: HyperLogLog.
//!
//! The idea: of the hash of each value the first 14 bits choose a register, and the register remembers the longest run
//! of zeros that the rest began with; how the registers are filled tells how many different hashes there were. Sources:
//! Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007); the estimator, which needs no tables of bias, is that of
//! Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. The standard error is
//! 1.04 / sqrt(2^14), 0.8 %.
//!
//! The invariant: a sketch depends on the set of values it was given and on nothing else, neither order nor repetition nor
//! the seed of a run, so that a replay gives the same answers. The price is that the hash is known to all: whoever may
//! choose values can make the count come out wrong. It cannot forget a value.

use std::hash::Hasher;
use std::io;

use siphasher::sip::SipHasher13;

use crate::snapshot::{Fault, Reader, Writer, sure};

/// Bits of the hash that choose a register.
const CHOOSE: u32 = 14;

/// Registers.
const REGISTERS: usize = 1 << CHOOSE;

/// The greatest value of a register: all other bits are zero.
const LONGEST: usize = 64 - CHOOSE as usize + 1;

/// See the module. 16 KiB.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    registers: Vec<u8>,
    /// How many registers have each value, so that an estimate need not look at all of them.
    having: [u32; LONGEST + 1],
}

impl Sketch {
    pub(super) fn new() -> Sketch {
        let mut having = [0; LONGEST + 1];
        having[0] = REGISTERS as u32;
        Sketch {
            registers: vec![0; REGISTERS],
            having,
        }
    }

    /// Adds a value by its bytes.
    pub(super) fn add(&mut self, value: &[u8]) {
        let mut hasher = SipHasher13::new();
        hasher.write(value);
        let hash = hasher.finish();
        let register = &mut self.registers[(hash >> (64 - CHOOSE)) as usize];
        // The bit set behind the hash ends the run.
        let run = (hash << CHOOSE | 1 << (CHOOSE - 1)).leading_zeros() as u8 + 1;
        if run > *register {
            self.having[usize::from(*register)] -= 1;
            self.having[usize::from(run)] += 1;
            *register = run;
        }
    }

    /// About how many different values were added.
    pub(super) fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let part = |value: usize| f64::from(self.having[value]) / m;
        let mut z = m * tau(1.0 - part(LONGEST));
        for value in (1..LONGEST).rev() {
            z = 0.5 * (z + f64::from(self.having[value]));
        }
        z += m * sigma(part(0));
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Sketch>() + self.registers.capacity()
    }

    pub(super) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        to.bytes(&self.registers)
    }

    /// Back from [`Sketch::save`].
    pub(super) fn restore(from: &mut Reader<'_>) -> Result<Sketch, Fault> {
        let registers = from.bytes()?;
        sure(registers.len() == REGISTERS, "a sketch is none")?;
        let mut having = [0; LONGEST + 1];
        for register in &registers {
            let Some(count) = having.get_mut(usize::from(*register)) else {
                return Err(Fault::Wrong("a sketch is none"));
            };
            *count += 1;
        }
        Ok(Sketch { registers, having })
    }
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let last = z;
        z += x * y;
        y += y;
        if z == last {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let last = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == last {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_within_three_standard_errors() {
        for first in [0u64, 1 << 40, 1 << 63] {
            let mut sketch = Sketch::new();
            assert_eq!(sketch.estimate(), 0);
            for n in 1..=300_000u64 {
                sketch.add(&(first + n).to_le_bytes());
                if [1, 10, 100, 1_000, 10_000, 50_000, 100_000, 300_000].contains(&n) {
                    let error = (sketch.estimate() as f64 / n as f64 - 1.0).abs();
                    assert!(error < 0.025, "{n}: {error}");
                }
            }
        }
    }

    #[test]
    fn neither_order_nor_repetition_shows() {
        let (mut once, mut again) = (Sketch::new(), Sketch::new());
        for n in 0..5_000u64 {
            once.add(&n.to_le_bytes());
        }
        for n in (0..10_000u64).rev() {
            again.add(&(n / 2).to_le_bytes());
        }
        assert_eq!(once.registers, again.registers);
        assert_eq!(once.having, again.having);
        assert_eq!(once.having.iter().sum::<u32>() as usize, REGISTERS);
    }
}
