//! From the text of a test file to tests: fields get typed values, durations become times, names are looked up.
//!
//! Form (a key nobody knows, a list where a text belongs) is complained about with the codes a pack would get;
//! what makes no sense as a test is E0601.

use std::ops::Range;

use super::events::{Given, given, text_for};
use super::expect;
use super::{SENDS_MAX, START, Suite, Test};
use crate::definition::reader::Fields;
use crate::definition::tree::{self, Node, Text, Tree};
use crate::definition::{SourceFile, reader};
use crate::diagnostic::findings::Findings;
use crate::diagnostic::{Code, Diagnostic};
use crate::ruleset::RuleSet;
use crate::time::{EventTime, SPAN_MAX, Span};
use crate::value::{Type, Value};

/// Keys of a send that are no fields. A field of such a name cannot be given.
const SEND_KEYS: [&str; 3] = ["at", "repeat", "every"];

/// What is known while a file is read.
struct Reader<'r> {
    rules: &'r RuleSet,
    defaults: Vec<Given>,
    sends_left: usize,
}

pub(super) fn suite(file: &SourceFile, rules: &RuleSet) -> Result<Suite, Vec<Diagnostic>> {
    let mut findings = Findings::new(&file.name, &file.text);
    let tests = read(&mut findings, rules);
    if findings.has_errors() {
        return Err(findings.into_sorted());
    }
    Ok(Suite { tests })
}

fn read(findings: &mut Findings<'_>, rules: &RuleSet) -> Vec<Test> {
    let Some(root) = tree::parse(findings) else {
        return Vec::new();
    };
    let keys = ["defaults", "tests"];
    let Some(fields) = Fields::of(&root, "a test file", 0..0, &keys, findings) else {
        return Vec::new();
    };
    let defaults = fields.get("defaults").map(|(name, node)| {
        let entries = reader::entries(node, name, findings);
        values(entries, rules, findings)
    });
    let mut reader = Reader {
        rules,
        defaults: defaults.unwrap_or_default(),
        sends_left: SENDS_MAX,
    };
    let Some((name, node)) = fields.required("tests", findings) else {
        return Vec::new();
    };
    let tests = sequence(node, name, findings);
    if tests.is_empty() {
        findings.error(
            Code::BadTest,
            name.span.clone(),
            "there are no tests in this file",
        );
    }
    let tests = tests.iter();
    tests
        .filter_map(|node| reader.test(node, findings))
        .collect()
}

impl Reader<'_> {
    fn test(&mut self, node: &Node, findings: &mut Findings<'_>) -> Option<Test> {
        let keys = ["name", "send", "expect"];
        let fields = Fields::of(node, "a test", node.span.clone(), &keys, findings)?;
        let name = fields.required_text("name", findings);
        let (mut sends, mut times) = (Vec::new(), Vec::new());
        let mut complete = true;
        if let Some((key, node)) = fields.required("send", findings) {
            for node in sequence(node, key, findings) {
                complete &= self.send(node, &mut sends, &mut times, findings).is_some();
            }
            if sends.is_empty() && complete {
                findings.error(Code::BadTest, key.span.clone(), "this test sends nothing");
            }
        }
        let mut expects = Vec::new();
        if let Some((key, node)) = fields.required("expect", findings) {
            let written = sequence(node, key, findings);
            // Where sends are missing, their numbers mean nothing.
            let count = complete.then_some(sends.len());
            let read = written.iter();
            expects.extend(read.filter_map(|n| expect::read(n, count, self.rules, findings)));
            if written.is_empty() {
                findings.error(
                    Code::BadTest,
                    key.span.clone(),
                    "a test that expects nothing cannot fail",
                );
            }
        }
        Some(Test {
            name: name?.text,
            span: node.span.clone(),
            sends,
            times,
            expects,
        })
    }

    fn send(
        &mut self,
        node: &Node,
        sends: &mut Vec<Vec<Value>>,
        times: &mut Vec<EventTime>,
        findings: &mut Findings<'_>,
    ) -> Option<()> {
        let schema = &self.rules.schema;
        let names = schema.fields.iter().map(|field| field.name.as_str());
        let known: Vec<&str> = SEND_KEYS.into_iter().chain(names).collect();
        let fields = Fields::of(node, "a send", node.span.clone(), &known, findings)?;
        let at = fields
            .required_text("at", findings)
            .and_then(|text| span(&text, findings));
        let every = match fields.text("every", findings) {
            Some(text) => span(&text, findings),
            None => Some(Span::ZERO),
        };
        let repeat = match fields.text("repeat", findings) {
            Some(text) => self.repeat(&text, findings),
            None => Some(1),
        };
        let entries: &[(Text, Node)] = match &node.value {
            Tree::Mapping(entries) => entries,
            _ => &[],
        };
        let own: Vec<_> = entries
            .iter()
            .filter(|(name, _)| !SEND_KEYS.contains(&name.text.as_str()))
            .cloned()
            .collect();
        let own = values(&own, self.rules, findings);
        let template = self.template(&own, node.span.clone(), findings);
        let (at, every, repeat, template) = (at?, every?, repeat?, template?);
        let last = every.0.saturating_mul(i64::try_from(repeat).ok()? - 1);
        if at.0.saturating_add(last) > SPAN_MAX.0 {
            let message = "the last of these sends is more than 100 years off";
            findings.error(Code::BadTest, node.span.clone(), message);
            return None;
        }
        if repeat > self.sends_left {
            let message = format!("with these sends the file has more than {SENDS_MAX}");
            findings.error(Code::BadTest, node.span.clone(), message);
            return None;
        }
        self.sends_left -= repeat;
        let mut offset = at.0;
        for _ in 0..repeat {
            let time = EventTime(START.0.saturating_add(offset));
            sends.push(self.fill(&template, sends.len() + 1, time));
            times.push(time);
            offset = offset.saturating_add(every.0);
        }
        Some(())
    }

    fn repeat(&self, text: &Text, findings: &mut Findings<'_>) -> Option<usize> {
        let repeat = text.text.parse().ok();
        let repeat = repeat.filter(|count| (1..=SENDS_MAX).contains(count));
        if repeat.is_none() {
            let message = format!("`repeat` is a whole number from 1 to {SENDS_MAX}");
            findings.error(Code::BadTest, text.span.clone(), message);
        }
        repeat
    }

    /// One value per field, taken from the send, the defaults, or the schema; `None` for the id and the time, which
    /// differ from send to send.
    fn template(
        &self,
        own: &[Given],
        span: Range<usize>,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Option<Value>>> {
        let schema = &self.rules.schema;
        let mut complete = true;
        let values = schema.fields.iter().enumerate().map(|(index, field)| {
            let of = |given: &[Given]| given.iter().find(|g| g.field == index).cloned();
            let written = of(own).or_else(|| of(&self.defaults));
            match written {
                Some(given) => given.value,
                None if index == schema.time => None,
                None if index == schema.id && numbered(field.ty, 0).is_some() => None,
                None => match &field.default {
                    Some(value) => Some(value.clone()),
                    None if field.optional => Some(Value::Null),
                    None => {
                        let message = format!("`{}` has no value", field.name);
                        let help = "give it here or under `defaults`".to_owned();
                        findings
                            .error(Code::BadTest, span.clone(), message)
                            .help(help);
                        complete = false;
                        None
                    }
                },
            }
        });
        let values: Vec<_> = values.collect();
        complete.then_some(values)
    }

    fn fill(&self, template: &[Option<Value>], number: usize, time: EventTime) -> Vec<Value> {
        let schema = &self.rules.schema;
        let fields = schema.fields.iter().zip(template).enumerate();
        let value =
            |(index, (field, value)): (usize, (&crate::schema::Field, &Option<Value>))| match value
            {
                _ if index == schema.time => Value::Timestamp(time.0),
                Some(Value::Text(text)) => Value::Text(text_for(text, number)),
                Some(value) => value.clone(),
                None => numbered(field.ty, number).unwrap_or(Value::Null),
            };
        fields.map(value).collect()
    }
}

/// The id of a send that gives none.
fn numbered(ty: Type, number: usize) -> Option<Value> {
    match ty {
        Type::Text => Some(Value::Text(format!("s{number}"))),
        Type::Int => i64::try_from(number).ok().map(Value::Int),
        _ => None,
    }
}

/// The fields given in a mapping.
fn values(entries: &[(Text, Node)], rules: &RuleSet, findings: &mut Findings<'_>) -> Vec<Given> {
    entries
        .iter()
        .filter_map(|(name, node)| given(name, node, &rules.schema, findings))
        .collect()
}

fn sequence<'n>(node: &'n Node, name: &Text, findings: &mut Findings<'_>) -> &'n [Node] {
    match &node.value {
        Tree::Sequence(items) => items,
        _ => {
            let message = format!("`{}` must be a list, this is {}", name.text, node.kind());
            findings.error(Code::WrongValue, name.span.clone(), message);
            &[]
        }
    }
}

fn span(text: &Text, findings: &mut Findings<'_>) -> Option<Span> {
    match Span::parse(&text.text) {
        Ok(span) => Some(span),
        Err(error) => {
            findings.error(Code::BadDuration, text.span.clone(), error.to_string());
            None
        }
    }
}
