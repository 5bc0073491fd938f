//! Sections of a snapshot with something wrong in them: refused, or an engine that takes whatever comes.
//!
//! An input is a section and what is done to its words: bits turned over, counts made huge or nothing, words moved, the end
//! cut off. Checksums would refuse all of it before anybody looked; here nobody has any.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::array::types::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use connectors::format::Limits;
use connectors::format::json::JsonDecoder;
use pipeline::operator::wanted;
use rules::definition::PackSource;
use rules::evaluate::{Engine, Step, StepOutput};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

use super::Target;
use crate::dice::Dice;

pub(super) const TARGET: Target = Target {
    name: "snapshot",
    short: 600,
    words: &["\0\0\0\0", "\x01\x01", "\x02\x02\x02"],
    check,
};

/// Windows of each kind, texts and sets, rules with each memory.
const PACK: &str = "
pack: fuzz
event: e
schema:
  id: id
  time: { field: ts, max_lateness: 5s }
  dedup: 1m
  fields: { id: text, ts: timestamp(ms), card: text, shop: text, amount: decimal, x: float? }
features:
  count: { by: card, agg: count(), over: 1m }
  sum: { by: card, agg: sum(amount), over: 10s }
  shops: { by: card, agg: count_distinct(shop), over: forever }
  first: { by: card, agg: first(shop), over: forever }
  mean: { by: shop, agg: avg(x), over: { last: 5 } }
  mode: { by: shop, agg: mode(card), over: 30s }
  session: { by: card, agg: max(amount), over: { session: 3s } }
  decay: { by: shop, agg: sum(amount), over: { decay: 10s } }
rules:
  - { id: A, when: count > 2, then: { action: review, score: 1, reason: A, once_per: 'card, 10s' } }
  - { id: B, when: sum > 10, then: { action: review, score: 1, reason: B, at_most: 3/10s } }
policy: { order: [review, approve] }
limits: { keys: 40, distinct_per_key: 100 }
";

/// Events before the snapshot, and after it.
const BEFORE: usize = 400;
const AFTER: usize = 60;

/// A snapshot, and what comes behind it.
struct Base {
    rules: Arc<RuleSet>,
    events: RecordBatch,
    times: Vec<EventTime>,
    sections: BTreeMap<String, Vec<u8>>,
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let rules = rules::compile::compile(&PackSource::alone("fuzz.yaml", PACK));
        let rules = Arc::new(rules.expect("the pack checks"));
        let mut dice = Dice::seeded(1);
        let lines = (0..BEFORE + AFTER).map(|n| event(n, &mut dice));
        let lines = arrow::array::BinaryArray::from_iter_values(lines);
        let wanted = wanted::columns(&rules.schema);
        let mut decoder = JsonDecoder::new(wanted, Limits::DEFAULT).expect("columns of a pack");
        let events = connectors::format::Decoder::decode(&mut decoder, &lines).rows;
        let column = events.column(rules.schema.time);
        let times = column.as_primitive::<TimestampMicrosecondType>().values();
        let mut base = Base {
            times: times.iter().map(|time| EventTime(*time)).collect(),
            rules,
            events,
            sections: BTreeMap::new(),
        };
        let mut engine = Engine::new(Arc::clone(&base.rules), "fuzz", HashSeed::FIXED);
        base.take(&mut engine, 0..BEFORE);
        base.sections = sections(&mut engine);
        base
    })
}

fn event(number: usize, dice: &mut Dice) -> Vec<u8> {
    let (card, shop) = (dice.below(60), dice.below(9));
    let at = 1_700_000_000_000 + 250 * number - 40 * dice.below(100);
    let x = dice.below(1_000);
    format!(
        "{{\"id\":\"{}\",\"ts\":{at},\"card\":\"a card with a longer name {card}\",\"shop\":\"s{shop}\",\"amount\":{}.25,\"x\":{x}.5}}",
        number - dice.below(number.min(3) + 1),
        dice.below(40),
    )
    .into_bytes()
}

fn sections(engine: &mut Engine) -> BTreeMap<String, Vec<u8>> {
    let (mut sections, mut bytes) = (BTreeMap::<String, Vec<u8>>::new(), Vec::new());
    engine.freeze(&[(0, i64::MAX)]).expect("a whole engine");
    while let Some(wrote) = engine.write(usize::MAX, &mut bytes).expect("memory") {
        let section = sections.entry(wrote.section.to_string()).or_default();
        section.append(&mut bytes);
    }
    sections
}

impl Base {
    fn take(&self, engine: &mut Engine, rows: Range<usize>) {
        let mut out = StepOutput::default();
        for from in rows.clone().step_by(17) {
            let length = 17.min(rows.end - from);
            let offsets: Vec<i64> = (from..from + length).map(|row| row as i64).collect();
            let step = Step {
                events: &self.events.slice(from, length),
                times: &self.times[from..from + length],
                partitions: &vec![0; length],
                offsets: &offsets,
            };
            engine.step(&step, &mut out);
            assert_eq!(out.decisions.len(), length, "a decision per event");
        }
    }
}

/// A number below `n`, from as many bytes as that takes.
fn below(dice: &mut Dice, n: usize) -> usize {
    let drawn = (0..4).fold(0, |drawn, _| (drawn << 8) | dice.below(256));
    drawn % n.max(1)
}

/// Does something to a word of some bytes.
fn hurt(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let words = bytes.len() / 8;
    // Words at the beginning say how much follows.
    let near = words.min(40);
    let at = 8 * match dice.below(2) {
        0 => below(dice, near),
        _ => below(dice, words),
    };
    let Some(word) = bytes.get(at..at + 8) else {
        return;
    };
    let was = u64::from_le_bytes(word.try_into().expect("eight bytes"));
    let now = match dice.below(8) {
        0 => was ^ (1 << dice.below(64)),
        1 => 0,
        2 => u64::MAX,
        3 => was.wrapping_add(1),
        4 => was.wrapping_sub(1),
        5 => 1 << dice.below(64),
        6 => return bytes.truncate(at),
        _ => was.swap_bytes(),
    };
    bytes[at..at + 8].copy_from_slice(&now.to_le_bytes());
}

fn check(input: &[u8]) -> Result<(), String> {
    let (base, mut dice) = (base(), Dice::of_bytes(input));
    let mut sections = base.sections.clone();
    let names: Vec<String> = sections.keys().cloned().collect();
    for _ in 0..1 + dice.below(4) {
        let name = dice.of(&names);
        let bytes = sections.entry(name).or_default();
        (0..1 + dice.below(3)).for_each(|_| hurt(bytes, &mut dice));
    }
    let restored = Engine::restore(Arc::clone(&base.rules), "fuzz", |section| {
        let bytes = sections.get(&section.to_string());
        let bytes = bytes.ok_or_else(|| io::Error::other("it is nowhere"))?;
        Ok((bytes.as_slice(), bytes.len() as u64))
    });
    if let Ok(mut engine) = restored {
        base.take(&mut engine, BEFORE..BEFORE + AFTER);
        let _ = engine.sizes();
        sections = self::sections(&mut engine);
        if sections.is_empty() {
            return Err("an engine without a state".to_owned());
        }
    }
    Ok(())
}
