//! The conditions of all rules as one plan: strips, tests over strips, conjuncts over tests, rules over conjuncts.
//!
//! The idea: each of these is kept once, however many rules write it, so that what they share is answered once per
//! step; [`super::maker`] makes it. The invariants: every index points into the vector its name says; a strip is
//! computed only from strips before it.

use std::collections::HashSet;

use arrow::datatypes::DataType;

use crate::expression::Program;
use crate::expression::shape::{Logic, Question, Step};
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

impl Plan {
    /// What a conjunct takes, roughly, in the order in which to try: single tests of columns first, programs last.
    pub(super) fn cost(&self, conjunct: usize) -> usize {
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
    pub(super) fn access(&self, test: &Test) -> Option<Access> {
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
    pub(super) fn of(question: &Question) -> Ask {
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
