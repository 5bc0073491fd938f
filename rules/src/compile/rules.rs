//! Checks `rules:`.
//!
//! The idea: a rule's `let` values stand behind the pack's columns while the rule is checked, and are taken away again. The
//! invariant: after each rule the columns are the pack's, whatever the rule was.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::explanation::slots;
use super::policy::SCORE_LIMIT;
use super::sql::Source;
use crate::definition::{RuleDefinition, Text, ThenDefinition};
use crate::diagnostic::Code;
use crate::expression::Program;
use crate::ruleset::{AtMost, Column, Let, Mode, OncePer, Policy, Rule};
use crate::schema::Schema;
use crate::value::Value;

/// `let` values and params of one rule.
const LETS_MAX: usize = 64;

/// Tags of one rule.
const TAGS_MAX: usize = 32;

/// What happens on a hit, checked.
struct Then {
    action: usize,
    score: i64,
    reason: Option<String>,
    notify: Option<String>,
    once_per: Option<OncePer>,
    at_most: Option<AtMost>,
}

impl Checker<'_> {
    pub(super) fn rules(
        &mut self,
        written: &[RuleDefinition],
        policy: &Policy,
        actions_known: bool,
        schema: &Schema,
    ) -> Vec<Rule> {
        let mut ids = BTreeSet::new();
        let mut rules = Vec::new();
        for rule in written {
            if let Some(id) = &rule.id
                && self.id(id, "a rule's id")
                && !ids.insert(id.text.clone())
            {
                let message = format!("a second rule has the id `{}`", id.text);
                self.findings
                    .error(Code::DuplicateName, id.span.clone(), message);
            }
            let columns = self.columns.len();
            let (broken, sensitive) = (self.broken.clone(), self.sensitive.clone());
            rules.extend(self.rule(rule, policy, actions_known, schema));
            self.columns.truncate(columns);
            (self.broken, self.sensitive) = (broken, sensitive);
        }
        rules
    }

    fn rule(
        &mut self,
        written: &RuleDefinition,
        policy: &Policy,
        actions_known: bool,
        schema: &Schema,
    ) -> Option<Rule> {
        let columns = self.columns.len();
        let errors = self.findings.errors();
        let mode = self.mode(written.mode.as_ref());
        let labels = self.labels(written);
        let params = self.params(&written.params);
        let lets = self.lets(&written.lets, &params);
        let when = written
            .when
            .as_ref()
            .and_then(|when| self.condition(when, &params, mode));
        let then = written
            .then
            .as_ref()
            .and_then(|then| self.then(then, policy, actions_known, schema));
        let explain = written
            .explain
            .as_ref()
            .map(|text| self.explanation(text, &params));
        let expires = written.expires.as_ref().map(|text| self.moment(text));
        if self.findings.errors() == errors {
            // A misspelt use would be reported a second time, as a declaration that nothing uses.
            self.all_used(written);
            self.rule_within_budget(written, &lets, when.as_ref(), explain.as_ref());
        }
        let id = written.id.as_ref()?.text.clone();
        let (name, owner, tags) = labels?;
        let explain = explain.map_or(Some(Default::default()), |explain| explain)?;
        let (then, when) = (then?, when?);
        let reads = self.reads(columns, &lets, &when, written);
        Some(Rule {
            name: name.unwrap_or_else(|| id.clone()),
            reason: then.reason.unwrap_or_else(|| id.clone()),
            id,
            place: written.span.clone(),
            owner,
            tags,
            mode: mode?,
            expires: expires.map_or(Some(None), |moment| moment.map(Some))?,
            lets,
            when,
            condition: condition_text(written),
            action: then.action,
            score: then.score,
            notify: then.notify,
            once_per: then.once_per,
            at_most: then.at_most,
            explain,
            reads,
        })
    }

    fn mode(&mut self, text: Option<&Text>) -> Option<Mode> {
        let Some(text) = text else {
            return Some(Mode::Live);
        };
        if text.text.starts_with("rollout(") {
            let help = "use `mode: shadow` to see what it would do".to_owned();
            let message = "`rollout` is not supported yet";
            self.findings
                .error(Code::NotYet, text.span.clone(), message)
                .help(help);
            return None;
        }
        let modes = [Mode::Live, Mode::Shadow, Mode::Off];
        let word = self.one_of(text, "`mode`", &modes.map(Mode::name))?;
        modes.into_iter().find(|mode| mode.name() == word)
    }

    /// Name, owner and tags.
    fn labels(
        &mut self,
        rule: &RuleDefinition,
    ) -> Option<(Option<String>, Option<String>, Vec<String>)> {
        let name = rule
            .name
            .as_ref()
            .map(|text| self.label(text, "a rule's name"));
        let owner = rule.owner.as_ref().map(|text| self.label(text, "an owner"));
        if let Some(text) = rule.tags.get(TAGS_MAX) {
            let message = format!("a rule has at most {TAGS_MAX} tags");
            self.findings
                .error(Code::TooLarge, text.span.clone(), message);
        }
        let tags = rule.tags.iter().take(TAGS_MAX);
        let tags: Vec<_> = tags.map(|text| self.label(text, "a tag")).collect();
        Some((
            flat(name)?,
            flat(owner)?,
            tags.into_iter().collect::<Option<_>>()?,
        ))
    }

    fn params(&mut self, written: &[(Text, Text)]) -> BTreeMap<String, Value> {
        let mut params = BTreeMap::new();
        if let Some((name, _)) = written.get(LETS_MAX) {
            let message = format!("a rule has at most {LETS_MAX} params");
            self.findings
                .error(Code::TooLarge, name.span.clone(), message);
        }
        for (name, text) in written.iter().take(LETS_MAX) {
            self.word(name, "a param");
            // A value that is out of range has been noted; null keeps the name known.
            let value = self.param(text).unwrap_or(Value::Null);
            params.insert(name.text.clone(), value);
        }
        params
    }

    fn lets(&mut self, written: &[(Text, Text)], params: &BTreeMap<String, Value>) -> Vec<Let> {
        let mut lets = Vec::new();
        if let Some((name, _)) = written.get(LETS_MAX) {
            let message = format!("a rule has at most {LETS_MAX} lets");
            self.findings
                .error(Code::TooLarge, name.span.clone(), message);
        }
        for (name, text) in written.iter().take(LETS_MAX) {
            let mut good = self.word(name, "a let");
            if self.columns.iter().any(|column| column.name == name.text) {
                let message = format!("`{}` is a field or a feature already", name.text);
                self.findings
                    .error(Code::DuplicateName, name.span.clone(), message);
                good = false;
            }
            let visible = self.columns.len();
            match self
                .expression(Source::all(text), visible, params)
                .filter(|_| good)
            {
                Some(value) => {
                    if value
                        .reads()
                        .iter()
                        .any(|read| self.sensitive.contains(read))
                    {
                        self.sensitive.insert(visible);
                    }
                    self.columns.push(Column {
                        name: name.text.clone(),
                        ty: value.ty(),
                    });
                    lets.push(Let {
                        name: name.text.clone(),
                        value,
                    });
                }
                None => {
                    self.broken.insert(name.text.clone());
                }
            }
        }
        lets
    }

    fn condition(
        &mut self,
        text: &Text,
        params: &BTreeMap<String, Value>,
        mode: Option<Mode>,
    ) -> Option<Program> {
        let source = Source::all(text);
        let program = self.expression(source, self.columns.len(), params)?;
        if !self.is_truth(source, &program, "`when`") {
            return None;
        }
        if program.reads().is_empty() && mode != Some(Mode::Off) {
            self.constant(source, &program, mode);
        }
        Some(program)
    }

    /// A condition that reads nothing is the same for every event: on all of them it would be an alert storm, on none it
    /// is likely a slip. Only the storm of a live rule is an error.
    fn constant(&mut self, source: Source<'_>, program: &Program, mode: Option<Mode>) {
        let always = program.constant() == Some(true);
        let place = self.place(source, &(0..source.text.len()));
        let help =
            "a rule that is switched off has `mode: off`, one that is tried out `mode: shadow`";
        let note = if always && mode == Some(Mode::Live) {
            let message = "this live rule hits on every event";
            self.findings.error(Code::ConstantCondition, place, message)
        } else {
            let message = "this condition reads nothing of the event: it is always the same";
            self.findings
                .warning(Code::ConstantCondition, place, message)
        };
        note.help(help.to_owned());
    }

    fn then(
        &mut self,
        written: &ThenDefinition,
        policy: &Policy,
        actions_known: bool,
        schema: &Schema,
    ) -> Option<Then> {
        let action = written
            .action
            .as_ref()
            .and_then(|text| self.action(text, &policy.order, actions_known));
        let score = match &written.score {
            Some(text) => self.whole(text, "`score`", 0, SCORE_LIMIT),
            None => Some(0),
        };
        if let Some(reason) = &written.reason {
            self.id(reason, "a reason");
        }
        let notify = written
            .notify
            .as_ref()
            .map(|text| self.label(text, "`notify`"));
        let once_per = written
            .once_per
            .as_ref()
            .map(|text| self.once_per(text, schema));
        let at_most = written.at_most.as_ref().map(|text| self.at_most(text));
        Some(Then {
            action: action?,
            score: score?,
            reason: written.reason.as_ref().map(|reason| reason.text.clone()),
            notify: flat(notify)?,
            once_per: flat(once_per)?,
            at_most: flat(at_most)?,
        })
    }

    /// The feature columns a decision shows for a hit: what `when`, the lets and `explain` read.
    fn reads(
        &self,
        columns: usize,
        lets: &[Let],
        when: &Program,
        written: &RuleDefinition,
    ) -> Vec<usize> {
        let programs = lets.iter().map(|value| &value.value).chain([when]);
        let mut reads: BTreeSet<usize> = programs
            .flat_map(|program| program.reads().iter().copied())
            .collect();
        if let Some(explain) = &written.explain {
            for slot in slots(&explain.text) {
                let name = explain.text.get(slot).unwrap_or("");
                reads.extend(self.columns.iter().position(|column| column.name == name));
            }
        }
        reads
            .into_iter()
            .filter(|read| (self.fields..columns).contains(read))
            .collect()
    }
}

/// What was not written is fine; what was written wrongly is not.
fn flat<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(None) => None,
        Some(some) => Some(some),
    }
}

/// The condition as written, with what its params stand for.
fn condition_text(written: &RuleDefinition) -> String {
    let when = written.when.as_ref().map_or("", |when| when.text.as_str());
    let params = written
        .params
        .iter()
        .enumerate()
        .map(|(index, (name, value))| {
            let lead = if index == 0 { ", where" } else { "," };
            format!("{lead} :{} = {}", name.text, value.text)
        });
    std::iter::once(when.to_owned()).chain(params).collect()
}
