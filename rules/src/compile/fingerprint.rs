//! When two features mean the same, and what a version of a pack is called.
//!
//! The idea: a feature's state may be kept over a reload exactly when nothing that goes into it changed: keys, aggregate,
//! arguments, filter, window, scope, the types of the fields they read, and the lists they look things up in. The name is
//! not part of it. The invariant: pieces are hashed with their lengths, so no two different features run together.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::features::Parts;
use crate::aggregate::Aggregate;
use crate::definition::PackSource;
use crate::expression::Program;
use crate::list::{List, Lists};
use crate::ruleset::{RuleSet, Scope};
use crate::schema::Schema;
use crate::time::Span;
use crate::window::Window;

/// Changes when the meaning of features changes, so that state of an older meaning is not taken over.
const SEMANTICS: u64 = 1;

/// `name@` and the first 16 hex digits of the hash of the pack's text and its lists.
pub(super) fn version(name: &str, source: &PackSource) -> String {
    let mut hash = Pieces::new();
    hash.text(&source.pack.text);
    let mut lists: Vec<_> = source.lists.iter().collect();
    lists.sort_by_key(|list| &list.name);
    for list in lists {
        hash.text(&list.name);
        hash.text(&list.text);
    }
    let digits = format!("{:032x}", hash.finish());
    format!("{name}@{}", digits.get(..16).unwrap_or(&digits))
}

pub(super) fn feature(parts: &Parts, schema: &Schema, lists: &Lists) -> u128 {
    let mut hash = Pieces::new();
    hash.number(SEMANTICS);
    hash.fields(&parts.key, schema);
    hash.text(parts.aggregate.name());
    match parts.aggregate {
        Aggregate::Quantile { millionths } => hash.number(millionths.into()),
        Aggregate::TopK { k } => hash.number(k.into()),
        Aggregate::Ewma { half_life } => hash.number(half_life.0.cast_unsigned()),
        _ => {}
    }
    hash.number(len(parts.args.len()));
    for program in parts.args.iter().chain(&parts.filter) {
        hash.program(program, schema, lists);
    }
    match parts.window {
        Window::Sliding { from, to } => {
            hash.text("sliding");
            hash.number(from.0.cast_unsigned());
            hash.number(to.0.cast_unsigned());
        }
        Window::Last { n } => {
            hash.text("last");
            hash.number(u64::from(n));
        }
        Window::Forever => hash.text("forever"),
        Window::Session { gap } => {
            hash.text("session");
            hash.number(gap.0.cast_unsigned());
        }
        Window::Calendar { period, zone } => {
            hash.text("calendar");
            hash.text(period.name());
            hash.text(zone.name());
        }
        Window::Decay { half_life } => {
            hash.text("decay");
            hash.number(half_life.0.cast_unsigned());
        }
    }
    hash.text(match parts.scope {
        Scope::WithCurrent => "with_current",
        Scope::Prior => "prior",
    });
    hash.finish()
}

/// What the state of a pack is of: of two packs that share it one can go on with the state of the other. Rules, lists
/// that no feature looks into, and the policy are not part of it.
pub(crate) fn state(rules: &RuleSet) -> u128 {
    let mut hash = Pieces::new();
    let schema = &rules.schema;
    hash.fields(&[schema.id, schema.time], schema);
    for span in [schema.max_lateness, schema.dedup_horizon] {
        hash.number(span.0.cast_unsigned());
    }
    let limits = rules.limits;
    for limit in [limits.keys, limits.events_per_key, limits.distinct_per_key] {
        hash.number(limit.into());
    }
    hash.number(len(rules.groups.len()));
    for group in &rules.groups {
        hash.fields(&group.key, schema);
        hash.number(len(group.inputs.len()));
        hash.number(len(group.filters.len()));
        hash.number(len(group.features.len()));
        let features = group.features.iter();
        for feature in features.filter_map(|at| rules.features.get(*at)) {
            hash.0.write(&feature.fingerprint.to_le_bytes());
            hash.number(len(feature.args.len()));
            feature.args.iter().for_each(|arg| hash.number(len(*arg)));
            hash.number(feature.filter.map_or(0, |filter| len(filter) + 1));
        }
    }
    hash.finish()
}

/// The fields of a key and a span: what a rule's memory of its alerts is of.
pub(crate) fn memory(key: &[usize], span: Span, schema: &Schema) -> u128 {
    let mut hash = Pieces::new();
    hash.fields(key, schema);
    hash.number(span.0.cast_unsigned());
    hash.finish()
}

struct Pieces(SipHasher13);

impl Pieces {
    fn new() -> Pieces {
        Pieces(SipHasher13::new())
    }

    fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(len(text.len()));
        self.0.write(text.as_bytes());
    }

    /// Names and types: an index alone would mean another field after the schema changed.
    fn fields(&mut self, fields: &[usize], schema: &Schema) {
        self.number(len(fields.len()));
        for field in fields.iter().filter_map(|index| schema.fields.get(*index)) {
            self.text(&field.name);
            self.text(&field.ty.name());
        }
    }

    fn program(&mut self, program: &Program, schema: &Schema, lists: &Lists) {
        self.text(program.canonical());
        self.text(&program.ty().name());
        self.fields(program.reads(), schema);
        if program.canonical().contains("in_list") {
            self.number(len(lists.len()));
            lists.iter().for_each(|list| self.list(list));
        }
    }

    fn list(&mut self, list: &List) {
        self.text(&list.name);
        // Sums do not depend on the order of a set.
        let entries = list.entries.iter().map(|entry| {
            let mut hash = Pieces::new();
            hash.text(entry);
            hash.finish()
        });
        let sum = entries.fold(0u128, u128::wrapping_add);
        self.0.write(&sum.to_le_bytes());
    }

    fn finish(self) -> u128 {
        self.0.finish128().as_u128()
    }
}

fn len(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
