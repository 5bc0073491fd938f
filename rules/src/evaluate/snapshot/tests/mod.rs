//! Engines saved and restored, with the small pack of the fixture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod damage;
mod packs;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::*;
use crate::evaluate::exchange::{Hands, Lost, Task};
use crate::evaluate::fixture::{Events, PACK, Row, bytes, random, rows, rules};
use crate::evaluate::{Hitter, StepOutput};
use crate::snapshot::dice::Dice;
use crate::state::seed::HashSeed;

/// Bytes by the names of sections.
type Saved = BTreeMap<String, Vec<u8>>;

fn engine(rules: &Arc<RuleSet>) -> Engine {
    Engine::new(Arc::clone(rules), "app", HashSeed::new([5, 6, 7, 8]))
}

/// All events of a fixture are before these offsets.
const ALL: [(u32, i64); 3] = [(0, i64::MAX), (1, i64::MAX), (2, i64::MAX)];

fn save(engine: &mut Engine) -> Saved {
    engine.freeze(&ALL).unwrap();
    let mut saved = Saved::new();
    while write(engine, usize::MAX, &mut saved) {}
    saved
}

/// Writes on; whether there was something left.
fn write(engine: &mut Engine, room: usize, saved: &mut Saved) -> bool {
    let mut bytes = Vec::new();
    let Some(wrote) = engine.write(room, &mut bytes).unwrap() else {
        return false;
    };
    let section = saved.entry(wrote.section.to_string()).or_default();
    section.extend(bytes);
    true
}

fn restore(rules: &Arc<RuleSet>, application: &str, saved: &Saved) -> Result<Engine, RestoreError> {
    Engine::restore(Arc::clone(rules), application, |section| {
        let bytes = saved.get(&section.to_string());
        let bytes = bytes.ok_or_else(|| io::Error::other("nowhere"))?;
        Ok((bytes.as_slice(), bytes.len() as u64))
    })
}

/// How much is held, without bytes, which depend on how tables have grown.
fn held(engine: &Engine) -> String {
    let sizes = engine.sizes();
    let groups = sizes.groups.iter();
    let groups = groups.map(|g| (g.keys, g.events, g.evicted_keys, g.evicted_events));
    let groups: Vec<_> = groups.collect();
    format!("{groups:?} {} {:?}", sizes.once_keys, engine.spreads())
}

#[test]
fn an_engine_goes_on_as_if_it_had_not_been_saved() {
    // Budgets that are met, and more than one shard where they are not.
    let small = PACK.to_owned() + "limits: { keys: 5 }\n";
    let mut written = 0;
    for (seed, text) in [PACK, &small].into_iter().cycle().take(8).enumerate() {
        let (rules, seed) = (rules(text), seed as u64);
        let dice = &mut Dice::new(seed);
        let rows = random(seed, 1_500);
        let (mut whole, mut again) = (engine(&rules), engine(&rules));
        let mut at = 0;
        let mut frozen: Option<(Saved, Saved)> = None;
        while at < rows.len() {
            let end = rows.len().min(at + 1 + dice.index(200));
            let cut = 1 + dice.index(300);
            let wanted = bytes(&mut whole, &rules, &rows[at..end], cut);
            let got = bytes(&mut again, &rules, &rows[at..end], cut);
            assert!(wanted == got, "seed {seed}, rows {at}..{end}");
            let saved = save(&mut again);
            if let Some((wanted, got)) = &mut frozen {
                let more = write(&mut whole, 2_000, got) && write(&mut whole, 20_000, got);
                if !more {
                    assert!(same(got, wanted), "seed {seed}, row {end}");
                    (frozen, written) = (None, written + 1);
                }
            } else {
                let wanted = save(&mut whole);
                whole.freeze(&next(&rows[..end])).unwrap();
                frozen = Some((wanted, Saved::new()));
            }
            again = restore(&rules, "app", &saved).unwrap();
            assert!(
                save(&mut again) == saved,
                "seed {seed}, row {end}: other bytes"
            );
            assert_eq!(held(&again), held(&whole), "seed {seed}, row {end}");
            at = end;
        }
    }
    assert!(written > 8, "{written} were written to their end");
}

/// The offsets behind those of some rows.
fn next(rows: &[Row]) -> Vec<(u32, i64)> {
    let mut next = BTreeMap::new();
    for row in rows {
        let behind = next.entry(row.partition).or_insert(0);
        *behind = row.offset.max(*behind - 1) + 1;
    }
    next.into_iter().collect()
}

/// Whether two are the same, but for the places of ids: these follow from when memory is given back.
fn same(one: &Saved, other: &Saved) -> bool {
    let ids = |saved: &Saved| {
        let mut words: Vec<_> = saved["dedup"].chunks(8).map(<[u8]>::to_vec).collect();
        words.sort_unstable();
        words.retain(|word| word.iter().filter(|byte| **byte != 0).count() > 4);
        words
    };
    let mut others = one.keys().filter(|name| *name != "dedup");
    one.len() == other.len()
        && others.all(|name| one[name] == other[name])
        && ids(one) == ids(other)
}

/// Does tasks by itself, the last one given first.
struct Backward(Vec<Task>);

impl Hands for Backward {
    fn count(&self) -> usize {
        3
    }

    fn give(&mut self, task: Task) {
        self.0.push(task);
    }

    fn all(&mut self) -> Result<Vec<Task>, Lost> {
        let mut tasks = std::mem::take(&mut self.0);
        tasks.iter_mut().rev().for_each(Task::run);
        Ok(tasks)
    }
}

#[test]
fn who_did_the_work_shows_in_no_snapshot() {
    let rules = rules(PACK);
    let (mut alone, mut many) = (engine(&rules), engine(&rules));
    for rows in random(2, 1_200).chunks(400) {
        let events = Events::of(&rules, rows);
        alone.fold(&events.step());
        let hands = &mut Backward(Vec::new());
        many.fold_with(&events.step(), hands).unwrap();
        assert!(save(&mut alone) == save(&mut many));
        many = restore(&rules, "app", &save(&mut alone)).unwrap();
    }
}

#[test]
fn sections_may_be_read_in_any_order_and_none_may_be_missing() {
    let rules = rules(PACK);
    let mut engine = engine(&rules);
    bytes(&mut engine, &rules, &random(1, 300), 50);
    let saved = save(&mut engine);
    let mut restore = Restore::new(Arc::clone(&rules), "app", &saved["head"]).unwrap();
    let sections = restore.sections();
    let names: Vec<String> = sections.iter().map(Section::to_string).collect();
    assert_eq!(names.len() + 1, saved.len());
    assert!(names.iter().all(|name| saved.contains_key(name)));
    for section in sections.iter().rev().skip(1) {
        let bytes = &saved[&section.to_string()];
        let length = bytes.len() as u64;
        let read = restore.read(*section, &mut bytes.as_slice(), length);
        restore.put(read.unwrap());
    }
    let missing = restore.finish().unwrap_err();
    let last = sections.last().unwrap();
    assert_eq!(
        missing.to_string(),
        format!("the section `{last}` is missing")
    );
}
