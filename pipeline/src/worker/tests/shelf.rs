//! A store of snapshots in memory that loses, hurts and refuses them, by seed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use connectors::snapshots::{SnapshotError, SnapshotReader, SnapshotStore, SnapshotWriter};

use super::simulation::Draw;

/// How often each goes wrong: one time in so many, or never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Harm {
    pub(super) create: u32,
    pub(super) write: u32,
    /// Before it is visible, or after.
    pub(super) finish: u32,
    pub(super) list: u32,
    pub(super) open: u32,
    /// A bit turned over, for good.
    pub(super) flip: u32,
    /// Cut off, for good.
    pub(super) cut: u32,
}

/// See the module; a clone is another handle on it.
#[derive(Clone)]
pub(super) struct Shelf {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    kept: BTreeMap<String, Arc<Vec<u8>>>,
    draw: Draw,
    harm: Harm,
}

impl Shelf {
    pub(super) fn new(seed: u64) -> Shelf {
        let inner = Inner {
            kept: BTreeMap::new(),
            draw: Draw(seed),
            harm: Harm::default(),
        };
        Shelf {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// From now on so much goes wrong; some of what is there is hurt now.
    pub(super) fn hurt(&self, harm: Harm) {
        let mut inner = self.inner.lock().unwrap();
        inner.harm = harm;
        let Inner { kept, draw, .. } = &mut *inner;
        for bytes in kept.values_mut() {
            let length = u64::try_from(bytes.len()).unwrap().max(1);
            if draw.hits(harm.flip) {
                let (at, bit) = (draw.below(length), draw.below(8));
                Arc::make_mut(bytes)[usize::try_from(at).unwrap()] ^= 1 << bit;
            }
            if draw.hits(harm.cut) {
                let at = usize::try_from(draw.below(length)).unwrap();
                Arc::make_mut(bytes).truncate(at);
            }
        }
    }

    fn fails(&self, of: impl Fn(&Harm) -> u32) -> Result<(), SnapshotError> {
        let mut inner = self.inner.lock().unwrap();
        let one_in = of(&inner.harm);
        match inner.draw.hits(one_in) {
            false => Ok(()),
            true => Err(SnapshotError::File {
                operation: "harm".to_owned(),
                source: io::Error::other("drawn"),
            }),
        }
    }
}

impl SnapshotStore for Shelf {
    fn list(&self) -> Result<Vec<String>, SnapshotError> {
        self.fails(|harm| harm.list)?;
        Ok(self.inner.lock().unwrap().kept.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> Result<Box<dyn SnapshotWriter>, SnapshotError> {
        self.fails(|harm| harm.create)?;
        Ok(Box::new(Leaf {
            shelf: self.clone(),
            name: name.to_owned(),
            bytes: Vec::new(),
        }))
    }

    fn open(&self, name: &str) -> Result<Box<dyn SnapshotReader>, SnapshotError> {
        self.fails(|harm| harm.open)?;
        let bytes = Arc::clone(&self.inner.lock().unwrap().kept[name]);
        Ok(Box::new(Bytes(bytes)))
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        self.fails(|harm| harm.list)?;
        self.inner.lock().unwrap().kept.remove(name);
        Ok(())
    }
}

struct Leaf {
    shelf: Shelf,
    name: String,
    bytes: Vec<u8>,
}

impl Write for Leaf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.shelf.fails(|harm| harm.write)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SnapshotWriter for Leaf {
    fn finish(self: Box<Self>) -> Result<(), SnapshotError> {
        let Leaf { shelf, name, bytes } = *self;
        shelf.fails(|harm| harm.finish)?;
        let kept = Arc::new(bytes);
        shelf.inner.lock().unwrap().kept.insert(name, kept);
        // It is there, and nobody is told.
        shelf.fails(|harm| harm.finish)
    }
}

struct Bytes(Arc<Vec<u8>>);

impl SnapshotReader for Bytes {
    fn length(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), SnapshotError> {
        let at = usize::try_from(at).unwrap();
        into.copy_from_slice(&self.0[at..at + into.len()]);
        Ok(())
    }
}
