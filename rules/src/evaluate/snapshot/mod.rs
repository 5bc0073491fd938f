//! An engine saved and restored, section by section.
//!
//! The idea: state is a fold over the log, and a snapshot spares the beginning of the fold. It is cut into [`Section`]s,
//! each of which is written and read by itself into whatever the caller has ([`std::io::Write`], [`std::io::Read`]), so
//! nobody needs memory for a whole copy, and several hands can each have one: [`Engine::save`] and [`Restore::read`]
//! take no `&mut`. The caller keeps the sections under their names, with their lengths and checksums.
//!
//! ```text
//! head            versions, application, what the state is of, seed, outcomes, rules with a memory ([`head`])
//! order           times taken per partition, rows taken per group
//! dedup           ids remembered with their decisions
//! group-0/shard-2 keys and events of a part of a group
//! rule-3          alerts that `once_per` and `at_most` remember, of the rule of that place
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

use std::fmt;
use std::io::{self, Write};

pub use self::error::RestoreError;
pub use self::read::{Restore, Restored};
use super::plan::group_plan;
use super::{Engine, SEMANTICS};
use crate::ruleset::RuleSet;
use crate::snapshot::Writer;
use crate::state::GroupState;

/// How a snapshot is laid out. It changes when the bytes do.
pub const FORMAT: u32 = 1;

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
    /// The alerts of a rule that are remembered.
    Rule(
        /// Index into [`RuleSet::rules`] of the pack it was saved with.
        usize,
    ),
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Section::Head => f.write_str("head"),
            Section::Order => f.write_str("order"),
            Section::Dedup => f.write_str("dedup"),
            Section::Shard { group, shard } => write!(f, "group-{group}/shard-{shard}"),
            Section::Rule(rule) => write!(f, "rule-{rule}"),
        }
    }
}

/// The sections of a pack's state that are there whatever its rules are, without the head.
fn of_state(rules: &RuleSet) -> Vec<Section> {
    let mut sections = vec![Section::Order, Section::Dedup];
    for (number, group) in rules.groups.iter().enumerate() {
        let shards = 0..GroupState::shards_of(&group_plan(rules, group));
        sections.extend(shards.map(|shard| Section::Shard {
            group: number,
            shard,
        }));
    }
    sections
}

impl Engine {
    /// The sections of its snapshot, the head first.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let rules = (0..self.rules.rules.len()).filter(|rule| self.remembers(*rule));
        let mut sections = vec![Section::Head];
        sections.extend(of_state(&self.rules));
        sections.extend(rules.map(Section::Rule));
        sections
    }

    /// Writes a section of its snapshot, in pieces of a few bytes up to a few megabytes: into something with a buffer.
    /// All sections of a snapshot are written between the same two steps.
    ///
    /// # Errors
    /// Those of the writer; and [`io::ErrorKind::Other`] for a section it has not, as after a step that was not done.
    pub fn save(&self, section: Section, to: &mut dyn Write) -> io::Result<()> {
        let to = &mut Writer::new(to);
        match section {
            Section::Head => head::write(self, to),
            Section::Order => self.save_order(to),
            Section::Dedup => self.dedup.save(to),
            Section::Shard { group, shard } => match self.groups.get(group) {
                Some(group) => group.save_shard(shard, to),
                None => Err(absent()),
            },
            Section::Rule(rule) => self.save_rule(rule, to),
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

    /// Each memory behind its length in words, so that one can be left out.
    fn save_rule(&self, rule: usize, to: &mut Writer<'_>) -> io::Result<()> {
        let (Some(once), Some(limit)) = (self.once.get(rule), self.limits.get(rule)) else {
            return Err(absent());
        };
        let mut bytes = Vec::new();
        if let Some(once) = once {
            once.save(&mut Writer::new(&mut bytes))?;
        }
        to.bytes(&bytes)?;
        bytes.clear();
        if let Some(limit) = limit {
            limit.save(&mut Writer::new(&mut bytes))?;
        }
        to.bytes(&bytes)
    }
}

fn absent() -> io::Error {
    io::Error::other("the state has no such section")
}
