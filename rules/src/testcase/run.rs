//! Runs a test through the engine and says what differs, with the values that made the difference.

use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;

use super::{Expect, Sends, Test, What, events};
use crate::evaluate::cell::{Cell, Cells};
use crate::evaluate::{Engine, Hit, Hitter, Step, StepOutput};
use crate::explain::push_cell;
use crate::expression::{Inputs, Program};
use crate::ruleset::{Mode, Rule, RuleSet};
use crate::state::seed::HashSeed;
use crate::value::Value;

/// Sends whose values are shown for one failed expectation; more would hide what matters.
const SENDS_SHOWN_MAX: usize = 5;

/// What came of one test.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// The test's name.
    pub name: String,
    /// Where it stands in the file.
    pub span: Range<usize>,
    /// Events sent.
    pub sends: usize,
    /// Expectations that were not met; none: it passed.
    pub failures: Vec<Failure>,
}

impl TestResult {
    /// Whether all expectations were met.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// One expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Where the expectation stands in the file.
    pub span: Range<usize>,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
    /// Why, send by send.
    pub values: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}\n     got {}", self.expected, self.got)?;
        self.values
            .iter()
            .try_for_each(|line| write!(f, "\n         {line}"))
    }
}

/// A test that was run.
struct Ran<'a> {
    rules: &'a RuleSet,
    output: StepOutput,
    /// The pack's columns.
    columns: Vec<Option<ArrayRef>>,
}

pub(super) fn test(rules: &Arc<RuleSet>, test: &Test) -> TestResult {
    let failures = match ran(rules, test) {
        Ok(ran) => test
            .expects
            .iter()
            .flat_map(|expect| ran.check(expect))
            .collect(),
        Err(error) => vec![Failure {
            span: test.span.clone(),
            expected: "events of the pack's schema".to_owned(),
            got: error.to_string(),
            values: Vec::new(),
        }],
    };
    TestResult {
        name: test.name.clone(),
        span: test.span.clone(),
        sends: test.sends.len(),
        failures,
    }
}

fn ran<'a>(rules: &'a Arc<RuleSet>, test: &Test) -> Result<Ran<'a>, arrow::error::ArrowError> {
    let batch = events::batch(&rules.schema, &test.sends)?;
    let mut engine = Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
    let mut output = StepOutput::default();
    let offsets: Vec<i64> = (0..).take(test.sends.len()).collect();
    let step = Step {
        events: &batch,
        times: &test.times,
        partitions: &vec![0; test.sends.len()],
        offsets: &offsets,
    };
    engine.step(&step, &mut output);
    let columns = batch.columns().iter().chain(&output.features);
    let columns = columns.cloned().map(Some).collect();
    Ok(Ran {
        rules,
        output,
        columns,
    })
}

impl Ran<'_> {
    fn check(&self, expect: &Expect) -> Vec<Failure> {
        match &expect.what {
            What::Rule {
                rule,
                fires,
                acted,
                explain,
            } => self.check_rule(
                expect,
                *rule,
                fires.as_ref(),
                acted.as_ref(),
                explain.as_deref(),
            ),
            What::Outcome { outcome, at } => self.check_outcome(expect, *outcome, at),
            What::Feature { column, at, is } => self.check_feature(expect, *column, at, is),
        }
    }

    fn check_rule(
        &self,
        expect: &Expect,
        index: usize,
        fires: Option<&Sends>,
        acted: Option<&Sends>,
        explain: Option<&str>,
    ) -> Vec<Failure> {
        let Some(rule) = self.rules.rules.get(index) else {
            return Vec::new();
        };
        let hits: Vec<&Hit> = self
            .output
            .hits
            .iter()
            .filter(|hit| hit.by == Hitter::Rule(index))
            .collect();
        let fired: Sends = hits.iter().map(|hit| hit.row + 1).collect();
        let alerted = hits
            .iter()
            .filter(|hit| hit.alert)
            .map(|hit| hit.row + 1)
            .collect();
        let mut failures = Vec::new();
        for (verb, expected, got) in [("fires", fires, &fired), ("acts", acted, &alerted)] {
            let Some(expected) = expected.filter(|expected| *expected != got) else {
                continue;
            };
            failures.push(Failure {
                span: expect.span.clone(),
                expected: format!("{} {verb} at {}", rule.id, listed(expected)),
                got: format!("{} {verb} at {}", rule.id, listed(got)),
                values: self.why(rule, &fired, &alerted, expected.symmetric_difference(got)),
            });
        }
        if let Some(wanted) = explain {
            failures.extend(self.check_explain(expect, rule, &hits, wanted));
        }
        failures
    }

    fn check_explain(
        &self,
        expect: &Expect,
        rule: &Rule,
        hits: &[&Hit],
        wanted: &str,
    ) -> Option<Failure> {
        let said = |hit: &Hit| self.output.explain_of(hit).to_owned();
        let got = match hits.iter().find(|hit| !said(hit).contains(wanted)) {
            Some(hit) => format!("\"{}\" at send {}", said(hit), hit.row + 1),
            None if hits.is_empty() => format!("{} fires nowhere", rule.id),
            None => return None,
        };
        Some(Failure {
            span: expect.span.clone(),
            expected: format!(
                "{} explains itself with \"{wanted}\" wherever it fires",
                rule.id
            ),
            got,
            values: Vec::new(),
        })
    }

    fn check_outcome(&self, expect: &Expect, outcome: usize, at: &Sends) -> Vec<Failure> {
        let name = |index: usize| {
            self.rules
                .policy
                .order
                .get(index)
                .map_or("none", String::as_str)
        };
        let decided = |send: &usize| self.output.decisions.get(send - 1);
        let wrong: Sends = at
            .iter()
            .copied()
            .filter(|send| decided(send).is_none_or(|decision| decision.outcome != outcome))
            .collect();
        if wrong.is_empty() {
            return Vec::new();
        }
        let shown = wrong.iter().take(SENDS_SHOWN_MAX).filter_map(|send| {
            let decision = decided(send)?;
            let hits = self
                .output
                .hits_of(decision)
                .iter()
                .map(|hit| self.hit_name(hit));
            let hits: Vec<String> = hits.collect();
            let hits = if hits.is_empty() {
                "nothing".to_owned()
            } else {
                hits.join(", ")
            };
            Some(format!(
                "send {send}: {} with score {}; hits: {hits}",
                name(decision.outcome),
                decision.score
            ))
        });
        vec![Failure {
            span: expect.span.clone(),
            expected: format!("outcome {} at {}", name(outcome), listed(at)),
            got: format!("another outcome at {}", listed(&wrong)),
            values: shown.collect(),
        }]
    }

    fn check_feature(
        &self,
        expect: &Expect,
        column: usize,
        at: &Sends,
        is: &Value,
    ) -> Vec<Failure> {
        let Some(written) = self.rules.columns.get(column) else {
            return Vec::new();
        };
        let values = self.columns.get(column).and_then(Option::as_ref);
        let values = values.map_or(Cells::Unknown, Cells::of);
        let mut wanted = String::new();
        push_cell(&mut wanted, crate::explain::cell(is));
        let wrong = at.iter().filter(|send| !same(values.at(*send - 1), is));
        wrong
            .map(|send| {
                let mut got = String::new();
                push_cell(&mut got, values.at(send - 1));
                Failure {
                    span: expect.span.clone(),
                    expected: format!("{} = {wanted} at send {send}", written.name),
                    got: format!("{} = {got}", written.name),
                    values: Vec::new(),
                }
            })
            .take(SENDS_SHOWN_MAX)
            .collect()
    }

    fn hit_name(&self, hit: &Hit) -> String {
        match hit.by {
            Hitter::Rule(index) => self.rules.rules.get(index).map_or(String::new(), |rule| {
                format!("{} ({})", rule.id, rule.mode.name())
            }),
            Hitter::List(_) => self.output.explain_of(hit).to_owned(),
        }
    }

    /// For each of the sends that differ: what the rule did, and the values its condition read.
    fn why<'s>(
        &self,
        rule: &Rule,
        fired: &Sends,
        alerted: &Sends,
        sends: impl Iterator<Item = &'s usize>,
    ) -> Vec<String> {
        let (names, cells) = self.read_by(rule);
        let cells: Vec<Cells<'_>> = cells.iter().map(Cells::of).collect();
        let mut lines: Vec<String> = sends
            .map(|send| {
                let did = match (fired.contains(send), alerted.contains(send)) {
                    (true, true) => "fired and acted",
                    (true, false) => "fired and did not act",
                    _ if self.repeated(*send) => "did not fire: a duplicate is not decided again",
                    _ if rule.mode == Mode::Off => "did not fire: its mode is off",
                    _ => "did not fire",
                };
                let mut line = format!("send {send}: {} {did}", rule.id);
                for (index, (name, cells)) in names.iter().zip(&cells).enumerate() {
                    let _ = write!(line, "{} {name} = ", if index == 0 { ":" } else { "," });
                    push_cell(&mut line, cells.at(send - 1));
                }
                line
            })
            .take(SENDS_SHOWN_MAX)
            .collect();
        lines.push(format!("condition: {}", rule.condition));
        lines
    }

    fn repeated(&self, send: usize) -> bool {
        let decision = self.output.decisions.get(send - 1);
        decision.is_some_and(|decision| decision.flags.duplicate)
    }

    /// Names and values of what a rule's condition reads: columns first, then its `let`s.
    fn read_by<'r>(&'r self, rule: &'r Rule) -> (Vec<&'r str>, Vec<ArrayRef>) {
        let mut columns = self.columns.clone();
        for written in &rule.lets {
            let inputs = Inputs {
                columns: &columns,
                rows: self.output.decisions.len(),
                lists: &self.rules.lists,
            };
            let value = written.value.evaluate(&inputs).values;
            columns.push(Some(value));
        }
        let programs = rule
            .lets
            .iter()
            .map(|written| &written.value)
            .chain([&rule.when]);
        let mut reads: Vec<usize> = programs.flat_map(Program::reads).copied().collect();
        reads.sort_unstable();
        reads.dedup();
        let names = self.rules.columns.iter().map(|column| column.name.as_str());
        let names: Vec<&str> = names
            .chain(rule.lets.iter().map(|l| l.name.as_str()))
            .collect();
        let read = reads.into_iter().filter_map(|index| {
            let name = names.get(index)?;
            Some((*name, columns.get(index)?.clone()?))
        });
        read.unzip()
    }
}

/// Equal as values; floats to 1e-9 of their size, since an author writes a few digits of them.
fn same(cell: Cell<'_>, value: &Value) -> bool {
    const FLOAT_SLACK: f64 = 1e-9;
    match (cell, crate::explain::cell(value)) {
        (Cell::Float(got), Cell::Float(wanted)) => {
            (got - wanted).abs() <= FLOAT_SLACK * wanted.abs().max(1.0)
        }
        (got, wanted) => got == wanted,
    }
}

/// `5`, `1, 30-40` or `no send`.
fn listed(sends: &Sends) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for send in sends {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *send => *last = *send,
            _ => runs.push((*send, *send)),
        }
    }
    let shown: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    if shown.is_empty() {
        "no send".to_owned()
    } else {
        format!("send {}", shown.join(", "))
    }
}
