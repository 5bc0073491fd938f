//! A condition taken apart: the conjuncts that must all hold, and each of them as logic over single tests.
//!
//! The idea: what rules have in common are tests such as `amount > 500` or `country = 'NL'`. Taken out of their
//! programs they can be told apart, shared and looked up in an index; whatever is more than a test of one value is cut
//! out as a program of its own. Numbers of every type are compared as keys, integers in the order of the numbers,
//! so each comparison with a constant is a range of keys. The invariant: the conjuncts together mean what the program
//! means, null for null, as long as nothing in it fails; what may fail is said ([`Value::Part`], [`can_fail`]).

use std::collections::BTreeSet;

use super::column::Data;
use super::kernel::{Comparison, Kernel, MemberValues};
pub(crate) use super::program::NameOf;
use super::program::{Node, Program};
use crate::value::Type;

/// Steps of logic in one conjunct; a longer one is left to a program.
const LOGIC_MAX: usize = 256;

/// One conjunct in postfix order; never deeper than it is long.
pub(crate) type Logic<T> = Vec<Step<T>>;

/// A step of [`Logic`]: takes truths from a stack, three-valued, and leaves one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step<T> {
    /// Leaves the answer of a test.
    Test(T),
    And,
    Or,
    Not,
    /// Whether the truth is known to be this.
    Is(bool),
    /// Whether it is unknown.
    IsNull,
}

/// A question about one value. Unknown where the value is, but for [`Question::Missing`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) value: Value,
    pub(crate) question: Question,
    /// Whether the answer is turned round.
    pub(crate) negated: bool,
}

/// What a test asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// A column of the pack, or a `let` behind them.
    Column(usize),
    /// The value of this node: see [`Program::part`].
    Part(usize),
}

/// What a test asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// Is it true?
    True,
    /// Is it null? Itself never unknown.
    Missing,
    /// Is its key in this range, both ends included?
    Within(i64, i64),
    /// Is its key among these, ascending?
    Among(Vec<i64>),
    /// Is it one of these texts?
    Texts(BTreeSet<String>),
    /// Is it on this list of the pack?
    Listed(usize),
}

/// The integer that stands for a float: in the same order, and equal for both zeros.
pub(crate) fn float_key(value: f64) -> i64 {
    // Adding zero makes -0.0 of the two zeros +0.0. Bits of negative floats run the other way.
    let bits = (value + 0.0).to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

impl Program {
    /// The nodes that must all be true for the condition to be true, in the order written.
    pub(crate) fn conjuncts(&self) -> Vec<usize> {
        let mut found = Vec::new();
        // `a AND b AND a` asks for `a` once.
        let mut seen = BTreeSet::new();
        let mut stack: Vec<usize> = self.nodes.len().checked_sub(1).into_iter().collect();
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            match &self.nodes[at] {
                Node {
                    kernel: Kernel::And,
                    args,
                    ..
                } => stack.extend(args.iter().rev()),
                _ => found.push(at),
            }
        }
        found
    }

    /// A boolean node as logic over tests.
    pub(crate) fn logic(&self, node: usize) -> Logic<Test> {
        let mut logic = Vec::new();
        // A node comes off the stack twice: first its operands go on, then its own step is written.
        let mut stack = vec![(node, false)];
        while let Some((at, operands_done)) = stack.pop() {
            if logic.len() > LOGIC_MAX {
                return vec![Step::Test(whole(node))];
            }
            let Node { kernel, args, .. } = &self.nodes[at];
            let step = match (kernel, args.as_slice()) {
                (Kernel::And, _) => Step::And,
                (Kernel::Or, _) => Step::Or,
                (Kernel::Not, _) => Step::Not,
                (Kernel::Is(truth), _) => Step::Is(*truth),
                (Kernel::IsNull, [x]) if self.nodes[*x].ty == Type::Bool => Step::IsNull,
                _ => {
                    logic.push(Step::Test(self.test(at)));
                    continue;
                }
            };
            if operands_done {
                match logic.last_mut() {
                    // Where NOT stands behind a test, that is its operand.
                    Some(Step::Test(test)) if step == Step::Not => test.negated = !test.negated,
                    _ => logic.push(step),
                }
            } else {
                stack.push((at, true));
                stack.extend(args.iter().rev().map(|arg| (*arg, false)));
            }
        }
        logic
    }

    /// The program of one node.
    pub(crate) fn part(&self, node: usize, column: &NameOf<'_>, list: &NameOf<'_>) -> Program {
        Program::of(&self.nodes, node, column, list)
    }

    /// This program with other names in its canonical text.
    pub(crate) fn renamed(&self, column: &NameOf<'_>, list: &NameOf<'_>) -> Program {
        self.part(self.nodes.len().saturating_sub(1), column, list)
    }

    /// Whether a row may become null for a [`Cause`](super::Cause), as long as the columns hold what they say. Errs on
    /// the side of yes.
    pub(crate) fn can_fail(&self) -> bool {
        self.nodes
            .iter()
            .any(|node| can_fail(&node.kernel, node.ty))
    }

    fn test(&self, at: usize) -> Test {
        let Node { kernel, args, .. } = &self.nodes[at];
        let question = match (kernel, args.as_slice()) {
            (Kernel::Column(_), _) => Some((at, Question::True)),
            (Kernel::IsNull, [x]) => Some((*x, Question::Missing)),
            (Kernel::InList(list), [x]) => Some((*x, Question::Listed(*list))),
            (Kernel::OneOf(members), [x]) if !members.null => {
                among(&members.values, self.nodes[*x].ty).map(|question| (*x, question))
            }
            (Kernel::Compare(op), [x, y]) => {
                return self.comparison(*op, *x, *y).unwrap_or(whole(at));
            }
            _ => None,
        };
        match question {
            Some((x, question)) => Test {
                value: self.value(x),
                question,
                negated: false,
            },
            None => whole(at),
        }
    }

    fn value(&self, at: usize) -> Value {
        match self.nodes[at].kernel {
            Kernel::Column(column) => Value::Column(column),
            _ => Value::Part(at),
        }
    }

    /// A comparison of anything with a constant.
    fn comparison(&self, op: Comparison, x: usize, y: usize) -> Option<Test> {
        let constant = |at: usize| match &self.nodes[at].kernel {
            Kernel::Constant(data) => Some(data),
            _ => None,
        };
        let (x, op, data) = match (constant(x), constant(y)) {
            (None, Some(data)) => (x, op, data),
            (Some(data), None) => (y, mirrored(op), data),
            _ => return None,
        };
        if data.as_array().is_null(0) {
            return None;
        }
        let mut negated = op == Comparison::NotEqual;
        let question = match (data, self.nodes[x].ty, op) {
            (Data::Bool(truth), Type::Bool, Comparison::Equal | Comparison::NotEqual) => {
                negated ^= !truth.value(0);
                Question::True
            }
            (Data::Text(text), Type::Text, Comparison::Equal | Comparison::NotEqual) => {
                Question::Texts(BTreeSet::from([text.value(0).to_owned()]))
            }
            _ => {
                let key = constant_key(data, self.nodes[x].ty)?;
                let (least, most) = range(op, key)?;
                Question::Within(least, most)
            }
        };
        Some(Test {
            value: self.value(x),
            question,
            negated,
        })
    }
}

/// The node itself, computed by a program and asked whether it is true.
fn whole(at: usize) -> Test {
    Test {
        value: Value::Part(at),
        question: Question::True,
        negated: false,
    }
}

fn constant_key(data: &Data, ty: Type) -> Option<i64> {
    match (data, ty) {
        (Data::Int(array), Type::Int) => Some(array.value(0)),
        (Data::Timestamp(array), Type::Timestamp) => Some(array.value(0)),
        (Data::Float(array), Type::Float) => Some(float_key(array.value(0))),
        (Data::Decimal(array, scale), Type::Decimal(of)) if *scale == of => {
            i64::try_from(array.value(0)).ok()
        }
        _ => None,
    }
}

/// The keys for which a comparison with this one holds, or for `<>` does not; `None` if there are none.
fn range(op: Comparison, key: i64) -> Option<(i64, i64)> {
    Some(match op {
        Comparison::Equal | Comparison::NotEqual => (key, key),
        Comparison::Less => (i64::MIN, key.checked_sub(1)?),
        Comparison::LessOrEqual => (i64::MIN, key),
        Comparison::Greater => (key.checked_add(1)?, i64::MAX),
        Comparison::GreaterOrEqual => (key, i64::MAX),
        Comparison::Distinct => return None,
    })
}

fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

fn among(values: &MemberValues, ty: Type) -> Option<Question> {
    Some(match (values, ty) {
        (MemberValues::Text(texts), Type::Text) => {
            Question::Texts(texts.iter().cloned().collect::<BTreeSet<_>>())
        }
        (MemberValues::Int(ints), Type::Int | Type::Timestamp) => Question::Among(ints.clone()),
        (MemberValues::Decimal(decimals), Type::Decimal(_)) => {
            let keys = decimals.iter().map(|decimal| i64::try_from(*decimal).ok());
            Question::Among(keys.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// See [`Program::can_fail`]. A float column fails where it holds no number, a decimal where it is too wide.
fn can_fail(kernel: &Kernel, ty: Type) -> bool {
    match kernel {
        Kernel::Column(_) => matches!(ty, Type::Float | Type::Decimal(_)),
        Kernel::Constant(_)
        | Kernel::Compare(_)
        | Kernel::And
        | Kernel::Or
        | Kernel::Not
        | Kernel::IsNull
        | Kernel::Is(_)
        | Kernel::OneOf(_)
        | Kernel::Matches(_)
        | Kernel::InList(_)
        | Kernel::StartsWith => false,
        Kernel::Case | Kernel::Coalesce | Kernel::Greatest | Kernel::Least => {
            matches!(ty, Type::Text | Type::Decimal(_))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_floats_stand_in_their_order() {
        let ascending = [
            f64::MIN,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            5e-324,
            1.0,
            f64::MAX,
        ];
        assert!(ascending.is_sorted_by(|x, y| float_key(*x) < float_key(*y)));
        assert_eq!(float_key(-0.0), float_key(0.0));
    }

    #[test]
    fn a_comparison_is_a_range_of_keys() {
        assert_eq!(range(Comparison::Greater, 5), Some((6, i64::MAX)));
        assert_eq!(range(Comparison::GreaterOrEqual, 5), Some((5, i64::MAX)));
        assert_eq!(range(Comparison::Less, i64::MIN), None);
        assert_eq!(range(Comparison::Greater, i64::MAX), None);
    }
}
