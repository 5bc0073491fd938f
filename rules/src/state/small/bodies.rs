//! Where small keys live: stretches of words by class and index, in pages that never move.
//!
//! The invariant: a stretch has one owner until it is freed; a free one says [`VACANT`] where its meta word would be.

use std::io;

use super::body::Body;
use super::change::BodyMut;
use super::shape::{META, Shapes};
use crate::snapshot::{Fault, Freeze, Reader, Room, Writer, sure};
use crate::state::identity::Identity;
use crate::state::keys::CLASS_SHIFT;
use crate::state::layout::VACANT;
use crate::state::pages::Pages;
use crate::state::warm::ask;

/// Of so many stretches one may lie free before others are moved.
const SPARE: u32 = 8;

/// Stretches per page.
const PAGE_SHIFT: u32 = 9;

/// All small keys of one group.
#[derive(Debug)]
pub(in crate::state) struct Bodies {
    pub(super) shapes: Shapes,
    /// By class.
    pages: Vec<Pages>,
}

impl Bodies {
    pub(in crate::state) fn new(shapes: Shapes) -> Bodies {
        let pages = |class| Pages::new(shapes.words(class), PAGE_SHIFT);
        let pages = (0..shapes.len()).map(pages).collect();
        Bodies { shapes, pages }
    }

    /// A stretch with words of no meaning.
    pub(super) fn take(&mut self, class: usize) -> u32 {
        let words = self.shapes.words(class);
        self.pages[class].take(|page| vacate(page, words))
    }

    pub(super) fn free(&mut self, class: usize, index: u32) {
        self.get_mut(class, index).words[META] = VACANT;
        self.pages[class].free(index);
    }

    /// Whether a stretch lies behind where all of its class would end if they lay close to one another.
    pub(super) fn is_outlying(&self, class: usize, index: u32) -> bool {
        let owned = self.pages[class].owned();
        index > owned + owned / SPARE
    }

    /// Copies a stretch to another one of its class.
    pub(super) fn copy(&mut self, class: usize, from: u32, to: u32) {
        let words = self.words(class, from).to_vec();
        self.get_mut(class, to).words.copy_from_slice(&words);
    }

    /// See [`Pages::next`].
    pub(in crate::state) fn next(&self, class: usize, index: u32) -> Option<u32> {
        self.pages[class].next(index)
    }

    /// The greatest time of an event a key has or had, and of one it forgot.
    pub(in crate::state) fn reach(&self, class: usize, index: u32) -> (i64, i64) {
        let body = self.get(class, index);
        (body.newest(), body.forgotten())
    }

    #[inline]
    pub(in crate::state) fn words(&self, class: usize, index: u32) -> &[u64] {
        self.pages[class].get(index)
    }

    /// A stretch if there is memory for it, whether somebody owns it or not.
    #[inline]
    pub(in crate::state) fn words_at(&self, class: usize, index: u32) -> Option<&[u64]> {
        self.pages.get(class)?.find(index)
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

    /// Asks for what tells which rows of a key are wanted; where most of them are, for all of it.
    #[inline]
    pub(in crate::state) fn ask(&self, class: usize, index: u32) {
        let body = self.get(class, index);
        match body.shape.running > 0 {
            true => ask(&body.words[..body.shape.rows]),
            false => ask(body.words),
        }
    }

    /// Asks for the rows that are wanted, once that is there; the key may have gone meanwhile.
    #[inline]
    pub(in crate::state) fn ask_rows(&self, class: usize, index: u32) {
        let shape = self.shapes.get(class);
        if shape.running > 0
            && let Some(words) = self.words_at(class, index)
        {
            Body { shape, words }.ask_rows();
        }
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
        BodyMut {
            shape: self.shapes.get(class),
            words: self.pages[class].get_mut(index),
        }
    }

    /// The stretch of a key, if that is the one this number leads to.
    #[inline]
    pub(super) fn get_known(
        &mut self,
        class: usize,
        index: u32,
        identity: Identity,
    ) -> Option<BodyMut<'_>> {
        let is_meant = |words: &[u64]| words[..2] == identity.0 && words[META] != VACANT;
        Some(BodyMut {
            words: self.pages.get_mut(class)?.find_mut(index, is_meant)?,
            shape: self.shapes.get(class),
        })
    }

    /// One to read and one of another class to write.
    pub(super) fn pair(&mut self, from: (usize, u32), to: (usize, u32)) -> (Body<'_>, BodyMut<'_>) {
        let (lower, upper) = self.pages.split_at_mut(from.0.max(to.0));
        let (source, target) = match from.0 < to.0 {
            true => (&lower[from.0], &mut upper[0]),
            false => (&upper[0], &mut lower[to.0]),
        };
        let (source, target) = (source.get(from.1), target.get_mut(to.1));
        (
            Body {
                shape: self.shapes.get(from.0),
                words: source,
            },
            BodyMut {
                shape: self.shapes.get(to.0),
                words: target,
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
        self.pages.len()
    }

    /// Indices of a class are below this.
    pub(in crate::state) fn count(&self, class: usize) -> u32 {
        self.pages[class].count()
    }

    /// Bytes allocated.
    pub(in crate::state) fn bytes(&self) -> usize {
        self.pages.iter().map(Pages::bytes).sum()
    }

    /// Back from [`Freeze::write`]; what stands in them is looked at by [`Bodies::check`].
    pub(in crate::state) fn restore(
        shapes: Shapes,
        from: &mut Reader<'_>,
    ) -> Result<Bodies, Fault> {
        let pages = |class| {
            let words = shapes.words(class);
            let pages = Pages::restore(words, PAGE_SHIFT, from, |page| vacate(page, words))?;
            sure(pages.count() < 1 << CLASS_SHIFT, "there are too many keys")?;
            Ok(pages)
        };
        let pages: Result<_, Fault> = (0..shapes.len()).map(pages).collect();
        Ok(Bodies {
            pages: pages?,
            shapes,
        })
    }

    /// The stretches of a class that have an owner, in order.
    pub(in crate::state) fn each_owned(&self, class: usize) -> impl Iterator<Item = u32> {
        self.pages[class].each_owned()
    }

    /// How many stretches of a class have an owner.
    pub(in crate::state) fn owned(&self, class: usize) -> u32 {
        self.pages[class].owned()
    }
}

/// All classes, each as its pages.
impl Freeze for Bodies {
    fn freeze(&mut self) {
        self.pages.iter_mut().for_each(Freeze::freeze);
    }

    fn write(&mut self, room: &mut Room, to: &mut Writer<'_>) -> io::Result<bool> {
        for pages in &mut self.pages {
            if !pages.write(room, to)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn thaw(&mut self) {
        self.pages.iter_mut().for_each(Freeze::thaw);
    }
}

/// Makes all stretches of a page free ones.
fn vacate(page: &mut [u64], words: usize) {
    let bodies = page.chunks_mut(words);
    bodies.for_each(|body| body[META] = VACANT);
}
