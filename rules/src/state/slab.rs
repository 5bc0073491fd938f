//! Places for things that do not fit a few words of a key's record: taken and freed by number.
//!
//! The invariant: a number is handed out to one owner until it is freed; a freed thing gives its own memory back.

use std::io;

use crate::snapshot::{Fault, Freeze, Frozen, Next, Noted, Owners, Reader, Room, Writer};

/// Things by number.
#[derive(Debug, Default)]
pub(crate) struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
    /// While they are written: the bytes of what changed meanwhile.
    frozen: Option<Box<Frozen<Vec<u8>>>>,
}

/// A thing that can be written.
pub(crate) trait Item: Default {
    /// Writes all of it.
    fn save(&self, to: &mut Writer<'_>) -> io::Result<()>;
}

fn bytes(item: &impl Item) -> Vec<u8> {
    let mut bytes = Vec::new();
    // To memory nothing fails; what is too short would be refused when it is read.
    let _ = item.save(&mut Writer::new(&mut bytes));
    bytes
}

impl<T: Item> Slab<T> {
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
        *self.get_mut(at) = T::default();
        self.free.push(at as u32);
    }

    /// The thing of a number.
    pub(crate) fn get(&self, at: u64) -> &T {
        &self.items[at as usize]
    }

    /// The thing of a number, to change.
    pub(crate) fn get_mut(&mut self, at: u64) -> &mut T {
        let item = &mut self.items[at as usize];
        if let Some(frozen) = &mut self.frozen {
            frozen.keep(at as u32, || bytes(item));
        }
        item
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

    /// Back from [`Freeze::write`]; a thing takes at least so many words.
    pub(crate) fn restore(
        from: &mut Reader<'_>,
        least: u64,
        each: impl Fn(&mut Reader<'_>) -> Result<T, Fault>,
    ) -> Result<Slab<T>, Fault> {
        let free = from.halves()?;
        let count = from.count(least)?;
        let items: Result<_, Fault> = (0..count).map(|_| each(from)).collect();
        Ok(Slab {
            items: items?,
            free,
            frozen: None,
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

/// Which are free, then all things, free ones as they are.
impl<T: Item> Freeze for Slab<T> {
    fn freeze(&mut self) {
        let mut head = Noted::default();
        head.note(|to| {
            to.halves(&self.free)?;
            to.word(self.items.len() as u64)
        });
        let frozen = Frozen::of_all(head, self.items.len());
        self.frozen = Some(Box::new(frozen));
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(true);
        };
        frozen.begin(room, to)?;
        while room.is_left() {
            let item = match frozen.next(1) {
                None => {
                    self.frozen = None;
                    return Ok(true);
                }
                Some(Next::Kept(item)) => item,
                Some(Next::Same(at)) => bytes(&self.items[at.start]),
            };
            room.take(item.len());
            to.raw(&item)?;
        }
        Ok(false)
    }

    fn thaw(&mut self) {
        self.frozen = None;
    }
}
