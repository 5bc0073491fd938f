//! The conditions of all rules as one plan: strips, tests over strips, conjuncts over tests, rules over conjuncts.
//!
//! The idea: each of these is kept once, however many rules write it, so that what they share is answered once per
//! step. Two are the same if their meaning is: columns are told by their place in the pack, what is computed by the
//! canonical text of its program, in which a `let` stands as what it computes. The invariants: every index points into
//! the vector its name says; a strip is computed only from strips before it.

use std::collections::{BTreeMap, HashSet};

use arrow::datatypes::DataType;

use crate::expression::Program;
use crate::expression::shape::{self, Logic, NameOf, Question, Step, Value};
use crate::ruleset::{Rule, RuleSet};
use crate::value::Type;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) strips: Vec<StripPlan>,
    pub(super) tests: Vec<Test>,
    pub(super) conjuncts: Vec<Conjunct>,
    /// In the order of [`super::super::plan::Plan::rules`].
    pub(super) rules: Vec<Matched>,
    /// The columns of the pack that any condition reads.
    pub(super) columns: Vec<Read>,
    /// The most `let`s a rule has.
    pub(super) lets: usize,
}

/// Where the values of a strip come from.
#[derive(Debug)]
pub(super) struct StripPlan {
    pub(super) ty: Type,
    pub(super) source: Source,
    /// Whether a row may become null for a cause that counts.
    pub(super) can_fail: bool,
}

/// See [`StripPlan`].
#[derive(Debug)]
pub(super) enum Source {
    /// A column of the pack.
    Column(usize),
    /// What a program makes of the columns, after the `let`s it reads were put behind them: number of the `let`, strip.
    Program(Box<Program>, Vec<(usize, usize)>),
}

/// A question about a strip.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) strip: usize,
    pub(super) ask: Ask,
    pub(super) negated: bool,
}

/// [`Question`] in the form that is answered fastest.
#[derive(Debug)]
pub(super) enum Ask {
    True,
    Missing,
    /// `key - .0 <= .1`, as unsigned words: both ends of a range in one comparison.
    Within(i64, u64),
    Among(Vec<i64>),
    Text(String),
    /// Looked up and never walked, so hash order cannot show.
    Texts(HashSet<String>),
    Listed(usize),
}

/// A part of a condition that must hold.
#[derive(Debug)]
pub(super) struct Conjunct {
    /// Over [`Plan::tests`].
    pub(super) logic: Logic<usize>,
    /// The strips its tests read, ascending.
    pub(super) strips: Vec<usize>,
    /// How an index finds it, if one can.
    pub(super) access: Option<Access>,
}

/// What an index is asked.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// The key is at least this.
    Above(i64),
    /// The key is at most this.
    Below(i64),
    /// The key is one of these.
    Keys(Vec<i64>),
    /// The text is one of these.
    Texts(Vec<String>),
}

/// A rule that is evaluated.
#[derive(Debug)]
pub(super) struct Matched {
    pub(super) expires: Option<i64>,
    /// Cheapest first.
    pub(super) conjuncts: Vec<usize>,
    pub(super) can_fail: bool,
}

/// A column that conditions read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) column: usize,
    pub(super) ty: DataType,
    /// Its strip, if what is in it may be no value of its type.
    pub(super) doubtful: Option<usize>,
    /// Rules that read it: indices into [`Plan::rules`].
    pub(super) rules: Vec<usize>,
}

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

impl Plan {
    /// What a conjunct takes, roughly, in the order in which to try: single tests of columns first, programs last.
    fn cost(&self, conjunct: usize) -> usize {
        let conjunct = &self.conjuncts[conjunct];
        let program = |at: &usize| match &self.strips[*at].source {
            Source::Column(_) => 0,
            Source::Program(program, _) => 1_000 * program.nodes(),
        };
        let programs: usize = conjunct.strips.iter().map(program).sum();
        let text = |test: usize| match self.tests[test].ask {
            Ask::Text(_) => 4,
            Ask::Texts(_) | Ask::Listed(_) => 8,
            Ask::Among(_) => 2,
            _ => 1,
        };
        let tests: usize = tests(&conjunct.logic).map(text).sum();
        programs + tests + conjunct.logic.len()
    }

    /// How an index finds what a test is true of. What is computed has no index: it is not there before it is asked for.
    fn access(&self, test: &Test) -> Option<Access> {
        if test.negated || !matches!(self.strips[test.strip].source, Source::Column(_)) {
            return None;
        }
        match &test.ask {
            Ask::Within(least, 0) => Some(Access::Keys(vec![*least])),
            Ask::Within(least, width) => {
                let most = least.wrapping_add_unsigned(*width);
                match (*least, most) {
                    (i64::MIN, most) => Some(Access::Below(most)),
                    (least, i64::MAX) => Some(Access::Above(least)),
                    _ => None,
                }
            }
            Ask::Among(keys) => Some(Access::Keys(keys.clone())),
            Ask::Text(text) => Some(Access::Texts(vec![text.clone()])),
            Ask::Texts(texts) => {
                let mut texts: Vec<String> = texts.iter().cloned().collect();
                texts.sort();
                Some(Access::Texts(texts))
            }
            Ask::True | Ask::Missing | Ask::Listed(_) => None,
        }
    }
}

impl Ask {
    fn of(question: &Question) -> Ask {
        match question {
            Question::True => Ask::True,
            Question::Missing => Ask::Missing,
            Question::Within(least, most) => {
                Ask::Within(*least, most.wrapping_sub(*least).cast_unsigned())
            }
            Question::Among(keys) => Ask::Among(keys.clone()),
            Question::Texts(texts) => match texts.first() {
                Some(text) if texts.len() == 1 => Ask::Text(text.clone()),
                _ => Ask::Texts(texts.iter().cloned().collect()),
            },
            Question::Listed(list) => Ask::Listed(*list),
        }
    }
}

/// The tests a conjunct asks.
pub(super) fn tests(logic: &[Step<usize>]) -> impl Iterator<Item = usize> {
    logic.iter().filter_map(|step| match step {
        Step::Test(test) => Some(*test),
        _ => None,
    })
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
    let list = |at: usize| rules.lists.get(at).map_or(String::new(), |l| l.name.clone());
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
