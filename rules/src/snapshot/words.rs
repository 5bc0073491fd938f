//! Words written and read, and what is wrong with those read.
//!
//! The invariant: everything is a whole number of words, and nothing is read, or made room for, beyond the length that
//! a section was said to have.

use std::io::{self, Read, Write};

use zerocopy::IntoBytes;

/// Bytes of a word.
const WORD: u64 = 8;

/// What is wrong with the bytes of a section.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// They could not be read.
    #[error("read it: {0}")]
    Read(#[from] io::Error),
    /// There are fewer than they say.
    #[error("it ends too early")]
    Short,
    /// They do not say what they should.
    #[error("{0}")]
    Wrong(&'static str),
}

/// A fault unless this holds.
#[inline]
pub(crate) fn sure(holds: bool, otherwise: &'static str) -> Result<(), Fault> {
    match holds {
        true => Ok(()),
        false => Err(Fault::Wrong(otherwise)),
    }
}

/// Writes words.
pub(crate) struct Writer<'a> {
    to: &'a mut dyn Write,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Writer<'a> {
        Writer { to }
    }

    pub(crate) fn word(&mut self, word: u64) -> io::Result<()> {
        self.to.write_all(&word.to_le_bytes())
    }

    /// Words as they lie.
    pub(crate) fn words(&mut self, words: &[u64]) -> io::Result<()> {
        if cfg!(target_endian = "little") {
            return self.to.write_all(words.as_bytes());
        }
        words.iter().try_for_each(|word| self.word(*word))
    }

    /// How many numbers, and the numbers, two to a word.
    pub(crate) fn halves(&mut self, numbers: &[u32]) -> io::Result<()> {
        self.word(numbers.len() as u64)?;
        let high = |pair: &[u32]| pair.get(1).copied().unwrap_or(0);
        let pairs = numbers.chunks(2);
        let words = pairs.map(|pair| u64::from(pair[0]) | u64::from(high(pair)) << 32);
        words.into_iter().try_for_each(|word| self.word(word))
    }

    /// How many bytes, and the bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.word(bytes.len() as u64)?;
        self.raw(bytes)?;
        self.pad(bytes.len())
    }

    /// Bytes of which others follow.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    /// Makes so many bytes whole words.
    pub(crate) fn pad(&mut self, bytes: usize) -> io::Result<()> {
        let over = bytes.next_multiple_of(WORD as usize) - bytes;
        self.to.write_all(&[0; WORD as usize][..over])
    }
}

/// Reads words.
pub(crate) struct Reader<'a> {
    from: &'a mut dyn Read,
    /// Bytes still to come.
    left: u64,
}

impl<'a> Reader<'a> {
    /// A section of so many bytes.
    pub(crate) fn new(from: &'a mut dyn Read, length: u64) -> Reader<'a> {
        Reader { from, left: length }
    }

    pub(crate) fn word(&mut self) -> Result<u64, Fault> {
        let mut bytes = [0; WORD as usize];
        self.raw(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A number up to this.
    pub(crate) fn number(&mut self, most: u64, otherwise: &'static str) -> Result<u64, Fault> {
        let number = self.word()?;
        sure(number <= most, otherwise)?;
        Ok(number)
    }

    /// How many things follow, each of at least so many words.
    pub(crate) fn count(&mut self, each: u64) -> Result<usize, Fault> {
        let count = self.word()?;
        self.expect(count, each)?;
        usize::try_from(count).map_err(|_| Fault::Short)
    }

    /// There must be as much left as so many things of so many words take.
    pub(crate) fn expect(&self, count: u64, each: u64) -> Result<(), Fault> {
        let bytes = count.checked_mul(each).and_then(|n| n.checked_mul(WORD));
        match bytes.is_some_and(|bytes| bytes <= self.left) {
            true => Ok(()),
            false => Err(Fault::Short),
        }
    }

    /// Words into their place.
    pub(crate) fn fill(&mut self, words: &mut [u64]) -> Result<(), Fault> {
        self.raw(words.as_mut_bytes())?;
        if cfg!(target_endian = "big") {
            words.iter_mut().for_each(|word| *word = word.swap_bytes());
        }
        Ok(())
    }

    pub(crate) fn words(&mut self, count: usize) -> Result<Vec<u64>, Fault> {
        self.expect(count as u64, 1)?;
        let mut words = vec![0; count];
        self.fill(&mut words)?;
        Ok(words)
    }

    /// Back from [`Writer::halves`].
    pub(crate) fn halves(&mut self) -> Result<Vec<u32>, Fault> {
        let count = usize::try_from(self.word()?).map_err(|_| Fault::Short)?;
        let words = self.words(count.div_ceil(2))?;
        let halves = words.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]);
        let mut halves: Vec<u32> = halves.collect();
        sure(
            halves.split_off(count).iter().all(|half| *half == 0),
            "something stands where nothing should",
        )?;
        Ok(halves)
    }

    /// Back from [`Writer::bytes`].
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Fault> {
        let length = self.word()?;
        self.expect(length.div_ceil(WORD), 1)?;
        let mut bytes = vec![0; length as usize];
        self.raw(&mut bytes)?;
        self.unpad(bytes.len())?;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<String, Fault> {
        String::from_utf8(self.bytes()?).map_err(|_| Fault::Wrong("a text is no text"))
    }

    /// Bytes of which others follow.
    pub(crate) fn raw(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        let length = bytes.len() as u64;
        if length > self.left {
            return Err(Fault::Short);
        }
        self.from
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Fault::Short,
                _ => Fault::Read(error),
            })?;
        self.left -= length;
        Ok(())
    }

    /// Passes over what [`Writer::pad`] wrote.
    pub(crate) fn unpad(&mut self, bytes: usize) -> Result<(), Fault> {
        let mut over = [0; WORD as usize];
        let length = bytes.next_multiple_of(WORD as usize) - bytes;
        self.raw(&mut over[..length])?;
        sure(
            over.iter().all(|byte| *byte == 0),
            "something stands where nothing should",
        )
    }

    /// There must be no more.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        sure(self.left == 0, "it goes on behind its end")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut to = Writer::new(&mut bytes);
        to.word(7).unwrap();
        to.words(&[1, u64::MAX]).unwrap();
        to.halves(&[1, 2, u32::MAX]).unwrap();
        to.bytes("twelve bytes".as_bytes()).unwrap();
        bytes
    }

    fn read(mut bytes: &[u8]) -> Result<(), Fault> {
        let length = bytes.len() as u64;
        let mut from = Reader::new(&mut bytes, length);
        assert_eq!(from.word()?, 7);
        assert_eq!(from.words(2)?, [1, u64::MAX]);
        assert_eq!(from.halves()?, [1, 2, u32::MAX]);
        assert_eq!(from.text()?, "twelve bytes");
        from.end()
    }

    #[test]
    fn what_was_written_is_read_and_no_part_of_it_is_enough() {
        let bytes = written();
        assert!(bytes.len().is_multiple_of(8));
        read(&bytes).unwrap();
        for length in 0..bytes.len() {
            assert!(
                matches!(read(&bytes[..length]), Err(Fault::Short)),
                "{length}"
            );
        }
        let more = [bytes.as_slice(), &[0; 8]].concat();
        assert!(matches!(read(&more), Err(Fault::Wrong(_))));
    }

    #[test]
    fn a_count_that_the_bytes_do_not_bear_out_asks_for_no_memory() {
        for count in [2u64, 1 << 40, u64::MAX] {
            let mut bytes = count.to_le_bytes().to_vec();
            bytes.extend([0; 8]);
            let mut from = bytes.as_slice();
            let short = Reader::new(&mut from, 16).count(2);
            assert!(matches!(short, Err(Fault::Short)), "{count}");
            let mut from = bytes.as_slice();
            assert!(Reader::new(&mut from, 16).bytes().is_err() || count == 2);
        }
    }
}
