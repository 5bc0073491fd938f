//! Places for things that do not fit a few words of a key's record: taken and freed by number.
//!
//! The invariant: a number is handed out to one owner until it is freed; a freed thing gives its own memory back.

use std::io;

use crate::snapshot::{Fault, Owners, Reader, Writer};

/// Things by number.
#[derive(Debug, Default)]
pub(crate) struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T: Default> Slab<T> {
    /// The number of an empty thing.
    pub(crate) fn take(&mut self) -> u64 {
        if let Some(at) = self.free.pop() {
            return at.into();
        }
        self.items.push(T::default());
        self.items.len() as u64 - 1
    }

    /// Frees a thing.
    pub(crate) fn free(&mut self, at: u64) {
        self.items[at as usize] = T::default();
        self.free.push(at as u32);
    }

    /// The thing of a number.
    pub(crate) fn get(&self, at: u64) -> &T {
        &self.items[at as usize]
    }

    /// The thing of a number, to change.
    pub(crate) fn get_mut(&mut self, at: u64) -> &mut T {
        &mut self.items[at as usize]
    }

    /// Numbers there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// All things, free ones included.
    #[cfg(test)]
    pub(crate) fn all(&self) -> &[T] {
        &self.items
    }

    /// All things, free ones as they are, and which are free.
    pub(crate) fn save(
        &self,
        to: &mut Writer<'_>,
        each: impl Fn(&T, &mut Writer<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        to.word(self.items.len() as u64)?;
        self.items.iter().try_for_each(|item| each(item, to))?;
        to.halves(&self.free)
    }

    /// Back from [`Slab::save`]; a thing takes at least so many words.
    pub(crate) fn restore(
        from: &mut Reader<'_>,
        least: u64,
        each: impl Fn(&mut Reader<'_>) -> Result<T, Fault>,
    ) -> Result<Slab<T>, Fault> {
        let count = from.count(least)?;
        let items: Result<_, Fault> = (0..count).map(|_| each(from)).collect();
        Ok(Slab {
            items: items?,
            free: from.halves()?,
        })
    }

    /// Whether what nobody claimed is free, of things that were restored.
    pub(crate) fn settle(&self, claimed: Owners) -> Result<(), Fault> {
        claimed.settle(&self.free)
    }

    /// Bytes allocated, with what `inside` says each thing has.
    pub(crate) fn bytes(&self, inside: impl Fn(&T) -> usize) -> usize {
        self.items.capacity() * size_of::<T>()
            + self.free.capacity() * 4
            + self.items.iter().map(inside).sum::<usize>()
    }
}
