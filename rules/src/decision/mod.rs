//! Decisions and alerts as others read them: JSON lines and Arrow columns, under one set of names.
//!
//! The idea: what is the same for every decision of a pack (member names, a rule's id, mode, action, reason) is
//! written once, when a [`Renderer`] is made; a decision without hits then copies a few pieces and formats five
//! values. The invariant: nothing in a decision depends on when, how fast or in which step it was made, and both
//! renderings say the same.
//!
//! One thing is nested where Arrow and JSON could differ: the values that hits read. Rules read different features,
//! so a column each would be mostly null; they are one JSON object, as text in Arrow.

use std::sync::Arc;

use arrow::array::RecordBatch;

mod columns;
mod id;
mod json;
mod write;

pub use columns::{alert_schema, decision_schema};
pub use id::{Id, Namer};

use crate::evaluate::cell::{Cell, Cells};
use crate::evaluate::{Decision, Hit, Hitter, StepOutput};
use crate::ruleset::{Mode, RuleSet};

/// The word that stands for `mode` in a hit of a policy's list.
pub const LIST_MODE: &str = "list";

/// Writes the decisions and alerts of one pack, application and topic.
#[derive(Debug)]
pub struct Renderer {
    rules: Arc<RuleSet>,
    namer: Namer,
    topic: String,
    pieces: json::Pieces,
}

impl Renderer {
    /// A renderer for decisions of this pack on events of this topic. The topic is part of every id: a source that
    /// has none (a file, a generator) needs a name that stays.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, application: &str, topic: &str) -> Renderer {
        Renderer {
            namer: Namer::new(application, topic),
            topic: topic.to_owned(),
            pieces: json::Pieces::new(&rules, topic),
            rules,
        }
    }

    /// What one step brought, ready to be written. `events` is the step's batch.
    #[must_use]
    pub fn view<'a>(&'a self, events: &'a RecordBatch, output: &'a StepOutput) -> View<'a> {
        let id = events.columns().get(self.rules.schema.id);
        View {
            renderer: self,
            output,
            ids: id.map_or(Cells::Unknown, Cells::of),
            features: output.features.iter().map(Cells::of).collect(),
        }
    }

    /// The id of a decision; a duplicate has that of the first.
    #[must_use]
    pub fn decision_id(&self, decision: &Decision) -> Id {
        self.namer.decision(decision.first)
    }

    /// The id of a rule's alert on a decision.
    #[must_use]
    pub fn alert_id(&self, decision: &Decision, rule: &str) -> Id {
        self.namer.alert(decision.first, rule)
    }

    /// What a hit says of itself: rule, mode, action, score, reason.
    fn written(&self, hit: &Hit) -> Option<Written<'_>> {
        written(&self.rules, hit.by)
    }
}

/// The decisions of one step.
#[derive(Debug)]
pub struct View<'a> {
    renderer: &'a Renderer,
    output: &'a StepOutput,
    ids: Cells<'a>,
    features: Vec<Cells<'a>>,
}

impl<'a> View<'a> {
    /// Appends the decision of a row as one JSON object, without a line end.
    pub fn write_decision(&self, row: usize, out: &mut Vec<u8>) {
        json::decision(self, row, out);
    }

    /// Appends the alert of a hit as one JSON object, without a line end. The hit is one whose `alert` is set.
    pub fn write_alert(&self, hit: &Hit, out: &mut Vec<u8>) {
        json::alert(self, hit, out);
    }

    /// The alerts of the step, in the order of rows, then rules.
    pub fn alerts(&self) -> impl Iterator<Item = &'a Hit> {
        self.output.hits.iter().filter(|hit| hit.alert)
    }

    /// All decisions as columns of [`decision_schema`].
    ///
    /// # Errors
    /// Never for a step of the engine; an inconsistent output is refused by Arrow.
    pub fn decision_columns(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        columns::decisions(self)
    }

    /// All alerts as columns of [`alert_schema`].
    ///
    /// # Errors
    /// Never for a step of the engine; an inconsistent output is refused by Arrow.
    pub fn alert_columns(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        columns::alerts(self)
    }

    /// The value of a column of [`RuleSet::columns`] that is a feature's; unknown for any other.
    #[must_use]
    pub fn feature(&self, column: usize, row: usize) -> Cell<'a> {
        let fields = self.renderer.rules.schema.fields.len();
        let feature = column.checked_sub(fields);
        let cells = feature.and_then(|index| self.features.get(index));
        cells.map_or(Cell::Null, |cells| cells.at(row))
    }

    /// The columns whose values belong to these hits, ascending, none twice.
    fn reads(&self, hits: &[Hit]) -> Vec<usize> {
        let mut reads: Vec<usize> = Vec::new();
        for hit in hits {
            if let Hitter::Rule(index) = hit.by {
                let rule = self.renderer.rules.rules.get(index);
                reads.extend(rule.iter().flat_map(|rule| &rule.reads));
            }
        }
        reads.sort_unstable();
        reads.dedup();
        reads
    }
}

/// What a rule or list says of itself in a hit.
struct Written<'a> {
    rule: &'a str,
    mode: &'static str,
    action: &'a str,
    score: i64,
    reason: &'a str,
    owner: Option<&'a str>,
    notify: Option<&'a str>,
}

fn written(rules: &RuleSet, by: Hitter) -> Option<Written<'_>> {
    let action = |index: usize| rules.policy.order.get(index).map_or("", String::as_str);
    match by {
        Hitter::Rule(index) => {
            let rule = rules.rules.get(index)?;
            Some(Written {
                rule: &rule.id,
                mode: Mode::name(rule.mode),
                action: action(rule.action),
                score: rule.score,
                reason: &rule.reason,
                owner: rule.owner.as_deref(),
                notify: rule.notify.as_deref(),
            })
        }
        Hitter::List(index) => {
            let first = rules.policy.first.get(index)?;
            Some(Written {
                rule: rules.lists.get(first.list).map_or("", |list| &list.name),
                mode: LIST_MODE,
                action: action(first.action),
                score: 0,
                reason: &first.reason,
                owner: None,
                notify: None,
            })
        }
    }
}

#[cfg(test)]
mod tests;
