//! The head of a snapshot: what it is of, and what of it fits the pack at hand.
//!
//! ```text
//! magic | format | semantics | application | pack | what the state is of | seed | outcomes … | rules with a memory …
//! ```
//!
//! The invariant: versions stand first and never move, so that whatever comes behind them may change.

use std::io;

use super::{FORMAT, RestoreError, SEMANTICS, Section};
use crate::compile::fingerprint;
use crate::evaluate::Engine;
use crate::ruleset::{Rule, RuleSet};
use crate::snapshot::{Fault, Reader, Writer};
use crate::state::seed::HashSeed;

/// `tollgate`.
const MAGIC: u64 = u64::from_le_bytes(*b"tollgate");

/// What a rule's memories are of; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memories {
    once: u128,
    limit: u128,
}

impl Memories {
    fn of(rule: &Rule, rules: &RuleSet) -> Memories {
        let once = rule.once_per.as_ref();
        let limit = rule.at_most.as_ref();
        let of = |key: &[usize], span| fingerprint::memory(key, span, &rules.schema);
        Memories {
            once: once.map_or(0, |once| of(&once.key, once.span)),
            limit: limit.map_or(0, |limit| of(&[], limit.span)),
        }
    }
}

/// A rule whose memory is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Index of the rule in the pack it was saved with.
    pub(super) saved: usize,
    /// In the pack at hand.
    pub(super) rule: usize,
    pub(super) once: bool,
    pub(super) limit: bool,
}

/// What a snapshot says of itself, as far as it fits.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) seed: HashSeed,
    /// Per outcome of the pack it was saved with, which one it is now.
    pub(super) outcomes: Vec<Option<u16>>,
    pub(super) kept: Vec<Kept>,
}

pub(super) fn write(engine: &Engine, to: &mut Writer<'_>) -> io::Result<()> {
    let rules = &engine.rules;
    to.words(&[MAGIC, FORMAT.into(), SEMANTICS.into()])?;
    to.bytes(engine.application.as_bytes())?;
    to.bytes(rules.version.as_bytes())?;
    write_hash(fingerprint::state(rules), to)?;
    to.words(&engine.seed.words())?;
    to.word(rules.policy.order.len() as u64)?;
    for outcome in &rules.policy.order {
        to.bytes(outcome.as_bytes())?;
    }
    let remembering = rules.rules.iter().enumerate();
    let remembering: Vec<_> = remembering
        .filter(|(at, _)| engine.remembers(*at))
        .collect();
    to.word(remembering.len() as u64)?;
    for (at, rule) in remembering {
        let memories = Memories::of(rule, rules);
        to.word(at as u64)?;
        to.bytes(rule.id.as_bytes())?;
        write_hash(memories.once, to)?;
        write_hash(memories.limit, to)?;
    }
    Ok(())
}

/// Reads a head and holds it against application and pack.
pub(super) fn read(
    rules: &RuleSet,
    application: &str,
    mut bytes: &[u8],
) -> Result<Head, RestoreError> {
    let length = bytes.len() as u64;
    let from = &mut Reader::new(&mut bytes, length);
    match from.word() {
        Ok(MAGIC) => {}
        _ => return Err(RestoreError::NoSnapshot),
    }
    let found = from.word().map_err(fault)?;
    if found != u64::from(FORMAT) {
        let known = FORMAT;
        return Err(RestoreError::Format { found, known });
    }
    let found = from.word().map_err(fault)?;
    if found != u64::from(SEMANTICS) {
        let known = SEMANTICS;
        return Err(RestoreError::Semantics { found, known });
    }
    let found = from.text().map_err(fault)?;
    if found != application {
        let wanted = application.to_owned();
        return Err(RestoreError::Application { found, wanted });
    }
    let found = from.text().map_err(fault)?;
    if read_hash(from).map_err(fault)? != fingerprint::state(rules) {
        let wanted = rules.version.clone();
        return Err(RestoreError::State { found, wanted });
    }
    read_rest(rules, from).map_err(fault)
}

fn read_rest(rules: &RuleSet, from: &mut Reader<'_>) -> Result<Head, Fault> {
    let mut seed = [0; 4];
    from.fill(&mut seed)?;
    let mut outcomes = Vec::new();
    for _ in 0..from.count(1)? {
        let name = from.text()?;
        let now = rules.policy.order.iter().position(|known| *known == name);
        outcomes.push(now.and_then(|now| u16::try_from(now).ok()));
    }
    let mut kept = Vec::new();
    for _ in 0..from.count(6)? {
        kept.extend(read_rule(rules, from)?);
    }
    from.end()?;
    Ok(Head {
        seed: HashSeed::new(seed),
        outcomes,
        kept,
    })
}

/// What of a rule's memory the rule of the same id takes over.
fn read_rule(rules: &RuleSet, from: &mut Reader<'_>) -> Result<Option<Kept>, Fault> {
    let saved = from.number(u32::MAX.into(), "there are too many rules")?;
    let id = from.text()?;
    let memories = Memories {
        once: read_hash(from)?,
        limit: read_hash(from)?,
    };
    let found = rules.rules.iter().position(|rule| rule.id == id);
    let kept = found.and_then(|rule| {
        let now = Memories::of(rules.rules.get(rule)?, rules);
        Some(Kept {
            saved: usize::try_from(saved).ok()?,
            rule,
            once: now.once != 0 && now.once == memories.once,
            limit: now.limit != 0 && now.limit == memories.limit,
        })
    });
    Ok(kept.filter(|kept| kept.once || kept.limit))
}

fn write_hash(hash: u128, to: &mut Writer<'_>) -> io::Result<()> {
    to.words(&[hash as u64, (hash >> 64) as u64])
}

fn read_hash(from: &mut Reader<'_>) -> Result<u128, Fault> {
    let mut words = [0; 2];
    from.fill(&mut words)?;
    Ok(u128::from(words[0]) | u128::from(words[1]) << 64)
}

fn fault(fault: Fault) -> RestoreError {
    RestoreError::section(Section::Head, fault)
}
