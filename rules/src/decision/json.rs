//! One JSON object per decision or alert. Names and order of members are the contract with readers; see `decision`
//! and `alert` below for them.

use super::write::{push_cell, push_int, push_text, push_time};
use super::{View, Written, written};
use crate::evaluate::cell::{Cell, with_key_text};
use crate::evaluate::{Decision, Flags, Hit, Hitter};
use crate::ruleset::RuleSet;

/// What stands in the place of hits where there is none.
const UNHIT: &[u8] = b",\"hits\":[],\"values\":{}";

/// What is the same for every decision of a pack.
#[derive(Debug)]
pub(super) struct Pieces {
    /// `,"position":{"topic":"swipes","partition":`
    position: Vec<u8>,
    /// Per action: `,"outcome":"review","score":`
    outcomes: Vec<Vec<u8>>,
    /// Per rule: `{"rule":"VEL-01",…,"explain":`
    rules: Vec<Vec<u8>>,
    /// Per list of the policy, the same.
    lists: Vec<Vec<u8>>,
    /// Per rule: `,"rule":"VEL-01","owner":null,"notify":null,"decision_id":"`
    alerts: Vec<Vec<u8>>,
    /// Per column that is a feature's: `"card_cnt_10m":`
    values: Vec<Vec<u8>>,
    /// `,"pack":"card-core@3f9a…"}`
    pack: Vec<u8>,
    /// All behind the score of a decision without hits and flags, which nearly every one is.
    unhit: Vec<u8>,
}

impl Pieces {
    pub(super) fn new(rules: &RuleSet, topic: &str) -> Pieces {
        let order = rules.policy.order.iter();
        let outcomes = order.map(|action| {
            piece(|out| {
                member(out, b",\"outcome\":", action);
                out.extend_from_slice(b",\"score\":");
            })
        });
        let hits = |by: fn(usize) -> Hitter, count: usize| {
            let one = |index| written(rules, by(index)).map(|w| piece(|out| hit_head(out, &w)));
            (0..count).filter_map(one).collect()
        };
        let members = rules.columns.iter().skip(rules.schema.fields.len());
        let alert_heads = (0..rules.rules.len()).filter_map(|index| {
            let written = written(rules, Hitter::Rule(index))?;
            Some(piece(|out| alert_head(out, &written)))
        });
        let pack = piece(|out| {
            member(out, b",\"pack\":", &rules.version);
            out.push(b'}');
        });
        Pieces {
            position: piece(|out| {
                member(out, b",\"position\":{\"topic\":", topic);
                out.extend_from_slice(b",\"partition\":");
            }),
            outcomes: outcomes.collect(),
            rules: hits(Hitter::Rule, rules.rules.len()),
            lists: hits(Hitter::List, rules.policy.first.len()),
            alerts: alert_heads.collect(),
            values: members
                .map(|column| piece(|out| member_name(out, &column.name)))
                .collect(),
            unhit: piece(|out| {
                out.extend_from_slice(UNHIT);
                flags(Flags::default(), out);
                out.extend_from_slice(&pack);
            }),
            pack,
        }
    }

    fn hit(&self, by: Hitter) -> &[u8] {
        let piece = match by {
            Hitter::Rule(index) => self.rules.get(index),
            Hitter::List(index) => self.lists.get(index),
        };
        piece.map_or(b"{\"explain\":", Vec::as_slice)
    }
}

/// `decision_id event_id position event_time outcome score hits values flags pack`.
pub(super) fn decision(view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    let Some(decision) = view.output.decisions.get(row) else {
        return;
    };
    let renderer = view.renderer;
    out.extend_from_slice(b"{\"decision_id\":\"");
    out.extend_from_slice(&renderer.decision_id(decision).hex());
    out.push(b'"');
    event(view, row, decision, out);
    outcome(view, decision, out);
    let hits = view.output.hits_of(decision);
    if hits.is_empty() && decision.flags == Flags::default() {
        return out.extend_from_slice(&renderer.pieces.unhit);
    }
    if hits.is_empty() {
        out.extend_from_slice(UNHIT);
    } else {
        out.extend_from_slice(b",\"hits\":[");
        for (index, hit) in hits.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_hit(view, hit, out);
        }
        out.extend_from_slice(b"],\"values\":");
        values(view, hits, row, out);
    }
    flags(decision.flags, out);
    out.extend_from_slice(&renderer.pieces.pack);
}

/// `alert_id rule owner notify decision_id event_id position event_time outcome score hit values flags pack`.
/// `score` is the decision's; the rule's own stands in `hit`.
pub(super) fn alert(view: &View<'_>, hit: &Hit, out: &mut Vec<u8>) {
    let renderer = view.renderer;
    let (Some(decision), Hitter::Rule(rule)) = (view.output.decisions.get(hit.row), hit.by) else {
        return;
    };
    let (Some(written), Some(head)) = (renderer.written(hit), renderer.pieces.alerts.get(rule))
    else {
        return;
    };
    out.extend_from_slice(b"{\"alert_id\":\"");
    out.extend_from_slice(&renderer.alert_id(decision, written.rule).hex());
    out.extend_from_slice(head);
    out.extend_from_slice(&renderer.decision_id(decision).hex());
    out.push(b'"');
    event(view, hit.row, decision, out);
    outcome(view, decision, out);
    out.extend_from_slice(b",\"hit\":");
    push_hit(view, hit, out);
    out.extend_from_slice(b",\"values\":");
    values(view, std::slice::from_ref(hit), hit.row, out);
    flags(decision.flags, out);
    out.extend_from_slice(&renderer.pieces.pack);
}

fn event(view: &View<'_>, row: usize, decision: &Decision, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"event_id\":");
    // Ids of integers are texts too: a reader need not know the pack's types.
    match view.ids.at(row) {
        Cell::Int(id) => {
            out.push(b'"');
            push_int(out, id);
            out.push(b'"');
        }
        id => {
            if with_key_text(id, |id| push_text(out, id)).is_none() {
                push_cell(out, Cell::Null);
            }
        }
    }
    out.extend_from_slice(&view.renderer.pieces.position);
    push_int(out, i64::from(decision.position.partition));
    out.extend_from_slice(b",\"offset\":");
    push_int(out, decision.position.offset);
    out.extend_from_slice(b"},\"event_time\":");
    push_time(out, decision.time.0);
}

fn outcome(view: &View<'_>, decision: &Decision, out: &mut Vec<u8>) {
    match view.renderer.pieces.outcomes.get(decision.outcome) {
        Some(piece) => out.extend_from_slice(piece),
        None => out.extend_from_slice(b",\"outcome\":null,\"score\":"),
    }
    push_int(out, decision.score);
}

fn push_hit(view: &View<'_>, hit: &Hit, out: &mut Vec<u8>) {
    out.extend_from_slice(view.renderer.pieces.hit(hit.by));
    push_text(out, view.output.explain_of(hit));
    out.push(b'}');
}

pub(super) fn values(view: &View<'_>, hits: &[Hit], row: usize, out: &mut Vec<u8>) {
    let fields = view.renderer.rules.schema.fields.len();
    out.push(b'{');
    let mut first = true;
    for column in view.reads(hits) {
        let index = column.checked_sub(fields);
        let Some(name) = index.and_then(|index| view.renderer.pieces.values.get(index)) else {
            continue;
        };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        out.extend_from_slice(name);
        push_cell(out, view.feature(column, row));
    }
    out.push(b'}');
}

fn flags(flags: Flags, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"flags\":[");
    for (index, name) in flags.names().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_text(out, name);
    }
    out.push(b']');
}

fn hit_head(out: &mut Vec<u8>, written: &Written<'_>) {
    member(out, b"{\"rule\":", written.rule);
    member(out, b",\"mode\":", written.mode);
    member(out, b",\"action\":", written.action);
    out.extend_from_slice(b",\"score\":");
    push_int(out, written.score);
    member(out, b",\"reason\":", written.reason);
    out.extend_from_slice(b",\"explain\":");
}

fn alert_head(out: &mut Vec<u8>, written: &Written<'_>) {
    member(out, b"\",\"rule\":", written.rule);
    optional(out, b",\"owner\":", written.owner);
    optional(out, b",\"notify\":", written.notify);
    out.extend_from_slice(b",\"decision_id\":\"");
}

fn piece(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn member(out: &mut Vec<u8>, head: &[u8], value: &str) {
    out.extend_from_slice(head);
    push_text(out, value);
}

fn optional(out: &mut Vec<u8>, head: &[u8], value: Option<&str>) {
    out.extend_from_slice(head);
    push_cell(out, value.map_or(Cell::Null, Cell::Text));
}

fn member_name(out: &mut Vec<u8>, name: &str) {
    push_text(out, name);
    out.push(b':');
}
