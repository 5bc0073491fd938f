//! Makes a [`Plan`] of the rules of a pack.
//!
//! The idea: whatever two rules share is found by its meaning: columns by their place in the pack, what is computed by the
//! canonical text of its program, in which a `let` stands as what it computes, tests and conjuncts by what they are made
//! of. The invariant: the plan depends on the pack alone; nothing is walked in the order of a hash.

use std::collections::BTreeMap;

use super::plan::{Ask, Conjunct, Matched, Plan, Read, Source, StripPlan, Test, tests};
use crate::expression::Program;
use crate::expression::shape::{self, Logic, NameOf, Step, Value};
use crate::ruleset::{Rule, RuleSet};
use crate::value::Type;

/// What is known while a plan is made.
struct Maker<'a> {
    rules: &'a RuleSet,
    plan: Plan,
    strips: BTreeMap<String, usize>,
    tests: BTreeMap<shape::Test, usize>,
    conjuncts: BTreeMap<Logic<usize>, usize>,
    read: BTreeMap<usize, Vec<usize>>,
}

impl Plan {
    /// The plan of these rules.
    pub(super) fn new(rules: &RuleSet, evaluated: impl Iterator<Item = usize>) -> Plan {
        let mut maker = Maker {
            rules,
            plan: Plan::default(),
            strips: BTreeMap::new(),
            tests: BTreeMap::new(),
            conjuncts: BTreeMap::new(),
            read: BTreeMap::new(),
        };
        for index in evaluated {
            if let Some(rule) = rules.rules.get(index) {
                maker.rule(rule);
            }
        }
        let mut plan = maker.plan;
        for (column, readers) in maker.read {
            let Some(ty) = rules.columns.get(column).map(|column| column.ty) else {
                continue;
            };
            let doubtful = matches!(ty, Type::Float | Type::Decimal(_));
            let doubtful = doubtful.then(|| maker.strips.get(&column_text(column)));
            plan.columns.push(Read {
                column,
                ty: ty.arrow(),
                doubtful: doubtful.flatten().copied(),
                rules: readers,
            });
        }
        plan
    }
}

impl Maker<'_> {
    fn rule(&mut self, rule: &Rule) {
        let lets = self.lets(rule);
        let mut conjuncts = Vec::new();
        for node in rule.when.conjuncts() {
            let logic = rule.when.logic(node);
            let logic = logic.into_iter().map(|step| match step {
                Step::Test(test) => Step::Test(self.test(test, rule, &lets)),
                Step::And => Step::And,
                Step::Or => Step::Or,
                Step::Not => Step::Not,
                Step::Is(truth) => Step::Is(truth),
                Step::IsNull => Step::IsNull,
            });
            let logic = logic.collect();
            conjuncts.push(self.conjunct(logic));
        }
        let plan = &mut self.plan;
        // What two conjuncts of a rule cost at most, compared; the order written decides between equals.
        conjuncts.sort_by_key(|at| plan.cost(*at));
        let strips = conjuncts.iter().flat_map(|at| &plan.conjuncts[*at].strips);
        let can_fail = strips.into_iter().any(|at| plan.strips[*at].can_fail);
        for column in reads(rule, self.rules.columns.len()) {
            self.read.entry(column).or_default().push(plan.rules.len());
        }
        plan.lets = plan.lets.max(rule.lets.len());
        plan.rules.push(Matched {
            expires: rule.expires,
            conjuncts,
            can_fail,
        });
    }

    /// The strip of each `let` that the condition reads.
    fn lets(&mut self, rule: &Rule) -> Vec<Option<usize>> {
        let base = self.rules.columns.len();
        let mut read = vec![false; rule.lets.len()];
        mark(&mut read, rule.when.reads(), base);
        for index in (0..rule.lets.len()).rev() {
            if read[index] {
                mark(&mut read, rule.lets[index].value.reads(), base);
            }
        }
        let mut lets: Vec<Option<usize>> = Vec::with_capacity(rule.lets.len());
        for (written, read) in rule.lets.iter().zip(read) {
            let strip = read.then(|| {
                let renamed = with_names(self.rules, &lets, |column, list| {
                    written.value.renamed(column, list)
                });
                self.computed(renamed, &lets)
            });
            lets.push(strip);
        }
        lets
    }

    fn test(&mut self, mut test: shape::Test, rule: &Rule, lets: &[Option<usize>]) -> usize {
        let base = self.rules.columns.len();
        let strip = match test.value {
            Value::Column(at) => match at.checked_sub(base).and_then(|at| lets.get(at)) {
                Some(strip) => strip.unwrap_or_default(),
                None => self.column(at),
            },
            Value::Part(node) => {
                let part = with_names(self.rules, lets, |column, list| {
                    rule.when.part(node, column, list)
                });
                self.computed(part, lets)
            }
        };
        test.value = Value::Column(strip);
        if let Some(known) = self.tests.get(&test) {
            return *known;
        }
        let made = Test {
            strip,
            ask: Ask::of(&test.question),
            negated: test.negated,
        };
        self.plan.tests.push(made);
        let at = self.plan.tests.len() - 1;
        self.tests.insert(test, at);
        at
    }

    fn conjunct(&mut self, logic: Logic<usize>) -> usize {
        if let Some(known) = self.conjuncts.get(&logic) {
            return *known;
        }
        let plan = &mut self.plan;
        let mut strips: Vec<usize> = tests(&logic).map(|test| plan.tests[test].strip).collect();
        strips.sort_unstable();
        strips.dedup();
        let access = match logic.as_slice() {
            [Step::Test(test)] => plan.access(&plan.tests[*test]),
            _ => None,
        };
        plan.conjuncts.push(Conjunct {
            logic: logic.clone(),
            strips,
            access,
        });
        let at = plan.conjuncts.len() - 1;
        self.conjuncts.insert(logic, at);
        at
    }

    fn column(&mut self, at: usize) -> usize {
        let ty = self.rules.columns.get(at).map_or(Type::Int, |c| c.ty);
        let made = StripPlan {
            ty,
            source: Source::Column(at),
            can_fail: false,
        };
        self.strip(column_text(at), made)
    }

    fn computed(&mut self, program: Program, lets: &[Option<usize>]) -> usize {
        let base = self.rules.columns.len();
        let reads = program.reads().iter().filter_map(|at| at.checked_sub(base));
        let reads: Vec<(usize, usize)> = reads
            .filter_map(|at| Some((at, (*lets.get(at)?)?)))
            .collect();
        let can_fail = |strip: &usize| self.plan.strips[*strip].can_fail;
        let can_fail = program.can_fail() || reads.iter().any(|(_, strip)| can_fail(strip));
        let made = StripPlan {
            ty: program.ty(),
            can_fail,
            source: Source::Program(Box::new(program.clone()), reads),
        };
        self.strip(program.canonical().to_owned(), made)
    }

    fn strip(&mut self, text: String, made: StripPlan) -> usize {
        let strips = &mut self.plan.strips;
        *self.strips.entry(text).or_insert_with(|| {
            strips.push(made);
            strips.len() - 1
        })
    }
}

fn column_text(at: usize) -> String {
    format!("column {at}")
}

/// Marks the `let`s among what is read.
fn mark(read: &mut [bool], reads: &[usize], base: usize) {
    for at in reads.iter().filter_map(|at| at.checked_sub(base)) {
        if let Some(read) = read.get_mut(at) {
            *read = true;
        }
    }
}

/// Calls `with` with what columns and lists are called; a `let` by its strip, which no name of a pack looks like.
fn with_names<R>(
    rules: &RuleSet,
    lets: &[Option<usize>],
    with: impl FnOnce(&NameOf<'_>, &NameOf<'_>) -> R,
) -> R {
    let column = |at: usize| match rules.columns.get(at) {
        Some(column) => column.name.clone(),
        None => {
            let strip = lets.get(at - rules.columns.len()).copied().flatten();
            format!("let {}", strip.unwrap_or_default())
        }
    };
    let list = |at: usize| {
        rules
            .lists
            .get(at)
            .map_or(String::new(), |l| l.name.clone())
    };
    with(&column, &list)
}

/// The columns of the pack that the condition reads, its `let`s included, ascending.
fn reads(rule: &Rule, base: usize) -> Vec<usize> {
    let mut lets = vec![false; rule.lets.len()];
    mark(&mut lets, rule.when.reads(), base);
    let mut reads: Vec<usize> = rule.when.reads().to_vec();
    for index in (0..rule.lets.len()).rev() {
        if lets[index] {
            mark(&mut lets, rule.lets[index].value.reads(), base);
            reads.extend(rule.lets[index].value.reads());
        }
    }
    reads.retain(|at| *at < base);
    reads.sort_unstable();
    reads.dedup();
    reads
}
