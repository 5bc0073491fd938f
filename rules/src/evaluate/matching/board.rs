//! The board: what is known in the step at hand about strips and tests, each worked out when first asked for.
//!
//! The idea: a mask has a bit per row. Few rows left of a rule are asked one by one, many at once, and then the answer
//! is kept for the other rules that ask the same. The invariant: what is kept belongs to the step of this number; no
//! answer depends on which way it was found.

use arrow::array::ArrayRef;

use super::plan::{Ask, Plan, Source, Test};
use super::strip::{Strip, WORD, bit, count, ones};
use crate::evaluate::conditions::Conditions;
use crate::expression::shape::Step;

/// Rows in 8 that make asking all of them at once the cheaper way.
const SPARSE: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Number of the step, from 1.
    step: u64,
    pub(super) rows: usize,
    strips: Vec<Held>,
    /// Per test: the step it was answered in, and where its mask begins.
    answers: Vec<(u64, usize)>,
    /// Masks of answers: the rows for which they are yes.
    masks: Vec<u64>,
    /// The rows of the rule at hand that may still hit.
    pub(super) left: Vec<u64>,
    /// Truths while logic is followed: yes, unknown.
    stack: Vec<(u64, u64)>,
}

/// A strip and the step it was made in.
#[derive(Debug, Default)]
struct Held {
    strip: Strip,
    loaded: u64,
    computed: u64,
    /// What a program computed; `None` for a column.
    array: Option<ArrayRef>,
    /// Whether something failed in the program, or in one that it reads.
    failed: bool,
}

impl Board {
    pub(super) fn new(plan: &Plan) -> Board {
        let mut board = Board::default();
        board.strips.resize_with(plan.strips.len(), Held::default);
        board.answers.resize(plan.tests.len(), (0, 0));
        board
    }

    /// Begins a step of so many rows.
    pub(super) fn begin(&mut self, rows: usize) {
        self.step += 1;
        self.rows = rows;
        self.masks.clear();
    }

    /// The number of the step.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    pub(super) fn strip(&self, at: usize) -> &Strip {
        &self.strips[at].strip
    }

    /// Makes a strip ready to be read; says whether it can be.
    pub(super) fn ready(
        &mut self,
        at: usize,
        plan: &Plan,
        conditions: &mut Conditions<'_>,
    ) -> bool {
        let made = &plan.strips[at];
        if self.strips[at].loaded != self.step {
            match &made.source {
                Source::Column(column) => {
                    let held = &mut self.strips[at];
                    let array = conditions.columns.get(*column).and_then(Option::as_ref);
                    held.failed = array.is_none();
                    if let Some(array) = array {
                        held.strip.load(array, made.ty);
                    }
                }
                Source::Program(..) => {
                    self.compute(at, plan, conditions);
                    let held = &mut self.strips[at];
                    if let Some(array) = &held.array {
                        held.strip.load(array, made.ty);
                    }
                }
            }
            self.strips[at].loaded = self.step;
        }
        let held = &self.strips[at];
        !held.failed && !held.strip.doubtful
    }

    /// Runs the program of a strip, those of its `let`s before it.
    fn compute(&mut self, at: usize, plan: &Plan, conditions: &mut Conditions<'_>) {
        if self.strips[at].computed == self.step {
            return;
        }
        let Source::Program(program, lets) = &plan.strips[at].source else {
            return;
        };
        let mut failed = false;
        // A `let` reads only earlier ones, so this ends.
        for (_, strip) in lets {
            self.compute(*strip, plan, conditions);
            failed |= self.strips[*strip].failed;
        }
        let base = conditions.rules.columns.len();
        conditions.columns.resize(base + plan.lets, None);
        for (number, strip) in lets {
            conditions.columns[base + number] = self.strips[*strip].array.clone();
        }
        let evaluated = program.evaluate(&conditions.inputs());
        let held = &mut self.strips[at];
        held.failed = failed || !evaluated.faults.is_empty();
        held.array = Some(evaluated.values);
        held.computed = self.step;
    }

    /// Takes from [`Board::left`] the rows for which a conjunct is not true, or with `keep_unknown` not true or unknown.
    /// Its strips are ready.
    pub(super) fn narrow(
        &mut self,
        conjunct: usize,
        keep_unknown: bool,
        plan: &Plan,
        conditions: &Conditions<'_>,
    ) {
        let logic = plan.conjuncts[conjunct].logic.as_slice();
        let few = count(&self.left) * SPARSE <= self.rows.max(2 * SPARSE);
        let answered = |test: &usize| self.answers[*test].0 == self.step;
        if few && !super::plan::tests(logic).all(|test| answered(&test)) {
            return self.narrow_few(logic, keep_unknown, plan, conditions);
        }
        for test in super::plan::tests(logic) {
            self.answer(test, plan, conditions);
        }
        let (strips, masks, answers) = (&self.strips, &self.masks, &self.answers);
        let word = |test: usize, at: usize| {
            let asked = &plan.tests[test];
            let yes = masks[answers[test].1 + at];
            let unknown = match asked.ask {
                Ask::Missing => 0,
                _ => !strips[asked.strip].strip.known[at],
            };
            (yes, unknown)
        };
        for (at, left) in self.left.iter_mut().enumerate() {
            if *left != 0 {
                let (yes, unknown) = match logic {
                    [Step::Test(test)] => word(*test, at),
                    _ => follow(logic, &mut self.stack, |test| word(test, at)),
                };
                *left &= if keep_unknown { yes | unknown } else { yes };
            }
        }
    }

    fn narrow_few(
        &mut self,
        logic: &[Step<usize>],
        keep_unknown: bool,
        plan: &Plan,
        conditions: &Conditions<'_>,
    ) {
        let strips = &self.strips;
        let one = |test: usize, row: usize| {
            let asked = &plan.tests[test];
            let strip = &strips[asked.strip].strip;
            let known = strip.knows(row) || matches!(asked.ask, Ask::Missing);
            let yes = known && asked.holds(strip, row, conditions) != asked.negated;
            (u64::from(yes), u64::from(!known))
        };
        for at in 0..self.left.len() {
            let mut rest = self.left[at];
            while rest != 0 {
                let place = rest.trailing_zeros();
                rest &= rest - 1;
                let row = at * WORD + place as usize;
                let (yes, unknown) = match logic {
                    [Step::Test(test)] => one(*test, row),
                    _ => follow(logic, &mut self.stack, |test| one(test, row)),
                };
                let keeps = (yes | (unknown & u64::from(keep_unknown))) & 1;
                self.left[at] &= !(u64::from(keeps == 0) << place);
            }
        }
    }

    /// Whether a test that stands alone is yes for a row. Its strip is ready.
    pub(super) fn holds(&self, test: &Test, row: usize, conditions: &Conditions<'_>) -> bool {
        let strip = &self.strips[test.strip].strip;
        strip.knows(row) && test.holds(strip, row, conditions)
    }

    /// Answers a test for all rows and keeps the mask.
    fn answer(&mut self, at: usize, plan: &Plan, conditions: &Conditions<'_>) {
        if self.answers[at].0 == self.step {
            return;
        }
        let begin = self.masks.len();
        self.answers[at] = (self.step, begin);
        let test = &plan.tests[at];
        let strip = &self.strips[test.strip].strip;
        match &test.ask {
            Ask::True => self.masks.extend_from_slice(&strip.truths),
            Ask::Missing => self.masks.extend(strip.known.iter().map(|known| !known)),
            Ask::Within(least, width) => {
                let within = |key: &i64| key.wrapping_sub(*least).cast_unsigned() <= *width;
                let words = strip.keys.chunks(WORD).map(|keys| {
                    let bits = keys.iter().enumerate();
                    bits.fold(0, |word, (at, key)| word | u64::from(within(key)) << at)
                });
                self.masks.extend(words);
            }
            _ => {
                let words = (0..self.rows).step_by(WORD).map(|first| {
                    let rows = first..self.rows.min(first + WORD);
                    rows.filter(|row| strip.knows(*row) && test.holds(strip, *row, conditions))
                        .fold(0, |word, row| word | 1 << (row % WORD))
                });
                self.masks.extend(words);
            }
        }
        for (mask, known) in self.masks[begin..].iter_mut().zip(&strip.known) {
            if test.negated {
                *mask = !*mask;
            }
            if !matches!(test.ask, Ask::Missing) {
                *mask &= known;
            }
        }
    }

    /// Starts a rule with these rows.
    pub(super) fn start(&mut self, rows: &[u64]) {
        self.left.clear();
        self.left.extend_from_slice(rows);
    }

    /// Whether no row is left.
    pub(super) fn is_empty(&self) -> bool {
        self.left.iter().all(|word| *word == 0)
    }

    /// Takes away the rows for which this does not hold.
    pub(super) fn keep(&mut self, holds: impl Fn(usize) -> bool) {
        for (at, left) in self.left.iter_mut().enumerate() {
            let mut rest = *left;
            while rest != 0 {
                let place = rest.trailing_zeros();
                rest &= rest - 1;
                let gone = !holds(at * WORD + place as usize);
                *left &= !(u64::from(gone) << place);
            }
        }
    }

    /// The rows left, ascending.
    pub(super) fn rows_left(&self) -> impl Iterator<Item = usize> {
        ones(&self.left)
    }
}

impl Test {
    /// The answer before it is turned round, where it is not unknown.
    fn holds(&self, strip: &Strip, row: usize, conditions: &Conditions<'_>) -> bool {
        match &self.ask {
            Ask::True => bit(&strip.truths, row),
            Ask::Missing => !strip.knows(row),
            Ask::Within(least, width) => {
                strip.key(row).wrapping_sub(*least).cast_unsigned() <= *width
            }
            Ask::Among(keys) => keys.binary_search(&strip.key(row)).is_ok(),
            Ask::Text(text) => strip.text(row) == text,
            Ask::Texts(texts) => texts.contains(strip.text(row)),
            Ask::Listed(list) => {
                let list = conditions.rules.lists.get(*list);
                list.is_some_and(|list| list.entries.contains(strip.text(row)))
            }
        }
    }
}

/// Follows logic for up to 64 rows at once: yes and unknown, a bit each. Kleene's: false beats unknown in AND, true in OR.
fn follow(
    logic: &[Step<usize>],
    stack: &mut Vec<(u64, u64)>,
    test: impl Fn(usize) -> (u64, u64),
) -> (u64, u64) {
    stack.clear();
    for step in logic {
        let result = match step {
            Step::Test(at) => test(*at),
            Step::And => {
                let (y, x) = (pop(stack), pop(stack));
                let no = !(x.0 | x.1) | !(y.0 | y.1);
                let yes = x.0 & y.0;
                (yes, !(yes | no))
            }
            Step::Or => {
                let (y, x) = (pop(stack), pop(stack));
                let no = !(x.0 | x.1) & !(y.0 | y.1);
                let yes = x.0 | y.0;
                (yes, !(yes | no))
            }
            Step::Not => {
                let x = pop(stack);
                (!(x.0 | x.1), x.1)
            }
            Step::Is(true) => (pop(stack).0, 0),
            Step::Is(false) => {
                let x = pop(stack);
                (!(x.0 | x.1), 0)
            }
            Step::IsNull => (pop(stack).1, 0),
        };
        stack.push(result);
    }
    pop(stack)
}

fn pop(stack: &mut Vec<(u64, u64)>) -> (u64, u64) {
    stack.pop().unwrap_or_default()
}
