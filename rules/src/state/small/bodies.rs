//! Where small keys live: stretches of words by class and index, in pages that never move.
//!
//! The invariant: a stretch has one owner until it is freed; a free one says [`VACANT`] where its meta word would be.

use super::body::Body;
use super::change::BodyMut;
use super::shape::{META, Shapes};
use crate::state::layout::VACANT;

/// Of so many stretches one may lie free before others are moved.
const SPARE: u32 = 8;

/// Stretches per page.
const PAGE_SHIFT: u32 = 9;

/// All small keys of one group.
#[derive(Debug)]
pub(in crate::state) struct Bodies {
    pub(super) shapes: Shapes,
    classes: Vec<Class>,
}

/// The stretches of one shape.
#[derive(Debug, Default)]
struct Class {
    pages: Vec<Page>,
    /// No page before this one has a free stretch. The lowest is taken first, so that the last pages become empty.
    lowest: usize,
    owned: u32,
    /// Indices handed out so far.
    count: u32,
    /// Pages that have memory.
    allocated: usize,
    /// The last page that lost its last owner.
    spare: Option<u32>,
}

/// A stretch of stretches.
#[derive(Debug, Default)]
struct Page {
    /// None while nobody owns any.
    words: Box<[u64]>,
    /// Stretches that have an owner.
    owned: u32,
    /// A bit for each that has one.
    owners: [u64; OWNERS],
}

/// Words with a bit for each stretch of a page.
const OWNERS: usize = (1 << PAGE_SHIFT) / 64;

impl Class {
    /// The lowest stretch that has no owner.
    fn lowest(&mut self) -> u32 {
        while self.pages.get(self.lowest).is_some_and(Page::is_full) {
            self.lowest += 1;
        }
        if self.lowest == self.pages.len() {
            self.pages.push(Page::default());
        }
        let owners = self.pages[self.lowest].owners.iter().enumerate();
        let mut free = owners.filter(|(_, owners)| **owners != u64::MAX);
        let within = free.next().map_or(0, |(word, owners)| {
            word as u32 * 64 + owners.trailing_ones()
        });
        (self.lowest as u32) << PAGE_SHIFT | within
    }
}

impl Page {
    fn is_full(&self) -> bool {
        self.owned == 1 << PAGE_SHIFT
    }

    /// Says whether a stretch has an owner.
    fn set_owned(&mut self, index: u32, owned: bool) {
        let within = index & ((1 << PAGE_SHIFT) - 1);
        let (word, bit) = ((within / 64) as usize, 1 << (within % 64));
        match owned {
            true => self.owners[word] |= bit,
            false => self.owners[word] &= !bit,
        }
        match owned {
            true => self.owned += 1,
            false => self.owned -= 1,
        }
    }
}

impl Bodies {
    pub(in crate::state) fn new(shapes: Shapes) -> Bodies {
        let classes = (0..shapes.len()).map(|_| Class::default()).collect();
        Bodies { shapes, classes }
    }

    /// A stretch with words of no meaning.
    pub(super) fn take(&mut self, class: usize) -> u32 {
        let words = self.shapes.get(class).words;
        let class = &mut self.classes[class];
        let index = class.lowest();
        class.owned += 1;
        class.count = class.count.max(index + 1);
        let page = &mut class.pages[(index >> PAGE_SHIFT) as usize];
        if page.words.is_empty() {
            page.words = vec![0; words << PAGE_SHIFT].into_boxed_slice();
            let bodies = page.words.chunks_mut(words);
            bodies.for_each(|body| body[META] = VACANT);
            class.allocated += 1;
        }
        page.set_owned(index, true);
        index
    }

    pub(super) fn free(&mut self, class: usize, index: u32) {
        self.get_mut(class, index).words[META] = VACANT;
        let class = &mut self.classes[class];
        class.owned -= 1;
        class.lowest = class.lowest.min((index >> PAGE_SHIFT) as usize);
        let page = &mut class.pages[(index >> PAGE_SHIFT) as usize];
        page.set_owned(index, false);
        if page.owned > 0 {
            return;
        }
        // One empty page is kept, or a key that comes and goes would take and give back a page every time.
        if let Some(spare) = class.spare.replace(index >> PAGE_SHIFT)
            && spare != index >> PAGE_SHIFT
            && let Some(page) = class.pages.get_mut(spare as usize).filter(|p| p.owned == 0)
        {
            page.words = Box::default();
            class.allocated -= 1;
        }
    }

    /// Whether a stretch lies behind where all of its class would end if they lay close to one another.
    pub(super) fn is_outlying(&self, class: usize, index: u32) -> bool {
        let owned = self.classes[class].owned;
        // What lies behind all of them has a free one in front of it.
        index > owned + owned / SPARE
    }

    /// Copies a stretch to another one of its class.
    pub(super) fn copy(&mut self, class: usize, from: u32, to: u32) {
        let words = self.words(class, from).to_vec();
        self.get_mut(class, to).words.copy_from_slice(&words);
    }

    /// The first index from this on that a walk has to look at: pages without an owner are passed over.
    pub(in crate::state) fn next(&self, class: usize, mut index: u32) -> Option<u32> {
        let class = &self.classes[class];
        while index < class.count {
            let page = index >> PAGE_SHIFT;
            if class.pages[page as usize].owned > 0 {
                return Some(index);
            }
            index = (page + 1) << PAGE_SHIFT;
        }
        None
    }

    /// The greatest time of an event a key has or had, and of one it forgot.
    pub(in crate::state) fn reach(&self, class: usize, index: u32) -> (i64, i64) {
        let body = self.get(class, index);
        (body.newest(), body.forgotten())
    }

    #[inline]
    pub(in crate::state) fn words(&self, class: usize, index: u32) -> &[u64] {
        let words = self.shapes.get(class).words;
        let at = (index & ((1 << PAGE_SHIFT) - 1)) as usize * words;
        &self.classes[class].pages[(index >> PAGE_SHIFT) as usize].words[at..at + words]
    }

    /// A stretch if there is memory for it, whether somebody owns it or not.
    #[inline]
    pub(in crate::state) fn words_at(&self, class: usize, index: u32) -> Option<&[u64]> {
        let held = self.classes.get(class)?;
        let words = self.shapes.get(class).words;
        let at = (index & ((1 << PAGE_SHIFT) - 1)) as usize * words;
        let page = held.pages.get((index >> PAGE_SHIFT) as usize)?;
        page.words.get(at..at + words)
    }

    /// A stretch that has an owner; none for any other number.
    #[inline]
    pub(in crate::state) fn get_owned(&self, class: usize, index: u32) -> Option<&[u64]> {
        let words = self.words_at(class, index);
        words.filter(|words| words[META] != VACANT)
    }

    pub(in crate::state) fn is_free(&self, class: usize, index: u32) -> bool {
        self.words(class, index)[META] == VACANT
    }

    #[inline]
    pub(super) fn get(&self, class: usize, index: u32) -> Body<'_> {
        Body {
            shape: self.shapes.get(class),
            words: self.words(class, index),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, class: usize, index: u32) -> BodyMut<'_> {
        let shape = self.shapes.get(class);
        let at = (index & ((1 << PAGE_SHIFT) - 1)) as usize * shape.words;
        let page = &mut self.classes[class].pages[(index >> PAGE_SHIFT) as usize];
        BodyMut {
            shape,
            words: &mut page.words[at..at + shape.words],
        }
    }

    /// One to read and one of another class to write.
    pub(super) fn pair(&mut self, from: (usize, u32), to: (usize, u32)) -> (Body<'_>, BodyMut<'_>) {
        let (low, high) = (from.0.min(to.0), from.0.max(to.0));
        let (lower, upper) = self.classes.split_at_mut(high);
        let (lower, upper) = (&mut lower[low], &mut upper[0]);
        let (source, target) = match from.0 == low {
            true => (lower, upper),
            false => (upper, lower),
        };
        let (source_shape, target_shape) = (self.shapes.get(from.0), self.shapes.get(to.0));
        let at = |index: u32, words: usize| {
            let at = (index & ((1 << PAGE_SHIFT) - 1)) as usize * words;
            at..at + words
        };
        let page = |index: u32| (index >> PAGE_SHIFT) as usize;
        (
            Body {
                shape: source_shape,
                words: &source.pages[page(from.1)].words[at(from.1, source_shape.words)],
            },
            BodyMut {
                shape: target_shape,
                words: &mut target.pages[page(to.1)].words[at(to.1, target_shape.words)],
            },
        )
    }

    /// Bytes of a page of a class.
    pub(in crate::state) fn page_bytes(words: usize) -> usize {
        (words << PAGE_SHIFT) * 8
    }

    /// Events a key holds.
    pub(in crate::state) fn rows(&self, class: usize, index: u32) -> u32 {
        self.get(class, index).rows()
    }

    /// Classes there are.
    pub(in crate::state) fn classes(&self) -> usize {
        self.classes.len()
    }

    /// Indices of a class are below this.
    pub(in crate::state) fn count(&self, class: usize) -> u32 {
        self.classes[class].count
    }

    /// Bytes allocated.
    pub(in crate::state) fn bytes(&self) -> usize {
        let class = |(class, held): (usize, &Class)| {
            held.allocated * (self.shapes.get(class).words << PAGE_SHIFT) * 8
                + held.pages.capacity() * size_of::<Page>()
        };
        self.classes.iter().enumerate().map(class).sum()
    }
}
