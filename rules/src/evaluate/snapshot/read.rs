//! An engine put together from the sections of a snapshot.
//!
//! The invariant: there is an engine only once every section was read and found sound.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use super::head::{self, Head, Kept};
use super::{RestoreError, Section, of_state};
use crate::evaluate::Engine;
use crate::evaluate::arrival::Arrival;
use crate::evaluate::estimate::Passed;
use crate::evaluate::limit::Limit;
use crate::evaluate::once::Once;
use crate::evaluate::plan::group_plan;
use crate::ruleset::RuleSet;
use crate::snapshot::{Fault, Reader};
use crate::state::dedup::Dedup;
use crate::state::save::{self, ShardRead};
use crate::state::{GroupPlan, GroupState};

/// An engine on its way back: the head was read and fits.
#[derive(Debug)]
pub struct Restore {
    rules: Arc<RuleSet>,
    application: String,
    head: Head,
    plans: Vec<GroupPlan>,
    parts: BTreeMap<Section, Part>,
}

/// A section that was read.
#[derive(Debug)]
pub struct Restored {
    section: Section,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Order(Arrival, Vec<GroupOrder>),
    Dedup(Dedup),
    Shard(Box<ShardRead>),
    Once(Once),
    Limit(Limit),
}

/// What came by a group.
#[derive(Clone, Copy, Debug)]
struct GroupOrder {
    taken: u64,
    passed: Passed,
}

impl Engine {
    /// An engine restored from a snapshot, one section after the other. `open`: what a section is read from, and how many
    /// bytes it has.
    ///
    /// # Errors
    /// [`RestoreError`]; the snapshot is of no use then, for this pack at least.
    pub fn restore<R: Read>(
        rules: Arc<RuleSet>,
        application: &str,
        mut open: impl FnMut(Section) -> io::Result<(R, u64)>,
    ) -> Result<Engine, RestoreError> {
        let mut open = |section| {
            let fault = |error| RestoreError::section(section, Fault::Read(error));
            open(section).map_err(fault)
        };
        let (from, length) = open(Section::Head)?;
        let mut head = Vec::new();
        let read = from.take(length).read_to_end(&mut head);
        read.map_err(|error| RestoreError::section(Section::Head, Fault::Read(error)))?;
        let mut restore = Restore::new(rules, application, &head)?;
        for section in restore.sections() {
            let (mut from, length) = open(section)?;
            let part = restore.read(section, &mut from, length)?;
            restore.put(part);
        }
        restore.finish()
    }
}

impl Restore {
    /// Begins with the head of a snapshot.
    ///
    /// # Errors
    /// [`RestoreError`] when the snapshot is of anything else than this application and the state of this pack.
    pub fn new(
        rules: Arc<RuleSet>,
        application: &str,
        head: &[u8],
    ) -> Result<Restore, RestoreError> {
        let head = head::read(&rules, application, head)?;
        let groups = rules.groups.iter();
        Ok(Restore {
            plans: groups.map(|group| group_plan(&rules, group)).collect(),
            application: application.to_owned(),
            head,
            rules,
            parts: BTreeMap::new(),
        })
    }

    /// The sections that are wanted; one of a rule only if its memory is taken over.
    #[must_use]
    pub fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = of_state(&self.rules).collect();
        for kept in &self.head.kept {
            sections.extend(kept.once.then_some(Section::Once(kept.saved)));
            sections.extend(kept.limit.then_some(Section::Limit(kept.saved)));
        }
        sections
    }

    /// Reads a section of so many bytes. Sections may be read in any order, and by several hands at once.
    ///
    /// # Errors
    /// [`RestoreError::Section`] when it cannot be read or is not what was saved.
    pub fn read(
        &self,
        section: Section,
        from: &mut dyn Read,
        length: u64,
    ) -> Result<Restored, RestoreError> {
        let part = self.read_part(section, &mut Reader::new(from, length));
        let part = part.map_err(|fault| RestoreError::section(section, fault))?;
        Ok(Restored { section, part })
    }

    /// Takes a section that was read.
    pub fn put(&mut self, read: Restored) {
        self.parts.insert(read.section, read.part);
    }

    /// The engine, once all sections are there.
    ///
    /// # Errors
    /// [`RestoreError::Missing`].
    pub fn finish(mut self) -> Result<Engine, RestoreError> {
        let mut engine = Engine::new(Arc::clone(&self.rules), &self.application, self.head.seed);
        for section in self.sections() {
            let part = self.parts.remove(&section);
            let part = part.ok_or(RestoreError::Missing(section))?;
            engine.put(part, section, self.target(section));
        }
        Ok(engine)
    }

    /// The rule of the pack at hand whose memory a section has.
    fn target(&self, section: Section) -> Option<Kept> {
        let (Section::Once(saved) | Section::Limit(saved)) = section else {
            return None;
        };
        let mut kept = self.head.kept.iter();
        kept.find(|kept| kept.saved == saved).copied()
    }

    fn read_part(&self, section: Section, from: &mut Reader<'_>) -> Result<Part, Fault> {
        let schema = &self.rules.schema;
        let part = match section {
            Section::Order => {
                let arrival = Arrival::restore(schema.max_lateness, from)?;
                let groups = self.plans.iter().map(|_| GroupOrder::restore(from));
                Part::Order(arrival, groups.collect::<Result<_, Fault>>()?)
            }
            Section::Dedup => {
                let (horizon, outcomes) = (schema.dedup_horizon, &self.head.outcomes);
                Part::Dedup(Dedup::restore(horizon, self.head.seed, outcomes, from)?)
            }
            Section::Shard { group, .. } => {
                let plan = self.plans.get(group);
                let plan = plan.ok_or(Fault::Wrong("the pack has no such group"))?;
                let shard = GroupState::restore_shard(plan, self.head.seed, from)?;
                Part::Shard(Box::new(shard))
            }
            Section::Once(_) => Part::Once(self.once(section, from)?),
            Section::Limit(_) => Part::Limit(self.limit(section, from)?),
            Section::Head => return Err(Fault::Wrong("it was read before")),
        };
        from.end()?;
        Ok(part)
    }

    fn once(&self, section: Section, from: &mut Reader<'_>) -> Result<Once, Fault> {
        let rule = self.target(section).filter(|kept| kept.once);
        let rule = rule.and_then(|kept| self.rules.rules.get(kept.rule));
        let written = rule.and_then(|rule| rule.once_per.as_ref());
        let written = written.ok_or(Fault::Wrong("the pack has no such rule"))?;
        let empty = Once::new(written, self.rules.schema.max_lateness, self.head.seed);
        Once::restore(empty, from)
    }

    fn limit(&self, section: Section, from: &mut Reader<'_>) -> Result<Limit, Fault> {
        let rule = self.target(section).filter(|kept| kept.limit);
        let rule = rule.and_then(|kept| self.rules.rules.get(kept.rule));
        let written = rule.and_then(|rule| rule.at_most);
        let written = written.ok_or(Fault::Wrong("the pack has no such rule"))?;
        Limit::restore(written, from)
    }
}

impl GroupOrder {
    fn restore(from: &mut Reader<'_>) -> Result<GroupOrder, Fault> {
        let taken = save::taken(from)?;
        let mut passed = [0; 2];
        from.fill(&mut passed)?;
        let passed = Passed::of(passed);
        Ok(GroupOrder { taken, passed })
    }
}

impl Engine {
    /// Puts a section in its place; shards come in their order. `kept`: the rule of one that is a rule's.
    fn put(&mut self, part: Part, section: Section, kept: Option<Kept>) {
        match part {
            Part::Order(arrival, groups) => {
                self.arrival = arrival;
                let states = self.groups.iter_mut().zip(&mut self.passed);
                for ((state, passed), order) in states.zip(groups) {
                    state.went_on(order.taken);
                    *passed = order.passed;
                }
            }
            Part::Dedup(dedup) => self.dedup = dedup,
            Part::Shard(read) => {
                if let Section::Shard { group, shard } = section
                    && let Some(state) = self.groups.get_mut(group)
                {
                    state.put_shard(shard, *read);
                }
            }
            Part::Once(once) => {
                if let Some(slot) = kept.and_then(|kept| self.once.get_mut(kept.rule)) {
                    *slot = Some(once);
                }
            }
            Part::Limit(limit) => {
                if let Some(slot) = kept.and_then(|kept| self.limits.get_mut(kept.rule)) {
                    *slot = Some(limit);
                }
            }
        }
    }
}
