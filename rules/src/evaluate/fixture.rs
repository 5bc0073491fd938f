//! A small pack, streams for it, and an engine run over them as text: what the tests of this library share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::{Engine, Flags, Hitter, Step, StepOutput};
use crate::compile::compile;
use crate::decision::Renderer;
use crate::definition::PackSource;
use crate::ruleset::RuleSet;
use crate::state::seed::HashSeed;
use crate::time::EventTime;
use crate::value::Value;

/// Something of everything the engine does.
pub(crate) const PACK: &str = r#"
pack: small
schema:
  id: id
  time: { field: ts, max_lateness: 2m }
  dedup: 1h
  fields: { id: text, ts: timestamp, card: text?, shop: text?, amount: decimal, n: int? }
lists:
  vip: { key: card, entries: [v1, v2] }
features:
  cnt: { by: card, agg: count(), over: 10m }
  total: { by: card, agg: sum(amount), over: 10m, where: amount > 1 }
  shops: { by: card, agg: count_distinct(shop), over: 5m, scope: prior }
  shop_total: { by: shop, agg: sum(amount), over: 1h, where: amount > 1 }
  prev: { by: card, agg: "last(ts, shop)", over: 1h, scope: prior }
  everyone: { by: [], agg: count(), over: 3m }
rules:
  - id: VEL
    owner: fraud
    params: { n: 3 }
    when: cnt >= :n
    then: { action: review, score: 40, reason: VELOCITY, notify: desk, once_per: "card, 5m", at_most: 9/5m }
    explain: "{cnt} worth {total} (limit {:n})"
  - id: BIG
    let: { twice: amount * 2, idle: amount * 3, shown: total + 1 }
    when: twice > 1000
    then: { action: decline, score: 70, reason: BIG }
    explain: "{amount} at {prev.shop}, {shown}"
  - id: WATCH
    mode: shadow
    when: shops >= 1 AND everyone > 2
    then: { action: review, score: 5, reason: WATCH }
  - id: RATIO
    let: { share: 100 / n }
    when: amount > 900 OR share > 4
    then: { action: review, score: 1, reason: RATIO, at_most: 3/10m }
  - id: SILENT
    mode: off
    when: amount >= 0
    then: { action: decline, score: 1, reason: SILENT }
  - id: OLD
    expires: 2026-01-01T00:10:00Z
    when: amount = 7
    then: { action: review, score: 2, reason: OLD }
policy:
  first: { list: vip, action: approve, reason: VIP }
  order: [decline, review, approve]
  score: { combine: sum, max: 100 }
"#;

/// When streams begin: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// A pack, or its findings as a panic.
pub(crate) fn rules(text: &str) -> Arc<RuleSet> {
    let compiled = compile(&PackSource::alone("pack.yaml", text));
    Arc::new(compiled.unwrap_or_else(|findings| panic!("{findings:#?}")))
}

/// An event of [`PACK`].
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Seconds after the start.
    pub(crate) at: i64,
    pub(crate) partition: u32,
    pub(crate) offset: i64,
    pub(crate) id: String,
    pub(crate) card: Option<String>,
    pub(crate) shop: Option<String>,
    pub(crate) amount: i64,
    pub(crate) n: Option<i64>,
}

/// Events from lines of `seconds partition id card amount`, with `key=value` for the rest; `-` is null.
pub(crate) fn rows(table: &str) -> Vec<Row> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut offsets = std::collections::BTreeMap::new();
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let extra = |key: &str| {
                let found = words
                    .iter()
                    .find_map(|w| w.strip_prefix(key)?.strip_prefix('='));
                found.map(str::to_owned)
            };
            let partition = words[1].parse().unwrap();
            let offset = offsets.entry(partition).or_insert(-1);
            *offset += 1;
            Row {
                at: words[0].parse().unwrap(),
                partition,
                offset: *offset,
                id: words[2].to_owned(),
                card: (words[3] != "-").then(|| words[3].to_owned()),
                shop: extra("shop"),
                amount: words[4].parse().unwrap(),
                n: extra("n").map(|n| n.parse().unwrap()),
            }
        })
        .collect()
}

/// A random stream: disorder, ties, nulls, duplicates, late ones, several partitions. The same seed, the same rows.
pub(crate) fn random(seed: u64, count: usize) -> Vec<Row> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 11) % bound).cast_signed()
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut offsets = [0i64; 3];
    for index in 0..count {
        let partition = below(3) as usize;
        offsets[partition] += 1;
        let again = (below(12) == 0 && index > 0).then(|| below(index as u64) as usize);
        let text = |prefix: &str, number: i64| (number > 0).then(|| format!("{prefix}{number}"));
        let mut row = Row {
            at: (index as i64) * 4 - below(20) - i64::from(below(15) == 0) * below(900),
            partition: partition as u32,
            offset: 0,
            id: format!("e{index}"),
            card: text("v", below(6)),
            shop: text("s", below(4)),
            amount: below(8) * below(150),
            n: (below(5) > 0).then(|| below(40) - 5),
        };
        if let Some(first) = again {
            row = rows[first].clone();
            row.partition = partition as u32;
        }
        row.offset = offsets[partition];
        rows.push(row);
    }
    rows
}

/// The events of a step, owned.
pub(crate) struct Events {
    pub(crate) batch: RecordBatch,
    times: Vec<EventTime>,
    partitions: Vec<u32>,
    offsets: Vec<i64>,
}

impl Events {
    pub(crate) fn of(rules: &RuleSet, rows: &[Row]) -> Events {
        let text = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
        let time = |row: &Row| (START + row.at) * 1_000_000;
        let sends: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| {
                vec![
                    Value::Text(row.id.clone()),
                    Value::Timestamp(time(row)),
                    text(&row.card),
                    text(&row.shop),
                    Value::Decimal {
                        mantissa: row.amount * 10_000,
                        scale: 4,
                    },
                    row.n.map_or(Value::Null, Value::Int),
                ]
            })
            .collect();
        Events {
            batch: crate::testcase::events::batch(&rules.schema, &sends).unwrap(),
            times: rows.iter().map(|row| EventTime(time(row))).collect(),
            partitions: rows.iter().map(|row| row.partition).collect(),
            offsets: rows.iter().map(|row| row.offset).collect(),
        }
    }

    pub(crate) fn step(&self) -> Step<'_> {
        Step {
            events: &self.batch,
            times: &self.times,
            partitions: &self.partitions,
            offsets: &self.offsets,
        }
    }
}

/// Runs rows through an engine in steps of `cut` rows: all decisions, alerts and feature values as bytes.
pub(crate) fn bytes(engine: &mut Engine, rules: &Arc<RuleSet>, rows: &[Row], cut: usize) -> String {
    let renderer = Renderer::new(Arc::clone(rules), engine.application(), "swipes");
    let mut out = Vec::new();
    let mut output = StepOutput::default();
    for chunk in rows.chunks(cut) {
        let events = Events::of(rules, chunk);
        engine.step(&events.step(), &mut output);
        let view = renderer.view(&events.batch, &output);
        for row in 0..chunk.len() {
            view.write_decision(row, &mut out);
            for column in rules.schema.fields.len()..rules.columns.len() {
                out.extend_from_slice(format!(" {:?}", view.feature(column, row)).as_bytes());
            }
            for hit in view.alerts().filter(|hit| hit.row == row) {
                out.push(b'\n');
                view.write_alert(hit, &mut out);
            }
            out.push(b'\n');
        }
    }
    String::from_utf8(out).unwrap()
}

/// Runs rows through a fresh engine in one step: `id outcome score hits flags`, a line each. A hit that acts has `!`,
/// an alert `!!`.
pub(crate) fn decided(rules: &Arc<RuleSet>, rows: &[Row]) -> (String, StepOutput) {
    let mut engine = Engine::new(Arc::clone(rules), "test", HashSeed::FIXED);
    let mut output = StepOutput::default();
    let events = Events::of(rules, rows);
    engine.step(&events.step(), &mut output);
    let mut text = String::new();
    for (row, decision) in rows.iter().zip(&output.decisions) {
        let outcome = &rules.policy.order[decision.outcome];
        write!(text, "{} {outcome} {}", row.id, decision.score).unwrap();
        for hit in output.hits_of(decision) {
            let name = match hit.by {
                Hitter::Rule(index) => &rules.rules[index].id,
                Hitter::List(_) => "list",
            };
            let mark = "!".repeat(usize::from(hit.acts) + usize::from(hit.alert));
            write!(text, " {name}{mark}").unwrap();
        }
        if decision.flags != Flags::default() {
            let flags: Vec<_> = decision.flags.names().collect();
            write!(text, " [{}]", flags.join(" ")).unwrap();
        }
        text.push('\n');
    }
    (text, output)
}
