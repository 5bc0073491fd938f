//! Shares state: features with one key share an event store, in which equal arguments and equal filters are kept once.
//!
//! The idea: what costs memory is a value per event, so the same value must not be stored twice. The invariant: a group has
//! at most [`FILTERS_MAX`] filters (they are one word per event); what goes beyond begins a second group of the same key.

use std::collections::BTreeMap;

use super::features::Parts;
use super::fingerprint;
use crate::expression::Program;
use crate::list::Lists;
use crate::ruleset::{Feature, Group};
use crate::schema::Schema;
use crate::value::Type;

/// Filters of one group: bits of a word.
const FILTERS_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    known: Vec<Known>,
    /// The newest group of each key.
    by_key: BTreeMap<Vec<usize>, usize>,
}

/// Where a group holds what it holds.
#[derive(Default)]
struct Known {
    inputs: BTreeMap<(String, String), usize>,
    filters: BTreeMap<String, usize>,
}

impl Groups {
    /// Puts a feature into the group of its key. Its columns are the caller's to fill in.
    pub(super) fn place(
        &mut self,
        parts: Parts,
        schema: &Schema,
        lists: &Lists,
        name: &str,
        index: usize,
    ) -> Feature {
        let fingerprint = fingerprint::feature(&parts, schema, lists);
        let group = self.group(&parts);
        let mut feature = Feature {
            name: name.to_owned(),
            group,
            aggregate: parts.aggregate,
            args: Vec::new(),
            filter: None,
            window: parts.window,
            scope: parts.scope,
            column: 0,
            members: 0,
            fingerprint,
        };
        let (Some(group), Some(known)) = (self.groups.get_mut(group), self.known.get_mut(group))
        else {
            return feature;
        };
        group.features.push(index);
        for arg in parts.args {
            let key = (arg.canonical().to_owned(), Type::name(arg.ty()));
            feature
                .args
                .push(kept(&mut group.inputs, &mut known.inputs, key, arg));
        }
        feature.filter = parts.filter.map(|filter| {
            kept(
                &mut group.filters,
                &mut known.filters,
                filter.canonical().to_owned(),
                filter,
            )
        });
        feature
    }

    pub(super) fn finish(self) -> Vec<Group> {
        self.groups
    }

    /// The group of a key, or a new one when there is none or it has no room for the filter.
    fn group(&mut self, parts: &Parts) -> usize {
        let room = |index: &usize| {
            let Some(known) = self.known.get(*index) else {
                return false;
            };
            let needs = parts
                .filter
                .as_ref()
                .is_some_and(|filter| !known.filters.contains_key(filter.canonical()));
            !needs || known.filters.len() < FILTERS_MAX
        };
        if let Some(index) = self.by_key.get(&parts.key).filter(|index| room(index)) {
            return *index;
        }
        self.groups.push(Group {
            key: parts.key.clone(),
            inputs: Vec::new(),
            filters: Vec::new(),
            features: Vec::new(),
        });
        self.known.push(Known::default());
        let index = self.groups.len() - 1;
        self.by_key.insert(parts.key.clone(), index);
        index
    }
}

/// The index of a program in a group, which takes it in when it has no equal.
fn kept<K: Ord>(
    programs: &mut Vec<Program>,
    known: &mut BTreeMap<K, usize>,
    key: K,
    program: Program,
) -> usize {
    *known.entry(key).or_insert_with(|| {
        programs.push(program);
        programs.len() - 1
    })
}
