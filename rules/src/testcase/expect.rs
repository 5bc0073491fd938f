//! Reads one expectation: of a rule, of the outcome, or of a feature's value.

use super::{Expect, Sends, What};
use crate::compile::literal::typed;
use crate::definition::reader::{self, Fields};
use crate::definition::tree::{Node, Text, Tree};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;
use crate::ruleset::RuleSet;
use crate::value::Value;

/// Each kind of expectation by the key that names it, and the keys it has.
const KINDS: [(&str, &[&str]); 3] = [
    ("rule", &["rule", "fires", "acted", "explain"]),
    ("outcome", &["outcome", "at"]),
    ("feature", &["feature", "at", "is"]),
];

/// `sends` is how many the test has, if that is known.
pub(super) fn read(
    node: &Node,
    sends: Option<usize>,
    rules: &RuleSet,
    findings: &mut Findings<'_>,
) -> Option<Expect> {
    let entries: &[(Text, Node)] = match &node.value {
        Tree::Mapping(entries) => entries,
        _ => &[],
    };
    let names = |kind: &str| entries.iter().any(|(name, _)| name.text == kind);
    let Some((kind, keys)) = KINDS.into_iter().find(|(kind, _)| names(kind)) else {
        let message = "this expects nothing known";
        let help = "begin with `rule`, `outcome` or `feature`".to_owned();
        findings
            .error(Code::BadTest, node.span.clone(), message)
            .help(help);
        return None;
    };
    let fields = Fields::of(node, "this expectation", node.span.clone(), keys, findings)?;
    let what = match kind {
        "rule" => rule(&fields, node, sends, rules, findings),
        "outcome" => outcome(&fields, sends, rules, findings),
        _ => feature(&fields, sends, rules, findings),
    };
    Some(Expect {
        span: node.span.clone(),
        what: what?,
    })
}

fn rule(
    fields: &Fields<'_>,
    node: &Node,
    sends: Option<usize>,
    rules: &RuleSet,
    findings: &mut Findings<'_>,
) -> Option<What> {
    let id = fields.required_text("rule", findings)?;
    let ids = || rules.rules.iter().map(|rule| rule.id.as_str());
    let rule = find(&id, "rule", ids, findings);
    let fires = numbers(fields, "fires", sends, findings);
    let acted = numbers(fields, "acted", sends, findings);
    let explain = fields.text("explain", findings).map(|text| text.text);
    if ["fires", "acted", "explain"]
        .iter()
        .all(|key| fields.get(key).is_none())
    {
        let help = "add `fires`, `acted` or `explain`".to_owned();
        findings
            .error(
                Code::BadTest,
                node.span.clone(),
                "this expects nothing of the rule",
            )
            .help(help);
    }
    Some(What::Rule {
        rule: rule?,
        fires,
        acted,
        explain,
    })
}

fn outcome(
    fields: &Fields<'_>,
    sends: Option<usize>,
    rules: &RuleSet,
    findings: &mut Findings<'_>,
) -> Option<What> {
    let name = fields.required_text("outcome", findings)?;
    let order = || rules.policy.order.iter().map(String::as_str);
    let outcome = find(&name, "outcome", order, findings);
    fields.required("at", findings)?;
    let at = numbers(fields, "at", sends, findings)?;
    Some(What::Outcome {
        outcome: outcome?,
        at,
    })
}

fn feature(
    fields: &Fields<'_>,
    sends: Option<usize>,
    rules: &RuleSet,
    findings: &mut Findings<'_>,
) -> Option<What> {
    let name = fields.required_text("feature", findings)?;
    let columns = || rules.columns.iter().map(|column| column.name.as_str());
    let column = find(&name, "feature", columns, findings);
    fields.required("at", findings)?;
    let at = numbers(fields, "at", sends, findings);
    let (key, node) = fields.required("is", findings)?;
    let column = column?;
    let ty = rules.columns.get(column)?.ty;
    let is = match &node.value {
        Tree::Scalar(scalar) if scalar.is_null() => Some(Value::Null),
        Tree::Scalar(scalar) => typed(&scalar.text, ty),
        _ => None,
    };
    if is.is_none() {
        let message = format!(
            "this is not a value of `{}`, which is {}",
            name.text,
            ty.name()
        );
        let span = if node.span.is_empty() {
            &key.span
        } else {
            &node.span
        };
        findings.error(Code::BadTest, span.clone(), message);
    }
    Some(What::Feature {
        column,
        at: at?,
        is: is?,
    })
}

fn find<'n, I: Iterator<Item = &'n str>>(
    name: &Text,
    what: &str,
    known: impl Fn() -> I,
    findings: &mut Findings<'_>,
) -> Option<usize> {
    let found = known().position(|known| known == name.text);
    if found.is_none() {
        let help = findings.did_you_mean(&name.text, known());
        let message = format!("the pack has no {what} `{}`", name.text);
        findings
            .error(Code::BadTest, name.span.clone(), message)
            .help(help);
    }
    found
}

/// Numbers of sends: `5`, `[5]`, `[1, 30-40]`, `[]`.
fn numbers(
    fields: &Fields<'_>,
    key: &str,
    sends: Option<usize>,
    findings: &mut Findings<'_>,
) -> Option<Sends> {
    let (name, node) = fields.get(key)?;
    let texts = reader::texts(node, name, findings)?;
    let mut numbers = Sends::new();
    for text in &texts {
        let (first, last) = text
            .text
            .split_once('-')
            .unwrap_or((&text.text, &text.text));
        let parse = |text: &str| text.trim().parse::<usize>().ok().filter(|n| *n > 0);
        let range = match (parse(first), parse(last)) {
            (Some(first), Some(last)) if first <= last => first..=last,
            _ => {
                let message = format!("`{key}` takes numbers of sends such as 5 or 30-40");
                findings.error(Code::BadTest, text.span.clone(), message);
                continue;
            }
        };
        // Checked before the range is walked, so that `1-99999999999` costs nothing.
        match sends {
            Some(count) if *range.end() > count => {
                let message = format!("there is no send {}: this test has {count}", range.end());
                findings.error(Code::BadTest, text.span.clone(), message);
            }
            Some(_) => numbers.extend(range),
            None => {}
        }
    }
    Some(numbers)
}
