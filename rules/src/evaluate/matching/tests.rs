//! Rules evaluated together against each evaluated by itself: random packs over random columns, the same hits,
//! sentences and counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod thresholds;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use crate::evaluate::fixture::rules;
use crate::evaluate::{Engine, Step, StepOutput};
use crate::ruleset::RuleSet;
use crate::state::seed::HashSeed;
use crate::time::EventTime;
use crate::value::Type;

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// What a pack is made of at random.
struct Writer {
    random: Random,
    /// `let`s of the rule at hand.
    lets: usize,
}

impl Writer {
    fn number(&mut self) -> String {
        let names = ["a", "b", "d", "f", "g", "cnt", "total", "mean"];
        if self.lets > 0 && self.random.one_in(5) {
            let read = self.random.below(self.lets as u64);
            return match self.random.below(3) {
                0 => format!("l{read}"),
                1 => format!("l{read} + 1"),
                _ => format!("coalesce(l{read}, 3)"),
            };
        }
        match self.random.below(14) {
            1 => "a / b".to_owned(),
            2 => "a * b".to_owned(),
            3 => "d * d * d".to_owned(),
            4 => "CAST(t AS int)".to_owned(),
            5 => "f / g".to_owned(),
            6 => "sqrt(f)".to_owned(),
            7 => "coalesce(a / b, b, 7)".to_owned(),
            8 => "CASE WHEN k THEN a ELSE b / a END".to_owned(),
            _ => self.random.of(&names).to_owned(),
        }
    }

    fn constant(&mut self) -> String {
        let edges = [
            "9223372036854775807",
            "-9223372036854775807",
            "1e0",
            "-0.0",
            "0.5",
            "2.25",
            "999999999999999.5",
        ];
        match self.random.below(6) {
            0 => self.random.of(&edges).to_owned(),
            _ => (self.random.below(12) as i64 - 3).to_string(),
        }
    }

    fn atom(&mut self) -> String {
        let word = self.random.of(&["'x'", "'y'", "'z'", "'7'"]);
        let compare = self
            .random
            .of(&["=", "<>", "<", "<=", ">", ">=", ">", ">="]);
        match self.random.below(24) {
            0 => format!("t = {word}"),
            1 => format!("{word} <> s"),
            2 => format!("t IN ('x', {word})"),
            3 => "in_list(s, 'known')".to_owned(),
            4 => "k".to_owned(),
            5 => "k = false".to_owned(),
            6 => "t LIKE 'x%'".to_owned(),
            7 => format!(
                "a BETWEEN {} AND {}",
                self.random.below(4),
                self.random.below(9)
            ),
            8 => format!("{} IS NULL", self.number()),
            9 => "t IS NOT NULL".to_owned(),
            10 => format!("({} {compare} {})", self.number(), self.number()),
            11 => format!("a IN (1, {}, 5)", self.random.below(9)),
            12 => format!("d NOT IN (1.5, {})", self.random.below(9)),
            13 => format!("a IS DISTINCT FROM {}", self.random.below(5)),
            14 => format!("t > {word}"),
            15 => "lower(s) = 'x'".to_owned(),
            16 => format!("{} {compare} {}", self.constant(), self.number()),
            17 => format!("ts {compare} TIMESTAMP '2026-01-01T00:05:00Z'"),
            _ => format!("{} {compare} {}", self.number(), self.constant()),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.one_in(5) {
            return format!("({})", self.atom());
        }
        let (left, right) = (self.truth(depth - 1), self.truth(depth - 1));
        match self.random.below(9) {
            0 => format!("NOT ({left})"),
            1 => format!(
                "({left}) IS {}",
                self.random.of(&["TRUE", "FALSE", "UNKNOWN"])
            ),
            2 => format!(
                "({left}) IS NOT {}",
                self.random.of(&["TRUE", "FALSE", "UNKNOWN"])
            ),
            3 | 4 => format!("({left} OR {right})"),
            _ => format!("({left} AND {right})"),
        }
    }

    fn pack(&mut self, count: usize) -> String {
        let mut text = "pack: random
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  fields: { id: text, ts: timestamp, card: text?, a: int?, b: int?, d: decimal?, f: float?, g: float?, t: text?, s: text?, k: bool? }
lists:
  known: { key: s, entries: [x, z] }
features:
  cnt: { by: card, agg: count(), over: 10m }
  total: { by: card, agg: sum(d), over: 10m, where: d > 1 }
  mean: { by: card, agg: avg(f), over: 10m, scope: prior }
rules:
"
        .to_owned();
        for rule in 0..count {
            self.lets = 0;
            let mode = self.random.of(&["live", "live", "shadow", "off"]);
            let mut lets = String::new();
            for number in 0..self.random.below(3) {
                let value = self.number();
                // A let that is another by a new name has that one's value.
                write!(lets, "l{number}: \"{value}\", ").unwrap();
                self.lets += 1;
            }
            let when = self.truth(3);
            let expires = if self.random.one_in(6) {
                "expires: 2026-01-01T00:04:00Z, "
            } else {
                ""
            };
            let shown: String = (0..self.lets).map(|at| format!("{{l{at}}} ")).collect();
            writeln!(
                text,
                "  - {{ id: R{rule}, mode: {mode}, {expires}let: {{ {lets} }}, when: \"{when} AND (a IS NULL OR a > -99)\", \
                 then: {{ action: review, score: 1, reason: R }}, explain: \"{shown}{{a}} {{d}}\" }}"
            )
            .unwrap();
        }
        text + "policy: { order: [review, approve] }\n"
    }
}

/// Random columns of the pack's schema: nulls, ties, floats that are no numbers, numbers at the ends.
fn events(random: &mut Random, rules: &RuleSet, rows: usize, wild: bool) -> RecordBatch {
    let columns: Vec<ArrayRef> = rules
        .schema
        .fields
        .iter()
        .map(|field| -> ArrayRef {
            // Calm columns without a null take the short ways.
            let some = |random: &mut Random| !(wild && random.one_in(5));
            match (field.name.as_str(), field.ty) {
                ("id", _) => {
                    Arc::new(StringArray::from_iter_values((0..rows).map(|row| {
                        format!("e{}", row as u64 - random.below(5).min(row as u64))
                    })))
                }
                ("ts", _) => Arc::new(
                    (0..rows)
                        .map(|row| Some((1_767_225_600 + row as i64) * 1_000_000))
                        .collect::<TimestampMicrosecondArray>()
                        .with_timezone("UTC"),
                ),
                (_, Type::Text) => Arc::new(
                    (0..rows)
                        .map(|_| {
                            some(random).then(|| random.of(&["x", "y", "z", "X", "xx", "7", ""]))
                        })
                        .collect::<StringArray>(),
                ),
                (_, Type::Bool) => Arc::new(
                    (0..rows)
                        .map(|_| some(random).then(|| random.one_in(2)))
                        .collect::<BooleanArray>(),
                ),
                (_, Type::Float) => Arc::new(
                    (0..rows)
                        .map(|_| {
                            let value = match random.below(60) {
                                0 if wild => random.of(&[f64::NAN, f64::INFINITY, f64::MAX]),
                                1 => -0.0,
                                _ => random.below(40) as f64 / 4.0 - 2.0,
                            };
                            some(random).then_some(value)
                        })
                        .collect::<Float64Array>(),
                ),
                (_, Type::Decimal(scale)) => Arc::new(
                    (0..rows)
                        .map(|_| {
                            let value = match random.below(80) {
                                0 if wild => random.of(&[999_999_999_999_999_999, i128::MAX / 3]),
                                _ => i128::from(random.below(40)) * 2_500,
                            };
                            some(random).then_some(value)
                        })
                        .collect::<Decimal128Array>()
                        .with_data_type(Type::Decimal(scale).arrow()),
                ),
                _ => Arc::new(
                    (0..rows)
                        .map(|_| {
                            let value = match random.below(60) {
                                0 if wild => random.of(&[i64::MAX, i64::MIN]),
                                _ => random.below(12) as i64 - 3,
                            };
                            some(random).then_some(value)
                        })
                        .collect::<Int64Array>(),
                ),
            }
        })
        .collect();
    RecordBatch::try_new(rules.schema.arrow(), columns).unwrap()
}

/// Everything a step says, as text.
fn said(rules: &RuleSet, out: &StepOutput) -> String {
    let mut text = String::new();
    for decision in &out.decisions {
        writeln!(text, "{decision:?}").unwrap();
        for hit in out.hits_of(decision) {
            let (row, by, sentence) = (hit.row, hit.by, out.explain_of(hit));
            writeln!(text, "  {row} {by:?} {} {} {sentence}", hit.acts, hit.alert).unwrap();
        }
    }
    for (rule, counts) in rules.rules.iter().zip(&out.counts.rules) {
        writeln!(text, "{} {} {counts:?}", rule.id, rule.condition).unwrap();
    }
    let counted: Vec<usize> = out.counts.counted().map(|(at, _)| at).collect();
    let expected = out.counts.rules.iter().enumerate();
    let expected = expected.filter(|(_, counts)| **counts != Default::default());
    assert_eq!(counted, expected.map(|(at, _)| at).collect::<Vec<_>>());
    text
}

/// Runs a stream through both, in steps of random length.
fn both(seed: u64, rules: &Arc<RuleSet>, rows: usize, wild: bool) -> [u64; 2] {
    let random = &mut Random::new(seed);
    let engine = || Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
    let (mut together, mut apart) = (engine(), engine());
    apart.one_by_one = true;
    let events = events(random, rules, rows, wild);
    let times: Vec<EventTime> = (0..rows)
        .map(|row| EventTime((1_767_225_600 + row as i64) * 1_000_000))
        .collect();
    let (partitions, offsets) = (vec![0; rows], (0..rows as i64).collect::<Vec<_>>());
    let (mut left, mut right) = (StepOutput::default(), StepOutput::default());
    let mut from = 0;
    let mut seen = [0, 0];
    while from < rows {
        let count = (random.of(&[1, 3, 16, 64, 65, 200])).min(rows - from);
        let here = from..from + count;
        let step = Step {
            events: &events.slice(from, count),
            times: &times[here.clone()],
            partitions: &partitions[here.clone()],
            offsets: &offsets[here],
        };
        together.step(&step, &mut left);
        apart.step(&step, &mut right);
        for counts in &right.counts.rules {
            seen[0] += counts.hits;
            seen[1] += counts.faults.iter().sum::<u64>();
        }
        let (left, right) = (said(rules, &left), said(rules, &right));
        for (left, right) in left.lines().zip(right.lines()) {
            assert_eq!(left, right, "seed {seed}, rows from {from}");
        }
        assert_eq!(left, right, "seed {seed}, rows from {from}");
        from += count;
    }
    seen
}

#[test]
fn rules_together_are_the_rules_one_by_one() {
    let mut seen = [0, 0];
    for seed in 1..=60 {
        let mut writer = Writer {
            random: Random::new(seed),
            lets: 0,
        };
        let text = writer.pack(30);
        let rules = rules(&text);
        for wild in [false, true] {
            let more = both(seed, &rules, 700, wild);
            seen = [seen[0] + more[0], seen[1] + more[1]];
        }
    }
    // Random conditions that never hit or never fail would prove nothing.
    assert!(seen[0] > 100_000 && seen[1] > 10_000, "{seen:?}");
}
