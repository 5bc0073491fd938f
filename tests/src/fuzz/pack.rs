//! Pack texts: every finding stands inside its file, and what is accepted decides the same however it is run.
//!
//! An input is a pack without list files. An accepted pack runs over events of its own schema: in steps of any size and
//! under any seed of the hash tables its decisions and alerts are the same bytes, and a refold leaves the same state.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rules::compile::compile;
use rules::decision::Renderer;
use rules::definition::{PackSource, SourceFile};
use rules::diagnostic::Diagnostic;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;
use rules::value::Type;

use super::Target;
use crate::reference::Datum;
use crate::reference::stream::{array, datum};

pub(super) const TARGET: Target = Target {
    name: "pack",
    short: 600,
    words: &[
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "#",
        "'",
        "\"",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "? ",
        "~",
        "null",
        "true",
        "0",
        "-1",
        "0s",
        "1m",
        "10m",
        "1h",
        "90d",
        "1000000d",
        "text",
        "text?",
        "int",
        "decimal",
        "decimal(18)",
        "float?",
        "bool",
        "timestamp(ms)",
        "by: ",
        "agg: ",
        "over: ",
        "where: ",
        "scope: prior",
        "count()",
        "count_distinct(",
        "sum(",
        "avg(",
        "stddev_samp(",
        "quantile(",
        "median(",
        "mode(",
        "top_k(",
        "rate(",
        "ewma(",
        "ratio(",
        "first(",
        "last(",
        "forever",
        "{ last: 5 }",
        "{ session: 5m }",
        "{ calendar: day, zone: Europe/Amsterdam }",
        "{ decay: 1h }",
        "{ from: 2h, to: 1h }",
        "when: ",
        "then: ",
        "let: ",
        "params: ",
        "explain: ",
        "{amount}",
        "mode: shadow",
        "mode: off",
        "once_per: \"card, 5m\"",
        "at_most: 2/1h",
        "limits: { events_per_key: 100000, keys: 2 }",
        "expires: 2026-01-01",
        "in_list(card, 'known')",
        " AND ",
        " OR ",
        "NOT ",
        "/ 0",
    ],
    check,
};

const EVENTS: usize = 40;

fn check(input: &[u8]) -> Result<(), String> {
    let file = SourceFile::from_bytes(
        "pack.yaml",
        input.to_vec(),
        rules::definition::PACK_BYTES_MAX,
    );
    let file = match file {
        Ok(file) => file,
        Err(finding) => return inside(&finding, ""),
    };
    let text = file.text.clone();
    let source = PackSource {
        pack: file,
        lists: Vec::new(),
    };
    match compile(&source) {
        Ok(rules) => {
            placed(&rules.warnings, &text)?;
            runs(&Arc::new(rules))
        }
        Err(findings) if findings.is_empty() => Err("refused for no reason".to_owned()),
        Err(findings) => placed(&findings, &text),
    }
}

fn placed(findings: &[Diagnostic], text: &str) -> Result<(), String> {
    findings
        .iter()
        .try_for_each(|finding| inside(finding, text))
}

fn inside(finding: &Diagnostic, text: &str) -> Result<(), String> {
    match text.get(finding.span.clone()) {
        Some(_) if finding.file == "pack.yaml" && !finding.message.is_empty() => Ok(()),
        _ => Err(format!("outside of the text: {finding:?}")),
    }
}

fn runs(rules: &Arc<RuleSet>) -> Result<(), String> {
    let events = Events::of(rules);
    let whole = events.decide(rules, HashSeed::FIXED, 0, EVENTS);
    for (seed, folded, step) in [(1, 0, 1), (2, 0, 7), (3, EVENTS / 2, 5)] {
        let again = events.decide(rules, HashSeed::new([seed; 4]), folded, step);
        if again[..] != whole[folded..] {
            let differ = again.iter().zip(&whole[folded..]).find(|(a, b)| a != b);
            return Err(format!("steps of {step}, {folded} folded: {differ:?}"));
        }
    }
    Ok(())
}

/// Events of a schema: ids that come again now and then, times out of order, values small and extreme.
struct Events {
    batch: RecordBatch,
    times: Vec<EventTime>,
    partitions: Vec<u32>,
    offsets: Vec<i64>,
}

impl Events {
    fn of(rules: &RuleSet) -> Events {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        // 2026-01-01T00:00:00Z, and from there minutes on and back.
        let times: Vec<i64> = (0..EVENTS as i64)
            .map(|at| 1_767_225_600_000_000 + (at * 60 - rng.random_range(0..200)) * 1_000_000)
            .collect();
        let schema = &rules.schema;
        let columns = schema
            .fields
            .iter()
            .enumerate()
            .map(|(at, field)| -> ArrayRef {
                let whole = |x: &i64| Datum::Whole(*x);
                if at == schema.time {
                    return array(field.ty, &times.iter().map(whole).collect::<Vec<_>>());
                }
                let number = |_| rng.random_range(0..EVENTS * 4) as i64;
                match (at == schema.id, field.ty) {
                    (true, Type::Text) => {
                        let ids = (0..EVENTS).map(number).map(|id| format!("e{id}"));
                        Arc::new(StringArray::from_iter_values(ids))
                    }
                    (true, Type::Int) => {
                        let ids: Vec<i64> = (0..EVENTS).map(number).collect();
                        array(field.ty, &ids.iter().map(whole).collect::<Vec<_>>())
                    }
                    _ => {
                        let data = (0..EVENTS).map(|_| value(field.ty, field.optional, &mut rng));
                        array(field.ty, &data.collect::<Vec<_>>())
                    }
                }
            });
        Events {
            batch: RecordBatch::try_new(schema.arrow(), columns.collect()).unwrap(),
            times: times.into_iter().map(EventTime).collect(),
            partitions: (0..EVENTS as u32).map(|at| at % 2).collect(),
            offsets: (0..EVENTS as i64).collect(),
        }
    }

    /// What each row after those that were folded is decided, with its alerts.
    fn decide(
        &self,
        rules: &Arc<RuleSet>,
        seed: HashSeed,
        folded: usize,
        size: usize,
    ) -> Vec<String> {
        let mut engine = Engine::new(Arc::clone(rules), "fuzz", seed);
        let renderer = Renderer::new(Arc::clone(rules), "fuzz", "events");
        let (mut out, mut lines) = (StepOutput::default(), Vec::new());
        for from in (0..EVENTS).step_by(size) {
            let rows = size.min(EVENTS - from);
            let batch = self.batch.slice(from, rows);
            let step = Step {
                events: &batch,
                times: &self.times[from..from + rows],
                partitions: &self.partitions[from..from + rows],
                offsets: &self.offsets[from..from + rows],
            };
            if from < folded {
                engine.fold(&step);
                continue;
            }
            engine.step(&step, &mut out);
            let view = renderer.view(&batch, &out);
            for row in 0..rows {
                let mut line = Vec::new();
                view.write_decision(row, &mut line);
                for alert in view.alerts().filter(|alert| alert.row == row) {
                    view.write_alert(alert, &mut line);
                }
                lines.push(String::from_utf8(line).unwrap());
            }
        }
        lines
    }
}

/// A value of a field that is there unless it may be missing.
fn value(ty: Type, optional: bool, rng: &mut ChaCha8Rng) -> Datum {
    loop {
        let value = datum(ty, true, rng);
        if optional || !matches!(value, Datum::Null) {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mutations of a pack that is refused test little beyond the first finding.
    #[test]
    fn the_corpus_is_accepted_hits_and_alerts() {
        let (mut hits, mut features) = (0, 0);
        for (name, input) in crate::fuzz::corpus(&TARGET) {
            let text = String::from_utf8(input).unwrap();
            let rules = compile(&PackSource::alone("pack.yaml", text));
            let rules = Arc::new(rules.unwrap_or_else(|findings| panic!("{name}: {findings:?}")));
            let lines = Events::of(&rules).decide(&rules, HashSeed::FIXED, 0, EVENTS);
            hits += lines
                .iter()
                .filter(|line| line.contains("alert_id"))
                .count();
            features += rules.features.len();
        }
        assert!(
            hits > 10 && features >= 22,
            "{hits} alerts, {features} features"
        );
    }
}
