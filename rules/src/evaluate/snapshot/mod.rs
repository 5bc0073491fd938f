//! An engine saved and restored, section by section.
//!
//! The idea: state is a fold over the log, and a snapshot spares the beginning of the fold. An engine is *frozen* between
//! two steps ([`Engine::freeze`]), which takes a moment however large it is, and then written a piece at a time between
//! the steps that follow ([`Engine::write`]): what is written is the state as it was frozen. It is cut into [`Section`]s,
//! so nobody needs memory for a whole copy, and several hands can each read one ([`Restore::read`] takes no `&mut`). The
//! caller keeps the sections under their names, with their lengths and checksums.
//!
//! ```text
//! head            versions, application, what the state is of, seed, outcomes, rules with a memory ([`head`])
//! order           times taken per partition, rows taken per group
//! rule-3/limit    alerts that `at_most` remembers, of the rule of that place
//! rule-3/once     alerts that `once_per` remembers
//! dedup           ids remembered with their decisions
//! group-0/shard-2 keys and events of a part of a group
//! ```
//!
//! The law: with a snapshot taken between any two steps, whatever comes is answered, forgotten and counted as by the
//! engine that went on, byte for byte; and an engine that was restored has the snapshot it came from.
//!
//! What goes with what: state is taken over exactly by a pack whose features, keys, limits, lateness and memory of ids
//! are the same ([`crate::compile`] hashes them); any other pack is refused ([`RestoreError::State`]). Rules, lists that
//! no feature looks into, and the policy may differ. A rule keeps its memory of alerts by its id: that of `once_per` if
//! key and span are the same, that of `at_most` if the span is (with another number, alerts that went out still count);
//! otherwise it begins with none, as a new rule does. A duplicate repeats an outcome by its name; one whose outcome the
//! policy has no more is decided as an event without a hit.
//!
//! The seed of the hash tables is in the head, because a long key is known by a fingerprint under it. So a snapshot is to
//! be kept as what it is: secret, and of events.

mod error;
mod head;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, Write};

pub use self::error::RestoreError;
pub use self::read::{Restore, Restored};
use super::plan::group_plan;
use super::{Engine, SEMANTICS};
use crate::ruleset::RuleSet;
use crate::snapshot::{Freeze, Room, Writer};
use crate::state::GroupState;

/// How a snapshot is laid out. It changes when the bytes do.
pub const FORMAT: u32 = 3;

/// A part of a snapshot that is written and read by itself. Shown as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What the snapshot is of.
    Head,
    /// What the order of events left behind.
    Order,
    /// The ids remembered.
    Dedup,
    /// Some of the keys of a group.
    Shard {
        /// Index into [`RuleSet::groups`].
        group: usize,
        /// Which of its shards.
        shard: usize,
    },
    /// The alerts that `once_per` of a rule remembers.
    Once(
        /// Index into [`RuleSet::rules`] of the pack it was saved with.
        usize,
    ),
    /// The alerts that `at_most` of a rule remembers.
    Limit(
        /// Index into [`RuleSet::rules`] of the pack it was saved with.
        usize,
    ),
}

/// How far a frozen engine is written.
#[derive(Debug)]
pub(super) struct Frozen {
    left: VecDeque<Section>,
    /// The small ones, as they were.
    noted: BTreeMap<Section, Vec<u8>>,
}

/// What [`Engine::write`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of this section and no other.
    pub section: Section,
    /// Whether it has no more.
    pub ended: bool,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Section::Head => f.write_str("head"),
            Section::Order => f.write_str("order"),
            Section::Dedup => f.write_str("dedup"),
            Section::Shard { group, shard } => write!(f, "group-{group}/shard-{shard}"),
            Section::Once(rule) => write!(f, "rule-{rule}/once"),
            Section::Limit(rule) => write!(f, "rule-{rule}/limit"),
        }
    }
}

impl Engine {
    /// From now on [`Engine::write`] writes what it holds now; what was frozen before is given up. `next`: per partition
    /// the offset from which on it has seen no event.
    ///
    /// # Errors
    /// [`io::ErrorKind::Other`] after a step that was not done: a part of the state is gone.
    pub fn freeze(&mut self, next: &[(u32, i64)]) -> io::Result<()> {
        self.thaw();
        let mut noted = BTreeMap::new();
        noted.insert(Section::Head, memory(|to| head::write(self, to))?);
        noted.insert(Section::Order, memory(|to| self.save_order(to))?);
        let limits = self.limits.iter().enumerate();
        for (rule, limit) in limits.filter_map(|(rule, limit)| Some((rule, limit.as_ref()?))) {
            noted.insert(Section::Limit(rule), memory(|to| limit.save(to))?);
        }
        let mut left: VecDeque<Section> = noted.keys().copied().collect();
        for (rule, once) in self.once.iter_mut().enumerate() {
            if let Some(once) = once {
                once.freeze();
                left.push_back(Section::Once(rule));
            }
        }
        self.dedup.freeze(next);
        self.groups.iter_mut().try_for_each(GroupState::freeze)?;
        left.extend(of_state(&self.rules).filter(|section| !noted.contains_key(section)));
        self.frozen = Some(Frozen { left, noted });
        Ok(())
    }

    /// Writes on at the frozen state, about so many bytes of one section; `None` when all is written. The pieces given
    /// to `to` have a few bytes up to those of a page: it wants a buffer.
    ///
    /// # Errors
    /// Those of the writer, and [`io::ErrorKind::Other`] when a part of the state is gone.
    pub fn write(&mut self, bytes: usize, to: &mut dyn Write) -> io::Result<Option<Progress>> {
        let Some(frozen) = &mut self.frozen else {
            return Ok(None);
        };
        let Some(section) = frozen.left.front().copied() else {
            self.frozen = None;
            return Ok(None);
        };
        let (to, room) = (&mut Writer::new(to), &mut Room::new(bytes));
        let ended = match section {
            Section::Head | Section::Order | Section::Limit(_) => {
                let noted = frozen.noted.remove(&section).ok_or_else(absent)?;
                to.raw(&noted)?;
                true
            }
            Section::Once(rule) => {
                let once = self.once.get_mut(rule).and_then(Option::as_mut);
                once.ok_or_else(absent)?.write(room, to)?
            }
            Section::Dedup => self.dedup.write(room, to)?,
            Section::Shard { group, shard } => {
                let group = self.groups.get_mut(group).ok_or_else(absent)?;
                group.write_shard(shard, room, to)?
            }
        };
        if ended {
            frozen.left.pop_front();
        }
        Ok(Some(Progress { section, ended }))
    }

    /// Gives up what is frozen.
    pub fn thaw(&mut self) {
        if self.frozen.take().is_some() {
            self.once.iter_mut().flatten().for_each(Freeze::thaw);
            self.dedup.thaw();
            self.groups.iter_mut().for_each(GroupState::thaw);
        }
    }

    fn remembers(&self, rule: usize) -> bool {
        let once = self.once.get(rule).is_some_and(Option::is_some);
        once || self.limits.get(rule).is_some_and(Option::is_some)
    }

    fn save_order(&self, to: &mut Writer<'_>) -> io::Result<()> {
        self.arrival.save(to)?;
        for (group, passed) in self.groups.iter().zip(&self.passed) {
            to.word(group.taken())?;
            to.words(&passed.words())?;
        }
        Ok(())
    }
}

/// The sections of a pack's state that are there whatever its rules are, without the head.
fn of_state(rules: &RuleSet) -> impl Iterator<Item = Section> {
    let groups = rules.groups.iter().enumerate();
    let shards = groups.flat_map(|(number, group)| {
        let shards = 0..GroupState::shards_of(&group_plan(rules, group));
        shards.map(move |shard| Section::Shard {
            group: number,
            shard,
        })
    });
    [Section::Order, Section::Dedup].into_iter().chain(shards)
}

fn memory(write: impl FnOnce(&mut Writer<'_>) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(&mut Writer::new(&mut bytes))?;
    Ok(bytes)
}

fn absent() -> io::Error {
    io::Error::other("the state has no such section")
}
