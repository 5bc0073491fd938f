//! From what the author wrote to what was proven about it: a [`RuleSet`], or everything that is wrong.
//!
//! The idea: the sections are checked in the order they build on one another (schema, lists, features, policy, rules), and
//! none stops at a finding. A name whose declaration is wrong is remembered as *broken*; expressions that use it are not
//! blamed for it. The invariant: a [`RuleSet`] is returned exactly when there was no error.
//!
//! [`names`] says what a name may look like, [`literal`] what a constant is, [`words`] splits expressions without
//! understanding them, [`cost`] bounds what they take, [`sql`] hands them to [`crate::expression`], [`groups`] shares state
//! between features, [`fingerprint`] says when two of them mean the same.

mod aggregates;
mod alerts;
mod cost;
mod explanation;
mod features;
pub(crate) mod fingerprint;
mod groups;
mod limits;
mod lists;
pub(crate) mod literal;
mod names;
mod parameters;
mod policy;
mod rules;
mod schema;
mod sql;
mod times;
mod usage;
mod words;

use std::collections::BTreeSet;

use crate::definition::{self, PACK_BYTES_MAX, PackSource};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::findings::Findings;
use crate::ruleset::{Column, RuleSet};

/// Checks a pack.
///
/// # Errors
/// Every finding, warnings too, in the order of the text, when at least one of them is an error.
pub fn compile(source: &PackSource) -> Result<RuleSet, Vec<Diagnostic>> {
    if let Some(problem) = source.pack.problem(PACK_BYTES_MAX) {
        return Err(vec![problem]);
    }
    let mut findings = Findings::new(&source.pack.name, &source.pack.text);
    let Some(definition) = definition::read(&mut findings) else {
        return Err(findings.into_sorted());
    };
    let mut checker = Checker {
        findings,
        broken: BTreeSet::new(),
        sensitive: BTreeSet::new(),
        columns: Vec::new(),
        fields: 0,
        list_names: Vec::new(),
    };
    let name = checker.pack_name(&definition);
    let schema = checker.schema(definition.schema.as_ref());
    let lists = checker.lists(&definition.lists, &schema, &source.lists);
    let (features, groups) = checker.features(&definition.features, &schema, &lists);
    let (policy, actions_known) = checker.policy(definition.policy.as_ref(), &lists, &schema);
    let limits = checker.limits(definition.limits.as_ref());
    checker.hot_keys(&definition.features, &features, limits);
    let rules = checker.rules(&definition.rules, &policy, actions_known, &schema);
    if checker.findings.has_errors() {
        return Err(checker.findings.into_sorted());
    }
    Ok(RuleSet {
        version: fingerprint::version(&name, source),
        pack: name,
        schema,
        columns: checker.columns,
        groups,
        features,
        lists,
        rules,
        policy,
        limits,
        warnings: checker.findings.into_sorted(),
    })
}

/// What is known so far.
struct Checker<'a> {
    findings: Findings<'a>,
    /// Names that were declared wrongly; nobody is blamed for using them.
    broken: BTreeSet<String>,
    /// Columns, and in a rule its lets, that must never be shown: their indices.
    sensitive: BTreeSet<usize>,
    /// Fields, then members of features, and while a rule is checked its lets.
    columns: Vec<Column>,
    /// How many of the columns are fields.
    fields: usize,
    list_names: Vec<String>,
}
