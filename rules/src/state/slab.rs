//! Places for things that do not fit a few words of a key's record: taken and freed by number.
//!
//! The invariant: a number is handed out to one owner until it is freed; a freed thing gives its own memory back.

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

    /// Bytes allocated, with what `inside` says each thing has.
    pub(crate) fn bytes(&self, inside: impl Fn(&T) -> usize) -> usize {
        self.items.capacity() * size_of::<T>()
            + self.free.capacity() * 4
            + self.items.iter().map(inside).sum::<usize>()
    }
}
