//! What an engine works out about a pack once, so that a step only walks lists of indices.
//!
//! The idea: an argument or filter that several groups write alike is evaluated once per step, and a `let` that only
//! the sentence of a hit shows is evaluated only in steps that have a hit. The invariant: indices point where
//! [`crate::ruleset`] says.

use arrow::array::{ArrayRef, AsArray, BooleanArray};

use super::Step;
use crate::expression::Program;
use crate::ruleset::{Feature, Group, Mode, Rule, RuleSet};
use crate::state::{FeaturePlan, GroupPlan};

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    /// Distinct arguments and filters over all groups.
    pub(super) shared: Vec<Shared>,
    /// Per group, where its values stand among the shared ones.
    pub(super) groups: Vec<GroupSources>,
    /// The rules that are evaluated.
    pub(super) rules: Vec<RulePlan>,
}

/// The first place a shared program stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shared {
    /// `groups[.0].inputs[.1]`.
    Input(usize, usize),
    /// `groups[.0].filters[.1]`.
    Filter(usize, usize),
}

impl Shared {
    pub(super) fn program(self, rules: &RuleSet) -> Option<&Program> {
        match self {
            Shared::Input(group, index) => rules.groups.get(group)?.inputs.get(index),
            Shared::Filter(group, index) => rules.groups.get(group)?.filters.get(index),
        }
    }
}

/// Indices into [`Plan::shared`].
#[derive(Debug)]
pub(super) struct GroupSources {
    pub(super) inputs: Vec<usize>,
    pub(super) filters: Vec<usize>,
}

/// The columns of one group in one step.
pub(super) struct GroupColumns {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) inputs: Vec<ArrayRef>,
    pub(super) filters: Vec<BooleanArray>,
}

/// When which `let` of a rule is evaluated.
#[derive(Debug)]
pub(super) struct RulePlan {
    /// Index into [`RuleSet::rules`].
    pub(super) rule: usize,
    /// Per `let`.
    pub(super) lets: Vec<LetUse>,
}

/// What a `let` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetUse {
    /// Nothing reads it.
    Idle,
    /// Only the sentence reads it.
    Sentence,
    /// The condition reads it.
    Condition,
}

impl Plan {
    pub(super) fn new(rules: &RuleSet) -> Plan {
        let mut plan = Plan {
            shared: Vec::new(),
            groups: Vec::new(),
            rules: Vec::new(),
        };
        for (index, group) in rules.groups.iter().enumerate() {
            let sources = plan.sources(rules, index, group);
            plan.groups.push(sources);
        }
        let all = 0..rules.rules.len();
        plan.rules = all.filter_map(|rule| RulePlan::new(rules, rule)).collect();
        plan
    }

    /// A group's columns out of the events and the shared ones.
    pub(super) fn columns(
        &self,
        rules: &RuleSet,
        group: usize,
        step: &Step<'_>,
        shared: &[ArrayRef],
    ) -> Option<GroupColumns> {
        let (group, sources) = (rules.groups.get(group)?, self.groups.get(group)?);
        let events = step.events.columns();
        let pick = |all: &[ArrayRef], some: &[usize]| -> Vec<ArrayRef> {
            some.iter().filter_map(|at| all.get(*at).cloned()).collect()
        };
        let filters = pick(shared, &sources.filters);
        let filters = filters.iter().filter_map(|f| f.as_boolean_opt().cloned());
        Some(GroupColumns {
            keys: pick(events, &group.key),
            inputs: pick(shared, &sources.inputs),
            filters: filters.collect(),
        })
    }

    fn sources(&mut self, rules: &RuleSet, index: usize, group: &Group) -> GroupSources {
        let inputs = (0..group.inputs.len()).map(|input| Shared::Input(index, input));
        let inputs = inputs.map(|source| self.share(rules, source)).collect();
        let filters = (0..group.filters.len()).map(|filter| Shared::Filter(index, filter));
        let filters = filters.map(|source| self.share(rules, source)).collect();
        GroupSources { inputs, filters }
    }

    fn share(&mut self, rules: &RuleSet, source: Shared) -> usize {
        let same = |known: &Shared| match (known.program(rules), source.program(rules)) {
            (Some(known), Some(new)) => {
                known.ty() == new.ty() && known.canonical() == new.canonical()
            }
            _ => false,
        };
        // A pack has hundreds of these at most, and this runs once per pack.
        self.shared.iter().position(same).unwrap_or_else(|| {
            self.shared.push(source);
            self.shared.len() - 1
        })
    }
}

impl RulePlan {
    /// The plan of a rule, if it is evaluated.
    pub(super) fn new(rules: &RuleSet, index: usize) -> Option<RulePlan> {
        let rule = rules.rules.get(index)?;
        (rule.mode != Mode::Off).then(|| RulePlan {
            rule: index,
            lets: let_uses(rule, rules.columns.len()),
        })
    }
}

/// What a group's store is asked to compute.
pub(super) fn group_plan(rules: &RuleSet, group: &Group) -> GroupPlan {
    let features = group.features.iter().filter_map(|f| rules.features.get(*f));
    let features = features.map(|feature| FeaturePlan {
        aggregate: feature.aggregate,
        args: feature.args.clone(),
        filter: feature.filter,
        window: feature.window,
        scope: feature.scope,
    });
    GroupPlan {
        inputs: group.inputs.iter().map(Program::ty).collect(),
        filters: group.filters.len(),
        features: features.collect(),
        ..empty_plan(rules, group)
    }
}

/// What a store is asked to compute that holds one feature of a group and nothing else.
pub(super) fn feature_plan(
    rules: &RuleSet,
    group: &Group,
    feature: &Feature,
    inputs: &[Program],
) -> GroupPlan {
    GroupPlan {
        inputs: inputs.iter().map(Program::ty).collect(),
        filters: usize::from(feature.filter.is_some()),
        features: vec![FeaturePlan {
            aggregate: feature.aggregate,
            args: (0..inputs.len()).collect(),
            filter: feature.filter.map(|_| 0),
            window: feature.window,
            scope: feature.scope,
        }],
        ..empty_plan(rules, group)
    }
}

fn empty_plan(rules: &RuleSet, group: &Group) -> GroupPlan {
    let key = group.key.iter().filter_map(|k| rules.schema.fields.get(*k));
    GroupPlan {
        key: key.map(|field| field.ty).collect(),
        inputs: Vec::new(),
        filters: 0,
        features: Vec::new(),
        max_lateness: rules.schema.max_lateness,
        limits: rules.limits,
    }
}

fn let_uses(rule: &Rule, columns: usize) -> Vec<LetUse> {
    let mut uses = vec![LetUse::Idle; rule.lets.len()];
    mark(
        &mut uses,
        rule,
        &rule.explain.reads(),
        columns,
        LetUse::Sentence,
    );
    mark(
        &mut uses,
        rule,
        rule.when.reads(),
        columns,
        LetUse::Condition,
    );
    uses
}

/// Marks the `let`s read, and what they read in turn. A `let` reads only earlier ones, so one walk from the last to
/// the first finds all.
fn mark(uses: &mut [LetUse], rule: &Rule, reads: &[usize], columns: usize, of: LetUse) {
    let mut read = vec![false; uses.len()];
    let note = |read: &mut Vec<bool>, reads: &[usize]| {
        for index in reads.iter().filter_map(|r| r.checked_sub(columns)) {
            if let Some(read) = read.get_mut(index) {
                *read = true;
            }
        }
    };
    note(&mut read, reads);
    for index in (0..uses.len()).rev() {
        if read[index] {
            uses[index] = of;
            note(&mut read, rule.lets[index].value.reads());
        }
    }
}
